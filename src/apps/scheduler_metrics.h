// The numbers of a scheduler, for Prometheus. It answers no requests: every few seconds they are written to a file of
// the home, from where the API server of the same home takes them.
#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "pipelined/base/clock.h"
#include "pipelined/engine/plan.h"
#include "pipelined/metrics/label_values.h"
#include "pipelined/metrics/registry.h"

namespace pipelined::apps {

std::string SchedulerMetricsFile(const std::string& home);

class SchedulerMetrics {
 public:
  SchedulerMetrics(std::string file, const Clock& clock);
  ~SchedulerMetrics();  // takes the file away

  // From the scheduler's thread.
  void Lead(bool leads);
  void Stored(const Plan& plan);                  // each that was committed
  void Turned(Micros took, Micros in_the_store);  // each turn that had something to do

 private:
  void CountRuns(const Plan& plan);
  void CountTasks(const Plan& plan);
  void Write();
  void Run();

  const std::string file_;
  const Clock& clock_;
  metrics::Registry registry_;
  metrics::Gauge& leading_;
  metrics::Gauge& heartbeat_;
  metrics::Gauge& running_;
  metrics::Histogram& turn_;
  metrics::Histogram& commit_;
  metrics::Counter& started_;
  metrics::Counter& retries_;
  metrics::LabelValues dag_ids_{1'000};    // those that are told apart
  std::map<std::int64_t, Instant> begun_;  // runs under way, since when
  std::int64_t open_ = 0;                  // attempts

  std::mutex mutex_;
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace pipelined::apps
