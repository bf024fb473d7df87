// What a real Airflow server answered (tests/conformance/rest-behaviour.jsonl), asked of the handlers over the same
// world.
#include <array>
#include <set>

#include "pipelined/secrets/password.h"
#include "support/conformance_table.h"
#include "unit/api/api_test.h"
#include "unit/timetable/zones_by_rule.h"

namespace pipelined::api {
namespace {

bool Starts(const std::string& text, std::string_view with) {
  return text.starts_with(with);
}

// Whether `actual` has everything that `expected` has. "<now>", "<uuid>", "<number>", "<string>" stand for what varies.
bool Agrees(const Value& expected, const Value* actual) {
  if (actual == nullptr) return false;
  if (expected.is_string() && expected.string().find('<') != std::string::npos) {
    const std::string& text = expected.string();
    if (text == "<number>") return actual->is_number();
    if (text == "<string>" || text == "<uuid>" || text == "<now>") return actual->is_string();
    return actual->is_string() && Starts(actual->string(), text.substr(0, text.find('<')));
  }
  if (expected.is_map()) {
    if (!actual->is_map()) return false;
    for (const auto& [key, value] : expected.map()) {
      if (!Agrees(value, actual->Find(key))) return false;
    }
    return true;
  }
  if (expected.is_list()) {
    if (!actual->is_list() || actual->list().size() != expected.list().size()) return false;
    for (std::size_t i = 0; i < expected.list().size(); ++i) {
      if (!Agrees(expected.list()[i], &actual->list()[i])) return false;
    }
    return true;
  }
  if (expected.is_number() && actual->is_number()) return expected.number() == actual->number();
  return expected == *actual;
}

// Cases of what this version does otherwise for a reason, and those that only a whole engine can answer: what a clear
// or a mark does is held to Airflow's by the conformance tests of the engine.
bool LeftOut(const Value& c) {
  if (c.Find("quirk") != nullptr) return true;
  const std::string& path = c.Find("path")->string();
  const std::string& method = c.Find("method")->string();
  const auto has = [&](std::string_view part) { return path.find(part) != std::string::npos; };
  const Value* body = c.Find("body");
  const Value* dry_run = body == nullptr ? nullptr : body->Find("dry_run");
  const bool clears = has("clear") && dry_run != nullptr && !dry_run->boolean() && !has("/nope/");
  const bool marks = method == "PATCH" && ((has("taskInstances/") && !has("xcomEntries")) ||
                                           (has("dagRuns/r") && c.Find("status")->integer() == 200 && !has("xcom")));
  const bool after_a_mark = c.Find("note") != nullptr && c.Find("note")->string().starts_with("after clearing");
  return has("state=none") || clears || marks || after_a_mark;
}

bool Covered(const std::string& path) {
  return Starts(path, "/api/v2/dags") || Starts(path, "/auth/token") || Starts(path, "/api/v2/nope") ||
         Starts(path, "/api/v2/importErrors") || Starts(path, "/api/v2/eventLogs") || Starts(path, "/api/v2/assets") ||
         Starts(path, "/api/v2/config") || Starts(path, "/api/v2/plugins") || Starts(path, "/api/v2/providers") ||
         Starts(path, "/api/v2/pools") || Starts(path, "/api/v2/backfills") || Starts(path, "/api/v2/variables") ||
         Starts(path, "/api/v2/connections");
}

class BehaviourTest : public ApiTest {
 protected:
  BehaviourTest() : ApiTest(Options()) {
    static const std::string kHash = *secrets::HashPassword("pa");
    for (UserRow& user : catalog_.users) {
      if (user.name == "admin") user.password_hash = kHash;
    }
  }

