// pipectl runs: list, show, watch, wait, cancel, delete; diff is in run_diff.cc, what steers them in steer.cc.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/shell/consent.h"
#include "cli/runs/run_at.h"
#include "cli/runs/run_name.h"
#include "cli/runs/steer.h"
#include "cli/live/watch.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kRunColumns{{"DAG", "dag_id"},
                                      {"RUN", "dag_run_id"},
                                      {"STATE", "state"},
                                      {"TYPE", "run_type"},
                                      {"LOGICAL DATE", "logical_date"},
                                      {"START", "start_date"},
                                      {"END", "end_date"}};

void AddList(CLI::App& runs, Program& program) {
  struct Options {
    std::string dag_id = "~";
    std::vector<std::string> states;
    std::size_t limit = 50;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* list =
      AddCommand(runs, "list", "List runs, the latest first", "pipectl runs list sales_daily --state failed");
  list->add_option("DAG", options->dag_id, "Only of this DAG");
  list->add_option("--state", options->states, "queued, running, success or failed; may be repeated");
  list->add_option("--limit", options->limit, "At most so many; 0: all")->capture_default_str();
  AddOutputOption(*list, program);
  list->callback([&program, options] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      std::string path = "/api/v2/dags/" + PercentEncode(options->dag_id) + "/dagRuns?order_by=-id";
      for (const std::string& state : options->states) path += "&state=" + PercentEncode(state);
      const auto rows = session.GetAll(path, "dag_runs", options->limit);
      if (!rows) return rows.error();
      PrintRows(*format, *rows, kRunColumns);
      return Ok();
    });
  });
}

// A command about one run.
void AddForRun(CLI::App& runs, Program& program, const std::string& name, const std::string& does,
               const std::function<Status(const Session&, const RunName&, Program&)>& work,
               const std::function<void(CLI::App&)>& more = {}) {
  const auto words = std::make_shared<std::vector<std::string>>();
  CLI::App* command =
      AddCommand(runs, name, does, fmt::format("pipectl runs {} sales_daily manual__2026-01-31T06:00:00+00:00", name));
  command->add_option("RUN", *words, "DAG and run id, or a run id alone when only one DAG has it")
      ->required()
      ->expected(1, 2);
  AddOutputOption(*command, program);
  if (more) more(*command);
  command->callback([&program, words, work] {
    program.WithSession([&](const Session& session) -> Status {
      const auto run = FindRun(session, *words);
      if (!run) return run.error();
      return work(session, *run, program);
    });
  });
}

Status ShowResult(Program& program, const Value& run) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  if (!program.global.quiet || *format == Layout::kJson) PrintObject(*format, run);
  return Ok();
}

// "missed 2026-01-31T06:15:00Z (15m after it was queued)". JSON is the REST object and stays that.
Status AddDeadlines(const Session& session, Program& program, const RunName& name, Value& run) {
  const auto format = OutputFormat(program.global);
  if (!format || *format == Layout::kJson) return Ok();
  const auto rows = session.GetAll(RunPath(name.dag_id, name.run_id, "/api/ext/v1") + "/deadlines", "deadlines");
  if (!rows) return rows.error();
  Value::List shown;
  for (const Value& row : *rows)
    shown.emplace_back(fmt::format("{} {} ({})", TextOf(row, "state"), TextOf(row, "due_at"), TextOf(row, "deadline")));
  if (!shown.empty()) run.Set("deadlines", Value(std::move(shown)));
  return Ok();
}

std::string LinkText(const Value& link) {
  return fmt::format("{} {} ({}, task {}{})", TextOf(link, "dag_id"), TextOf(link, "dag_run_id"), TextOf(link, "state"),
                     TextOf(link, "task_id"), link.Find("is_sub_run")->boolean() ? ", sub-run" : "");
}

// Only of a run that hangs together with others: the task that made it, and what its tasks have made.
void AddLinks(const Value& links, Value& run) {
  if (const Value* by = links.Find("made_by"); by != nullptr && by->is_map()) run.Set("made_by", LinkText(*by));
  Value::List made;
  for (const Value& link : links.Find("made")->list()) made.emplace_back(LinkText(link));
  if (!made.empty()) run.Set("made", std::move(made));
}

