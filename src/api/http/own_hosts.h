// What this server may be called. A page whose own name was made to point here (DNS rebinding) makes a browser send
// that name as Host, and the browser takes the answers for that page's own.
#pragma once

#include <set>
#include <string>
#include <string_view>

#include "pipelined/base/result.h"

namespace pipelined::api {

class OwnHosts {
 public:
  // Beside "localhost" and the addresses of the loopback: `bound`, where the server listens, the host of `public_url`,
  // and `allowed`, names and addresses separated by blanks or commas; "*": any. Where nothing is allowed and `bound` is
  // not of the loopback, any is taken too: then there are names that this server cannot know. kInvalid names what is no
  // host.
  static Result<OwnHosts> Make(std::string_view bound, std::string_view allowed, std::string_view public_url);

  // `host` as a request has it: with or without a port, in letters of any kind. Empty: one that names none, which no
  // browser sends.
  bool Has(std::string_view host) const;

 private:
  bool any_ = true;
  std::set<std::string> names_;
};

}  // namespace pipelined::api
