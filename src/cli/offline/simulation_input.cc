#include "cli/offline/simulation_input.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "cli/offline/dag_files.h"
#include "pipelined/base/near_match.h"

namespace pipelined::cli {
namespace {

constexpr std::int32_t kDefaultPoolSlots = 128;

std::string DidYouMean(const std::string& word, const std::vector<std::string>& names) {
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = NearMatch(word, candidates);
  return near ? fmt::format("did you mean \"{}\"?", *near) : "";
}

Status TakeFile(const DagFile& file, bool named, PreparedSimulation& prepared, std::vector<DagPtr>& dags) {
  if (!file.ok && named)
    return Error{ErrorCode::kInvalid, fmt::format("{} cannot be loaded:\n{}", file.path, file.text), ""};
  if (!file.ok) prepared.notes.push_back(fmt::format("{} is passed over, as a server does:\n{}", file.path, file.text));
  dags.insert(dags.end(), file.dags.begin(), file.dags.end());
  return Ok();
}

// Only those that are asked for; kNotFound when one of them is not there.
Status KeepOnly(const std::vector<std::string>& only, std::vector<DagPtr>& dags) {
  std::vector<std::string> ids;
  for (const DagPtr& dag : dags) ids.push_back(dag->id);
  for (const std::string& id : only) {
    if (std::find(ids.begin(), ids.end(), id) == ids.end())
      return Error{ErrorCode::kNotFound, fmt::format("--dag {}: there is no such DAG in these files", id),
                   DidYouMean(id, ids)};
  }
  if (only.empty()) return Ok();
  std::erase_if(dags, [&](const DagPtr& dag) { return std::find(only.begin(), only.end(), dag->id) == only.end(); });
  return Ok();
}

Status RefuseDoubles(const std::vector<DagPtr>& dags) {
  for (std::size_t i = 1; i < dags.size(); ++i) {
    if (dags[i - 1]->id != dags[i]->id) continue;
    return Error{ErrorCode::kInvalid,
                 fmt::format("two files hold the DAG \"{}\": {} and {}", dags[i]->id, dags[i - 1]->file, dags[i]->file),
                 "name only one of them"};
  }
  return Ok();
}

Result<std::vector<DagPtr>> LoadAll(const SimulationInput& input, const ZoneSource& zones,
                                    PreparedSimulation& prepared) {
  const auto files = LoadDagFiles(input.paths, zones);
  if (!files) return files.error();
  const std::set<std::string> named(input.paths.begin(), input.paths.end());
  std::vector<DagPtr> dags;
  for (const DagFile& file : *files) {
    if (const Status taken = TakeFile(file, named.contains(file.path), prepared, dags); !taken) return taken.error();
  }
  if (dags.empty())
    return Error{ErrorCode::kInvalid, fmt::format("there is no DAG in {}", fmt::join(input.paths, ", ")),
                 "see: pipectl dags validate"};
  std::sort(dags.begin(), dags.end(), [](const DagPtr& a, const DagPtr& b) { return a->id < b->id; });
  if (const Status kept = KeepOnly(input.only, dags); !kept) return kept.error();
  if (const Status single = RefuseDoubles(dags); !single) return single.error();
  return dags;
}

// The names that may stand for a task, the most specific one first.
std::vector<std::string> NamesOf(const Dag& dag, const Task& task) {
  return {dag.id + "." + task.id, dag.id + ".*"};
}

class Durations {
 public:
  explicit Durations(const SimulationInput& input) : input_(input) {
    for (const NamedDuration& entry : input.given) given_[entry.name] = entry.duration;
  }

  Micros Of(const Dag& dag, const Task& task) {
    for (const std::string& name : NamesOf(dag, task)) {
      if (const auto found = given_.find(name); found != given_.end()) {
        return found->second;
      }
    }
    if (const auto found = input_.measured.find({dag.id, task.id}); found != input_.measured.end())
      return found->second;
    const auto any = given_.find("*");
    return any == given_.end() ? input_.default_duration : any->second;
  }

  void NoteUnused(const std::vector<SimulatedDag>& dags, std::vector<std::string>& notes) const {
    std::set<std::string> known{"*"};
    for (const SimulatedDag& dag : dags) {
      for (const Task& task : dag.dag->tasks) {
        for (std::string& name : NamesOf(*dag.dag, task)) known.insert(std::move(name));
      }
    }
    const std::vector<std::string> names(known.begin(), known.end());
    for (const NamedDuration& entry : input_.given) {
      if (known.contains(entry.name)) continue;
      const std::string hint = DidYouMean(entry.name, names);
      notes.push_back(fmt::format("line {} of the durations names no task that is simulated: \"{}\"{}{}", entry.line,
                                  entry.name, hint.empty() ? "" : "; ", hint));
    }
  }