void AddShow(CLI::App& runs, Program& program) {
  const auto at = std::make_shared<std::string>();
  const auto show = [at](const Session& session, const RunName& name, Program& p) -> Status {
    if (!at->empty()) return ShowRunAt(session, p, name, *at);
    auto run = session.Get(RunPath(name.dag_id, name.run_id, "/api/ext/v1"));
    if (!run) return run.error();
    if (const Status added = AddDeadlines(session, p, name, *run); !added) return added;
    const auto links = session.Get(
        fmt::format("/api/ext/v1/dags/{}/dagRuns/{}/links", PercentEncode(name.dag_id), PercentEncode(name.run_id)));
    if (!links) return links.error();
    AddLinks(*links, *run);
    return ShowResult(p, *run);
  };
  AddForRun(runs, program, "show", "Show one run, as it is or as it was", show, [at](CLI::App& command) {
    command.add_option("--at", *at,
                       "As it was then: RFC 3339, a date and time in UTC, -90s (before now) or +5m (after its start)");
    command.footer(
        "Examples:\n"
        "  pipectl runs show sales_daily latest\n"
        "  pipectl runs show sales_daily latest --at 2026-01-31T06:05:00Z\n"
        "  pipectl runs show sales_daily latest --at +5m");
  });
}

void AddRunDelete(CLI::App& runs, Program& program) {
  struct Given {
    bool dry_run = false, yes = false;
  };
  const auto given = std::make_shared<Given>();
  const auto work = [given](const Session& session, const RunName& name, Program& p) -> Status {
    const auto run = session.Get(RunPath(name.dag_id, name.run_id));
    if (!run) return run.error();
    const std::string what = fmt::format("{} of {} ({})", name.run_id, name.dag_id, TextOf(*run, "state"));
    if (given->dry_run) {
      fmt::print("would delete {}\n", what);
      return Ok();
    }
    if (const Status agreed = Confirm(given->yes, fmt::format("delete {} with its history?", what)); !agreed)
      return agreed;
    if (const auto done = session.Delete(RunPath(name.dag_id, name.run_id)); !done) return done.error();
    if (!p.global.quiet) fmt::print("{} deleted\n", name.run_id);
    return Ok();
  };
  AddForRun(runs, program, "delete", "Delete a run with its history; its log files stay", work,
            [given](CLI::App& command) {
              command.add_flag("--dry-run", given->dry_run, "Only say what would be deleted");
              AddYesOption(command, given->yes);
            });
}

}  // namespace

void AddRunCommands(CLI::App& app, Program& program) {
  CLI::App* runs =
      AddCommand(app, "runs", "Runs: list, follow, cancel, clear, mark, repeat, compare, delete", "pipectl runs list");
  runs->require_subcommand(1);
  AddList(*runs, program);
  AddShow(*runs, program);
  AddRunDiff(*runs, program);
  AddRunSteering(*runs, program);
  const auto timeout = std::make_shared<double>(0);
  const auto follow = [timeout](bool progress) {
    return [timeout, progress](const Session& session, const RunName& name, Program& p) -> Status {
      WatchOptions options;
      options.progress = progress && !p.global.quiet;
      options.timeout_seconds = *timeout;
      const auto run = WatchRun(session, name.dag_id, name.run_id, options);
      if (!run) return run.error();
      if (TextOf(*run, "state") != "success") p.exit_code = Exit::kFailed;
      return ShowResult(p, *run);
    };
  };
  const auto with_timeout = [timeout](CLI::App& command) {
    command.add_option("--timeout", *timeout, "Give up after so many seconds; the run goes on");
  };
  AddForRun(*runs, program, "watch", "Follow a run to its end, with progress", follow(true), with_timeout);
  AddForRun(*runs, program, "wait", "Wait for the end of a run; the exit code says how it ended", follow(false),
            with_timeout);
  AddRunDelete(*runs, program);
  AddForRun(*runs, program, "cancel", "End a run: what runs is stopped, what waits is skipped",
            [](const Session& session, const RunName& name, Program& p) -> Status {
              const auto run = session.Post(RunPath(name.dag_id, name.run_id, "/api/ext/v1") + "/cancel", Value());
              if (!run) return run.error();
              return ShowResult(p, *run);
            });
}

}  // namespace pipelined::cli
