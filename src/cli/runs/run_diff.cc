// pipectl runs diff: two runs of one DAG side by side.
#include <fmt/format.h>

#include <cmath>

#include "cli/commands.h"
#include "cli/runs/instance_name.h"
#include "cli/runs/run_name.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

struct DiffOptions {
  std::vector<std::string> words;
  bool changed = false, exit_code = false;
};

Error TwoDags(const std::string& a, const std::string& b) {
  return Error{ErrorCode::kInvalid, fmt::format("the runs are of two DAGs, {} and {}", a, b),
               "compare runs of one DAG: pipectl runs diff DAG RUN RUN"};
}

// {run, run}, {dag, run, run} or {dag, run, dag, run}. A run id alone is looked for in the DAG of the first run.
Result<std::pair<RunName, std::string>> Names(const Session& session, const std::vector<std::string>& words) {
  const bool one_dag = words.size() == 3;
  const std::size_t split = words.size() == 2 ? 1 : 2;
  const auto a = FindRun(session, {words.begin(), words.begin() + static_cast<std::ptrdiff_t>(split)});
  if (!a) return a.error();
  if (words.size() == 2 && session.Get(RunPath(a->dag_id, words[1]))) return std::make_pair(*a, words[1]);
  std::vector<std::string> second(words.begin() + static_cast<std::ptrdiff_t>(split), words.end());
  if (one_dag) second.insert(second.begin(), words[0]);
  const auto b = FindRun(session, second);
  if (!b) return b.error();
  if (a->dag_id != b->dag_id) return TwoDags(a->dag_id, b->dag_id);
  return std::make_pair(*a, b->run_id);
}

bool Differs(const Value& part) {
  const Value* differs = part.Find("differs");
  return differs != nullptr && differs->is_bool() && differs->boolean();
}

std::string Length(const Value* seconds) {
  return seconds != nullptr && seconds->is_number() ? fmt::format("{:.3f}", seconds->number()) : "";
}

// "+1.250 (+12 %)"
std::string Change(const Value& duration) {
  const Value* change = duration.Find("change");
  if (change == nullptr || !change->is_number()) return "";
  const Value* percent = duration.Find("change_percent");
  std::string text = fmt::format("{:+.3f}", change->number());
  if (percent != nullptr && percent->is_number()) text += fmt::format(" ({:+.0f} %)", percent->number());
  return text;
}

const Value& Part(const Value& object, std::string_view key) {
  static const Value kNone;
  const Value* part = object.Find(key);
  return part == nullptr ? kNone : *part;
}

std::string StateCell(const Value& side) {
  if (!side.is_map()) return "-";  // not in that version
  const std::string state = TextOf(side, "state");
  return state.empty() ? "none" : state;
}

Value Row(std::string what, Value a, Value b, const Value& duration, bool differs) {
  return Value::Map{{"what", std::move(what)},
                    {"state_a", std::move(a)},
                    {"state_b", std::move(b)},
                    {"duration_a", Length(duration.Find("a"))},
                    {"duration_b", Length(duration.Find("b"))},
                    {"change", Change(duration)},
                    {"differs", differs ? "*" : ""}};
}

const std::vector<Column> kHeadColumns{{"", "what"}, {"A", "a"}, {"B", "b"}, {"", "differs"}};
const std::vector<Column> kTaskColumns{{"TASK", "what"},
                                       {"STATE A", "state_a"},
                                       {"STATE B", "state_b"},
                                       {"SECONDS A", "duration_a"},
                                       {"SECONDS B", "duration_b"},
                                       {"CHANGE", "change"},
                                       {"", "differs"}};

std::string ParamCell(const Value& side) {
  const Value* value = side.Find("value");
  return value == nullptr ? "-" : ToJson(*value);
}

