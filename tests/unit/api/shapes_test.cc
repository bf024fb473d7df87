// The shapes against Airflow's own description: every required field is there, and of its type.
#include <fstream>
#include <sstream>

#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

const Value& Description() {
  static const Value kDocument = [] {
    const std::ifstream file(std::string(PIPELINED_SOURCE_DIR) + "/tests/conformance/rest-api.json");
    std::stringstream text;
    text << file.rdbuf();
    return *ParseJson(text.str());
  }();
  return kDocument;
}

bool Fits(const Value& value, const std::string& type);

bool FitsOne(const Value& value, const std::string& type) {
  if (type == "null") return value.is_null();
  if (type == "any") return true;
  if (type == "integer") return value.is_int();
  if (type == "number") return value.is_number();
  if (type == "boolean") return value.is_bool();
  if (type == "object" || type.starts_with("map<")) return value.is_map();
  if (type == "string:date-time") return value.is_string() && ParseInstant(value.string()).ok();
  if (type == "string" || type.starts_with("string:")) return value.is_string();
  if (type.starts_with("array<")) {
    if (!value.is_list()) return false;
    for (const Value& entry : value.list()) {
      if (!Fits(entry, type.substr(6, type.size() - 7))) return false;
    }
    return true;
  }
  const Value* schema = Description().Find("schemas")->Find(type);
  if (schema == nullptr) return false;
  if (const Value* words = schema->Find("enum")) {
    return std::find(words->list().begin(), words->list().end(), value) != words->list().end();
  }
  for (const auto& [name, field] : schema->Find("fields")->map()) {
    const Value* there = value.Find(name);
    const bool required = field.Find("required")->boolean();
    if (there == nullptr ? required : !Fits(*there, field.Find("type")->string())) {
      ADD_FAILURE() << type << "." << name << ": " << (there == nullptr ? "absent" : ToJson(*there));
      return false;
    }
  }
  return value.is_map();
}

// "array<A>|B|null": one of them.
bool Fits(const Value& value, const std::string& type) {
  if (type.ends_with("|null")) return value.is_null() || Fits(value, type.substr(0, type.size() - 5));
  const std::size_t bar = type.find('|', type.starts_with("array<") ? type.find('>') : 0);
  return FitsOne(value, type.substr(0, bar));
}

class ShapesTest : public ApiTest {
 protected:
  ShapesTest() : ApiTest(Options()) {
    catalog_.AddDag("sales", [&](DagRow& row) {
      row.version_created = At("2026-01-01T00:00:00Z");
      row.tags = {"alpha"};
      row.dagrun_timeout = std::chrono::minutes(90);
      row.params = *ParseJson(R"({"region": {"value": "eu", "schema": {"type": "string"}}})");
    });
    catalog_.AddRun("sales", "r1", RunState::kSuccess, [&](RunRow& row) {
      row.info.start_date = At("2026-01-01T00:00:00Z");
      row.end_date = At("2026-01-01T00:00:01.5Z");
      row.info.interval = DataInterval{At("2026-01-01T00:00:00Z"), At("2026-01-02T00:00:00Z")};
      row.version_created = At("2026-01-01T00:00:00Z");
    });
    catalog_.AddTask("sales", "r1", "load", TaskState::kSuccess, [&](TaskInstanceRow& row) {
      row.start_date = At("2026-01-01T00:00:00Z");
      row.end_date = At("2026-01-01T00:00:01Z");
      row.try_number = 1;
      row.version = VersionId{1};
      row.version_created = At("2026-01-01T00:00:00Z");
    });
    catalog_.AddTask("sales", "r1", "later", TaskState::kNone);
    catalog_.tries["load"] = {catalog_.instances.front()};
    catalog_.import_errors.push_back({3, At("2026-01-01T00:00:00Z"), "bad.yaml", "bad.yaml:1:1: error", "/dags"});
    AuditRow& event = catalog_.audit.emplace_back();
    event.id = 5;
    event.event = "success";
    catalog_.versions.push_back({VersionId{1}, "sales", 1, At("2026-01-01T00:00:00Z")});
    catalog_.warnings.push_back({"sales", "non-existent pool", "no pool", At("2026-01-01T00:00:00Z")});
    catalog_.outputs["load"] = *ParseJson(R"({"rows": 42})");
  }

  static ApiOptions Options() {
    ApiOptions options;
    options.load_dag = [](const DagSource&) -> Result<DagPtr> {
      auto dag = std::make_shared<Dag>();
      dag->id = "sales";
      dag->tasks.resize(2);
      dag->tasks[0].id = "b";
      dag->tasks[1].id = "a";
      dag->tasks[1].execution_timeout = std::chrono::hours(25);
      if (const Status linked = dag->Link({{1, 0}}); !linked.ok()) return linked.error();
      return DagPtr(std::move(dag));
    };
    return options;
  }
};

struct ShapeCase {
  const char* target;
  const char* schema;
};

class Shape : public ShapesTest, public ::testing::WithParamInterface<ShapeCase> {};

TEST_P(Shape, FitsAirflowsDescription) {
  const Response response = Get(GetParam().target);
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_TRUE(Fits(BodyOf(response), GetParam().schema)) << response.body;
}

