// What every handler works with. One per server; thread-safe.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "api/access/audit_note.h"
#include "api/access/denials.h"
#include "api/live/event_hub.h"
#include "api/monitor/health_cache.h"
#include "api/http/http.h"
#include "api/http/own_hosts.h"
#include "api/http/provenance.h"
#include "api/http/rate_limit.h"
#include "api/access/login_limits.h"
#include "api/access/role_map.h"
#include "api/live/premises.h"
#include "api/live/streams.h"
#include "api/live/ticks.h"
#include "api/transport/connection_counts.h"
#include "pipelined/access/rights.h"
#include "pipelined/api/server.h"
#include "pipelined/metrics/registry.h"

namespace pipelined::api {

struct Caller {
  std::string name;          // empty: nobody (public routes)
  std::int64_t account = 0;  // his id; 0: none, as with the local token
  std::string via;           // how that was shown: "token", "local token", "browser"; empty: it was not
  access::Rights rights;
  std::int64_t token = 0;                      // that he shows, by its id; 0: the local one, or none
  bool limited = false;                        // by the token: it makes no others
  bool logged_in = false;                      // with a password: the token ends with the log-out
  bool ends = false;                           // what he shows ends by itself: a log-in, a session, some tokens
  access::DagScope scope;                      // where he has what the route needs
  std::shared_ptr<Catalog> catalog = nullptr;  // as he may see it through the route; nullptr: he was not admitted
};

// Caches by VersionId: a version never changes.
class DagCache {
 public:
  DagPtr Find(VersionId version);
  void Add(VersionId version, DagPtr dag);

 private:
  std::mutex mutex_;
  std::vector<std::pair<VersionId, DagPtr>> dags_;  // the last few, oldest first
};

struct Counters {
  void Count(int status);
  std::map<int, std::int64_t> Snapshot();

 private:
  std::mutex mutex_;
  std::map<int, std::int64_t> by_status_;
};

// One of a counted number of places, as long as it lives.
class Place {
 public:
  explicit Place(std::atomic<int>& taken) : taken_(taken), number_(++taken) {}
  ~Place() { --taken_; }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  bool Within(int places) const { return number_ <= places; }

 private:
  std::atomic<int>& taken_;
  const int number_;
};

struct Service {
  // Steps of sign-ins with a provider, from one network: thirty sign-ins a minute, and as many at once.
  static constexpr Pace kProviderSteps{60, std::chrono::seconds(1), std::chrono::minutes(1), std::chrono::seconds(1)};

  Service(Catalog& catalog_, ApiOptions options_);

  Instant Now() const { return clock.Now(); }
  // The DAG of a version. kUnavailable when this server cannot load DAG files.
  Result<DagPtr> LoadDag(VersionId version);
  // nullptr: no schedule, or none that can be told.
  std::shared_ptr<const Timetable> TimetableOf(const Schedule& schedule) const;

  Catalog& catalog;
  const ApiOptions options;
  const std::vector<std::string> origins;              // of options.cors_origins
  const AddressList proxies;                           // of options.trusted_proxies
  const OwnHosts hosts;                                // of options.host, options.allowed_hosts and options.public_url
  const RoleMap oidc_roles;                            // of options.oidc_roles
  const std::shared_ptr<const secrets::KeyRing> seal;  // of options.keys; without them one of this server alone
  const Clock& clock;
  DagCache dags;
  HealthCache health;
  metrics::Registry metrics;
  Counters counters;
  const std::shared_ptr<ConnectionCounts> connections = std::make_shared<ConnectionCounts>();
  LoginLimits logins;
  RateLimit provider_steps{kProviderSteps};
  EventHub events;
  Ticks ticks;
  Premises premises;
  Streams streams;                  // requests that are answered over time
  std::atomic<int> logging_in{0};   // those that check a password
  std::atomic<int> simulating{0};
  std::atomic<int> at_provider{0};  // those that ask the identity provider
  DenialLog denials;
};

// One request on its way through a route.
struct Call {
  Service& service;
  const Request& request;
  const Caller& caller;
  std::vector<std::pair<std::string_view, std::string>> args;  // of the pattern: {"dag_id", "sales"}

  const std::string& Arg(std::string_view name) const;  // must be in the pattern
  Catalog& catalog() const;                             // as the caller may see it
  AuditNote* note = nullptr;                            // nullptr: the request is not audited
  // For the audit trail: `name` as it was before the change, and as it is afterwards, without secrets.
  void Before(const std::string& name, Value value) const;
  void After(const std::string& name, Value value) const;
};

}  // namespace pipelined::api
