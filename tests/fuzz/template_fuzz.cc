// Any text as a template, rendered with and without quoting: it ends soon, within its limits, and without a fault, and
// a secret that comes out whole is known as one.
#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "pipelined/template/sql_script.h"
#include "pipelined/template/task_context.h"

namespace {

constexpr std::string_view kSecret = "QZQZZQQZ";

// A template may write it by itself, out of its letters.
bool HasItsLetters(std::string_view text) {
  return text.find_first_of("qzQZ\\") != std::string_view::npos;
}

const pipelined::Dag& TheDag() {
  static const pipelined::Dag dag = [] {
    pipelined::Dag d;
    d.id = "d";
    d.tasks.push_back(pipelined::Task{});
    d.tasks[0].id = "t";
    return d;
  }();
  return dag;
}

// However it is cut, no value has become a part of the text.
void Split(std::string_view script, const std::vector<pipelined::Value>& bound) {
  using namespace pipelined;
  for (const SqlDialect dialect : {SqlDialect::kPostgres, SqlDialect::kSqlite}) {
    SqlFault fault;
    const auto statements = SplitSql(script, dialect, SqlTransaction::kOwn, bound, {Value("given")}, &fault);
    if (!statements) continue;
    for (const SqlStatement& statement : *statements) {
      if (statement.text.find('\0') != std::string::npos) std::abort();
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pipelined;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto parsed = Template::Parse(text);
  if (!parsed) return 0;
  TaskContext context;
  context.dag = &TheDag();
  context.task = context.dag->tasks.data();
  context.run.run_id = "r";
  context.run.logical_date = Instant(Seconds(1'770'000'000));
  context.run.params =
      Value::Map{{"x", Value("a 'b\n$(c)")}, {"n", Value(5)}, {"l", Value::List{Value(1), Value("two")}}};
  context.run.conf = context.run.params;
  context.variable = [](std::string_view key) -> Result<std::string> {
    if (key == "v") return std::string("a 'b");
    if (key == "token") return std::string(kSecret);
    if (key == "j") return fmt::format(R"({{"a": [1, "x"], "password": "{}"}})", kSecret);
    return Error{ErrorCode::kNotFound, "", ""};
  };
  context.connection = [](std::string_view id) -> Result<Value> {
    if (id != "c") return Error{ErrorCode::kNotFound, "", ""};
    return Value(Value::Map{{"conn_type", Value("x")},
                            {"host", Value("h")},
                            {"port", Value(5)},
                            {"password", Value(kSecret)},
                            {"extra", Value(fmt::format(R"({{"a": 1, "api_key": "{}"}})", kSecret))}});
  };
  const auto scope = MakeTaskScope(context);
  RenderOptions options;
  options.max_steps = 3'000;
  options.max_output = options.max_memory = 1 << 16;
  std::vector<Value> bound;
  options.bound = &bound;
  for (const Quote quote : {Quote::kNone, Quote::kShell, Quote::kPosixShell, Quote::kUrl, Quote::kBind}) {
    options.quote = quote;
    bool secret = false;
    options.secret = &secret;
    const auto rendered = parsed->Render(*scope, options);
    if (rendered && rendered->size() > options.max_output && !parsed->is_literal()) std::abort();
    if (rendered && quote == Quote::kBind) Split(*rendered, bound);
    const bool shown = rendered && rendered->find(kSecret) != std::string::npos;
    if (shown && !secret && !HasItsLetters(text)) std::abort();
  }
  CheckSqlTemplate(text, SqlDialect::kPostgres, SqlTransaction::kAroundAll, 1);
  return 0;
}
