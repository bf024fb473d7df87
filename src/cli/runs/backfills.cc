// pipectl backfill: create, list, show, watch, pause, unpause, cancel.
#include <fmt/format.h>

#include <algorithm>

#include "cli/runs/backfill_dates.h"
#include "cli/commands.h"
#include "cli/live/watch_backfill.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kBackfillColumns{{"ID", "id"},
                                           {"DAG", "dag_id"},
                                           {"FROM", "from_date"},
                                           {"TO", "to_date"},
                                           {"PAUSED", "is_paused"},
                                           {"REPROCESS", "reprocess_behavior"},
                                           {"CREATED", "created_at"},
                                           {"COMPLETED", "completed_at"}};
const std::vector<Column> kDryColumns{{"LOGICAL DATE", "logical_date"}};

struct CreateOptions {
  std::string dag_id, from, to, conf, reprocess = "none";
  std::vector<std::string> params;
  int max_active_runs = 10;
  bool backwards = false, dry_run = false, wait = false, watch = false;
  double timeout = 0;
};

Result<Value> CreateBody(const Session& session, const CreateOptions& options) {
  const auto dag = session.Get("/api/v2/dags/" + PercentEncode(options.dag_id) + "/details");
  if (!dag) return dag.error();
  const std::string name = TextOf(*dag, "timezone");
  const auto zone = SystemZones().Find(name.empty() ? "UTC" : name);
  if (!zone) return zone.error();
  const auto from = ReadRangeDate(options.from, RangeEnd::kFrom, **zone);
  if (!from) return from.error();
  const auto to = ReadRangeDate(options.to, RangeEnd::kTo, **zone);
  if (!to) return to.error();
  Value body = Value(Value::Map{{"dag_id", options.dag_id},
                                {"from_date", FormatInstant(*from)},
                                {"to_date", FormatInstant(*to)},
                                {"run_backwards", options.backwards},
                                {"reprocess_behavior", options.reprocess},
                                {"max_active_runs", std::int64_t{options.max_active_runs}}});
  if (!options.conf.empty() || !options.params.empty()) {
    auto conf = ParamsFromOptions(options.conf, options.params);
    if (!conf) return conf.error();
    body.Set("dag_run_conf", std::move(*conf));
  }
  const Value* paused = dag->Find("is_paused");
  if (!options.dry_run && paused != nullptr && paused->is_bool() && paused->boolean()) {
    fmt::print(stderr, "warning: DAG {} is paused: its runs wait until it is unpaused (pipectl dags unpause {})\n",
               options.dag_id, options.dag_id);
  }
  return body;
}

Status DryRun(const Session& session, Program& program, const Value& body) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto answer = session.Post("/api/v2/backfills/dry_run", body);
  if (!answer) return answer.error();
  const Value* rows = answer->Find("backfills");
  if (rows == nullptr || !rows->is_list()) return Error{ErrorCode::kBug, "the server's answer has no list", ""};
  PrintRows(*format, rows->list(), kDryColumns);
  if (IsTable(*format)) fmt::print("{} runs\n", rows->list().size());
  return Ok();
}

// Waits, shows what came of it, and remembers whether all is well.
Status Follow(const Session& session, Program& program, std::int64_t id, bool progress, double timeout) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  WatchBackfillOptions options;
  options.progress = progress && !program.global.quiet;
  options.timeout_seconds = timeout;
  const auto ended = WatchBackfill(session, id, options);
  if (!ended) return ended.error();
  if (!Succeeded(*ended)) program.exit_code = Exit::kFailed;
  if (IsWhole(*format)) {
    PrintObject(*format, *ended);
  } else {
    fmt::print("backfill {}: {}\n", id, BackfillSummary(*ended));
  }
  return Ok();
}

Status Create(const Session& session, Program& program, const CreateOptions& options) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto body = CreateBody(session, options);
  if (!body) return body.error();
  if (options.dry_run) return DryRun(session, program, *body);
  const auto made = session.Post("/api/v2/backfills", *body);
  if (!made) return made.error();
  const Value* id = made->Find("id");
  if (id == nullptr || !id->is_int()) return Error{ErrorCode::kBug, "the server's answer has no id", ""};
  if (options.wait || options.watch) {
    if (!program.global.quiet) fmt::print(stderr, "backfill {} of {}\n", id->integer(), options.dag_id);
    return Follow(session, program, id->integer(), options.watch, options.timeout);
  }
  if (IsWhole(*format)) {
    PrintObject(*format, *made);
  } else {
    fmt::print("backfill {} of {}: follow it with pipectl backfill watch {}\n", id->integer(), options.dag_id,
               id->integer());
  }
  return Ok();
}

