#include "api/runs/run_diff.h"

#include <algorithm>
#include <map>
#include <string_view>

namespace pipelined::api {
namespace {

std::optional<Micros> Between(const std::optional<Instant>& start, const std::optional<Instant>& end) {
  if (!start || !end) return std::nullopt;
  return *end - *start;
}

TaskSide SideOf(const TaskInstanceRow& row) {
  return TaskSide{row.state, row.try_number};
}

std::vector<TaskDiff> CompareTasks(const std::vector<TaskInstanceRow>& a, const std::vector<TaskInstanceRow>& b) {
  using Key = std::pair<std::string_view, std::int32_t>;
  const auto key_of = [](const TaskInstanceRow& row) { return Key(row.task_id, row.map_index); };
  std::map<Key, const TaskInstanceRow*> others;
  for (const TaskInstanceRow& row : b) others.emplace(key_of(row), &row);
  std::vector<TaskDiff> tasks;
  for (const TaskInstanceRow& row : a) {
    TaskDiff& task = tasks.emplace_back();
    task.task_id = row.task_id;
    task.map_index = row.map_index;
    task.a = SideOf(row);
    task.duration.a = Between(row.start_date, row.end_date);
    const auto other = others.find(key_of(row));
    if (other == others.end()) continue;
    task.b = SideOf(*other->second);
    task.duration.b = Between(other->second->start_date, other->second->end_date);
    others.erase(other);
  }
  for (const TaskInstanceRow& row : b) {
    if (!others.contains(key_of(row))) continue;
    TaskDiff& task = tasks.emplace_back();
    task.task_id = row.task_id;
    task.map_index = row.map_index;
    task.b = SideOf(row);
    task.duration.b = Between(row.start_date, row.end_date);
  }
  return tasks;
}

// As JSON has it: the order of an object's keys says nothing.
bool Same(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number() && a.is_int() != b.is_int()) return a.number() == b.number();
  if (a.is_list() && b.is_list())
    return std::equal(a.list().begin(), a.list().end(), b.list().begin(), b.list().end(), Same);
  if (!a.is_map() || !b.is_map()) return a == b;
  return a.map().size() == b.map().size() && std::all_of(a.map().begin(), a.map().end(), [&](const auto& entry) {
           const Value* other = b.Find(entry.first);
           return other != nullptr && Same(entry.second, *other);
         });
}

std::optional<Value> Find(const Value& params, const std::string& key) {
  const Value* found = params.Find(key);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

std::vector<ConfDiff> CompareParams(const Value& a, const Value& b) {
  std::vector<ConfDiff> params;
  if (a.is_map()) {
    for (const auto& [key, value] : a.map()) {
      if (const auto other = Find(b, key); !other || !Same(value, *other))
        params.push_back(ConfDiff{key, value, other});
    }
  }
  if (b.is_map()) {
    for (const auto& [key, value] : b.map()) {
      if (a.Find(key) == nullptr) params.push_back(ConfDiff{key, std::nullopt, value});
    }
  }
  return params;
}

}  // namespace

std::optional<Micros> DurationDiff::change() const {
  if (!a || !b) return std::nullopt;
  return *b - *a;
}

std::optional<double> DurationDiff::percent() const {
  if (!a || !b || a->count() == 0) return std::nullopt;
  return static_cast<double>((*b - *a).count()) * 100 / static_cast<double>(a->count());
}

bool DurationDiff::differs() const {
  if (!a || !b) return false;
  const Micros change = std::chrono::abs(*b - *a);
  return change >= kDurationNoise && change * 100 >= std::max(*a, *b) * kDurationNoisePercent;
}

bool TaskDiff::differs() const {
  return !a || !b || a->state != b->state || duration.differs();
}

bool RunDiff::differs() const {
  return state || version || duration.differs() || !params.empty() ||
         std::any_of(tasks.begin(), tasks.end(), [](const TaskDiff& task) { return task.differs(); });
}

RunDiff Compare(const RunSide& a, const RunSide& b) {
  RunDiff diff;
  diff.state = a.run.info.state != b.run.info.state;
  diff.version = a.run.info.version != b.run.info.version;
  diff.duration =
      DurationDiff{Between(a.run.info.start_date, a.run.end_date), Between(b.run.info.start_date, b.run.end_date)};
  diff.params = CompareParams(a.params, b.params);
  diff.tasks = CompareTasks(a.tasks, b.tasks);
  return diff;
}

}  // namespace pipelined::api
