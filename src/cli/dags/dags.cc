// pipectl dags: list, show, run, pause, unpause, delete, history, versions, import-errors.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/runs/start_run.h"
#include "cli/shell/consent.h"
#include "pipelined/base/percent.h"
#include "pipelined/http/client.h"
#include "pipelined/schema/json.h"

namespace pipelined::cli {
namespace {

const std::vector<Column> kDagColumns{{"DAG", "dag_id"},
                                      {"SCHEDULE", "timetable_summary"},
                                      {"PAUSED", "is_paused"},
                                      {"NEXT RUN", "next_dagrun_run_after"},
                                      {"FILE", "relative_fileloc"}};
const std::vector<Column> kEventColumns{
    {"WHEN", "when"}, {"WHO", "who"}, {"KIND", "kind"}, {"EVENT", "event"}, {"WHY", "why"}};
const std::vector<Column> kErrorColumns{{"FILE", "filename"}, {"WHEN", "timestamp"}, {"ERROR", "stack_trace"}};

void AddRun(CLI::App& dags, Program& program) {
  const auto dag_id = std::make_shared<std::string>();
  const auto options = std::make_shared<RunOptions>();
  CLI::App* run = AddCommand(dags, "run", "Start a run of a DAG", "pipectl dags run sales_daily -p region=eu --watch");
  run->alias("trigger");
  run->add_option("DAG", *dag_id, "Its id")->required();
  AddRunOptions(*run, options);
  AddOutputOption(*run, program);
  run->callback([&program, dag_id, options] {
    program.WithSession([&](const Session& session) {
      return StartRun(session, program, "/api/v2/dags/" + PercentEncode(*dag_id) + "/dagRuns", *options,
                      fmt::format("pipectl dags show {} --params", *dag_id));
    });
  });
}

void AddList(CLI::App& dags, Program& program) {
  CLI::App* list = AddCommand(dags, "list", "List the DAGs", "pipectl dags list -o json");
  AddOutputOption(*list, program);
  list->callback([&program] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      const auto rows = session.GetAll("/api/v2/dags", "dags");
      if (!rows) return rows.error();
      PrintRows(*format, *rows, kDagColumns);
      return Ok();
    });
  });
}

void AddShow(CLI::App& dags, Program& program) {
  const auto dag_id = std::make_shared<std::string>();
  const auto only_params = std::make_shared<bool>(false);
  CLI::App* show = AddCommand(dags, "show", "Show one DAG with its settings", "pipectl dags show sales_daily --params");
  show->add_option("DAG", *dag_id, "Its id")->required();
  show->add_flag("--params", *only_params, "Only its parameters");
  AddOutputOption(*show, program);
  show->callback([&program, dag_id, only_params] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      const auto dag = session.Get("/api/v2/dags/" + PercentEncode(*dag_id) + "/details");
      if (!dag) return dag.error();
      const Value* params = dag->Find("params");
      PrintObject(*format, *only_params ? (params == nullptr ? Value(Value::Map{}) : *params) : *dag);
      return Ok();
    });
  });
}

void AddPause(CLI::App& dags, Program& program, bool pause) {
  const auto dag_ids = std::make_shared<std::vector<std::string>>();
  const std::string name = pause ? "pause" : "unpause";
  CLI::App* command =
      AddCommand(dags, name, pause ? "Start no further task or scheduled run of a DAG" : "Let a paused DAG go on",
                 "pipectl dags " + name + " sales_daily");
  command->add_option("DAG", *dag_ids, "Ids")->required();
  command->callback([&program, dag_ids, pause] {
    program.WithSession([&](const Session& session) -> Status {
      for (const std::string& id : *dag_ids) {
        const auto done = session.Patch("/api/v2/dags/" + PercentEncode(id), Value(Value::Map{{"is_paused", pause}}));
        if (!done) return done.error();
        if (!program.global.quiet) fmt::print("{} {}\n", id, pause ? "paused" : "unpaused");
      }
      return Ok();
    });
  });
}

Status DeleteDag(const Session& session, const std::string& dag_id, bool dry_run, bool yes, bool quiet) {
  const std::string path = "/api/v2/dags/" + PercentEncode(dag_id);
  const auto dag = session.Get(path);
  if (!dag) return dag.error();
  const auto runs = session.Get(path + "/dagRuns?limit=1");
  if (!runs) return runs.error();
  const Value* total = runs->Find("total_entries");
  const std::string history = fmt::format("{} runs", total == nullptr ? "its" : CellText(total));
  if (dry_run) {
    fmt::print("would delete {} with {}\n", dag_id, history);
    return Ok();
  }
  if (const Status agreed = Confirm(yes, fmt::format("delete {} with {}?", dag_id, history)); !agreed) return agreed;
  const auto done = session.Delete(path);
  if (!done) return done.error();
  if (!quiet) fmt::print("{} deleted\n", dag_id);
  return Ok();
}