  static ApiOptions Options() {
    ApiOptions options;
    options.make_timetable = [](const Schedule& schedule) { return MakeTimetable(schedule, testing::ZonesByRule()); };
    static const auto kKeys = std::make_shared<const secrets::KeyRing>(*secrets::KeyRing::Parse(secrets::NewKey()));
    options.keys = kKeys;
    options.load_dag = [](const DagSource&) -> Result<DagPtr> {
      auto dag = std::make_shared<Dag>();
      dag->id = "manual_only";
      dag->schedule.start_date = At("2026-01-01T00:00:00Z");
      dag->params = {{"region", *ParseJson(R"({"type": "string", "enum": ["eu", "us"]})"), Value("eu")},
                     {"limit", *ParseJson(R"({"type": "integer", "minimum": 1})"), Value(5)}};
      for (const char* id : {"a", "b", "c"}) {
        Task task;
        task.id = id;
        task.action.kind = ActionKind::kBash;
        task.retry.retries = 2;
        dag->tasks.push_back(std::move(task));
      }
      if (const Status linked = dag->Link({{0, 1}, {1, 2}}); !linked.ok()) return linked.error();
      return DagPtr(std::move(dag));
    };
    return options;
  }

  void MakeDags() {
    for (const char* id : {"consumer", "daily", "manual_only", "mapped", "no_start", "producer"}) {
      catalog_.AddDag(id, [&](DagRow& row) {
        row.paused = true;
        row.version_created = At("2026-01-01T00:00:00Z");
        catalog_.versions.push_back({row.version, row.dag_id, 1, At("2026-01-01T00:00:00Z")});
        if (row.dag_id == "daily") row.tags = {"beta"};
        if (row.dag_id == "manual_only") Detail(row);
      });
    }
  }
  void Detail(DagRow& row) {
    row.tags = {"alpha", "beta"};
    row.max_active_runs = 3;
    row.schedule.start_date = At("2026-01-01T00:00:00Z");
    row.params = *ParseJson(R"({"region": {"value": "eu", "schema": {"type": "string", "enum": ["eu", "us"]}},
                                "limit": {"value": 5, "schema": {"type": "integer", "minimum": 1}}})");
  }
  // With a leader that makes what it is asked for.
  void MakePools(bool po, bool etl) {
    const auto add = [this](const char* name, int slots) {
      PoolRow row;
      row.name = name;
      row.slots = slots;
      catalog_.pools.push_back(row);
    };
    add("default_pool", 128);
    if (po) add("po", 1);
    if (etl) add("etl", 3);
    catalog_.leader = [this](const Command& command) -> Result<CommandDone> {
      if (const auto* pool = std::get_if<SetPool>(&command.what)) {
        const auto known = std::find_if(catalog_.pools.begin(), catalog_.pools.end(),
                                        [&](const PoolRow& p) { return p.name == pool->name; });
        PoolRow& row = known != catalog_.pools.end() ? *known : catalog_.pools.emplace_back();
        row.name = pool->name;
        row.slots = pool->slots;
        row.description = pool->description.value_or("");
      }
      return CommandDone{};
    };
  }
  void MakeRun(const char* dag, const char* run, const char* date = nullptr) {
    catalog_.AddRun(dag, run, RunState::kQueued, [&](RunRow& row) {
      if (date != nullptr) {
        row.info.logical_date = At(date);
        row.info.interval = DataInterval{At(date), At(date)};
        row.info.run_after = At(date);  // so that they order as the recorded ones did
      }
      row.triggering_user = "admin";
      if (row.info.run_id == "r2") {
        row.info.conf = *ParseJson(R"({"region": "us", "limit": 9})");
        row.note = "hello";
      }
    });
    if (std::string_view(dag) == "mapped") {
      for (const std::int32_t index : {0, 1})
        catalog_.AddTask(dag, run, "m", TaskState::kNone, [&](TaskInstanceRow& row) {
          row.map_index = index;
          row.priority_weight = 1;
        });
    }
    for (const char* task : {"a", "b", "c"}) {
      if (std::string_view(dag) == "manual_only") {
        catalog_.AddTask(dag, run, task, TaskState::kNone,
                         [&](TaskInstanceRow& row) { row.priority_weight = row.task_id == "a" ? 3 : 1; });
      }
    }
  }

