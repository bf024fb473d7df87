#include "api/service.h"

#include "api/http/cors.h"
#include "api/handlers.h"

#include <algorithm>
#include <stdexcept>

namespace pipelined::api {
namespace {
constexpr std::size_t kCachedDags = 32;

// What cannot be read is refused before the server starts.
template <class Made>
Made ReadOr(Result<Made> made) {
  return made.ok() ? *std::move(made) : Made();
}
// Whatever is sealed with it is worth nothing after a restart.
std::shared_ptr<const secrets::KeyRing> OwnSeal() {
  return std::make_shared<const secrets::KeyRing>(*secrets::KeyRing::Parse(secrets::NewKey()));
}
}  // namespace

DagPtr DagCache::Find(VersionId version) {
  const std::scoped_lock lock(mutex_);
  const auto found =
      std::find_if(dags_.begin(), dags_.end(), [&](const auto& entry) { return entry.first == version; });
  return found == dags_.end() ? nullptr : found->second;
}

void DagCache::Add(VersionId version, DagPtr dag) {
  const std::scoped_lock lock(mutex_);
  if (dags_.size() >= kCachedDags) dags_.erase(dags_.begin());
  dags_.emplace_back(version, std::move(dag));
}

void Counters::Count(int status) {
  const std::scoped_lock lock(mutex_);
  ++by_status_[status];
}

std::map<int, std::int64_t> Counters::Snapshot() {
  const std::scoped_lock lock(mutex_);
  return by_status_;
}

Service::Service(Catalog& catalog_, ApiOptions options_)
    : catalog(catalog_),
      options(std::move(options_)),
      origins(SplitOrigins(options.cors_origins)),
      proxies(ReadOr(AddressList::Parse(options.trusted_proxies))),
      hosts(ReadOr(OwnHosts::Make(options.host, options.allowed_hosts, options.public_url))),
      oidc_roles(ReadOr(RoleMap::Parse(options.oidc_roles))),
      seal(options.keys != nullptr ? options.keys : OwnSeal()),
      clock(options.clock != nullptr ? *options.clock : SystemClock()),
      events(catalog, EventText),
      streams(options.max_streams, options.max_streams_per_user),
      denials(catalog.trail(), clock) {}

Result<DagPtr> Service::LoadDag(VersionId version) {
  if (DagPtr cached = dags.Find(version)) return cached;
  if (!options.load_dag) return Error{ErrorCode::kUnavailable, "this server cannot load DAG files", ""};
  const Result<DagSource> source = catalog.Source(version);
  if (!source.ok()) return source.error();
  Result<DagPtr> dag = options.load_dag(*source);
  if (dag.ok()) dags.Add(version, *dag);
  return dag;
}

std::shared_ptr<const Timetable> Service::TimetableOf(const Schedule& schedule) const {
  if (!options.make_timetable) return nullptr;
  const Result<std::shared_ptr<const Timetable>> made = options.make_timetable(schedule);
  return made.ok() ? *made : nullptr;
}

Catalog& Call::catalog() const {
  if (caller.catalog == nullptr) throw std::logic_error("a handler was called for somebody who was not admitted");
  return *caller.catalog;
}

namespace {

void Set(bool many, Value& whole, const std::string& name, Value value) {
  if (!many) {
    whole = std::move(value);
  } else {
    whole.Set(name, std::move(value));
  }
}

}  // namespace

void Call::Before(const std::string& name, Value value) const {
  if (note != nullptr) Set(note->many, note->before, name, std::move(value));
}

void Call::After(const std::string& name, Value value) const {
  if (note != nullptr) Set(note->many, note->after, name, std::move(value));
}

const std::string& Call::Arg(std::string_view name) const {
  for (const auto& [key, value] : args) {
    if (key == name) return value;
  }
  static const std::string kNone;
  return kNone;
}

}  // namespace pipelined::api
