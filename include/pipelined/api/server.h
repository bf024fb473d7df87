// The REST server: Airflow's API v2 under /api/v2, what Airflow does not have under /api/ext/v1.
//
// It reads through a Catalog and changes nothing by itself: a trigger is a row that anyone may insert, everything else
// is a command that the leading scheduler carries out.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/api/limits.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/result.h"
#include "pipelined/model/dag.h"
#include "pipelined/ports/catalog.h"
#include "pipelined/ports/simulator.h"
#include "pipelined/secrets/key_ring.h"
#include "pipelined/timetable/timetable.h"

namespace pipelined::oidc {
class Provider;
}

namespace pipelined::api {

enum class AccessLog : std::uint8_t { kNone, kErrors, kChanges, kAll };
AccessLog AccessLogFromString(std::string_view word);  // "none|errors|changes|all"; anything else is kAll

// A setting as it is in effect.
struct ShownSetting {
  std::string section, key, value;
};

struct ApiOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;  // 0: any free one
  int threads = 12;
  bool allow_insecure = false;    // listen beyond the loopback although there is no TLS
  std::string tls_cert, tls_key;  // PEM files; empty: no TLS
  std::string socket;             // a unix socket to listen on too, for the process's own user; empty: none
  std::string scheduler_metrics;  // a file with those of the scheduler of this home, for /metrics; empty: none
  std::string metrics_token;      // with which /metrics may be read from anywhere; then the loopback needs it too
  int max_streams = 5'000;        // requests that are answered over time: live events, logs, waiting; more: 503
  int max_streams_per_user = 1'000;
  Limits limits;
  bool gzip = true;
  std::string cors_origins;  // "https://a.example.com https://b.example.com"; "*": any; empty: none
  AccessLog access_log = AccessLog::kChanges;

  std::string local_token;             // acts as the user admin; empty: no such token
  std::string logs_dir;                // absolute
  bool expose_config = false;          // whether users of the role admin may read `settings`
  std::vector<ShownSetting> settings;  // secrets are masked already; those of a section stand together
  std::string version = "0.1.0";
  std::string git_version;
  Micros token_lifetime = std::chrono::hours(24);    // of those that POST /auth/token gives out
  Micros session_idle = std::chrono::hours(2);       // a browser's session ends when it is not used for so long
  Micros session_lifetime = std::chrono::hours(24);  // and after this time in any case
  std::string public_url;         // "https://pipelined.example.com", as browsers see this server; empty: as they say
  std::string trusted_proxies;    // addresses and networks whose X-Forwarded-… headers are believed; empty: none
  std::string allowed_hosts;      // "pipelined.example.com 10.1.2.3": as clients may call this server; "*": anything
  bool always_secure = false;     // browsers speak TLS, whether this server sees it or not
  std::string proxy_user_header;  // in which they name the user whom they have admitted; empty: none does
  std::shared_ptr<oidc::Provider> oidc;        // nullptr: nobody signs in with an identity provider
  std::string oidc_roles;                      // "platform=admin, *=viewer"
  std::size_t shortest_password = 12;          // characters of a new one
  Micros patience = std::chrono::seconds(10);  // how long a command may wait for the leader before it is 503

  // What only the modules above this one's can do; each may be empty, then what it feeds is null.
  std::function<Result<DagPtr>(const DagSource&)> load_dag;
  std::function<Result<std::shared_ptr<const Timetable>>(const Schedule&)> make_timetable;
  std::shared_ptr<const Simulator> simulator;

  std::shared_ptr<const secrets::KeyRing> keys;  // of variables and connections; nullptr: answers about them are 503
  bool test_connections = false;                 // whether POST /connections/test may open connections

  const Clock* clock = nullptr;  // nullptr: the system's
};

// Thread-safe. Handlers run on `threads` threads and may block there on the database.
class ApiServer {
 public:
  // Listens when it returns. `catalog` must outlive the server. kInvalid: an address or certificate that cannot be
  // used; kConflict: the port is in use (the message names it); kUnavailable: the address cannot be bound.
  static Result<std::unique_ptr<ApiServer>> Start(Catalog& catalog, ApiOptions options);

  ~ApiServer();  // as Stop()
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  const std::string& url() const;  // "http://127.0.0.1:8080"
  std::uint16_t port() const;

  // Reads certificate and key again, for the connections that come; on failure the old ones stay.
  Status ReloadTls();

  // Accepts nothing more, waits for running handlers, closes every connection. Harmless when repeated.
  void Stop();

 private:
  class Impl;
  explicit ApiServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pipelined::api
