// pipectl tasks clear, tasks mark, runs clear, runs mark, runs note, runs rerun, runs history: what people decide about
// runs and tasks.
#include "cli/runs/steer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "cli/commands.h"
#include "cli/runs/instance_name.h"
#include "cli/runs/run_name.h"
#include "cli/live/watch.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kColumns{
    {"RUN", "dag_run_id"}, {"TASK", "task_id"}, {"STATE", "state"}, {"TRY", "try_number"}, {"END", "end_date"}};

// With the names of instances, where people read them.
void PrintTasks(Layout format, Value::List rows, const std::vector<Column>& columns = kColumns) {
  if (!IsWhole(format)) {
    for (Value& row : rows) row.Set("task_id", InstanceName(row));
  }
  PrintRows(format, rows, columns);
}

// What clear and mark have in common.
struct Steering {
  std::vector<std::string> words;  // DAG, run, tasks
  std::vector<std::string> groups;
  std::vector<int> indexes;  // of the tasks that are named without one
  bool upstream = false, downstream = false, past = false, future = false;
  bool only_failed = false, only_running = false, latest_version = false;
  bool dry_run = false, yes = false;
  std::string state;
  std::optional<std::string> note;
};

void AddReach(CLI::App& command, Steering& given, bool graph) {
  if (graph) {
    command.add_flag("--upstream", given.upstream, "Also everything above");
    command.add_flag("--downstream", given.downstream, "Also everything below");
  }
  command.add_flag("--past", given.past, "Also in the runs with earlier logical dates");
  command.add_flag("--future", given.future, "Also in the runs with later logical dates");
}

void AddConsent(CLI::App& command, Steering& given) {
  command.add_flag("--dry-run", given.dry_run, "Only list what would be concerned");
  command.add_flag("-y,--yes", given.yes, "Do not ask on a terminal");
}

// Asks on a terminal; elsewhere it was asked for, and is done.
bool Agreed(const Steering& given, const std::string& question) {
  if (given.yes || isatty(STDIN_FILENO) == 0 || !StderrIsTerminal()) return true;
  fmt::print(stderr, "{} [y/N] ", question);
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

Value::List Instances(const Value& answer) {
  const Value* rows = answer.Find("task_instances");
  return rows != nullptr && rows->is_list() ? rows->list() : Value::List{};
}

// First what would be concerned, then the question, then it is done: `send` is called with the dry run's answer first.
Status Carry(Program& program, const Steering& given, const std::string& verb,
             const std::function<Result<Value>(bool dry_run)>& send) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto planned = send(true);
  if (!planned) return planned.error();
  const Value::List tasks = Instances(*planned);
  if (given.dry_run) {
    PrintTasks(*format, tasks);
    return Ok();
  }
  if (tasks.empty() && verb == "clear") {
    if (IsWhole(*format)) PrintTasks(*format, tasks);
    fmt::print(stderr, "nothing to clear: no task is selected\n");
    return Ok();
  }
  if (!given.yes && isatty(STDIN_FILENO) != 0 && StderrIsTerminal()) PrintTasks(Layout::kTable, tasks);
  if (!Agreed(given, fmt::format("{} {} task{}?", verb, tasks.size(), tasks.size() == 1 ? "" : "s"))) {
    return Error{ErrorCode::kInvalid, "nothing was changed", "say y, or give --yes"};
  }
  const auto done = send(false);
  if (!done) return done.error();
  if (!program.global.quiet || *format == Layout::kJson) PrintTasks(*format, Instances(*done));
  return Ok();
}

Value ClearBody(const Steering& given, const std::string& run_id, const Value::List& ids, bool dry_run) {
  Value body = Value::Map{{"dry_run", dry_run},
                          {"dag_run_id", run_id},
                          {"only_failed", given.only_failed},
                          {"only_running", given.only_running},
                          {"include_upstream", given.upstream},
                          {"include_downstream", given.downstream},
                          {"include_past", given.past},
                          {"include_future", given.future}};
  if (given.latest_version) body.Set("run_on_latest_version", true);
  if (given.note) body.Set("note", *given.note);
  if (!ids.empty()) body.Set("task_ids", Value(ids));
  return body;
}