void AddCreate(CLI::App& backfill, Program& program) {
  const auto options = std::make_shared<CreateOptions>();
  CLI::App* create = AddCommand(
      backfill, "create", "Run a DAG for every slot of a range of past dates",
      "pipectl backfill create sales_daily --from 2026-01-01 --to 2026-01-31 --watch\n"
      "  pipectl backfill create sales_daily --from 2026-01-01 --to 2026-01-31 --reprocess failed --dry-run");
  create->add_option("DAG", options->dag_id, "Its id")->required();
  create
      ->add_option("--from,--from-date", options->from,
                   "First date: a day, or an instant; no offset: in the DAG's zone")
      ->required();
  create->add_option("--to,--to-date", options->to, "Last date; a day is meant whole")->required();
  create
      ->add_option("--reprocess,--reprocess-behavior", options->reprocess,
                   "Which existing runs of the range run again: none, failed or completed")
      ->check(CLI::IsMember({"none", "failed", "completed"}))
      ->capture_default_str();
  create
      ->add_option("--max-active-runs", options->max_active_runs,
                   "Runs of it at the same time; the DAG's own limit does not count")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  create->add_flag("--run-backwards", options->backwards, "The latest date first");
  create->add_option("-p,--param", options->params, "A parameter of its runs, key=value; may be repeated")->take_all();
  create->add_option("-c,--conf,--dag-run-conf", options->conf, "Parameters as one JSON object");
  create->add_flag("--dry-run", options->dry_run, "Only list what would run");
  create->add_flag("--wait", options->wait, "Wait for its end; the exit code says whether every run succeeded");
  create->add_flag("--watch", options->watch, "The same, and show its progress");
  create->add_option("--timeout", options->timeout,
                     "With --wait or --watch: give up after so many seconds; it goes on");
  AddOutputOption(*create, program);
  create->callback([&program, options] {
    program.WithSession([&](const Session& session) { return Create(session, program, *options); });
  });
}

void AddList(CLI::App& backfill, Program& program) {
  const auto dag_id = std::make_shared<std::string>("~");
  CLI::App* list =
      AddCommand(backfill, "list", "List backfills, the latest first", "pipectl backfill list sales_daily");
  list->add_option("DAG", *dag_id, "Only of this DAG");
  AddOutputOption(*list, program);
  list->callback([&program, dag_id] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      const auto rows = session.GetAll("/api/v2/backfills?order_by=-id&dag_id=" + PercentEncode(*dag_id), "backfills");
      if (!rows) return rows.error();
      PrintRows(*format, *rows, kBackfillColumns);
      return Ok();
    });
  });
}

// A number, or a DAG: its last backfill.
Result<std::int64_t> FindBackfill(const Session& session, const std::string& text) {
  if (!text.empty() && text.size() < 18 &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }))
    return std::int64_t{std::stoll(text)};
  const auto answer = session.Get("/api/v2/backfills?limit=1&order_by=-id&dag_id=" + PercentEncode(text));
  if (!answer) return answer.error();
  const Value* rows = answer->Find("backfills");
  const Value* id =
      rows != nullptr && rows->is_list() && !rows->list().empty() ? rows->list().front().Find("id") : nullptr;
  if (id == nullptr)
    return Error{ErrorCode::kNotFound, fmt::format("DAG {} has no backfill", text), "list them: pipectl backfill list"};
  return id->integer();
}

void AddForOne(CLI::App& backfill, Program& program, const std::string& name, const std::string& does,
               const std::function<Status(const Session&, std::int64_t)>& work,
               const std::function<void(CLI::App&)>& more = {}) {
  const auto text = std::make_shared<std::string>();
  CLI::App* command = AddCommand(backfill, name, does, fmt::format("pipectl backfill {} 3", name));
  command->add_option("BACKFILL", *text, "Its id, or a DAG: its last backfill")->required();
  AddOutputOption(*command, program);
  if (more) more(*command);
  command->callback([&program, text, work] {
    program.WithSession([&](const Session& session) -> Status {
      const auto id = FindBackfill(session, *text);
      if (!id) return id.error();
      return work(session, *id);
    });
  });
}

void AddSteer(CLI::App& backfill, Program& program, const std::string& verb, const std::string& done,
              const std::string& does) {
  AddForOne(backfill, program, verb, does, [&program, verb, done](const Session& session, std::int64_t id) -> Status {
    const auto format = OutputFormat(program.global);
    if (!format) return format.error();
    const auto answer = session.Put(fmt::format("/api/v2/backfills/{}/{}", id, verb));
    if (!answer) return answer.error();
    if (IsWhole(*format)) {
      PrintObject(*format, *answer);
    } else if (!program.global.quiet) {
      fmt::print("backfill {} {}\n", id, done);
    }
    return Ok();
  });
}

void AddShow(CLI::App& backfill, Program& program) {
  AddForOne(backfill, program, "show", "Show a backfill: how far it is, how long it will take, what failed",
            [&program](const Session& session, std::int64_t id) -> Status {
              const auto format = OutputFormat(program.global);
              if (!format) return format.error();
              const auto progress = session.Get(fmt::format("/api/ext/v1/backfills/{}/progress", id));
              if (!progress) return progress.error();
              PrintObject(*format, *progress);
              return Ok();
            });
}

void AddWatch(CLI::App& backfill, Program& program) {
  const auto timeout = std::make_shared<double>(0);
  AddForOne(
      backfill, program, "watch", "Follow a backfill to its end, with progress",
      [&program, timeout](const Session& session, std::int64_t id) {
        return Follow(session, program, id, true, *timeout);
      },
      [timeout](CLI::App& command) {
        command.add_option("--timeout", *timeout, "Give up after so many seconds; it goes on");
      });
}

}  // namespace

void AddBackfillCommands(CLI::App& app, Program& program) {
  CLI::App* backfill = AddCommand(app, "backfill", "Backfills: runs for a range of past dates",
                                  "pipectl backfill create sales_daily --from 2026-01-01 --to 2026-01-31 --watch");
  backfill->require_subcommand(1);
  AddCreate(*backfill, program);
  AddList(*backfill, program);
  AddShow(*backfill, program);
  AddWatch(*backfill, program);
  AddSteer(*backfill, program, "pause", "paused", "Start no further run of a backfill");
  AddSteer(*backfill, program, "unpause", "unpaused", "Let a paused backfill go on");
  AddSteer(*backfill, program, "cancel", "cancelled", "End a backfill: what runs goes on, what waits is failed");
}

}  // namespace pipelined::cli
