// The template language: `{{ expr }}`, `{% if %}`, `{% for %}`, with Jinja's grammar and Airflow's names. Pure: no
// clock, no files, no environment. docs/templates.md describes the language.
//
// Templates come from people and values from anywhere, so everything is bounded: size, nesting, steps, output and
// memory.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"

namespace pipelined {

namespace tmpl {
struct Program;
class Val;
}  // namespace tmpl

enum class TemplateFault : unsigned char {
  kSyntax,
  kUndefined,    // a name, an attribute or an element that does not exist
  kNotFound,     // a variable or connection that does not exist
  kUnavailable,  // a variable or connection that cannot be read now
  kType,         // an operation that its operands do not have
  kValue,        // an operand of the right type that cannot be used
  kZeroDivision,
  kAttribute,  // a filter or method asked of something that has none such
  kLimit,      // too large, too deep, too many steps
  kUnsafe,     // a value from outside at a place of a shell script where it cannot be quoted
};

// Where in the template, and what. Lines and columns count from 1, columns in bytes.
struct TemplateError {
  TemplateFault fault = TemplateFault::kSyntax;
  std::size_t offset = 0;
  int line = 1, column = 1;
  int length = 1;  // bytes to underline
  std::string message;
  std::string hint;

  // "1:14: there is no \"regoin\" in params", as kInvalid; for a variable or connection kNotFound or
  // kUnavailable.
  Error ToError() const;
};

// A name that the template reads from its scope, with the constant path that follows it: {"params", "region"}.
struct TemplateReference {
  std::vector<std::string> path;
  std::size_t offset = 0;
  int line = 1, column = 1;
  int length = 1;
  bool guarded = false;  // under default() or `is defined`: it may be missing
  std::string called{};  // what of it is called: "ds_add" of `macros.ds_add(…)`, whose path is {"macros"}
};

struct TemplatePlace {
  std::size_t offset = 0;
  int line = 1, column = 1;
};

// The names that a template sees: MakeTaskScope (task_context.h) or MakeValueScope.
class Scope {
 public:
  virtual ~Scope() = default;
  // Undefined when there is no such name. For the module's own use: may throw tmpl::Fault, which Render catches.
  virtual tmpl::Val Find(std::string_view name) const = 0;
  virtual std::vector<std::string> Names() const = 0;  // for "did you mean"
  // For in_timezone(); nothing for an unknown zone.
  virtual std::optional<Seconds> ZoneOffset(std::string_view zone, Instant at) const;
  // What uuid and random are made from: the same for the same try.
  virtual std::string Seed() const { return {}; }
};

// The entries of a map as names. `outside`: they come from outside the file and are to be quoted. `below`, when given,
// has the names that the map lacks, and must outlive the scope.
std::unique_ptr<Scope> MakeValueScope(Value map, bool outside, const Scope* below = nullptr);

enum class Quote : unsigned char {
  kNone,
  kShell,       // every value from outside the file becomes (part of) one word of bash, wherever it stands
  kPosixShell,  // the same for sh, dash and ash
  // These two hold for every `{{ … }}`, except where `raw` is the last filter:
  kUrl,   // percent-encoded in the path and what follows it, and only the letters of a host in the host
  kBind,  // not put into the text: a NUL marks its place, and the value goes to RenderOptions::bound
};

struct RenderOptions {
  Quote quote = Quote::kNone;
  std::size_t max_output = 1 << 20;     // bytes
  std::size_t max_steps = 1'000'000;    // evaluated nodes, loop turns, compared or copied elements
  std::size_t max_memory = 16 << 20;    // bytes of intermediate values made in one rendering
  TemplateError* error = nullptr;       // filled when rendering fails
  std::vector<Value>* bound = nullptr;  // kBind: the values, in the order of their marks
  bool* secret = nullptr;               // set to true when something that was made from a secret is in the answer
  std::function<void(const std::string&)> on_secret = {};  // each such text
};

// Immutable after Parse; cheap to copy; thread-safe.
class Template {
 public:
  static constexpr std::size_t kLongest = 1 << 20;  // bytes of text that holds expressions; a literal may be longer

  // kInvalid says line and column; `error` gets them as numbers.
  static Result<Template> Parse(std::string_view text, TemplateError* error = nullptr);

  // The error's message begins with "line:column: ".
  Result<std::string> Render(const Scope& scope, const RenderOptions& options = {}) const;
  // The value itself when the template is one `{{ expr }}` and nothing else; otherwise the rendered text.
  Result<Value> Evaluate(const Scope& scope, const RenderOptions& options = {}) const;

  bool is_literal() const;  // nothing to evaluate: Render gives the text back
  const std::string& text() const;
  const std::vector<TemplateReference>& references() const;
  const std::vector<TemplatePlace>& raw_uses() const;         // each `| raw`
  const tmpl::Program& program() const { return *program_; }  // for the module's own use

 private:
  explicit Template(std::shared_ptr<const tmpl::Program> program) : program_(std::move(program)) {}
  std::shared_ptr<const tmpl::Program> program_;
};

}  // namespace pipelined
