// GET /metrics: the numbers of this server, those that the database knows cheaply, and those of the scheduler of this
// home.
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "api/handlers.h"
#include "api/http/query.h"
#include "pipelined/metrics/registry.h"

namespace pipelined::api {
namespace {

constexpr Micros kStale = Seconds(60);  // of what the scheduler writes every few seconds

double Number(std::int64_t value) {
  return static_cast<double>(value);
}

void CountRequests(Service& service, metrics::Registry& now) {
  for (const auto& [status, count] : service.counters.Snapshot()) {
    now.AddCounter("pipelined_api_requests_total", "Answered requests by status.", {{"status", std::to_string(status)}})
        .Add(Number(count));
  }
  const ConnectionCounts& counts = *service.connections;
  now.AddGauge("pipelined_api_connections", "Connections that are open.").Set(Number(counts.open));
  const auto ended = [&](const char* why, std::int64_t count) {
    now.AddCounter("pipelined_api_connections_ended_total", "Connections that the limits ended.", {{"why", why}})
        .Add(Number(count));
  };
  ended("evicted", counts.evicted);
  ended("refused", counts.refused);
  ended("timed_out", counts.timed_out);
  now.AddGauge("pipelined_api_streams", "Answers that are sent while they are made.").Set(service.streams.size());
  now.AddCounter("pipelined_api_live_events_total", "Events that were read for those who follow them.")
      .Add(Number(service.events.delivered()));
}

void AskHealth(const Call& call, metrics::Registry& now) {
  const Result<Health> health = call.service.health.Ask(call.catalog(), call.service.clock);
  now.AddGauge("pipelined_store_up", "Whether the database answers.").Set(health.ok() && health->database ? 1 : 0);
  now.AddGauge("pipelined_scheduler_leading", "Whether a scheduler holds the lease.")
      .Set(health.ok() && health->scheduler_leading ? 1 : 0);
}

// Of what is under way only: it has indexes of its own, however long the history grows.
void CountRuns(Catalog& catalog, metrics::Registry& now) {
  Page nothing;
  nothing.limit = 0;
  for (const std::string state : {"queued", "running"}) {
    RunFilter filter;
    filter.dag_id = "~";
    filter.states = {state};
    const Result<Listing<RunRow>> runs = catalog.Runs(filter, nothing);
    if (!runs.ok()) return;
    now.AddGauge("pipelined_dag_runs", "Runs under way by state.", {{"state", state}}).Set(Number(runs->total));
  }
}

// Those that could be read.
std::vector<PoolRow> AllPools(Catalog& catalog) {
  std::vector<PoolRow> all;
  Page page;
  page.limit = kMaxLimit;
  page.counted = false;
  while (true) {
    Result<Listing<PoolRow>> pools = catalog.Pools(TextSearch(), page);
    if (!pools.ok()) return all;
    std::move(pools->rows.begin(), pools->rows.end(), std::back_inserter(all));
    if (static_cast<std::int64_t>(pools->rows.size()) < page.limit) return all;
    page.offset += page.limit;
  }
}

void CountSlots(Catalog& catalog, metrics::Registry& now) {
  for (const PoolRow& pool : AllPools(catalog)) {
    const auto set = [&](const char* name, const char* help, std::int64_t slots) {
      now.AddGauge(name, help, {{"pool", pool.name}}).Set(Number(slots));
    };
    set("pipelined_pool_slots", "Slots of a pool; -1: no limit.", pool.slots);
    set("pipelined_pool_running_slots", "Slots that running tries hold.", pool.running_slots);
    set("pipelined_pool_queued_slots", "Slots that tasks wait for.", pool.scheduled_slots);
    set("pipelined_pool_deferred_slots", "Slots of tasks that wait without a process.", pool.deferred_slots);
  }
}

void CountImportErrors(Catalog& catalog, metrics::Registry& now) {
  const Result<Listing<ImportErrorRow>> errors = catalog.ImportErrors(Page::One());
  if (!errors.ok()) return;
  now.AddGauge("pipelined_dag_processing_import_errors", "DAG files that cannot be loaded.").Set(Number(errors->total));
}

void CountNotifications(Catalog& catalog, metrics::Registry& now) {
  const Result<OutboxCounts> counts = catalog.notifications().Counts();
  if (!counts.ok()) return;
  const auto set = [&](NotificationState state, std::int64_t number) {
    now.AddGauge("pipelined_notifications", "Messages by state; of those that have failed up to 10,000.",
                 {{"state", std::string(ToString(state))}})
        .Set(Number(number));
  };
  set(NotificationState::kQueued, counts->queued);
  set(NotificationState::kDelivering, counts->delivering);
  set(NotificationState::kFailed, counts->failed);
  now.AddGauge("pipelined_notifications_oldest_seconds", "Age of the oldest message that is queued; 0: none is.")
      .Set(static_cast<double>(counts->oldest.count()) / 1e6);
}

// What the scheduler of this home wrote last; nothing when that is too long ago.
std::string OfScheduler(const Service& service) {
  const std::string& path = service.options.scheduler_metrics;
  struct stat st {};
  if (path.empty() || stat(path.c_str(), &st) != 0) return {};
  const Instant written = Instant(Micros(std::int64_t{st.st_mtim.tv_sec} * 1'000'000));
  if (service.Now() - written > kStale) return {};
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

Response GetMetrics(const Call& call) {
  metrics::Registry now;
  CountRequests(call.service, now);
  AskHealth(call, now);
  CountRuns(call.catalog(), now);
  CountSlots(call.catalog(), now);
  CountImportErrors(call.catalog(), now);
  CountNotifications(call.catalog(), now);
  return Text(200, "text/plain; version=0.0.4; charset=utf-8",
              now.Text() + call.service.metrics.Text() + OfScheduler(call.service));
}

}  // namespace pipelined::api
