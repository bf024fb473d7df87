// A simulation of DAGs of a few lines of YAML, from 2026-01-01, and its runs and tasks as lines of text.
#pragma once

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "pipelined/dagfile/load.h"
#include "pipelined/simulation/assumptions.h"
#include "unit/dagfile/loading.h"

namespace pipelined {

inline const Instant kFrom = *ParseInstant("2026-01-01T00:00:00Z");
inline constexpr Micros kDay = std::chrono::hours(24);

// Documents of one file; each needs a dag_id.
inline PreparedSimulation Prepared(const std::string& yaml) {
  const LoadResult loaded = Load(yaml);
  EXPECT_THAT(Format(loaded.diagnostics), "");
  PreparedSimulation prepared;
  for (const LoadedDag& dag : loaded.dags) {
    SimulatedDag simulated{dag.dag, *MakeTimetable(dag.dag->schedule, UtcOnly()), {}};
    simulated.tasks.resize(dag.dag->tasks.size());
    prepared.dags.push_back(std::move(simulated));
  }
  return prepared;
}

struct Simulated {
  Assumptions assumed;
  SimulationOptions options;
  PreparedSimulation prepared;
  SimulationResult result;

  explicit Simulated(const std::string& yaml) : prepared(Prepared(yaml)) {
    options.from = kFrom;
    options.to = kFrom + kDay;
    assumed.default_duration = std::chrono::minutes(10);
  }

  Simulated& Until(const std::string& instant) {
    options.to = *ParseInstant(instant);
    return *this;
  }
  Simulated& Took(const std::string& durations) {
    assumed.given = ParseDurations(durations, "took.yaml").entries;
    return *this;
  }
  Simulated& Failing(const std::string& option) {
    assumed.failures.push_back(option);
    return *this;
  }
  Simulated& Pool(const std::string& option) {
    assumed.pools.push_back(option);
    return *this;
  }
  Simulated& Parallel(std::int32_t parallelism) {
    options.parallelism = parallelism;
    return *this;
  }
  Simulated& Run() {
    EXPECT_TRUE(Configure(assumed, prepared).ok());
    options.pools = prepared.pools;
    auto ended = Simulate(prepared.dags, options);
    EXPECT_TRUE(ended.ok());
    if (ended) result = std::move(*ended);
    return *this;
  }

  // "d 06:00: 06:10-06:30 success", due, begun and ended; what did not happen is left out.
  std::vector<std::string> Runs() const {
    std::vector<std::string> lines;
    for (const RunRecord& run : result.runs) {
      lines.push_back(prepared.dags[run.dag].dag->id + " " + Clock(run.due.run_after) + ": " + Clock(run.start) + "-" +
                      Clock(run.end) + " " + std::string(ToString(run.state)));
    }
    return lines;
  }

  // "a 00:00-00:10 success", with "2 tries" and "waited 5m" where there is such a thing.
  std::vector<std::string> Tasks() const {
    std::vector<std::string> lines;
    for (const RunRecord& run : result.runs) {
      const Dag& dag = *prepared.dags[run.dag].dag;
      for (std::size_t t = 0; t < dag.tasks.size(); ++t)
        lines.push_back(Line(dag.tasks[t], result.tasks[run.first_task + t]));
    }
    return lines;
  }

 private:
  static std::string Clock(Instant instant) { return instant == Instant() ? "" : FormatInstant(instant).substr(11, 5); }
  static std::string Line(const Task& task, const TaskRecord& record) {
    std::string line = task.id + " " + Clock(record.start) + "-" + Clock(record.end) + " ";
    line += ToString(record.state);
    if (record.tries > 1) line += ", " + std::to_string(record.tries) + " tries";
    if (record.waited > Micros(0)) line += ", waited " + FormatDuration(record.waited);
    return line;
  }
};

}  // namespace pipelined
