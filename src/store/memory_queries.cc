// What a scheduler asks a MemoryStore for: versions, outputs, and the runs before and beside a run.
#include <algorithm>

#include <fmt/format.h>

#include "pipelined/store/memory_store.h"
#include "store/outputs.h"

namespace pipelined {

Result<std::optional<StoredDag>> MemoryStore::FindDag(const std::string& dag_id) {
  const auto found = dags_.find(dag_id);
  return found == dags_.end() ? std::optional<StoredDag>() : std::optional(found->second);
}

Result<std::vector<ExistingRun>> MemoryStore::RunsBetween(const std::string& dag_id, Instant from, Instant to) {
  std::vector<ExistingRun> existing;
  for (const auto& [id, run] : runs_) {
    const auto& date = run.info.logical_date;
    if (run.info.dag_id == dag_id && date && *date >= from && *date <= to)
      existing.push_back(ExistingRun{id, *date, run.info.state});
  }
  return existing;
}

Result<std::vector<RestoredRun>> MemoryStore::RunsChosen(const RunChoice& choice, std::size_t most) {
  std::vector<RestoredRun> chosen;
  const auto asked = runs_.find(choice.run);
  if (choice.run && asked == runs_.end()) return chosen;
  const auto is_chosen = [&](const RunInfo& info) {
    const auto& date = info.logical_date;
    if (!choice.run)
      return info.dag_id == choice.dag_id && (!choice.from || (date && *date >= *choice.from)) &&
             (!choice.to || (date && *date <= *choice.to));
    const RunInfo& around = asked->second.info;
    if (info.id == around.id) return true;
    if (info.dag_id != around.dag_id || !date || !around.logical_date) return false;
    return (choice.past && *date < *around.logical_date) || (choice.future && *date > *around.logical_date);
  };
  for (const auto& [id, run] : runs_) {
    if (is_chosen(run.info))
      chosen.push_back(IsFinished(run.info.state) ? Restored(run) : RestoredRun{run.info, {}, {}});
  }
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](const RestoredRun& a, const RestoredRun& b) { return a.run.logical_date < b.run.logical_date; });
  if (chosen.size() > most) chosen.resize(most);
  return chosen;
}

Result<DagSource> MemoryStore::LoadVersion(VersionId version) {
  const auto found = versions_.find(version.value);
  if (found == versions_.end())
    return Error{ErrorCode::kNotFound, fmt::format("there is no DAG version {}", version.value), ""};
  return found->second.source;
}

Result<Value> MemoryStore::Outputs(RunId id, const std::vector<std::string>& task_ids, const OwnInstance& own) {
  Value outputs{Value::Map{}};
  const auto run = runs_.find(id);
  if (run == runs_.end()) return outputs;
  const DagPtr& dag = versions_.at(run->second.info.version.value).dag;
  std::vector<std::string> ids = task_ids;
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const std::string& task_id : ids) {
    const auto no = dag->Find(task_id);
    if (!no) continue;
    const bool is_own = std::find(own.tasks.begin(), own.tasks.end(), task_id) != own.tasks.end();
    std::vector<std::tuple<std::string, std::int32_t, Value>> sorted;
    for (auto at = run->second.outputs.lower_bound({*no, kNotMapped});
         at != run->second.outputs.end() && at->first.first == *no; ++at) {
      const std::int32_t index = at->first.second;
      if (is_own && index != kNotMapped && index != own.map_index) continue;
      for (const auto& [key, value] : at->second.map()) sorted.emplace_back(key, index, value);
    }
    if (sorted.empty()) continue;
    std::stable_sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) {
      return std::tie(std::get<0>(a), std::get<1>(a)) < std::tie(std::get<0>(b), std::get<1>(b));
    });
    Value::Map task;
    for (auto& [key, index, value] : sorted) AddOutput(task, key, std::move(value), !is_own && index != kNotMapped);
    outputs.map().emplace_back(task_id, Value(std::move(task)));
  }
  return outputs;
}

Result<std::optional<PreviousRun>> MemoryStore::PreviousSuccess(const RunInfo& run) {
  const StoredRun* best = nullptr;
  for (const auto& [id, other] : runs_) {
    const RunInfo& info = other.info;
    if (info.dag_id != run.dag_id || info.state != RunState::kSuccess || !info.logical_date || info.repeats ||
        !(info.logical_date < run.logical_date))
      continue;
    if (best == nullptr || best->info.logical_date < info.logical_date) best = &other;
  }
  if (best == nullptr) return std::optional<PreviousRun>();
  return std::optional(PreviousRun{best->info.interval, best->info.start_date, best->end_date});
}

Result<std::optional<PastRun>> MemoryStore::RunBefore(const RunInfo& run, bool passing_by_hand,
                                                      const std::vector<std::string>& task_ids) {
  const StoredRun* best = nullptr;
  for (const auto& [id, other] : runs_) {
    const RunInfo& info = other.info;
    const bool counts =
        info.dag_id == run.dag_id && info.logical_date && info.logical_date < run.logical_date && !info.repeats;
    if (!counts || (passing_by_hand && info.type == RunType::kManual)) continue;
    if (best == nullptr || best->info.logical_date < info.logical_date) best = &other;
  }
  if (best == nullptr) return std::optional<PastRun>();
  PastRun past{best->info.id, best->info.run_id, *best->info.logical_date, IsFinished(best->info.state), {}};
  if (past.finished) past.unmet = UnmetOf(*best, task_ids);
  return std::optional(std::move(past));
}

