// Templates, as Airflow renders them.
#include <gtest/gtest.h>

#include <map>

#include "pipelined/template/task_context.h"
#include "pipelined/zoneinfo/system_zones.h"
#include "support/conformance_table.h"

namespace pipelined {
namespace {

using testing::Tally;
using testing::Text;

// The word of the table for an error.
std::string_view FaultWord(TemplateFault fault) {
  switch (fault) {
    case TemplateFault::kSyntax:
      return "syntax";
    case TemplateFault::kUndefined:
      return "undefined";
    case TemplateFault::kNotFound:
      return "not_found";
    case TemplateFault::kUnavailable:
      return "unavailable";
    case TemplateFault::kType:
      return "TypeError";
    case TemplateFault::kValue:
      return "ValueError";
    case TemplateFault::kZeroDivision:
      return "ZeroDivisionError";
    case TemplateFault::kAttribute:
      return "AttributeError";
    case TemplateFault::kLimit:
      return "limit";
    case TemplateFault::kUnsafe:
      return "unsafe";
  }
  return "?";
}

// An enum's text is printed plainly: `scheduled`, where Airflow prints the name of the Python member.
const std::map<std::string, std::string> kOnPurpose = {{"DagRunType.SCHEDULED", "scheduled"},
                                                       {"DagRunType.MANUAL", "manual"}};

std::optional<Instant> Date(const Value* object, std::string_view key) {
  const Value* text = object == nullptr ? nullptr : object->Find(key);
  if (text == nullptr || !text->is_string()) return std::nullopt;
  return *ParseInstant(text->string());
}

std::optional<DataInterval> Interval(const Value* object) {
  const auto start = Date(object, "data_interval_start"), end = Date(object, "data_interval_end");
  if (!start || !end) return std::nullopt;
  return DataInterval{*start, *end};
}

// "postgres://ann:s3cret@db.example.com:5432/sales"
Value Connection(std::string uri) {
  const auto take = [&uri](std::string_view end) {
    const std::size_t at = std::min(uri.find(end), uri.size());
    std::string part = uri.substr(0, at);
    uri.erase(0, at + end.size());
    return part;
  };
  Value connection;
  connection.Set("conn_type", take("://"));
  connection.Set("login", take(":"));
  connection.Set("password", take("@"));
  connection.Set("host", take(":"));
  connection.Set("port", Value(std::int64_t{std::stoi(take("/"))}));
  connection.Set("schema", uri);
  return connection;
}

TemplateRun RunOf(const Value& run, const Dag& dag) {
  TemplateRun info;
  info.run_id = Text(run, "run_id");
  info.run_type = Text(run, "run_type");
  info.logical_date = Date(&run, "logical_date");
  info.data_interval = Interval(&run);
  info.run_after = *Date(&run, "run_after");
  info.conf = *run.Find("conf");
  info.params = *ResolveParams(dag, info.conf);
  const Value* previous = run.Find("prev");
  info.previous_success =
      TemplateRun::Previous{Interval(previous), Date(previous, "start_date"), Date(previous, "end_date")};
  return info;
}

TEST(Conformance, Templates) {
  Tally tally("templates.jsonl");
  const SystemZones zones;
  for (const testing::Case& c : testing::ReadTable("templates.jsonl")) {
    const Value& run = *c.Find("run");
    Dag dag;
    dag.id = "sales_daily";
    dag.tasks.push_back(Task{});
    dag.tasks[0].id = "load";
    dag.tasks[0].retry.retries = 2;
    for (const auto& [name, value] : run.Find("params")->map()) dag.params.push_back(Param{name, Value(), value});
    TaskContext context;
    context.dag = &dag;
    context.task = dag.tasks.data();
    context.run = RunOf(run, dag);
    context.try_number = static_cast<int>(run.Find("try_number")->integer());
    context.max_tries = 2;
    const Error missing{ErrorCode::kNotFound, "there is none", ""};
    context.variable = [&](std::string_view key) -> Result<std::string> {
      const Value* variables = c.Find("variables");
      const Value* value = variables == nullptr ? nullptr : variables->Find(key);
      return value == nullptr ? Result<std::string>(missing) : value->string();
    };
    context.connection = [&](std::string_view id) -> Result<Value> {
      const Value* connections = c.Find("connections");
      const Value* uri = connections == nullptr ? nullptr : connections->Find(id);
      return uri == nullptr ? Result<Value>(missing) : Connection(uri->string());
    };
    context.zone_offset = [&zones](std::string_view name, Instant at) -> std::optional<Seconds> {
      const auto zone = zones.Find(name);
      return zone ? std::optional((*zone)->OffsetAt(at)) : std::nullopt;
    };
    TemplateError error;
    std::string got;
    if (const auto parsed = Template::Parse(Text(c, "template"), &error); !parsed) {
      got = std::string("error ") + std::string(FaultWord(error.fault));
    } else {
      RenderOptions options;
      options.error = &error;
      const auto rendered = parsed->Render(*MakeTaskScope(context), options);
      got = rendered ? "result " + *rendered : std::string("error ") + std::string(FaultWord(error.fault));
    }
    std::string expected = c.Find("error") != nullptr ? "error " + Text(c, "error") : "result " + Text(c, "result");
    if (const auto plain = kOnPurpose.find(Text(c, "result")); plain != kOnPurpose.end())
      expected = "result " + plain->second;
    tally.Add(got == expected, c, got + " " + error.message);
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

}  // namespace
}  // namespace pipelined
