#include "sim/checker/history.h"

#include <algorithm>
#include <array>

namespace pipelined::sim {
namespace {

constexpr std::array<std::string_view, kStepKinds> kWords{
    "Turn",      "End",          "Crash",         "HostLost",      "Doubt",           "Trigger",
    "Pause",     "Unpause",      "Cancel",        "Pool",          "PoolDeferred",    "DropPool",
    "Backfill",  "BackfillBack", "BackfillAgain", "PauseBackfill", "UnpauseBackfill", "CancelBackfill",
    "Clear",     "MarkSuccess",  "MarkFailed",    "MarkSkipped",   "RunSuccess",      "RunFailed",
    "RunQueued", "DeleteRun"};

ExpandValue ValueOf(const MappedSpec& spec) {
  ExpandValue value;
  value.name = "item";
  Value::List list;
  for (int i = 0; i < spec.length; ++i) {
    list.emplace_back(i);
    value.text += (i == 0 ? "" : ", ") + std::to_string(i);
  }
  value.text = spec.evaluated ? "{{ [" + value.text + "] }}" : "";
  if (!spec.source.empty()) value.text = "{{ tasks." + spec.source + ".items }}";
  value.literal = Value(std::move(list));
  return value;
}

}  // namespace

std::string_view ToString(StepKind kind) {
  return kWords[static_cast<std::size_t>(kind)];
}

Task& DagSpec::Add(const std::string& id, const std::vector<std::string>& depends_on) {
  for (const std::string& above : depends_on) edges.emplace_back(above, id);
  Task& task = dag.tasks.emplace_back();
  task.id = id;
  task.action = Action{ActionKind::kExec, {"true"}};
  task.working_dir = "/";
  task.retry.delay = std::chrono::minutes(1);
  return task;
}

std::vector<std::string> DagSpec::Below(const std::string& id) const {
  std::vector<std::string> below;
  for (const auto& [up, down] : edges) {
    if (up == id) below.push_back(down);
  }
  return below;
}

DagPtr DagSpec::Link() const {
  auto linked = std::make_shared<Dag>(dag);
  const auto has = [&](const std::string& id) {
    return std::any_of(dag.tasks.begin(), dag.tasks.end(), [&](const Task& task) { return task.id == id; });
  };
  const auto place = [&](const std::string& id) {
    const auto found =
        std::find_if(dag.tasks.begin(), dag.tasks.end(), [&](const Task& task) { return task.id == id; });
    return static_cast<TaskNo>(found - dag.tasks.begin());
  };
  for (const MappedSpec& spec : mapped) {
    Mapping mapping;
    mapping.expand.values.push_back(ValueOf(spec));
    for (const std::string& id : spec.tasks) {
      if (has(id)) mapping.tasks.push_back(place(id));
    }
    if (has(spec.source)) mapping.sources = {place(spec.source)};
    const bool below = std::all_of(mapping.tasks.begin(), mapping.tasks.end(), [&](TaskNo task) {
      return std::count(edges.begin(), edges.end(), std::pair(spec.source, dag.tasks[task].id)) > 0;
    });
    if (!mapping.sources.empty() && !below) return nullptr;  // what is mapped over is an upstream, always
    if (!mapping.tasks.empty()) linked->Map(std::move(mapping));
  }
  std::vector<std::pair<TaskNo, TaskNo>> numbers;
  for (const auto& [up, down] : edges) numbers.emplace_back(place(up), place(down));
  if (!linked->Link(std::move(numbers))) return nullptr;
  return linked;
}

std::shared_ptr<const TriggerSpec> ToSpec(const AsksFor& asks) {
  TriggerSpec spec;
  spec.dag_id = asks.dag_id;
  spec.sub_run = asks.sub_run;
  spec.wait_for_completion = asks.waits || asks.sub_run;
  spec.run_id = asks.run_id;
  spec.reset_dag_run = asks.reset;
  spec.skip_when_already_exists = asks.skip;
  return std::make_shared<TriggerSpec>(std::move(spec));
}

std::shared_ptr<const SensorSpec> Waits(int delta, int timeout, bool soft_fail) {
  SensorSpec spec;
  spec.kind = SensorKind::kDelta;
  spec.what = Value::Map{{"micros", std::int64_t{delta} * 1'000'000}};
  spec.poke.timeout = Seconds(timeout);
  spec.soft_fail = soft_fail;
  return std::make_shared<SensorSpec>(std::move(spec));
}

const Instant kStart = *ParseInstant("2026-01-01T11:55:00Z");

Schedule Hourly() {
  Schedule schedule;
  schedule.kind = ScheduleKind::kCron;
  schedule.crons = {"0 * * * *"};
  schedule.end_date = kStart + std::chrono::hours(3);
  return schedule;
}

DagSpec& History::AddDag(const std::string& id) {
  DagSpec& spec = dags.emplace_back();
  spec.dag.id = id;
  spec.dag.content_hash = id;
  return spec;
}

}  // namespace pipelined::sim
