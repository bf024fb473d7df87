// Where a request comes from. Of what proxies say about that only those are believed that a setting names.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/http/http.h"
#include "api/transport/transport.h"
#include "pipelined/base/result.h"

namespace pipelined::api {

// Addresses and networks.
class AddressList {
 public:
  // "127.0.0.1 10.0.0.0/8 fd00::/8", separated by blanks or commas; "unix": whoever comes over the unix socket.
  // kInvalid names what is neither.
  static Result<AddressList> Parse(std::string_view text);

  bool Has(std::string_view address) const;

 private:
  struct Network {
    std::array<std::uint8_t, 16> bytes{};  // IPv4 as ::ffff:a.b.c.d
    int bits = 128;
  };
  std::vector<Network> networks_;
  bool local_ = false;
};

struct Provenance {
  std::string remote;      // the client's address
  bool secure = false;     // whether the client speaks TLS
  std::string host;        // what the client calls this server
  std::string proxy_user;  // whom a trusted proxy has admitted; empty: nobody
  bool ambiguous = false;  // a trusted proxy lets through more than one name of a user
};

// `tls`: whether this server itself speaks TLS; `user_header`: in lower case, empty: none.
Provenance ProvenanceOf(const AddressList& trusted, bool tls, std::string_view user_header, const RawRequest& raw);

}  // namespace pipelined::api