#define RUN "/api/v2/dags/sales/dagRuns/r1"
INSTANTIATE_TEST_SUITE_P(
    Shapes, Shape,
    ::testing::Values(ShapeCase{"/api/v2/monitor/health", "HealthInfoResponse"},
                      ShapeCase{"/api/v2/version", "VersionInfo"}, ShapeCase{"/api/v2/dags", "DAGCollectionResponse"},
                      ShapeCase{"/api/v2/dags/sales", "DAGResponse"},
                      ShapeCase{"/api/v2/dags/sales/details", "DAGDetailsResponse"},
                      ShapeCase{"/api/v2/dags/sales/tasks", "TaskCollectionResponse"},
                      ShapeCase{"/api/v2/dags/sales/tasks/a", "TaskResponse"},
                      ShapeCase{"/api/v2/dagSources/sales", "DAGSourceResponse"},
                      ShapeCase{"/api/v2/dags/sales/dagRuns", "DAGRunCollectionResponse"},
                      ShapeCase{RUN, "DAGRunResponse"},
                      ShapeCase{RUN "/taskInstances", "TaskInstanceCollectionResponse"},
                      ShapeCase{RUN "/taskInstances/load", "TaskInstanceResponse"},
                      ShapeCase{RUN "/taskInstances/load/-1", "TaskInstanceResponse"},
                      ShapeCase{RUN "/taskInstances/later", "TaskInstanceResponse"},
                      ShapeCase{RUN "/taskInstances/load/tries", "TaskInstanceHistoryCollectionResponse"},
                      ShapeCase{RUN "/taskInstances/later/tries", "TaskInstanceHistoryCollectionResponse"},
                      ShapeCase{RUN "/taskInstances/load/tries/1", "TaskInstanceHistoryResponse"},
                      ShapeCase{RUN "/taskInstances/load/logs/1", "TaskInstancesLogResponse"},
                      ShapeCase{RUN "/taskInstances/load/xcomEntries", "XComCollectionResponse"},
                      ShapeCase{RUN "/taskInstances/load/xcomEntries/rows", "XComResponseNative"},
                      ShapeCase{"/api/v2/importErrors", "ImportErrorCollectionResponse"},
                      ShapeCase{"/api/v2/importErrors/3", "ImportErrorResponse"},
                      ShapeCase{"/api/v2/eventLogs", "EventLogCollectionResponse"},
                      ShapeCase{"/api/v2/eventLogs/5", "EventLogResponse"},
                      ShapeCase{"/api/v2/dags/sales/dagVersions", "DAGVersionCollectionResponse"},
                      ShapeCase{"/api/v2/dags/sales/dagVersions/1", "DagVersionResponse"},
                      ShapeCase{"/api/v2/dagTags", "DAGTagCollectionResponse"},
                      ShapeCase{"/api/v2/dagStats", "DagStatsCollectionResponse"},
                      ShapeCase{"/api/v2/dagWarnings", "DAGWarningCollectionResponse"}));
#undef RUN

TEST_F(ShapesTest, TasksComeInTheOrderOfTheirIds) {
  const Response response = Get("/api/v2/dags/sales/tasks");
  EXPECT_EQ(Field(response, "tasks.0.task_id"), "\"a\"");
  EXPECT_EQ(Field(response, "tasks.0.downstream_task_ids"), "[\"b\"]");
  EXPECT_EQ(Field(response, "tasks.0.execution_timeout"),
            R"({"__type":"TimeDelta","days":1,"seconds":3600,"microseconds":0})");
  EXPECT_EQ(Get("/api/v2/dags/sales/tasks?order_by=nope").status, 400);
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/tasks?order_by=-task_id"), "tasks.0.task_id"), "\"b\"");
}

TEST_F(ShapesTest, TheDescriptionSaysWhatTheSummaryDoesNotShow) {
  const auto add = [&](const std::string& id, ScheduleKind kind, const std::string& text, auto change) {
    catalog_.AddDag(id, [&](DagRow& row) {
      row.schedule.kind = kind;
      row.schedule.text = text;
      change(row.schedule);
    });
  };
  add("months", ScheduleKind::kEvery, "every 1 month", [](Schedule&) {});
  add("listed", ScheduleKind::kEvents, "at 2026-01-01 and 1 more", [](Schedule& s) { s.events.resize(2); });
  add("days", ScheduleKind::kCron, "0 6 * * *", [](Schedule& s) {
    s.calendar.weekdays = 65;
    s.jitter = std::chrono::minutes(5);
  });
  add("moved", ScheduleKind::kEvery, "every 1d", [](Schedule& s) {
    s.calendar.weekdays = 65;
    s.calendar.on_excluded = OnExcluded::kNext;
  });
  const auto description = [&](const std::string& id) {
    return Field(Get("/api/v2/dags/" + id), "timetable_description");
  };
  EXPECT_EQ(description("months"), "\"Every 1 month\"");
  EXPECT_EQ(description("listed"), "\"At 2 given times\"");
  EXPECT_EQ(description("days"), "\"not on excluded days, up to 5m later\"");
  EXPECT_EQ(description("moved"), "\"Every 1d, moved from excluded days to the next\"");
  EXPECT_EQ(Field(Get("/api/v2/dags/days"), "timetable_summary"), "\"0 6 * * *\"");
}

TEST_F(ShapesTest, DurationsAreSecondsAndNoneIsNull) {
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/dagRuns/r1"), "duration"), "1.5");
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/dagRuns/r1/taskInstances/later"), "state"), "null");
  EXPECT_EQ(Field(Get("/api/v2/dags/sales/details"), "dag_run_timeout"), "\"PT5400S\"");
}

}  // namespace
}  // namespace pipelined::api
