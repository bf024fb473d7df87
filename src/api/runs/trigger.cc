#include "api/runs/trigger.h"

#include <algorithm>

#include <fmt/format.h>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/letters.h"
#include "api/vault/masking.h"
#include "api/runs/once.h"
#include "api/runs/param_faults.h"
#include "api/runs/run_id.h"
#include "api/shapes.h"
#include "api/runs/steering.h"
#include "pipelined/base/run_id.h"

namespace pipelined::api {
namespace {

std::optional<DataInterval> IntervalOf(const Service& service, const DagRow& dag, const AskedRun& asked) {
  if (asked.start) return DataInterval{asked.start->instant, asked.end->instant};
  if (!asked.logical_date) return std::nullopt;
  const Instant at = asked.logical_date->instant;
  const std::shared_ptr<const Timetable> timetable = service.TimetableOf(dag.schedule);
  return timetable == nullptr ? DataInterval{at, at} : timetable->ManualInterval(at);
}

// The answer carries the dates as they were given, offset included; a later GET gives UTC.
Value Echo(const RunRow& row, const AskedRun& asked) {
  Value answer = RunShape(row);
  const auto echo = [&](std::string_view key, const std::optional<Instant>& instant,
                        const std::optional<GivenDate>& given) {
    if (instant && given) answer.Set(key, FormatGiven(*instant, given->offset));
  };
  std::optional<Instant> start, end;
  if (row.info.interval) {
    start = row.info.interval->start;
    end = row.info.interval->end;
  }
  echo("logical_date", row.info.logical_date, asked.logical_date);
  echo("data_interval_start", start, asked.start ? asked.start : asked.logical_date);
  echo("data_interval_end", end, asked.end ? asked.end : asked.logical_date);
  if (asked.run_after) echo("run_after", row.info.run_after, asked.run_after);
  return answer;
}

}  // namespace

std::string RunIdFault(const std::string& id) {
  if (id.empty()) return {};
  if (!HasRunIdCharacters(id))
    return fmt::format("the run id \"{}\" may only hold letters, digits and _ . ~ : + -", id);
  if (id.size() > kLongestRunId) return fmt::format("a run id may have at most {} characters", kLongestRunId);
  if (!IsRunId(id)) return fmt::format("\"{}\" cannot be a run id", id);
  for (const std::string_view taken : {"scheduled__", "backfill__", "asset_triggered__"}) {
    if (id.starts_with(taken))
      return fmt::format("a run by hand may not be named \"{}…\": such ids are given by the scheduler", taken);
  }
  return {};
}

Body BodyOfRun(const Request& request, bool may_lack) {
  const std::initializer_list<std::string_view> keys{"dag_run_id",   "data_interval_start", "data_interval_end",
                                                     "logical_date", "run_after",           "conf",
                                                     "note",         "partition_key"};
  const bool lacks = request.body.find_first_not_of(" \t\r\n") == std::string::npos || request.body == "null";
  return may_lack && lacks ? Body(Value(Value::Map{}), {"body"}, keys) : Body(request, keys);
}

AskedRun ReadAskedRun(Body& body) {
  AskedRun asked;
  asked.run_id = body.String("dag_run_id").value_or("");
  asked.note = body.String("note").value_or("");
  asked.logical_date = body.Date("logical_date");
  asked.run_after = body.Date("run_after");
  asked.start = body.Date("data_interval_start");
  asked.end = body.Date("data_interval_end");
  if (std::optional<Value> conf = body.Object("conf")) asked.conf = *std::move(conf);
  if (body.String("partition_key")) body.Refuse("partition_key is not available yet in this version");
  if (asked.start.has_value() != asked.end.has_value()) {
    body.Refuse("Either both data_interval_start and data_interval_end must be provided or both must be None");
  }
  if (asked.start && asked.end && asked.start->instant > asked.end->instant)
    body.Refuse("data_interval_start lies after data_interval_end");
  if (CharacterCount(asked.note) > kMaxNote) body.Refuse(fmt::format("note may have at most {} characters", kMaxNote));
  return asked;
}

Response TriggerRun(const Call& call) {
  Body body = BodyOfRun(call.request);
  body.Require("logical_date");
  const AskedRun asked = ReadAskedRun(body);
  return body.ok() ? MakeRun(call, asked, call.Arg("dag_id")) : body.Refusal();
}

Response MakeRun(const Call& call, const AskedRun& asked, const std::string& dag_id) {
  const Once once(call);
  if (std::optional<Response> earlier = once.Earlier()) return *std::move(earlier);
  const Result<DagRow> dag = call.catalog().Dag(dag_id);
  if (!dag.ok()) return ErrorResponse(dag.error());
  if (dag->stale) return Detail(409, fmt::format("the run was not created: the file of DAG {} is gone", dag->dag_id));
  if (const std::string fault = RunIdFault(asked.run_id); !fault.empty()) return Detail(400, fault);
  if (const auto faults = ParamFaults(dag->params, asked.conf); !faults.empty())
    return RefuseParams("the run was not created: ", faults);
  TriggerRequest request;
  request.dag_id = dag->dag_id;
  request.run_id = asked.run_id;
  if (asked.logical_date) request.logical_date = asked.logical_date->instant;
  request.interval = IntervalOf(call.service, *dag, asked);
  request.run_after = asked.run_after ? asked.run_after->instant : call.service.Now();
  request.conf = asked.conf;
  request.note = asked.note;
  request.who = call.caller.name;
  request.triggered_by = "rest_api";
  if (call.note != nullptr && call.note->entry) {
    request.entry = call.note->entry;
    TrailOutcome& outcome = request.entry->outcome.emplace();
    outcome.status = 200;
    outcome.in_history = true;
    outcome.after = Value::Map{{"conf", MaskSecrets(asked.conf)}, {"note", asked.note}};
  }
  bool made = false;
  Response answer = once.Trigger(request, [&](const RunRow& row) {
    made = true;
    return Json(Echo(row, asked));
  });
  // With a key it is made in a transaction that can still fail.
  if (made && answer.status < 400 && call.note != nullptr) call.note->entry.reset();
  return answer;
}

}  // namespace pipelined::api