std::vector<PastTask> MemoryStore::UnmetOf(const StoredRun& run, const std::vector<std::string>& task_ids) const {
  const DagPtr& dag = versions_.at(run.info.version.value).dag;
  const auto had_it = [&](const std::string& task_id) {
    return std::any_of(runs_.begin(), runs_.end(), [&](const auto& other) {
      const RunInfo& info = other.second.info;
      return info.dag_id == run.info.dag_id && info.logical_date && info.logical_date < run.info.logical_date &&
             versions_.at(info.version.value).dag->Find(task_id);
    });
  };
  std::vector<PastTask> unmet;
  for (const std::string& id : task_ids) {
    const auto no = dag->Find(id);
    if (!no) {
      unmet.push_back(PastTask{id, std::nullopt, !had_it(id)});
      continue;
    }
    const auto mapped = run.lengths.find(*no);
    const auto length = mapped == run.lengths.end() ? 0 : static_cast<std::int32_t>(mapped->second.length);
    for (std::int32_t index = length == 0 ? kNotMapped : 0; index < length; ++index) {
      const auto task = run.tasks.find({*no, index});
      const TaskState state = task == run.tasks.end() ? TaskState::kNone : task->second.to;
      if (IsPastMet(state) || state == TaskState::kRemoved) continue;
      unmet.push_back(PastTask{id, state, false});
      break;
    }
  }
  return unmet;
}

Result<std::vector<RecentRun>> MemoryStore::LatestRuns(const std::string& dag_id, std::int32_t most) {
  std::vector<RecentRun> latest;
  for (const auto& [id, run] : runs_) {
    if (run.info.dag_id == dag_id && !(run.info.repeats && run.info.logical_date))
      latest.push_back(RecentRun{id, run.info.logical_date.value_or(run.info.run_after), run.info.state});
  }
  std::sort(latest.begin(), latest.end(),
            [](const RecentRun& a, const RecentRun& b) { return std::pair(a.date, a.run) > std::pair(b.date, b.run); });
  if (latest.size() > static_cast<std::size_t>(most)) latest.resize(static_cast<std::size_t>(most));
  return latest;
}

Result<std::optional<Micros>> MemoryStore::AverageRuntime(const std::string& dag_id, std::int32_t least,
                                                          std::int32_t most, Instant ended_by) {
  std::vector<std::pair<Instant, Micros>> took;
  for (const auto& [id, run] : runs_) {
    const bool ended = run.info.start_date && run.end_date && *run.end_date <= ended_by;
    if (run.info.dag_id == dag_id && ended && !(run.info.repeats && run.info.logical_date))
      took.emplace_back(run.info.logical_date.value_or(run.info.run_after), *run.end_date - *run.info.start_date);
  }
  std::sort(took.rbegin(), took.rend());
  if (took.size() > static_cast<std::size_t>(most)) took.resize(static_cast<std::size_t>(most));
  if (took.empty() || took.size() < static_cast<std::size_t>(least)) return std::optional<Micros>();
  Micros sum{0};
  for (const auto& [date, time] : took) sum += time;
  return std::optional(sum / static_cast<std::int64_t>(took.size()));
}

Result<std::vector<OpenAttempt>> MemoryStore::OpenAttempts(const std::string& instance) {
  std::vector<OpenAttempt> open;
  for (const auto& [id, row] : open_) {
    if (row.open.instance == instance) open.push_back(row.open);
  }
  return open;
}

Result<std::vector<std::optional<RunSeen>>> MemoryStore::LookAtRuns(const std::vector<RunQuestion>& questions) {
  std::vector<std::optional<RunSeen>> answers(questions.size());
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const RunQuestion& question = questions[i];
    const auto found = std::find_if(runs_.begin(), runs_.end(), [&](const auto& entry) {
      const RunInfo& run = entry.second.info;
      if (run.dag_id != question.dag_id) return false;
      if (!question.run_id.empty()) return run.run_id == question.run_id;
      return question.logical_date && run.logical_date == question.logical_date && !run.repeats;
    });
    if (found == runs_.end()) continue;
    const StoredRun& run = found->second;
    RunSeen seen{run.info.run_id, run.info.state, {}};
    const DagPtr dag = versions_.at(run.info.version.value).dag;
    for (const std::string& id : question.task_ids) {
      std::vector<TaskState>& states = seen.tasks.emplace_back();
      const auto task = dag->Find(id);
      if (!task) continue;
      const auto length = run.lengths.find(*task);
      const bool mapped = length != run.lengths.end();
      const std::int32_t count = mapped ? static_cast<std::int32_t>(length->second.length) : 1;
      for (std::int32_t index = 0; index < count; ++index) {
        const auto row = run.tasks.find({*task, mapped ? index : kNotMapped});
        states.push_back(row == run.tasks.end() ? TaskState::kNone : row->second.to);
      }
    }
    answers[i] = std::move(seen);
  }
  return answers;
}

}  // namespace pipelined