 private:
  const SimulationInput& input_;
  std::map<std::string, Micros> given_;
};

std::optional<std::int32_t> Whole(std::string_view text) {
  std::int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "always", "2" (the first two tries of each run), "5%" (of all tries).
Result<FailureRule> ParseFailure(const std::string& option, std::string_view how) {
  if (how.empty() || how == "always") return FailureRule{std::numeric_limits<std::int32_t>::max(), 0};
  if (how.ends_with('%')) {
    const auto percent = Whole(how.substr(0, how.size() - 1));
    if (percent && *percent >= 0 && *percent <= 100) return FailureRule{0, *percent * 10};
  } else if (const auto tries = Whole(how); tries && *tries >= 0) {
    return FailureRule{*tries, 0};
  }
  return Error{ErrorCode::kInvalid, fmt::format("--fail {}: \"{}\" does not say how", option, how),
               "for example --fail sales.load=always, =2 (the first two tries of each run) or =5% (of all tries)"};
}

// Whether `name` (of --fail) means the task: as durations, or by its id alone.
bool Means(const std::string& name, const Dag& dag, const Task& task) {
  const std::vector<std::string> names = NamesOf(dag, task);
  return name == "*" || name == task.id || std::find(names.begin(), names.end(), name) != names.end();
}

Status Fail(const std::string& option, std::vector<SimulatedDag>& dags) {
  const auto equals = option.rfind('=');
  const std::string name = option.substr(0, equals);
  const auto rule =
      ParseFailure(option, equals == std::string::npos ? "" : std::string_view(option).substr(equals + 1));
  if (!rule) return rule.error();
  std::vector<std::string> names;
  bool found = false;
  for (SimulatedDag& dag : dags) {
    for (std::size_t t = 0; t < dag.tasks.size(); ++t) {
      const Task& task = dag.dag->tasks[t];
      names.push_back(dag.dag->id + "." + task.id);
      if (!Means(name, *dag.dag, task)) continue;
      dag.tasks[t].fails = *rule;
      found = true;
    }
  }
  if (found) return Ok();
  return Error{ErrorCode::kNotFound, fmt::format("--fail {}: no task that is simulated is called \"{}\"", option, name),
               DidYouMean(name, names)};
}

Status TakePools(const SimulationInput& input, PreparedSimulation& prepared) {
  std::map<std::string, std::int32_t> given;
  for (const std::string& option : input.pools) {
    const auto equals = option.rfind('=');
    const auto slots = equals == std::string::npos ? std::nullopt : Whole(std::string_view(option).substr(equals + 1));
    if (!slots || *slots < -1 || equals == 0)
      return Error{ErrorCode::kInvalid, fmt::format("--pool {}: not of the form NAME=SLOTS", option),
                   "for example --pool warehouse=4; -1 is no limit"};
    given[option.substr(0, equals)] = *slots;
  }
  std::set<std::string> named;
  for (const SimulatedDag& dag : prepared.dags) {
    for (const Task& task : dag.dag->tasks) named.insert(task.pool);
  }
  for (const auto& [name, slots] : given) {
    if (!named.contains(name))
      prepared.notes.push_back(fmt::format("no task that is simulated names the pool \"{}\"", name));
  }
  for (const std::string& name : named) {
    const auto found = given.find(name);
    const bool is_default = name == kDefaultPool;
    if (found == given.end() && !is_default)
      prepared.notes.push_back(
          fmt::format("the pool \"{0}\" is taken to have no limit; give it one with --pool {0}=SLOTS", name));
    const std::int32_t unknown = is_default ? kDefaultPoolSlots : -1;
    prepared.pools.push_back(PoolChanged{name, found != given.end() ? found->second : unknown});
  }
  return Ok();
}

}  // namespace

Result<PreparedSimulation> LoadForSimulation(const SimulationInput& input, const ZoneSource& zones) {
  PreparedSimulation prepared;
  auto dags = LoadAll(input, zones, prepared);
  if (!dags) return dags.error();
  for (DagPtr& dag : *dags) {
    if (dag->is_paused_upon_creation && !input.include_paused) {
      prepared.paused.push_back(dag->id);
      continue;
    }
    auto timetable = MakeTimetable(dag->schedule, zones);
    if (!timetable)
      return Error{ErrorCode::kInvalid, fmt::format("DAG \"{}\": {}", dag->id, timetable.error().message),
                   timetable.error().hint};
    std::vector<SimulatedTask> tasks(dag->tasks.size());
    prepared.dags.push_back(SimulatedDag{std::move(dag), std::move(*timetable), std::move(tasks)});
  }
  if (prepared.dags.empty())
    return Error{ErrorCode::kInvalid, "every DAG is paused upon its creation, so nothing would run",
                 "simulate them with --include-paused"};
  return prepared;
}

Status Configure(const SimulationInput& input, PreparedSimulation& prepared) {
  Durations durations(input);
  for (SimulatedDag& dag : prepared.dags) {
    for (std::size_t t = 0; t < dag.tasks.size(); ++t)
      dag.tasks[t].duration = durations.Of(*dag.dag, dag.dag->tasks[t]);
  }
  durations.NoteUnused(prepared.dags, prepared.notes);
  for (const std::string& option : input.failures) {
    if (const Status failed = Fail(option, prepared.dags); !failed) return failed;
  }
  return TakePools(input, prepared);
}

}  // namespace pipelined::cli
