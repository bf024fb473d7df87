#include "scheduler/try_templates.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/schema/json_schema.h"
#include "scheduler/template_names.h"

namespace pipelined {
namespace {

Error Located(Error error, const std::string& place) {
  error.message = fmt::format("{}: {}", place, error.message);
  if (!error.hint.empty()) error.message += fmt::format(" ({})", error.hint);
  return error;
}

TemplateRun RunOf(const LaunchRequest& request) {
  TemplateRun run;
  run.run_id = request.run.run_id;
  run.run_type = ToString(request.run.type);
  run.logical_date = request.run.logical_date;
  run.data_interval = request.run.interval;
  run.run_after = request.run.run_after;
  run.start_date = request.run.start_date;
  run.conf = request.run.conf;
  if (request.previous_success) {
    run.previous_success = {request.previous_success->interval, request.previous_success->start_date,
                            request.previous_success->end_date};
  }
  return run;
}

std::vector<TemplateItem> ItemsOf(const LaunchRequest& request) {
  std::vector<TemplateItem> items;
  const Mapping* mapping = request.dag.MappingOf(request.task);
  if (request.expansion == nullptr || mapping == nullptr || request.attempt.map_index < 0) return items;
  const std::vector<ExpandValue>& values = mapping->expand.values;
  for (auto& [name, value] : request.expansion->ItemsOf(static_cast<std::uint64_t>(request.attempt.map_index))) {
    const auto from =
        mapping->expand.form == ExpandForm::kKwargs
            ? values.begin()
            : std::find_if(values.begin(), values.end(), [&](const ExpandValue& one) { return one.name == name; });
    items.push_back(TemplateItem{name, std::move(value), !from->text.empty()});
  }
  return items;
}

Result<std::string> RenderIn(const Scope& scope, const std::string& text, const std::string& place, Quote quote,
                             std::vector<Value>* bound = nullptr) {
  if (!MayHoldExpressions(text)) return text;
  auto parsed = Template::Parse(text);
  if (!parsed) return Located(parsed.error(), place);
  RenderOptions options;
  options.quote = quote;
  options.bound = bound;
  auto rendered = parsed->Render(scope, options);
  if (!rendered) return Located(rendered.error(), place);
  return rendered;
}

Result<Value> EvaluateIn(const Scope& scope, const std::string& text, const std::string& place) {
  if (!MayHoldExpressions(text)) return Value(text);
  auto parsed = Template::Parse(text);
  if (!parsed) return Located(parsed.error(), place);
  auto value = parsed->Evaluate(scope);
  if (!value) return Located(value.error(), place);
  return value;
}

// A value with every text in it evaluated.
Result<Value> EvaluateAllIn(const Scope& scope, const Value& value, const std::string& place) {
  if (value.is_string()) return EvaluateIn(scope, value.string(), place);
  if (value.is_list()) {
    Value::List list;
    for (const Value& item : value.list()) {
      auto made = EvaluateAllIn(scope, item, place);
      if (!made) return made;
      list.push_back(*std::move(made));
    }
    return Value(std::move(list));
  }
  if (!value.is_map()) return value;
  Value::Map map;
  for (const auto& [name, part] : value.map()) {
    auto made = EvaluateAllIn(scope, part, place + "." + name);
    if (!made) return made;
    map.emplace_back(name, *std::move(made));
  }
  return Value(std::move(map));
}

Result<Value> ValueOf(const Inclusion::Param& param, const Scope& outside) {
  if (!param.is_template) return param.value;
  auto value = EvaluateAllIn(outside, param.value, "with." + param.name);
  if (!value) return value;
  for (const SchemaViolation& violation : ValidateSchema(param.schema, *value)) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("with.{}{}{}: {}", param.name, violation.path.empty() ? "" : ".", violation.path,
                             violation.message),
                 ""};
  }
  return value;
}

}  // namespace

bool MayHoldExpressions(const std::string& text) {
  return text.find('{') != std::string::npos;
}

Result<std::unique_ptr<TryTemplates>> TryTemplates::Make(const LaunchRequest& request, const LaunchOptions& options) {
  auto params = ResolveParams(request.dag, request.run.conf);
  if (!params) return params.error();
  std::unique_ptr<TryTemplates> made(new TryTemplates());
  Level& dag = *made->levels_.emplace_back(std::make_unique<Level>());
  TaskContext& context = dag.context;
  context.dag = &request.dag;
  context.task = &request.dag.tasks[request.task];
  context.try_number = request.attempt.try_number;
  context.max_tries = request.attempt.max_tries;
  context.map_index = request.attempt.map_index;
  context.items = ItemsOf(request);
  context.run = RunOf(request);
  context.run.params = std::move(*params);
  if (options.zones != nullptr) {
    context.zone_offset = [&options](std::string_view name, Instant at) -> std::optional<Seconds> {
      const auto zone = options.zones->Find(name);
      return zone ? std::optional((*zone)->OffsetAt(at)) : std::nullopt;
    };
  }
  context.outputs = [&request](std::string_view id) { return request.outputs.Find(id); };
  dag.scope = MakeTaskScope(context);
  made->inner_ = &dag;
  if (context.task->inclusion != nullptr) {
    const auto inner = made->Enter(*context.task->inclusion, request);
    if (!inner) return inner.error();
    made->inner_ = *inner;
  }
  return made;
}

Result<const TryTemplates::Level*> TryTemplates::Enter(const Inclusion& inclusion, const LaunchRequest& request) {
  const Level* outside = levels_.front().get();
  if (inclusion.outer != nullptr) {
    const auto entered = Enter(*inclusion.outer, request);
    if (!entered) return entered.error();
    outside = *entered;
  }
  Level& level = *levels_.emplace_back(std::make_unique<Level>());
  level.context = outside->context;
  level.context.prefix = inclusion.prefix;
  Value::Map params;
  const IncludedNames used = IncludedNamesOf(request.dag.tasks[request.task]);
  for (const Inclusion::Param& param : inclusion.params) {
    auto value = ValueOf(param, *outside->scope);
    // What this task does not ask for may not be there yet: the outputs of a task that is not above it.
    if (!value && used.Has(inclusion, param.name)) return value.error();
    if (value) params.emplace_back(param.name, *std::move(value));
  }
  level.context.run.params = Value(std::move(params));
  level.scope = MakeTaskScope(level.context);
  return &level;
}

Result<std::string> TryTemplates::Render(const std::string& text, const std::string& place, Quote quote) const {
  return RenderIn(*inner_->scope, text, place, quote);
}

Result<std::string> TryTemplates::RenderBound(const std::string& text, const std::string& place,
                                              std::vector<Value>& bound) const {
  return RenderIn(*inner_->scope, text, place, Quote::kBind, &bound);
}

Result<Value> TryTemplates::Evaluate(const std::string& text, const std::string& place) const {
  return EvaluateIn(*inner_->scope, text, place);
}

Result<Value> TryTemplates::EvaluateAll(const Value& value, const std::string& place) const {
  return EvaluateAllIn(*inner_->scope, value, place);
}

Result<std::string> TryTemplates::RenderOutside(const std::string& text, const std::string& place) const {
  return RenderIn(*levels_.front()->scope, text, place, Quote::kNone);
}

Result<Value> TryTemplates::EvaluateOutside(const std::string& text, const std::string& place) const {
  return EvaluateIn(*levels_.front()->scope, text, place);
}

}  // namespace pipelined
