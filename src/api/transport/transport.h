// The seam to the network: below it Boost, above it our own Request and Response.
//
// A transport that faces strangers: everything a client can make it hold or wait for has a limit. See
// docs/decisions/090-beast-under-our-own-seam.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "api/http/http.h"
#include "api/transport/connection_counts.h"
#include "pipelined/api/limits.h"
#include "pipelined/base/result.h"

namespace pipelined::api {

// As it came over the wire: nothing decoded, nothing believed.
struct RawRequest {
  std::string method;
  std::string target;  // path and query, encoded
  Pairs headers;       // names in lower case; a trailer's fields are not among them
  std::string body;
  std::string remote;            // the peer's address; kLocalPeer over the unix socket
  Micros waited{0};              // from its last byte until its handler was called
  std::shared_ptr<Pause> pause;  // of an earlier time when it was asked
  bool answer_now = false;       // as in Request
  int refused = 0;               // a status that the framing or the limits demand; then the rest may be missing
};

inline constexpr std::string_view kLocalPeer = "unix";

struct TransportOptions {
  std::string host;
  std::uint16_t port = 0;            // 0: any free one
  std::string socket;                // a unix socket to listen on too; empty: none
  std::string tls_cert, tls_key;     // PEM files, chain first; empty: no TLS on the port (never on the unix socket)
  int threads = 12;                  // handlers that run at the same time
  std::size_t longest_line = 1'000;  // requests that may wait for one of them; more: 503
  Limits limits;
  std::shared_ptr<ConnectionCounts> counts = std::make_shared<ConnectionCounts>();
};

class Transport {
 public:
  // Called from several threads at once; may block. It may take the request apart, unless it answers with a pause: then
  // it is called again with the same one.
  using Handler = std::function<Response(RawRequest&)>;
  // The answer to a request that no handler gets, of which not all has to be known: 408, 429 and 503, and 500 when the
  // handler threw. Must not block nor throw.
  using Refusal = std::function<Response(int status, RawRequest)>;

  virtual ~Transport() = default;
  virtual std::uint16_t port() const = 0;
  // Reads certificate and key again, for the connections that come. On failure the old ones stay.
  virtual Status ReloadTls() = 0;
  // Accepts nothing more, drops idle connections, lets requests end, waits for running handlers; afterwards none is
  // called. Harmless when repeated.
  virtual void Stop() = 0;

  // Listens when it returns. kInvalid: an address, socket path or certificate that cannot be used; kConflict: the port
  // or the socket is in use; kUnavailable: cannot be bound.
  static Result<std::unique_ptr<Transport>> Listen(const TransportOptions& options, Handler handler, Refusal refuse);
};

}  // namespace pipelined::api
