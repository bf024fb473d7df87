// pipectl tasks: list, logs, why; show and render have files of their own, what steers them is in steer.cc.
#include <fmt/format.h>
#include <poll.h>

#include "cli/commands.h"
#include "cli/runs/instance_name.h"
#include "cli/shell/patience.h"
#include "cli/runs/run_name.h"
#include "cli/runs/steer.h"
#include "cli/runs/task_name.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kTaskColumns{{"TASK", "task_id"},     {"STATE", "state"},  {"TRY", "try_number"},
                                       {"START", "start_date"}, {"END", "end_date"}, {"SECONDS", "duration"},
                                       {"OUTCOME", "outcome"}};

struct LogWords : TaskWords {
  bool follow = false;
  int try_number = 0;
};

Status List(const Session& session, Program& program, const std::vector<std::string>& words) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto run = FindRun(session, words);
  if (!run) return run.error();
  // json and yaml are Airflow's objects unchanged; the table also says how the last try ended ("lost", "timed_out").
  const bool whole = IsWhole(*format);
  const auto rows = session.GetAll(
      RunPath(run->dag_id, run->run_id, whole ? "/api/v2" : "/api/ext/v1") + "/taskInstances", "task_instances");
  if (!rows) return rows.error();
  if (whole) {
    PrintRows(*format, *rows, kTaskColumns);
    return Ok();
  }
  Value::List named = *rows;
  for (Value& row : named) row.Set("task_id", InstanceName(row));
  PrintRows(*format, named, kTaskColumns);
  return Ok();
}

// Many a try ends before it writes anything: its reason is what its log would have said.
Status SayWhyThereIsNone(const Session& session, const NamedTask& named, int try_number) {
  if (try_number == 0) {
    fmt::print(stderr, "it has not begun, and has no log: pipectl tasks why says more\n");
    return Ok();
  }
  const auto answer = session.Get(named.Path("/api/ext/v1") + "/tries?" + named.Query());
  const Value* tries = answer ? answer->Find("task_instances") : nullptr;
  if (tries == nullptr || !tries->is_list()) return Ok();
  for (const Value& one : tries->list()) {
    const Value* number = one.Find("try_number");
    if (number == nullptr || !number->is_int() || number->integer() != try_number) continue;
    const std::string outcome = TextOf(one, "outcome"), message = TextOf(one, "message");
    if (outcome.empty()) return Ok();
    fmt::print(stderr, "try {} has no log: {} ({})\n", try_number,
               message.empty() ? "it wrote nothing, or its log was removed" : message, outcome);
  }
  return Ok();
}

// Prints a log; with `follow` goes on until the try has ended.
Status Logs(const Session& session, const LogWords& given) {
  constexpr int kEveryMillis = 200;
  constexpr int kAwayMillis = 500;
  const auto named = FindTask(session, given);
  if (!named) return named.error();
  const std::string path = named->Path();
  const std::string instance_path = named->InstancePath();
  PatientSession patient(session);
  AwayNotice notice;
  std::size_t printed = 0;
  int try_number = given.try_number;
  for (;;) {
    const auto answer = given.follow ? patient.Get(instance_path) : std::optional(session.Get(instance_path));
    notice.Say(patient);
    if (!answer) {  // the server is away
      poll(nullptr, 0, kAwayMillis);
      continue;
    }
    const Result<Value>& instance = *answer;
    if (!instance) return instance.error();
    const std::string state = TextOf(*instance, "state");
    const Value* tried = instance->Find("try_number");
    const int current = tried != nullptr && tried->is_int() ? static_cast<int>(tried->integer()) : 0;
    if (try_number == 0) try_number = current;
    if (try_number > 0) {
      const auto text =
          patient.session().GetText(fmt::format("{}/logs/{}?full_content=true&{}", path, try_number, named->Query()));
      if (!text && given.follow && text.error().code == ErrorCode::kUnavailable) continue;  // the end may be missing
      if (!text && text.error().code != ErrorCode::kNotFound) return text.error();
      if (text && text->size() > printed) {
        fmt::print("{}", text->substr(printed));
        std::fflush(stdout);
        printed = text->size();
      }
    }
    const bool over = state == "success" || state == "failed" || state == "skipped" || state == "upstream_failed" ||
                      current > try_number || (state == "up_for_retry" && try_number > 0);
    if (!given.follow || over) return printed > 0 ? Ok() : SayWhyThereIsNone(patient.session(), *named, try_number);
    poll(nullptr, 0, kEveryMillis);
  }
}

Status Why(const Session& session, Program& program, const TaskWords& given) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto named = FindTask(session, given);
  if (!named) return named.error();
  const auto answer = session.Get(named->Path("/api/ext/v1") + "/why?" + named->Query());
  if (!answer) return answer.error();
  if (IsWhole(*format)) {
    PrintObject(*format, *answer);
    return Ok();
  }
  fmt::print("{}: {}\n", given.words.back(), TextOf(*answer, "state"));
  if (const Value* reasons = answer->Find("reasons"); reasons != nullptr && reasons->is_list()) {
    for (const Value& reason : reasons->list())
      fmt::print("  {}  ({})\n", TextOf(reason, "text"), TextOf(reason, "code"));
  }
  return Ok();
}

}  // namespace

void AddTaskCommands(CLI::App& app, Program& program) {
  CLI::App* tasks =
      AddCommand(app, "tasks", "Task instances: list, show, logs, render, clear, mark, what they wait for",
                 "pipectl tasks list sales_daily latest");
  tasks->require_subcommand(1);

  const auto list_words = std::make_shared<std::vector<std::string>>();
  CLI::App* list =
      AddCommand(*tasks, "list", "List the tasks of a run with their states", "pipectl tasks list sales_daily latest");
  list->add_option("RUN", *list_words, "DAG and run id (or \"latest\")")->required()->expected(1, 2);
  AddOutputOption(*list, program);
  list->callback([&program, list_words] {
    program.WithSession([&](const Session& session) { return List(session, program, *list_words); });
  });

  AddTaskShow(*tasks, program);
  AddTaskRender(*tasks, program);
  AddTaskSteering(*tasks, program);

  const auto log_words = std::make_shared<LogWords>();
  CLI::App* logs = AddForTask(*tasks, "logs", "Print the log of a try, by default the last", *log_words);
  logs->add_flag("-f,--follow", log_words->follow, "Go on until the try has ended");
  logs->add_option("--try", log_words->try_number, "Of this try");
  logs->callback([&program, log_words] {
    program.WithSession([&](const Session& session) { return Logs(session, *log_words); });
  });

  const auto why_words = std::make_shared<TaskWords>();
  CLI::App* why = AddForTask(*tasks, "why", "Say what a task waits for", *why_words);
  AddOutputOption(*why, program);
  why->callback([&program, why_words] {
    program.WithSession([&](const Session& session) { return Why(session, program, *why_words); });
  });
}

}  // namespace pipelined::cli
