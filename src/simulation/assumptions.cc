#include "pipelined/simulation/assumptions.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "pipelined/base/near_match.h"

namespace pipelined {
namespace {

constexpr std::int32_t kDefaultPoolSlots = 128;

std::string DidYouMean(const std::string& word, const std::vector<std::string>& names) {
  const std::vector<std::string_view> candidates(names.begin(), names.end());
  const auto near = NearMatch(word, candidates);
  return near ? fmt::format("did you mean \"{}\"?", *near) : "";
}

// The names that may stand for a task, the most specific one first.
std::vector<std::string> NamesOf(const Dag& dag, const Task& task) {
  return {dag.id + "." + task.id, dag.id + ".*"};
}

class Durations {
 public:
  explicit Durations(const Assumptions& assumed) : assumed_(assumed) {
    for (const NamedDuration& entry : assumed.given) given_[entry.name] = entry.duration;
  }

  Micros Of(const Dag& dag, const Task& task) {
    for (const std::string& name : NamesOf(dag, task)) {
      if (const auto found = given_.find(name); found != given_.end()) {
        return found->second;
      }
    }
    if (const auto found = assumed_.measured.find({dag.id, task.id}); found != assumed_.measured.end())
      return found->second;
    const auto any = given_.find("*");
    return any == given_.end() ? assumed_.default_duration : any->second;
  }

  void NoteUnused(const std::vector<SimulatedDag>& dags, std::vector<std::string>& notes) const {
    std::set<std::string> known{"*"};
    for (const SimulatedDag& dag : dags) {
      for (const Task& task : dag.dag->tasks) {
        for (std::string& name : NamesOf(*dag.dag, task)) known.insert(std::move(name));
      }
    }
    const std::vector<std::string> names(known.begin(), known.end());
    for (const NamedDuration& entry : assumed_.given) {
      if (known.contains(entry.name)) continue;
      const std::string hint = DidYouMean(entry.name, names);
      notes.push_back(fmt::format("line {} of the durations names no task that is simulated: \"{}\"{}{}", entry.line,
                                  entry.name, hint.empty() ? "" : "; ", hint));
    }
  }

 private:
  const Assumptions& assumed_;
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

Status TakePools(const Assumptions& assumed, PreparedSimulation& prepared) {
  std::map<std::string, std::int32_t> given;
  for (const std::string& option : assumed.pools) {
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

Result<PreparedSimulation> Prepare(std::vector<DagPtr> dags, bool include_paused, const ZoneSource& zones) {
  PreparedSimulation prepared;
  for (DagPtr& dag : dags) {
    if (dag->is_paused_upon_creation && !include_paused) {
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

Status Configure(const Assumptions& assumed, PreparedSimulation& prepared) {
  Durations durations(assumed);
  for (SimulatedDag& dag : prepared.dags) {
    for (std::size_t t = 0; t < dag.tasks.size(); ++t)
      dag.tasks[t].duration = durations.Of(*dag.dag, dag.dag->tasks[t]);
  }
  durations.NoteUnused(prepared.dags, prepared.notes);
  for (const std::string& option : assumed.failures) {
    if (const Status failed = Fail(option, prepared.dags); !failed) return failed;
  }
  return TakePools(assumed, prepared);
}

}  // namespace pipelined
