// A DAG with three days of runs, of which the second one failed: what tests of clear, mark, notes and reruns ask about.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "unit/api/api_test.h"

namespace pipelined::api {

#define SALES "/api/v2/dags/sales"
#define DAY2 SALES "/dagRuns/day2"

class SteeringTest : public ApiTest {
 protected:
  // extract > load > out.report, and extract > part, which is mapped (two instances in the run day2).
  SteeringTest() : ApiTest(Options()) {
    catalog_.AddDag("sales", [](DagRow& row) {
      row.params = *ParseJson(R"({"region": {"value": "eu", "schema": {"type": "string", "enum": ["eu", "us"]}}})");
    });
    for (const char* day : {"1", "2", "3"}) {
      catalog_.AddRun("sales", std::string("day") + day, RunState::kSuccess, [&](RunRow& row) {
        row.info.logical_date = At(std::string("2026-01-0") + day + "T00:00:00Z");
        row.info.interval = DataInterval{*row.info.logical_date, *row.info.logical_date};
        row.info.conf = Value(Value::Map{{"limit", 5}});
      });
    }
    catalog_.AddRun("sales", "undated", RunState::kSuccess);
    catalog_.runs[1].info.state = RunState::kFailed;
    for (const RunRow& run : catalog_.runs) {
      const bool good = run.info.state == RunState::kSuccess;
      Instance(run, "extract", TaskState::kSuccess);
      Instance(run, "load", good ? TaskState::kSuccess : TaskState::kFailed);
      Instance(run, "part", TaskState::kSuccess, 0);
      Instance(run, "part", good ? TaskState::kSuccess : TaskState::kFailed, 1);
      Instance(run, "out.report", good ? TaskState::kSuccess : TaskState::kUpstreamFailed);
    }
    catalog_.leader = [this](const Command&) -> Result<CommandDone> { return done_; };
  }

  // The last command that was filed; nothing: none, or of another kind.
  template <class What>
  std::optional<What> Filed() const {
    if (catalog_.commands.empty()) return std::nullopt;
    const auto* what = std::get_if<What>(&catalog_.commands.back().what);
    return what == nullptr ? std::nullopt : std::optional(*what);
  }
  // "day2/load", "day2/part[1]" … of a listing.
  static std::vector<std::string> Listed(const Response& response) {
    std::vector<std::string> all;
    const Value body = BodyOf(response);
    const Value* instances = body.Find("task_instances");
    if (instances == nullptr) return {"no listing: " + response.body};
    for (const Value& row : instances->list()) {
      const std::int64_t index = row.Find("map_index")->integer();
      all.push_back(row.Find("dag_run_id")->string() + "/" + row.Find("task_id")->string() +
                    (index < 0 ? "" : "[" + std::to_string(index) + "]"));
    }
    return all;
  }
  // Status and words: "404 text", or of a 422 "422 type at loc: msg" of the first mistake.
  static std::string Refusal(const Response& response) {
    const std::string status = std::to_string(response.status) + " ";
    const Value body = BodyOf(response);
    const Value* detail = body.Find("detail");
    if (detail == nullptr) return status + response.body;
    if (detail->is_string()) return status + detail->string();
    if (!detail->is_list()) return status + ToJson(*detail);
    const Value& first = detail->list().at(0);
    std::string at;
    for (const Value& step : first.Find("loc")->list()) at += (at.empty() ? "" : ".") + step.string();
    return status + first.Find("type")->string() + " at " + at + ": " + first.Find("msg")->string();
  }

  CommandDone done_;  // what the leader answers

 private:
  static ApiOptions Options() {
    ApiOptions options;
    options.load_dag = [](const DagSource&) -> Result<DagPtr> {
      auto dag = std::make_shared<Dag>();
      dag->id = "sales";
      for (const char* id : {"extract", "load", "part", "out.report"}) {
        Task task;
        task.id = id;
        dag->tasks.push_back(std::move(task));
      }
      dag->groups.push_back(TaskGroup{"out", "", ""});
      dag->tasks[3].group = "out";
      Mapping mapping;
      mapping.tasks = {2};
      dag->Map(std::move(mapping));
      if (const Status linked = dag->Link({{0, 1}, {0, 2}, {1, 3}}); !linked.ok()) return linked.error();
      return DagPtr(std::move(dag));
    };
    return options;
  }
  void Instance(const RunRow& run, const std::string& task, TaskState state, std::int32_t index = kNotMapped) {
    catalog_.AddTask("sales", run.info.run_id, task, state, [&](TaskInstanceRow& row) {
      row.run = run.info.id;
      row.logical_date = run.info.logical_date;
      row.map_index = index;
      row.map_length = index < 0 ? 0 : 2;
    });
  }
};

}  // namespace pipelined::api
