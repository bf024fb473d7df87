// The seam to the network: below it a library's listener, above it our own Request and Response. See
// docs/decisions/040-api-transport.md for what the library's stock listener cannot do.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/http.h"
#include "pipelined/base/result.h"

namespace pipelined::api {

// As it came over the wire: nothing decoded, nothing believed.
struct RawRequest {
  std::string method;
  std::string target;  // path and query, encoded
  Pairs headers;       // names in lower case
  std::string body;
  std::string remote;
  int refused = 0;  // a status that the transport's limits demand (413, 411); the body was not read
};

struct TransportOptions {
  std::string host;
  std::uint16_t port = 0;  // 0: any free one
  int threads = 4;
  std::size_t max_body = 1 << 20;
};

class Transport {
 public:
  using Handler =
      std::function<Response(RawRequest)>;  // called from several threads at once; may block; must not throw

  virtual ~Transport() = default;
  virtual std::uint16_t port() const = 0;
  // Waits for running handlers; afterwards none is called.
  virtual void Stop() = 0;

  // Listens when it returns. kConflict: the port is in use; kUnavailable: cannot be bound.
  static Result<std::unique_ptr<Transport>> Listen(const TransportOptions& options, Handler handler);
};

}  // namespace pipelined::api
