// What it costs to fill in the templates of a task: parsing and rendering, as a try does it, of commands as people
// write them.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/template/task_context.h"

namespace {

using namespace pipelined;

constexpr int kRounds = 2000;

struct Case {
  const char* name;
  const char* text;
};

constexpr Case kCases[] = {
    {"plain", "./load.sh --all"},
    {"date", "./load.sh --day {{ ds }}"},
    {"typical",
     "./load.sh --day {{ ds }} --region {{ params.region }} --limit \"{{ params.limit }}\"\n"
     "echo \"{{ dag.dag_id }} {{ run_id }}: {{ tasks.extract.rows }} rows\" >&2\n"},
    {"values", "psql -h {{ conn.db.host }} -p {{ conn.db.port }} -U {{ conn.db.login }} -c {{ var.value.query }}"},
    {"dates",
     "./load.sh {{ data_interval_start | ds }} {{ macros.ds_add(ds, -7) }} {{ "
     "logical_date.add(days=1).strftime('%Y/%m/%d') }}"},
    {"loop", "{% for name in params.names %}./one.sh {{ name }} {{ loop.index }}\n{% endfor %}"},
};

double Percentile(std::vector<double>& times, double share) {
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))];
}

double MicrosSince(Micros begin, int calls) {
  return static_cast<double>((SystemClock().Monotonic() - begin).count()) / calls;
}

}  // namespace

int main() {
  Dag dag;
  dag.id = "sales";
  for (const char* id : {"extract", "load"}) {
    dag.tasks.emplace_back();
    dag.tasks.back().id = id;
  }
  if (!dag.Link({{0, 1}}).ok()) return 1;
  const Value outputs(Value::Map{{"rows", Value(42)}});
  TaskContext context;
  context.dag = &dag;
  context.task = &dag.tasks[1];
  context.run.run_id = "scheduled__2026-03-01T06:00:00+00:00";
  context.run.run_type = "scheduled";
  context.run.logical_date = *ParseInstant("2026-03-01T06:00:00Z");
  context.run.data_interval = DataInterval{*context.run.logical_date, *context.run.logical_date};
  context.run.params = Value::Map{{"region", Value("eu")},
                                  {"limit", Value(1000)},
                                  {"names", Value::List{Value("ann"), Value("bob"), Value("it's"), Value("dan")}}};
  context.outputs = [&](std::string_view) { return &outputs; };
  context.variable = [](std::string_view) { return Result<std::string>("select 1"); };
  context.connection = [](std::string_view) {
    return Result<Value>(
        Value::Map{{"host", Value("db")}, {"port", Value(5432)}, {"login", Value("ann")}, {"password", Value("x")}});
  };

  constexpr int kCalls = 50;
  fmt::print("{:<10} {:>6}  {:>14} {:>9}  {:>11} {:>9}\n", "command", "bytes", "parse + render", "p99", "render",
             "p99, µs");
  for (const Case& c : kCases) {
    std::vector<double> whole, render;
    RenderOptions options;
    options.quote = Quote::kShell;
    std::size_t bytes = 0;
    for (int round = 0; round < kRounds / 20; ++round) {
      Micros begin = SystemClock().Monotonic();
      for (int i = 0; i < kCalls; ++i) {
        const auto text = Template::Parse(c.text)->Render(*MakeTaskScope(context), options);
        if (!text) return fmt::print("{}: {}\n", c.name, text.error().message), 1;
        bytes += text->size();
      }
      whole.push_back(MicrosSince(begin, kCalls));
      const auto parsed = Template::Parse(c.text);
      begin = SystemClock().Monotonic();
      for (int i = 0; i < kCalls; ++i) bytes += parsed->Render(*MakeTaskScope(context), options)->size();
      render.push_back(MicrosSince(begin, kCalls));
    }
    fmt::print("{:<10} {:>6}  {:>14.2f} {:>9.2f}  {:>11.2f} {:>9.2f}\n", c.name, std::string_view(c.text).size(),
               Percentile(whole, 0.5), Percentile(whole, 0.99), Percentile(render, 0.5), Percentile(render, 0.99));
    if (bytes == 0) return 1;
  }
}
