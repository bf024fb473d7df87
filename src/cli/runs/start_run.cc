#include "cli/runs/start_run.h"

#include <fmt/format.h>

#include "cli/live/watch.h"

namespace pipelined::cli {
namespace {

Result<Value> RunBody(const RunOptions& options) {
  auto conf = ParamsFromOptions(options.conf, options.params);
  if (!conf) return conf.error();
  Value body = Value(Value::Map{{"logical_date", options.logical_date.empty() ? Value() : Value(options.logical_date)},
                                {"conf", std::move(*conf)}});
  if (!options.run_id.empty()) body.Set("dag_run_id", options.run_id);
  if (!options.note.empty()) body.Set("note", options.note);
  return body;
}

}  // namespace

void AddRunOptions(CLI::App& command, const std::shared_ptr<RunOptions>& options) {
  command.add_option("-p,--param", options->params, "A parameter, key=value; may be repeated")->take_all();
  command.add_option("-c,--conf", options->conf, "Parameters as one JSON object");
  command.add_option("-r,--run-id", options->run_id, "The run's id; made from the time when not given");
  command.add_option("-e,--logical-date", options->logical_date, "With an offset: 2026-01-31T06:00:00Z");
  command.add_option("--note", options->note, "A note to keep with the run");
  command.add_flag("--wait", options->wait, "Wait for its end; the exit code says how it ended");
  command.add_flag("--watch", options->watch, "The same, and show its progress");
}

Status StartRun(const Session& session, Program& program, const std::string& path, const RunOptions& options,
                const std::string& see) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const auto body = RunBody(options);
  if (!body) return body.error();
  auto run = session.Post(path, *body);
  if (!run) {
    Error error = run.error();
    const std::string prefix = "the run was not created: ";
    if (!error.message.starts_with(prefix)) error.message = prefix + error.message;
    if (error.hint.empty() && error.code == ErrorCode::kInvalid) error.hint = see;
    return error;
  }
  const std::string dag_id = TextOf(*run, "dag_id"), run_id = TextOf(*run, "dag_run_id");
  if (options.wait || options.watch) {
    if (!program.global.quiet) fmt::print(stderr, "run {} of {}\n", run_id, dag_id);
    WatchOptions watch;
    watch.progress = options.watch && !program.global.quiet;
    auto ended = WatchRun(session, dag_id, run_id, watch);
    if (!ended) return ended.error();
    run = std::move(ended);
    if (TextOf(*run, "state") != "success") program.exit_code = Exit::kFailed;
  }
  if (IsWhole(*format)) {
    PrintObject(*format, *run);
  } else {
    fmt::print("{}\t{}\n", run_id, TextOf(*run, "state"));
  }
  return Ok();
}

}  // namespace pipelined::cli