// What the runs are, then their params where they differ.
Value::List HeadRows(const Value& diff, bool changed_only) {
  Value::List rows;
  const Value &a = Part(diff, "a"), &b = Part(diff, "b");
  for (const auto& [title, key] :
       {std::pair("run", "dag_run_id"), std::pair("state", "state"), std::pair("version", "version_number"),
        std::pair("type", "run_type"), std::pair("logical date", "logical_date"), std::pair("start", "start_date")}) {
    const bool name = std::string_view(key) == "dag_run_id";
    const bool counts = std::string_view(key) == "state" || std::string_view(key) == "version_number";
    const bool differs = counts && Part(a, key) != Part(b, key);
    if (changed_only && !name && !differs) continue;
    rows.emplace_back(
        Value::Map{{"what", title}, {"a", Part(a, key)}, {"b", Part(b, key)}, {"differs", differs ? "*" : ""}});
  }
  if (const Value& params = Part(diff, "params"); params.is_list()) {
    for (const Value& param : params.list()) {
      rows.emplace_back(Value::Map{{"what", "params." + TextOf(param, "key")},
                                   {"a", ParamCell(Part(param, "a"))},
                                   {"b", ParamCell(Part(param, "b"))},
                                   {"differs", "*"}});
    }
  }
  return rows;
}

Value::List TaskRows(const Value& diff, bool changed_only) {
  Value::List rows;
  if (const Value& tasks = Part(diff, "tasks"); tasks.is_list()) {
    for (const Value& task : tasks.list()) {
      if (changed_only && !Differs(task)) continue;
      rows.push_back(Row(InstanceName(task), StateCell(Part(task, "a")), StateCell(Part(task, "b")),
                         Part(task, "duration"), Differs(task)));
    }
  }
  const Value& whole = Part(diff, "duration");
  if (!changed_only || Differs(whole))
    rows.push_back(
        Row("(the run)", TextOf(Part(diff, "a"), "state"), TextOf(Part(diff, "b"), "state"), whole, Differs(whole)));
  return rows;
}

void Print(Layout format, Value diff, bool changed_only) {
  if (format == Layout::kJson || format == Layout::kYaml) {
    if (Value::List tasks; changed_only && Part(diff, "tasks").is_list()) {
      for (const Value& task : Part(diff, "tasks").list()) {
        if (Differs(task)) tasks.push_back(task);
      }
      diff.Set("tasks", std::move(tasks));
    }
    return PrintObject(format, diff);
  }
  PrintRows(format, HeadRows(diff, changed_only), kHeadColumns);
  fmt::print("\n");
  PrintRows(format, TaskRows(diff, changed_only), kTaskColumns);
  if (IsTable(format)) fmt::print("\n{}\n", Differs(diff) ? "* differs" : "no differences");
}

Status Diff(const Session& session, Program& program, const DiffOptions& options) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto names = Names(session, options.words);
  if (!names) return names.error();
  const auto& [a, b] = *names;
  auto diff = session.Get(RunPath(a.dag_id, a.run_id, "/api/ext/v1") + "/diff?with=" + PercentEncode(b));
  if (!diff) return diff.error();
  if (options.exit_code && Differs(*diff)) program.exit_code = Exit::kFailed;
  Print(*format, *std::move(diff), options.changed);
  return Ok();
}

}  // namespace

void AddRunDiff(CLI::App& runs, Program& program) {
  const auto options = std::make_shared<DiffOptions>();
  CLI::App* diff = AddCommand(runs, "diff", "Compare two runs of a DAG: states, durations, params, version",
                              "pipectl runs diff sales_daily scheduled__2026-01-30T06:00:00+00:00 latest --changed");
  diff->add_option("RUNS", options->words, "DAG and two run ids, or the run ids alone when only one DAG has them")
      ->required()
      ->expected(2, 4);
  diff->add_flag("--changed", options->changed,
                 "Only what differs; durations by at least 1 s and 10 % of the longer one");
  diff->add_flag("--exit-code", options->exit_code, "Exit with 1 when the runs differ");
  AddOutputOption(*diff, program);
  diff->callback([&program, options] {
    program.WithSession([&](const Session& session) { return Diff(session, program, *options); });
  });
}

}  // namespace pipelined::cli