Status Clear(const Session& session, Program& program, const Steering& given, const RunName& run,
             const Value::List& ids) {
  return Carry(program, given, "clear", [&](bool dry_run) {
    return session.Post("/api/v2/dags/" + PercentEncode(run.dag_id) + "/clearTaskInstances",
                        ClearBody(given, run.run_id, ids, dry_run));
  });
}

// "each[2]", or "each" with every --map-index; -1: all of the task.
std::vector<std::pair<std::string, int>> InstancesNamed(const Steering& given, const std::string& word) {
  const auto named = SplitInstanceName(word);
  if (named.second >= 0 || given.indexes.empty()) return {named};
  std::vector<std::pair<std::string, int>> all;
  for (const int index : given.indexes) all.emplace_back(word, index);
  return all;
}

Status ClearTasksOf(const Session& session, Program& program, const Steering& given) {
  const auto run = FindRun(session, {given.words.begin(), given.words.begin() + 2});
  if (!run) return run.error();
  Value::List ids(given.groups.begin(), given.groups.end());
  for (std::size_t at = 2; at < given.words.size(); ++at) {
    for (const auto& [id, index] : InstancesNamed(given, given.words[at]))
      ids.push_back(index < 0 ? Value(id) : Value(Value::List{id, static_cast<std::int64_t>(index)}));
  }
  if (ids.empty())
    return Error{ErrorCode::kInvalid, "no task is named",
                 "name tasks or --group, or clear the run: pipectl runs clear"};
  return Clear(session, program, given, *run, ids);
}

Status MarkTask(const Session& session, Program& program, const Steering& given) {
  const auto run = FindRun(session, {given.words.begin(), given.words.begin() + 2});
  if (!run) return run.error();
  if (given.words.size() + given.groups.size() != 3)
    return Error{ErrorCode::kInvalid, "a mark is of one task, or of one --group",
                 "mark them one after the other, or what lies below or above one with --downstream, --upstream"};
  std::string path = RunPath(run->dag_id, run->run_id);
  if (given.groups.empty()) {
    const auto named = InstancesNamed(given, given.words[2]);
    if (named.size() != 1)
      return Error{ErrorCode::kInvalid, "more than one --map-index is given", "mark one instance at a time, or all"};
    path += "/taskInstances/" + PercentEncode(named[0].first);
    if (named[0].second >= 0) path += fmt::format("/{}", named[0].second);
  } else {
    path += "/taskGroupInstances/" + PercentEncode(given.groups[0]);
  }
  Value body = Value::Map{{"new_state", given.state},
                          {"include_upstream", given.upstream},
                          {"include_downstream", given.downstream},
                          {"include_past", given.past},
                          {"include_future", given.future}};
  return Carry(program, given, "mark", [&](bool dry_run) {
    Value sent = body;
    if (given.note && !dry_run) sent.Set("note", *given.note);
    return session.Patch(path + (dry_run ? "/dry_run" : ""), sent);
  });
}

Status PrintRun(Program& program, const Value& run) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  if (!program.global.quiet || *format == Layout::kJson) PrintObject(*format, run);
  return Ok();
}

CLI::App* AddRunCommand(CLI::App& runs, Program& program, const std::string& name, const std::string& does,
                        const std::string& examples, std::vector<std::string>& words) {
  CLI::App* command = AddCommand(runs, name, does, "pipectl runs " + name + " sales_daily latest");
  command->footer("Examples:\n" + examples);
  command->add_option("RUN", words, "DAG and run id (or \"latest\")")->required()->expected(1, 2);
  AddOutputOption(*command, program);
  return command;
}

void AddRunsClear(CLI::App& runs, Program& program) {
  const auto given = std::make_shared<Steering>();
  CLI::App* command = AddRunCommand(
      runs, program, "clear", "Let a run that has ended run again: all of its tasks, or those that failed",
      "  pipectl runs clear sales_daily latest --only-failed\n"
      "  pipectl runs clear sales_daily latest --dry-run\n"
      "  pipectl runs clear sales_daily scheduled__2026-01-31T06:00:00+00:00 --future --yes",
      given->words);
  command->add_flag("--only-failed", given->only_failed, "Only tasks that failed, or stand below one that did");
  command->add_flag("--only-running", given->only_running, "Only tasks that run: they are stopped and started again");
  command->add_flag("--latest-version", given->latest_version, "Go on with the DAG as it is now, not as it was");
  command->add_option("--note", given->note, "Words about the run");
  AddReach(*command, *given, false);
  AddConsent(*command, *given);
  command->callback([&program, given] {
    program.WithSession([&](const Session& session) -> Status {
      const auto run = FindRun(session, given->words);
      if (!run) return run.error();
      return Clear(session, program, *given, *run, {});
    });
  });
}

