#include "scheduler/try_templates.h"

#include <fmt/format.h>

#include <algorithm>

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

}  // namespace

bool MayHoldExpressions(const std::string& text) {
  return text.find('{') != std::string::npos;
}

Result<std::unique_ptr<TryTemplates>> TryTemplates::Make(const LaunchRequest& request, const LaunchOptions& options) {
  auto params = ResolveParams(request.dag, request.run.conf);
  if (!params) return params.error();
  std::unique_ptr<TryTemplates> made(new TryTemplates());
  TaskContext& context = made->context_;
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
  made->scope_ = MakeTaskScope(context);
  return made;
}

Result<std::string> TryTemplates::Render(const std::string& text, const std::string& place, Quote quote) const {
  if (!MayHoldExpressions(text)) return text;
  auto parsed = Template::Parse(text);
  if (!parsed) return Located(parsed.error(), place);
  RenderOptions options;
  options.quote = quote;
  auto rendered = parsed->Render(*scope_, options);
  if (!rendered) return Located(rendered.error(), place);
  return rendered;
}

Result<Value> TryTemplates::Evaluate(const std::string& text, const std::string& place) const {
  if (!MayHoldExpressions(text)) return Value(text);
  auto parsed = Template::Parse(text);
  if (!parsed) return Located(parsed.error(), place);
  auto value = parsed->Evaluate(*scope_);
  if (!value) return Located(value.error(), place);
  return value;
}

}  // namespace pipelined
