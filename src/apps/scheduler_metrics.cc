#include "apps/scheduler_metrics.h"

#include <cstdio>
#include <fstream>

#include "pipelined/base/log.h"

namespace pipelined::apps {
namespace {

constexpr Micros kWriteEvery = Seconds(5);

double SecondsOf(Instant time) {
  return static_cast<double>(time.time_since_epoch().count()) / 1e6;
}

}  // namespace

std::string SchedulerMetricsFile(const std::string& home) {
  return home + "/run/scheduler.prom";
}

SchedulerMetrics::SchedulerMetrics(std::string file, const Clock& clock)
    : file_(std::move(file)),
      clock_(clock),
      leading_(registry_.AddGauge("pipelined_scheduler_is_leader", "Whether this scheduler leads.")),
      heartbeat_(registry_.AddGauge("pipelined_scheduler_heartbeat_timestamp_seconds",
                                    "When this scheduler last wrote its numbers.")),
      running_(registry_.AddGauge("pipelined_executor_running_tasks", "Tries that run now.")),
      turn_(registry_.AddHistogram("pipelined_scheduler_turn_duration_seconds",
                                   "How long a turn took that had something to do.", metrics::Latencies())),
      commit_(registry_.AddHistogram("pipelined_store_commit_duration_seconds",
                                     "How long it took to store a turn's decisions.", metrics::Latencies())),
      started_(registry_.AddCounter("pipelined_ti_start_total", "Tries that were started.")),
      retries_(registry_.AddCounter("pipelined_ti_retries_total", "Tries that failed and are followed by another.")),
      thread_([this] { Run(); }) {}

SchedulerMetrics::~SchedulerMetrics() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    stop_.notify_all();
  }
  thread_.join();
  std::remove(file_.c_str());
}

// What was open when another led is counted by its end alone.
void SchedulerMetrics::Lead(bool leads) {
  leading_.Set(leads ? 1 : 0);
  begun_.clear();
  open_ = 0;
  running_.Set(0);
}

void SchedulerMetrics::Stored(const Plan& plan) {
  CountRuns(plan);
  CountTasks(plan);
}

void SchedulerMetrics::CountRuns(const Plan& plan) {
  for (const RunChange& change : plan.runs) {
    if (change.to == RunState::kRunning) begun_.emplace(change.run.value, plan.now);
    if (!IsFinished(change.to) || IsFinished(change.from)) continue;
    const std::string state(ToString(change.to));
    registry_
        .AddCounter("pipelined_dag_runs_total", "Runs that have ended.",
                    {{"dag_id", dag_ids_.Of(change.dag_id)}, {"state", state}})
        .Add();
    const auto begun = begun_.find(change.run.value);
    if (begun == begun_.end()) continue;
    registry_
        .AddHistogram("pipelined_dag_run_duration_seconds", "How long runs took that have ended.", metrics::Durations(),
                      {{"state", state}})
        .Observe(plan.now - begun->second);
    begun_.erase(begun);
  }
}

void SchedulerMetrics::CountTasks(const Plan& plan) {
  started_.Add(static_cast<double>(plan.opened.size()));
  open_ += static_cast<std::int64_t>(plan.opened.size());
  for (const auto* changes : {&plan.tasks, &plan.steered}) {  // what waits without a process is open, but does not run
    for (const TaskChange& change : *changes) {
      if (change.to == TaskState::kDeferred) --open_;
      if (change.from == TaskState::kDeferred) ++open_;
    }
  }
  for (const AttemptClosed& closed : plan.closed) {
    open_ = std::max<std::int64_t>(0, open_ - 1);
    const metrics::Labels labels{{"outcome", std::string(ToString(closed.end.outcome))}};
    registry_.AddCounter("pipelined_ti_finish_total", "Tries that have ended.", labels).Add();
    registry_
        .AddHistogram("pipelined_task_duration_seconds", "How long tries took that have ended.", metrics::Durations(),
                      labels)
        .Observe(closed.end.duration);
  }
  for (const TaskChange& change : plan.tasks) {
    if (change.to == TaskState::kUpForRetry) retries_.Add();
  }
  running_.Set(static_cast<double>(open_));
}

void SchedulerMetrics::Turned(Micros took, Micros in_the_store) {
  turn_.Observe(took);
  commit_.Observe(in_the_store);
}

// Whoever reads it sees all of it or what was there before.
void SchedulerMetrics::Write() {
  heartbeat_.Set(SecondsOf(clock_.Now()));
  const std::string next = file_ + ".next";
  std::ofstream out(next, std::ios::trunc);
  out << registry_.Text();
  out.close();
  if (out && std::rename(next.c_str(), file_.c_str()) == 0) return;
  std::remove(next.c_str());
}

void SchedulerMetrics::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Write();
    stop_.wait_for(lock, kWriteEvery, [this] { return stopping_; });
  }
}

}  // namespace pipelined::apps