void AddDelete(CLI::App& dags, Program& program) {
  struct Given {
    std::string dag_id;
    bool dry_run = false, yes = false;
  };
  const auto given = std::make_shared<Given>();
  CLI::App* command = AddCommand(dags, "delete", "Delete a DAG with its whole history; its file stays",
                                 "pipectl dags delete old_report --dry-run\n  pipectl dags delete old_report -y");
  command->add_option("DAG", given->dag_id, "Its id")->required();
  command->add_flag("--dry-run", given->dry_run, "Only say what would be deleted");
  AddYesOption(*command, given->yes);
  command->callback([&program, given] {
    program.WithSession([&](const Session& session) {
      return DeleteDag(session, given->dag_id, given->dry_run, given->yes, program.global.quiet);
    });
  });
}

void AddVersions(CLI::App& dags, Program& program) {
  const auto dag_id = std::make_shared<std::string>();
  const auto number = std::make_shared<std::int64_t>(0);
  CLI::App* command = AddCommand(dags, "versions", "List the versions of a DAG, or print the text of one",
                                 "pipectl dags versions sales_daily\n  pipectl dags versions sales_daily --source 3");
  command->add_option("DAG", *dag_id, "Its id")->required();
  command->add_option("--source", *number, "Print what the file said in this version")->check(CLI::PositiveNumber);
  AddOutputOption(*command, program);
  command->callback([&program, dag_id, number] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      if (*number > 0) {
        const auto text =
            session.GetText(fmt::format("/api/v2/dagSources/{}?version_number={}", PercentEncode(*dag_id), *number));
        if (!text) return text.error();
        fmt::print("{}{}", *text, text->ends_with('\n') ? "" : "\n");
        return Ok();
      }
      const auto rows = session.GetAll(
          "/api/v2/dags/" + PercentEncode(*dag_id) + "/dagVersions?order_by=-version_number", "dag_versions");
      if (!rows) return rows.error();
      PrintRows(*format, *rows, {{"VERSION", "version_number"}, {"SINCE", "created_at"}, {"ID", "id"}});
      return Ok();
    });
  });
}

void AddHistory(CLI::App& dags, Program& program) {
  const auto dag_id = std::make_shared<std::string>();
  const auto limit = std::make_shared<std::size_t>(50);
  CLI::App* command =
      AddCommand(dags, "history", "What happened to a DAG: paused and why, slots that were skipped, backfills",
                 "pipectl dags history sales_daily");
  command->add_option("DAG", *dag_id, "Its id")->required();
  command->add_option("--limit", *limit, "At most so many, the latest first; 0: all")->capture_default_str();
  AddOutputOption(*command, program);
  command->callback([&program, dag_id, limit] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      const auto rows = session.GetAll("/api/ext/v1/dags/" + PercentEncode(*dag_id) + "/history", "events", *limit);
      if (!rows) return rows.error();
      PrintRows(*format, *rows, kEventColumns);
      return Ok();
    });
  });
}

void AddImportErrors(CLI::App& dags, Program& program) {
  CLI::App* command = AddCommand(dags, "import-errors", "List the DAG files that could not be loaded, and why",
                                 "pipectl dags import-errors");
  AddOutputOption(*command, program);
  command->callback([&program] {
    program.WithSession([&](const Session& session) -> Status {
      const auto format = OutputFormat(program.global);
      if (!format) return format.error();
      const auto rows = session.GetAll("/api/v2/importErrors", "import_errors");
      if (!rows) return rows.error();
      if (IsWhole(*format)) {
        PrintRows(*format, *rows, kErrorColumns);
        return Ok();
      }
      for (const Value& row : *rows)
        fmt::print("{}\n", TextOf(row, "stack_trace"));  // diagnostics have their own layout
      return Ok();
    });
  });
}

}  // namespace

void AddDagCommands(CLI::App& app, Program& program) {
  CLI::App* dags = AddCommand(app, "dags", "DAGs: list, run, pause, check", "pipectl dags list");
  dags->require_subcommand(1);
  AddList(*dags, program);
  AddShow(*dags, program);
  AddRun(*dags, program);
  AddPause(*dags, program, true);
  AddPause(*dags, program, false);
  AddDelete(*dags, program);
  AddHistory(*dags, program);
  AddVersions(*dags, program);
  AddGraphCommand(*dags, program);
  AddImportErrors(*dags, program);
  AddOfflineCommands(*dags, program);
  AddNextCommand(*dags, program);
}

}  // namespace pipelined::cli
