#include "store/instance_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace pipelined {

const char* const kTaskFrom =
    " from dag_run r join dag_version v on v.id = r.version_id join dag_version_task t on t.version_id = r.version_id "
    "left join task_map m on m.run_id = r.id and m.task_no = t.task_no "
    "cross join lateral generate_series(case when m.length is null then -1 else 0 end, coalesce(m.length, 0) - 1) "
    "as x (map_index) "
    "left join task_instance i on i.run_id = r.id and i.task_no = t.task_no and i.map_index = x.map_index "
    "left join attempt a on a.id = i.attempt_id "
    "left join task_note k on k.run_id = r.id and k.task_id = t.task_id and k.map_index = x.map_index";

const char* const kTouchedFrom =
    " from task_instance i join dag_run r on r.id = i.run_id join dag_version v on v.id = r.version_id "
    "join dag_version_task t on t.version_id = r.version_id and t.task_no = i.task_no "
    "left join task_map m on m.run_id = i.run_id and m.task_no = i.task_no "
    "cross join lateral (select i.map_index) as x "
    "left join attempt a on a.id = i.attempt_id "
    "left join task_note k on k.run_id = r.id and k.task_id = t.task_id and k.map_index = x.map_index";
// The row of a task that was expanded counts for nothing.
const char* const kTouchedCounts =
    "case when m.length is null then i.map_index = -1 else i.map_index between 0 and m.length - 1 end";
const char* const kTaskOfPage =
    "join dag_run r on r.id = x.run_id join dag_version v on v.id = r.version_id "
    "join dag_version_task t on t.version_id = r.version_id and t.task_no = x.task_no "
    "left join task_map m on m.run_id = r.id and m.task_no = t.task_no "
    "left join task_instance i on i.run_id = r.id and i.task_no = t.task_no and i.map_index = x.map_index "
    "left join attempt a on a.id = i.attempt_id "
    "left join task_note k on k.run_id = r.id and k.task_id = t.task_id and k.map_index = x.map_index";

namespace {

constexpr std::array kRunStates{RunState::kQueued, RunState::kRunning, RunState::kSuccess, RunState::kFailed};
constexpr auto kTaskWords = [] {
  std::array<TaskState, kTaskStates> all{};
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<TaskState>(i);
  return all;
}();

bool Has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}
bool Bounded(const TimeRange& range) {
  return range.gte || range.lte;
}

// "column in ('success', …)"
template <class State, std::size_t kCount>
std::string AnyState(std::string_view column, const std::vector<std::string>& wanted,
                     const std::array<State, kCount>& all) {
  std::string words;
  for (const State state : all) {
    if (std::find(wanted.begin(), wanted.end(), ToString(state)) != wanted.end())
      words += fmt::format("{}'{}'", words.empty() ? "" : ", ", ToString(state));
  }
  return words.empty() ? "false" : fmt::format("{} in ({})", column, words);
}

}  // namespace

std::string RunSource(bool with_version) {
  return with_version ? " from dag_run r join dag_version v on v.id = r.version_id" : " from dag_run r";
}

bool OnlyTouched(const TaskFilter& filter) {
  const bool by_state = !filter.states.empty() && !Has(filter.states, "none") && !Has(filter.states, "no_status");
  const bool by_time = Bounded(filter.start_date) || Bounded(filter.end_date) || Bounded(filter.updated_at) ||
                       filter.duration.gte || filter.duration.lte;
  const bool by_try = !filter.try_numbers.empty() &&
                      std::find(filter.try_numbers.begin(), filter.try_numbers.end(), 0) == filter.try_numbers.end();
  return by_state || by_time || by_try;
}

bool OfWholeRuns(const TaskFilter& filter) {
  const auto any = [](const TextSearch& search) { return search.pattern.empty() && search.prefix.empty(); };
  return filter.task_id.empty() && !filter.map_index && filter.task_ids.empty() && filter.states.empty() &&
         filter.pools.empty() && filter.operators.empty() && filter.try_numbers.empty() && any(filter.name) &&
         any(filter.pool) && any(filter.rendered_map_index) && !OnlyTouched(filter);
}

std::string CountByRun(const TaskFilter& filter, const ListingSql& sql, const Page& page) {
  const std::string runs = RunSource(!filter.versions.empty()) + sql.Conditions();
  const std::string by_version = fmt::format(
      "(select coalesce(sum(c.runs * v.task_count), 0)::bigint as tasks from (select s.version_id, count(*) as runs "
      "from (select r.version_id{}{}) as s group by s.version_id) as c join dag_version v on v.id = c.version_id)",
      runs, page.most_counted > 0 ? fmt::format(" limit {}", page.most_counted) : "");
  const std::string mapped = fmt::format(
      "(select coalesce(sum(m.length - 1), 0)::bigint from task_map m where m.run_id in (select r.id{}))", runs);
  if (page.most_counted <= 0) return fmt::format("select b.tasks + {} from {} as b", mapped, by_version);
  return fmt::format("select case when b.tasks >= {0} then {0} else least({0}, b.tasks + {1}) end from {2} as b",
                     page.most_counted, mapped, by_version);
}

void WhereTaskState(ListingSql& sql, const std::vector<std::string>& states) {
  if (Has(states, "none") || Has(states, "no_status")) {
    std::vector<std::string> words = states;
    words.emplace_back("none");
    return sql.Where(AnyState("coalesce(i.state, 'none')", words, kTaskWords));
  }
  sql.Where(AnyState("i.state", states, kTaskWords));
  // No task of an ended run is under way: where only such are asked for, the few runs that have not ended are looked
  // through.
  const auto ends = [](std::string_view word) {
    const std::optional<TaskState> state = TaskStateFromString(word);
    return state && IsFinished(*state);
  };
  if (std::none_of(states.begin(), states.end(), ends)) sql.Where("r.state in ('queued', 'running')");
}

void WhereRunState(ListingSql& sql, const std::vector<std::string>& states) {
  sql.Where(AnyState("r.state", states, kRunStates));
}

}  // namespace pipelined