  // `daily` with its runs, and (cancelled by the time of the steering cases) its backfill.
  void MakeBackfills(bool one) {
    MakeDags();
    for (DagRow& row : catalog_.dags) {
      if (row.dag_id != "daily") continue;
      row.schedule.kind = ScheduleKind::kCron;
      row.schedule.crons = {"0 6 * * *"};
    }
    if (one) {
      BackfillRow row;
      row.id = BackfillId{1};
      row.dag_id = "daily";
      row.completed_at = At("2026-02-01T00:00:00Z");
      catalog_.backfills.push_back(row);
      for (const char* date : {"2026-01-01T06:00:00Z", "2026-01-02T06:00:00Z"}) {
        catalog_.AddRun("daily", BackfillRunId(DueRun{At(date), {At(date), At(date)}, At(date)}), RunState::kQueued,
                        [&](RunRow& run) {
                          run.info.type = RunType::kBackfill;
                          run.info.logical_date = At(date);
                          run.triggered_by = "backfill";
                        });
      }
      return;
    }
    catalog_.leader = [](const Command&) -> Result<CommandDone> {
      CommandDone done;
      done.error = "DAG \"daily\" has an active backfill already: 1";
      done.error_code = ErrorCode::kConflict;
      return done;
    };
  }
  // Made as a client makes them. v1 is gone where a case says that it deletes it a second time.
  void MakeVariables(bool with_v1) {
    for (const char* body :
         {R"({"key": "v1", "value": "one", "description": "d"})", R"({"key": "v2", "value": {"a": [1, null]}})",
          R"({"key": "my_password", "value": "hunter2"})"})
      EXPECT_EQ(Send("POST", "/api/v2/variables", body).status, 201) << body;
    if (with_v1) return;
    EXPECT_EQ(Send("DELETE", "/api/v2/variables/v1").status, 204);
  }
  void MakeWarehouse() {
    EXPECT_EQ(Send("POST", "/api/v2/connections",
                   R"({"connection_id": "wh", "conn_type": "postgres", "password": "s3cret", "extra": "{\"a\": 1}"})")
                  .status,
              201);
  }
  // manual_only with one run, whose tasks a, b and c are in these states.
  void MakeOneRun(RunState state, std::array<TaskState, 3> tasks) {
    MakeDags();
    MakeRun("manual_only", "r1", "2026-01-05T00:00:00Z");
    catalog_.runs.back().info.state = state;
    for (std::size_t i = 0; i < tasks.size(); ++i) {
      catalog_.instances[i].state = tasks[i];
      catalog_.instances[i].task_no = static_cast<TaskNo>(i);
      catalog_.instances[i].run = catalog_.runs.back().info.id;
    }
  }
  // A leader that takes away what it is asked to.
  void Remove() {
    catalog_.leader = [this](const Command& command) -> Result<CommandDone> {
      if (const auto* run = std::get_if<pipelined::DeleteRun>(&command.what))
        std::erase_if(catalog_.runs, [&](const RunRow& row) { return row.info.id == run->run; });
      return CommandDone{};
    };
  }
  bool BuildSteered(const std::string& text) {
    const auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
    if (says("a success, b failed, c skipped")) {
      return MakeOneRun(says("r1 failed") ? RunState::kFailed : RunState::kQueued,
                        {TaskState::kSuccess, TaskState::kFailed, TaskState::kSkipped}),
             true;
    }
    if (!says("run r1 success, all its tasks success")) return false;
    MakeOneRun(RunState::kSuccess, {TaskState::kSuccess, TaskState::kSuccess, TaskState::kSuccess});
    MakeRun("manual_only", "r2", "2026-01-05T22:00:00Z");
    MakeRun("manual_only", "r3", "2026-01-07T00:00:00.5Z");
    return Remove(), true;
  }
  void MakeAsset() {
    MakeDags();
    AssetRow& asset = catalog_.memory_assets.Of("file:///lake/raw");
    asset.outlets = {AssetUse{"producer", "p", {}}};
    asset.schedules = {AssetUse{"consumer", "", {}}};
  }
  // The world of a case; false: none that is built here.
  bool Build(const Value& given, bool gone = false) {
    const std::string text = ToJson(given);
    const auto says = [&](std::string_view words) { return text.find(words) != std::string::npos; };
    MakePools(says("po (1 slot)"), says("etl (3 slots)"));
    if (says("pools:") || says("no variables") || says("no connections")) return true;
    if (says("variables v1")) return MakeVariables(!gone), true;
    if (says("a connection wh")) return MakeWarehouse(), true;
    if (says("backfill")) return MakeBackfills(says("active backfill 1")), true;
    if (BuildSteered(text)) return true;
    if (says("the asset file:///lake/raw")) return MakeAsset(), true;
    if (!says("six DAGs")) return false;
    MakeDags();
    if (says("no runs") || says("daily has runs d1 and d0; manual_only has r1 queued")) return true;
    if (says("manual_only has run r1 (manual")) return MakeRun("manual_only", "r1", "2026-01-05T00:00:00Z"), true;
    if (!says("runs of manual_only, all manual")) return false;
    MakeRun("manual_only", "r1", "2026-01-05T00:00:00Z");
    MakeRun("manual_only", "r2", "2026-01-05T22:00:00Z");
    MakeRun("manual_only", "r3", "2026-01-07T00:00:00.5Z");
    for (const auto& [dag, run] : {std::pair{"daily", "d1"},
                                   {"daily", "d0"},
                                   {"producer", "p1"},
                                   {"no_start", "n1"},
                                   {"mapped", "m1"},
                                   {"consumer", "c1"}})
      MakeRun(dag, run);
    return true;
  }