void AddRunsMark(CLI::App& runs, Program& program) {
  const auto given = std::make_shared<Steering>();
  CLI::App* command = AddRunCommand(runs, program, "mark", "Say how a run ended, or let it go on (queued)",
                                    "  pipectl runs mark sales_daily latest --state success", given->words);
  command->add_option("--state", given->state, "success, failed or queued")
      ->required()
      ->check(CLI::IsMember({"success", "failed", "queued"}));
  command->add_flag("-y,--yes", given->yes, "Do not ask on a terminal");
  command->callback([&program, given] {
    program.WithSession([&](const Session& session) -> Status {
      const auto run = FindRun(session, given->words);
      if (!run) return run.error();
      if (!Agreed(*given, fmt::format("set run {} of {} to {}?", run->run_id, run->dag_id, given->state)))
        return Error{ErrorCode::kInvalid, "nothing was changed", "say y, or give --yes"};
      const auto done = session.Patch(RunPath(run->dag_id, run->run_id) + "?update_mask=state",
                                      Value(Value::Map{{"state", given->state}}));
      return done ? PrintRun(program, *done) : Status(done.error());
    });
  });
}

void AddRunsNote(CLI::App& runs, Program& program) {
  struct Note {
    std::vector<std::string> words;
    std::string task, text;
    bool remove = false;
  };
  const auto given = std::make_shared<Note>();
  CLI::App* command = AddRunCommand(runs, program, "note", "Keep words about a run, or about one of its tasks",
                                    "  pipectl runs note sales_daily latest -m \"late delivery, told the team\"\n"
                                    "  pipectl runs note sales_daily latest --task load -m \"loaded by hand\"\n"
                                    "  pipectl runs note sales_daily latest --remove",
                                    given->words);
  command->add_option("-m,--message", given->text, "The words");
  command->add_option("--task", given->task, "About this task");
  command->add_flag("--remove", given->remove, "Take the words back");
  command->callback([&program, given] {
    program.WithSession([&](const Session& session) -> Status {
      if (given->text.empty() != given->remove)
        return Error{ErrorCode::kInvalid, "give either --message or --remove", "see: pipectl runs note --help"};
      const auto run = FindRun(session, given->words);
      if (!run) return run.error();
      std::string path = RunPath(run->dag_id, run->run_id);
      const auto [task, index] = SplitInstanceName(given->task);
      if (!task.empty()) path += "/taskInstances/" + PercentEncode(task);
      if (index >= 0) path += fmt::format("/{}", index);
      const auto done = session.Patch(path + "?update_mask=note",
                                      Value(Value::Map{{"note", given->remove ? Value() : Value(given->text)}}));
      if (!done) return done.error();
      if (given->task.empty()) return PrintRun(program, *done);
      const Value::List rows = Instances(*done);
      return rows.empty() ? Ok() : PrintRun(program, rows.front());
    });
  });
}

void AddRunsRerun(CLI::App& runs, Program& program) {
  struct Rerun {
    std::vector<std::string> words, params;
    std::string conf, run_id;
    std::optional<std::string> note;
    bool watch = false;
  };
  const auto given = std::make_shared<Rerun>();
  CLI::App* command =
      AddRunCommand(runs, program, "rerun", "Make a new run like an old one, with other params; the two stay linked",
                    "  pipectl runs rerun sales_daily latest -p region=eu\n"
                    "  pipectl runs rerun sales_daily latest --conf '{\"limit\": 10}' --watch",
                    given->words);
  command->add_option("-p,--param", given->params, "key=value on top of the old run's; may be repeated");
  command->add_option("--conf", given->conf, "The same as a JSON object");
  command->add_option("--run-id", given->run_id, "Of the new run");
  command->add_option("--note", given->note, "Words about the new run");
  command->add_flag("--watch", given->watch, "Follow the new run to its end");
  command->callback([&program, given] {
    program.WithSession([&](const Session& session) -> Status {
      const auto conf = ParamsFromOptions(given->conf, given->params);
      if (!conf) return conf.error();
      const auto old = FindRun(session, given->words);
      if (!old) return old.error();
      Value body = Value::Map{{"conf", *conf}};
      if (!given->run_id.empty()) body.Set("dag_run_id", given->run_id);
      if (given->note) body.Set("note", *given->note);
      auto run = session.Post(RunPath(old->dag_id, old->run_id, "/api/ext/v1") + "/rerun", body);
      if (!run) return run.error();
      if (given->watch) {
        WatchOptions options;
        options.progress = !program.global.quiet;
        run = WatchRun(session, old->dag_id, TextOf(*run, "dag_run_id"), options);
        if (!run) return run.error();
        if (TextOf(*run, "state") != "success") program.exit_code = Exit::kFailed;
      }
      return PrintRun(program, *run);
    });
  });
}

