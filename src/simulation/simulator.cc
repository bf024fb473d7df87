#include "pipelined/simulation/simulator.h"

#include <algorithm>

#include "pipelined/simulation/report.h"

namespace pipelined {
namespace {

Assumptions AssumptionsOf(const SimulationRequest& request) {
  Assumptions assumed;
  for (const auto& [name, duration] : request.durations) {
    NamedDuration& given = assumed.given.emplace_back();
    given.name = name;
    given.duration = duration;
  }
  assumed.measured = request.measured;
  assumed.default_duration = request.default_duration;
  assumed.failures = request.failures;
  assumed.pools = request.pools;
  return assumed;
}

Value AnswerOf(const SimulationView& view, std::size_t most) {
  Value::List runs, missed, notes;
  for (std::size_t i = 0; i < std::min(most, view.result.runs.size()); ++i)
    runs.push_back(SimulatedRun(view, view.result.runs[i]));
  for (std::size_t i = 0; i < std::min(most, view.result.missed.size()); ++i)
    missed.push_back(SimulatedMiss(view, view.result.missed[i]));
  for (const std::string& note : view.input.notes) notes.emplace_back(note);
  return Value::Map{{"summary", SimulationSummary(view)},
                    {"runs", std::move(runs)},
                    {"total_runs", static_cast<std::int64_t>(view.result.runs.size())},
                    {"missed_slots", std::move(missed)},
                    {"total_missed_slots", static_cast<std::int64_t>(view.result.missed.size())},
                    {"notes", std::move(notes)}};
}

class SimulatorImpl final : public Simulator {
 public:
  explicit SimulatorImpl(const ZoneSource& zones) : zones_(zones) {}

  Result<Value> Simulate(const SimulationRequest& request) const override {
    std::vector<DagPtr> dags = request.dags;
    std::sort(dags.begin(), dags.end(), [](const DagPtr& a, const DagPtr& b) { return a->id < b->id; });
    auto prepared = Prepare(std::move(dags), request.include_paused, zones_);
    if (!prepared) return prepared.error();
    if (const Status configured = Configure(AssumptionsOf(request), *prepared); !configured) return configured.error();
    SimulationOptions options;
    options.from = request.from;
    options.to = request.to;
    options.parallelism = request.parallelism;
    options.pools = prepared->pools;
    options.most_tasks = request.most_tasks;
    const auto result = pipelined::Simulate(prepared->dags, options);
    if (!result) return result.error();
    return AnswerOf(SimulationView{*prepared, options, *result}, request.most_runs);
  }

 private:
  const ZoneSource& zones_;
};

}  // namespace

std::unique_ptr<Simulator> MakeSimulator(const ZoneSource& zones) {
  return std::make_unique<SimulatorImpl>(zones);
}

}  // namespace pipelined