  Response Ask(const Value& c) {
    const Value* role = c.Find("role");
    const std::string token = role == nullptr || role->is_null() ? "" : role->string() + "-token";
    std::string path = c.Find("path")->string();
    const bool edits = path.find("xcomEntries") != std::string::npos && c.Find("method")->string() != "GET";
    if (edits) catalog_.outputs["a"] = Value::Map{{"k", 2}};  // what the case before it has made
    const Value* raw = c.Find("raw_body");
    const Value* body = c.Find("body");
    return Send(c.Find("method")->string(), path,
                raw != nullptr    ? raw->string()
                : body != nullptr ? ToJson(*body)
                                  : "",
                token);
  }
};

void Compare(const Value& c, const Response& response, const std::string& body_text) {
  const Result<Value> body = ParseJson(body_text);
  EXPECT_EQ(response.status, c.Find("status")->integer()) << ToJson(c) << "\n" << body_text;
  if (const Value* answer = c.Find("answer"); answer != nullptr && !answer->is_null()) {
    EXPECT_TRUE(body.ok() && Agrees(*answer, &*body)) << ToJson(c) << "\n" << body_text;
  }
  if (const Value* keys = c.Find("answer_keys"); keys != nullptr && body.ok()) {
    std::set<std::string> there;
    for (const auto& [key, value] : body->map()) there.insert(key);
    for (const Value& key : keys->list()) EXPECT_EQ(there.count(key.string()), 1U) << ToJson(c) << "\n" << key.string();
  }
}

// Each case is a world of its own.
struct OneCase : BehaviourTest {
  void TestBody() override {}
  using BehaviourTest::Ask;
  using BehaviourTest::Build;
};

TEST(Behaviour, IsThatOfARealServer) {
  int asked = 0, of_the_vault = 0;
  for (const Value& c : testing::ReadTable("rest-behaviour.jsonl")) {
    if (LeftOut(c) || !Covered(c.Find("path")->string())) continue;
    OneCase world;
    const Value* note = c.Find("note");
    if (!world.Build(*c.Find("given"), note != nullptr && *note == Value("gone already"))) continue;
    const Response response = world.Ask(c);
    Compare(c, response, response.body);
    ++asked;
    const std::string& path = c.Find("path")->string();
    if (Starts(path, "/api/v2/variables") || Starts(path, "/api/v2/connections")) ++of_the_vault;
  }
  ::testing::Test::RecordProperty("asked", asked);
  if (std::getenv("PIPELINED_CONFORMANCE_DIR") == nullptr) {
    EXPECT_EQ(asked, 160);
    EXPECT_EQ(of_the_vault, 18);
  }
}

}  // namespace
}  // namespace pipelined::api
