#include "scheduler/ask_run.h"

#include <fmt/format.h>

#include "pipelined/base/run_id.h"
#include "scheduler/try_templates.h"

namespace pipelined {
namespace {

// The text of a template's date has a blank where ISO 8601 has a T.
Result<Instant> DateOf(std::string text) {
  const auto blank = text.find(' ');
  if (blank != std::string::npos) text[blank] = 'T';
  const auto date = ParseInstant(text);
  if (!date)
    return Error{ErrorCode::kInvalid, fmt::format("logical_date: \"{}\" is no date with its offset", text), ""};
  return *date;
}

}  // namespace

Result<RunAsked> AskRun(const LaunchRequest& request, const LaunchOptions& options, Instant now) {
  const TriggerSpec& spec = *request.dag.tasks[request.task].trigger;
  const auto templates = TryTemplates::Make(request, options);
  if (!templates) return templates.error();
  RunAsked asked;
  asked.attempt = request.attempt.attempt;
  auto dag_id = (*templates)->Render(spec.dag_id, "dag_id");
  if (!dag_id) return dag_id.error();
  asked.dag_id = *std::move(dag_id);
  auto conf = (*templates)->EvaluateAll(spec.conf, "conf");
  if (!conf) return conf.error();
  if (!conf->is_null() && !conf->is_map())
    return Error{ErrorCode::kInvalid, "conf: it gives no mapping of names and values", ""};
  asked.conf = *std::move(conf);
  asked.run_id = fmt::format("manual__{}_{}", FormatIso(now), request.attempt.attempt.value);
  if (!spec.run_id.empty()) {
    auto run_id = (*templates)->Render(spec.run_id, "run_id");
    if (!run_id) return run_id.error();
    if (!IsRunId(*run_id))
      return Error{ErrorCode::kInvalid, fmt::format("run_id: \"{}\" cannot be a run id", run_id->substr(0, 80)), ""};
    asked.run_id = *std::move(run_id);
  }
  if (!spec.logical_date.empty()) {
    const auto text = (*templates)->Render(spec.logical_date, "logical_date");
    if (!text) return text.error();
    const auto date = DateOf(*text);
    if (!date) return date.error();
    asked.logical_date = *date;
    if (spec.run_id.empty()) asked.run_id = "manual__" + FormatIso(*date);
  }
  return asked;
}

}  // namespace pipelined
