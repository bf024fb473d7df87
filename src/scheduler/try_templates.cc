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
    const bool is_kwargs = mapping->expand.form == ExpandForm::kKwargs;
    const auto from = is_kwargs ? values.begin()
                                : std::find_if(values.begin(), values.end(),
                                               [&](const ExpandValue& one) { return one.name == name; });
    const bool outside = !from->text.empty();
    items.push_back(TemplateItem{name, std::move(value), outside, !outside || !is_kwargs});
  }
  return items;
}

struct Asked {
  const Scope& scope;
  SecretMask& mask;  // of what is read meanwhile, and of what is made from it
  Secrets secrets = Secrets::kRefused;
  bool secret = false;  // the answer was made from one
};

Error Refused(const std::string& place) {
  return {ErrorCode::kInvalid,
          fmt::format("{}: a password or another secret may not stand here, where others would see it ({})", place,
                      place.starts_with("sensor.") ? "name its connection" : "give it to the task in env"),
          ""};
}

Error Told(const Asked& asked, const Error& error, const std::string& place) {
  Error told = Located(error, place);
  told.message = asked.mask.Apply(std::move(told.message));
  return told;
}

Result<std::string> RenderIn(Asked& asked, const std::string& text, const std::string& place, Quote quote,
                             std::vector<Value>* bound = nullptr) {
  if (!MayHoldExpressions(text)) return text;
  auto parsed = Template::Parse(text);
  if (!parsed) return Located(parsed.error(), place);
  RenderOptions options;
  options.quote = quote;
  options.bound = bound;
  options.secret = &asked.secret;
  options.on_secret = [&asked](const std::string& made) { asked.mask.Add(made); };
  auto rendered = parsed->Render(asked.scope, options);
  if (!rendered) return Told(asked, rendered.error(), place);
  if (asked.secret && asked.secrets == Secrets::kRefused) return Refused(place);
  return rendered;
}

Result<Value> EvaluateIn(Asked& asked, const std::string& text, const std::string& place) {
  if (!MayHoldExpressions(text)) return Value(text);
  auto parsed = Template::Parse(text);
  if (!parsed) return Located(parsed.error(), place);
  RenderOptions options;
  options.secret = &asked.secret;
  options.on_secret = [&asked](const std::string& made) { asked.mask.Add(made); };
  auto value = parsed->Evaluate(asked.scope, options);
  if (!value) return Told(asked, value.error(), place);
  if (asked.secret && asked.secrets == Secrets::kRefused) return Refused(place);
  return value;
}

// A value with every text in it evaluated.
Result<Value> EvaluateAllIn(Asked& asked, const Value& value, const std::string& place) {
  if (value.is_string()) return EvaluateIn(asked, value.string(), place);
  if (value.is_list()) {
    Value::List list;
    for (const Value& item : value.list()) {
      auto made = EvaluateAllIn(asked, item, place);
      if (!made) return made;
      list.push_back(*std::move(made));
    }
    return Value(std::move(list));
  }
  if (!value.is_map()) return value;
  Value::Map map;
  for (const auto& [name, part] : value.map()) {
    auto made = EvaluateAllIn(asked, part, place + "." + name);
    if (!made) return made;
    map.emplace_back(name, *std::move(made));
  }
  return Value(std::move(map));
}

Result<Value> ValueOf(const Inclusion::Param& param, Asked& asked) {
  if (!param.is_template) return param.value;
  auto value = EvaluateAllIn(asked, param.value, "with." + param.name);
  if (!value) return value;
  for (const SchemaViolation& violation : ValidateSchema(param.schema, *value)) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("with.{}{}{}: {}", param.name, violation.path.empty() ? "" : ".", violation.path,
                             asked.secret ? "what it was made of does not fit" : violation.message),
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
  if (request.expansion != nullptr) context.expanded_ti_count = static_cast<std::int64_t>(request.expansion->size());
  context.run = RunOf(request);
  context.run.params = std::move(*params);
  if (options.zones != nullptr) {
    context.zone_offset = [&options](std::string_view name, Instant at) -> std::optional<Seconds> {
      const auto zone = options.zones->Find(name);
      return zone ? std::optional((*zone)->OffsetAt(at)) : std::nullopt;
    };
  }
  context.outputs = [&request](std::string_view id) { return request.outputs.Find(id); };
  if (options.variable) {
    context.variable = [&options](std::string_view key) { return options.variable(std::string(key)); };
  }
  if (options.connection) {
    context.connection = [&options](std::string_view id) { return options.connection(std::string(id)); };
  }
  context.on_secret = [mask = &made->secrets_](const std::string& secret) { mask->Add(secret); };
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
  level.context.secret_params.clear();
  Value::Map params;
  const IncludedNames used = IncludedNamesOf(request.dag.tasks[request.task]);
  for (const Inclusion::Param& param : inclusion.params) {
    Asked asked{*outside->scope, secrets_, Secrets::kAllowed};
    auto value = ValueOf(param, asked);
    // What this task does not ask for may not be there yet: the outputs of a task that is not above it.
    if (!value && used.Has(inclusion, param.name)) return value.error();
    if (value && asked.secret) level.context.secret_params.push_back(param.name);
    if (value) params.emplace_back(param.name, *std::move(value));
  }
  level.context.run.params = Value(std::move(params));
  level.scope = MakeTaskScope(level.context);
  return &level;
}

Result<std::string> TryTemplates::Render(const std::string& text, const std::string& place, Quote quote,
                                         Secrets secrets, bool* secret) const {
  Asked asked{*inner_->scope, secrets_, secrets};
  auto rendered = RenderIn(asked, text, place, quote);
  if (asked.secret && secret != nullptr) *secret = true;
  return rendered;
}

Result<std::string> TryTemplates::RenderBound(const std::string& text, const std::string& place,
                                              std::vector<Value>& bound, Secrets secrets) const {
  Asked asked{*inner_->scope, secrets_, secrets};
  return RenderIn(asked, text, place, Quote::kBind, &bound);
}

Result<Value> TryTemplates::Evaluate(const std::string& text, const std::string& place, Secrets secrets) const {
  Asked asked{*inner_->scope, secrets_, secrets};
  return EvaluateIn(asked, text, place);
}

Result<Value> TryTemplates::EvaluateAll(const Value& value, const std::string& place, Secrets secrets) const {
  Asked asked{*inner_->scope, secrets_, secrets};
  return EvaluateAllIn(asked, value, place);
}

Result<std::string> TryTemplates::RenderOutside(const std::string& text, const std::string& place,
                                                Secrets secrets) const {
  Asked asked{*levels_.front()->scope, secrets_, secrets};
  return RenderIn(asked, text, place, Quote::kNone);
}

Result<Value> TryTemplates::EvaluateOutside(const std::string& text, const std::string& place, Secrets secrets) const {
  Asked asked{*levels_.front()->scope, secrets_, secrets};
  return EvaluateIn(asked, text, place);
}

}  // namespace pipelined
