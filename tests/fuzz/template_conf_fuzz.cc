// Any text as the conf of a run, over params of every kind: what is taken fits the schemas, and becomes the environment
// and the templates of a task without a fault.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pipelined/schema/json.h"
#include "pipelined/schema/json_schema.h"
#include "pipelined/template/task_context.h"

namespace {

using namespace pipelined;

const Dag& TheDag() {
  static const Dag dag = [] {
    Dag d;
    d.id = "d";
    d.tasks.push_back(Task{});
    d.tasks[0].id = "t";
    const auto add = [&d](const char* name, const char* schema, const char* otherwise) {
      d.params.push_back(Param{name, *ParseJson(schema), *ParseJson(otherwise)});
    };
    add("s", R"({"type": "string", "maxLength": 20, "pattern": "^[^;]*$"})", "\"x\"");
    add("n", R"({"type": ["integer", "null"], "minimum": -5, "multipleOf": 5})", "5");
    add("e", R"({"enum": ["a", 1, null]})", "\"a\"");
    add("l", R"({"type": "array", "items": {"type": "string"}, "uniqueItems": true, "maxItems": 3})", "[]");
    add("o",
        R"({"type": "object", "required": ["k"], "properties": {"k": {"format": "date"}}, "additionalProperties": false})",
        R"({"k": "2026-01-01"})");
    add("a", R"({"anyOf": [{"type": "boolean"}, {"$ref": "#/definitions/x"}], "definitions": {"x": {"const": "x"}}})",
        "true");
    return d;
  }();
  return dag;
}

const Template& TheTemplate() {
  static const Template parsed = *Template::Parse(
      "{{ params.s }} {{ params.n }} \"{{ params.e }}\" '{{ params.o.k }}' {% for x in params.l %}{{ x }} {% endfor %}"
      "{{ dag_run.conf }} {{ params }}");
  return parsed;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto conf = ParseJson(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!conf) return 0;
  const auto params = ResolveParams(TheDag(), *conf);
  if (!params) return 0;
  for (const Param& param : TheDag().params) {
    const Value* value = params->Find(param.name);
    if (value == nullptr || !ValidateSchema(param.schema, *value).empty()) std::abort();
  }
  TaskContext context;
  context.dag = &TheDag();
  context.task = context.dag->tasks.data();
  context.run.run_id = "r";
  context.run.conf = *conf;
  context.run.params = *params;
  for (const auto& [name, value] : Environment(context)) {
    if (name.find('=') != std::string::npos || value.find('\0') != std::string::npos) std::abort();
  }
  RenderOptions options;
  options.quote = Quote::kShell;
  const auto rendered = TheTemplate().Render(*MakeTaskScope(context), options);
  if (rendered && rendered->find('\0') != std::string::npos) std::abort();
  return 0;
}
