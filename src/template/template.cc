#include "pipelined/template/template.h"

#include <fmt/format.h>

#include "template/ast.h"
#include "template/interpreter.h"
#include "template/lexer.h"

namespace pipelined {
namespace {

TemplateError Describe(const tmpl::Fault& fault, std::string_view text) {
  const TemplatePlace place = tmpl::PlaceOf(text, fault.offset);
  TemplateError error;
  error.fault = fault.kind;
  error.offset = place.offset;
  error.line = place.line;
  error.column = place.column;
  error.length = static_cast<int>(std::min<std::size_t>(fault.length, 200));
  error.message = fault.message;
  error.hint = fault.hint;
  return error;
}

Error Report(const tmpl::Fault& fault, std::string_view text, TemplateError* to) {
  TemplateError error = Describe(fault, text);
  if (to != nullptr) *to = error;
  return error.ToError();
}

class ValueScope : public Scope {
 public:
  ValueScope(Value map, bool outside, const Scope* below) : map_(std::move(map)), outside_(outside), below_(below) {}
  tmpl::Val Find(std::string_view name) const override {
    if (const Value* value = map_.Find(name)) return tmpl::Val::From(*value, outside_);
    if (below_ != nullptr) return below_->Find(name);
    return tmpl::Val::Undefined(fmt::format("there is no name \"{}\"", name.substr(0, 80)));
  }
  std::vector<std::string> Names() const override {
    std::vector<std::string> names = below_ != nullptr ? below_->Names() : std::vector<std::string>();
    if (map_.is_map()) {
      for (const auto& [key, value] : map_.map()) names.push_back(key);
    }
    return names;
  }
  std::string Seed() const override { return below_ != nullptr ? below_->Seed() : ""; }
  std::optional<Seconds> ZoneOffset(std::string_view zone, Instant at) const override {
    return below_ != nullptr ? below_->ZoneOffset(zone, at) : std::nullopt;
  }

 private:
  Value map_;
  bool outside_;
  const Scope* below_;
};

}  // namespace

std::optional<Seconds> Scope::ZoneOffset(std::string_view, Instant) const {
  return std::nullopt;
}

Error TemplateError::ToError() const {
  const ErrorCode code = fault == TemplateFault::kNotFound      ? ErrorCode::kNotFound
                         : fault == TemplateFault::kUnavailable ? ErrorCode::kUnavailable
                                                                : ErrorCode::kInvalid;
  return Error{code, fmt::format("{}:{}: {}", line, column, message), hint};
}

std::unique_ptr<Scope> MakeValueScope(Value map, bool outside, const Scope* below) {
  return std::make_unique<ValueScope>(std::move(map), outside, below);
}

Result<Template> Template::Parse(std::string_view text, TemplateError* error) {
  auto program = std::make_shared<tmpl::Program>();
  program->text = std::string(text);
  program->literal = !tmpl::HasTags(text);
  if (program->literal) return Template(std::move(program));
  try {
    if (text.size() > kLongest)
      tmpl::Raise(TemplateFault::kLimit, fmt::format("a template is at most {} bytes long", kLongest));
    tmpl::ParseInto(program.get());
  } catch (const tmpl::Fault& fault) {
    return Report(fault, text, error);
  }
  return Template(std::move(program));
}

Result<std::string> Template::Render(const Scope& scope, const RenderOptions& options) const {
  if (program_->literal) return program_->text;
  try {
    return tmpl::Interpreter(*program_, scope, options).Render();
  } catch (const tmpl::Fault& fault) {
    return Report(fault, program_->text, options.error);
  }
}

Result<Value> Template::Evaluate(const Scope& scope, const RenderOptions& options) const {
  if (program_->literal) return Value(program_->text);
  try {
    return tmpl::Interpreter(*program_, scope, options).Evaluate();
  } catch (const tmpl::Fault& fault) {
    return Report(fault, program_->text, options.error);
  }
}

bool Template::is_literal() const {
  return program_->literal;
}
const std::string& Template::text() const {
  return program_->text;
}
const std::vector<TemplateReference>& Template::references() const {
  return program_->references;
}
const std::vector<TemplatePlace>& Template::raw_uses() const {
  return program_->raw_uses;
}

}  // namespace pipelined