void AddRunsHistory(CLI::App& runs, Program& program) {
  const auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command = AddRunCommand(runs, program, "history", "List what happened to a run: when, who, what and why",
                                    "  pipectl runs history sales_daily latest", *words);
  command->callback([&program, words] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      const auto run = FindRun(session, *words);
      if (!run) return run.error();
      const auto events = session.GetAll(RunPath(run->dag_id, run->run_id, "/api/ext/v1") + "/events", "events");
      if (!events) return events.error();
      PrintTasks(*format, *events,
                 {{"WHEN", "when"},
                  {"WHO", "who"},
                  {"TASK", "task_id"},
                  {"TRY", "try_number"},
                  {"FROM", "from"},
                  {"TO", "to"},
                  {"WHY", "why"}});
      return Ok();
    });
  });
}

CLI::App* AddTaskCommand(CLI::App& tasks, Program& program, const std::string& name, const std::string& does,
                         const std::string& examples, Steering& given, int most) {
  CLI::App* command = AddCommand(tasks, name, does, "pipectl tasks " + name + " sales_daily latest load");
  command->footer("Examples:\n" + examples);
  command->add_option("TASK", given.words, "DAG, run id (or \"latest\") and task ids")->required()->expected(2, most);
  command->add_option("--group", given.groups, "All tasks of this group");
  command->add_option("--map-index", given.indexes, "Only this instance of mapped tasks; the same as TASK[2]")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--note", given.note, "Words about the tasks");
  AddReach(*command, given, true);
  AddConsent(*command, given);
  AddOutputOption(*command, program);
  return command;
}

}  // namespace

void AddRunSteering(CLI::App& runs, Program& program) {
  AddRunsClear(runs, program);
  AddRunsMark(runs, program);
  AddRunsNote(runs, program);
  AddRunsRerun(runs, program);
  AddRunsHistory(runs, program);
}

void AddTaskSteering(CLI::App& tasks, Program& program) {
  const auto clear = std::make_shared<Steering>();
  CLI::App* command = AddTaskCommand(tasks, program, "clear", "Let tasks run again; a run that has ended goes on",
                                     "  pipectl tasks clear sales_daily latest load --downstream\n"
                                     "  pipectl tasks clear sales_daily latest load --past --only-failed --dry-run\n"
                                     "  pipectl tasks clear sales_daily latest 'each[2]'\n"
                                     "  pipectl tasks clear sales_daily latest --group checks --yes",
                                     *clear, 1000);
  command->add_flag("--only-failed", clear->only_failed, "Of these only what failed, or stands below what did");
  command->add_flag("--only-running", clear->only_running, "Of these only what runs");
  command->add_flag("--latest-version", clear->latest_version, "Runs that have ended go on with the DAG as it is now");
  command->callback([&program, clear] {
    program.WithSession([&](const Session& session) { return ClearTasksOf(session, program, *clear); });
  });

  const auto mark = std::make_shared<Steering>();
  command = AddTaskCommand(tasks, program, "mark", "Say how a task ended; what failed below it runs again",
                           "  pipectl tasks mark sales_daily latest load --state success\n"
                           "  pipectl tasks mark sales_daily latest load --state skipped --downstream --dry-run",
                           *mark, 1000);
  command->add_option("--state", mark->state, "success, failed or skipped")
      ->required()
      ->check(CLI::IsMember({"success", "failed", "skipped"}));
  command->callback([&program, mark] {
    program.WithSession([&](const Session& session) { return MarkTask(session, program, *mark); });
  });
}

}  // namespace pipelined::cli
