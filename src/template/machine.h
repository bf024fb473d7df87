// One rendering: limits, the scope, and what filters and methods may ask for.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/base/hash.h"
#include "template/val.h"

namespace pipelined::tmpl {

class Machine {
 public:
  Machine(const Scope& scope, const RenderOptions& options)
      : scope_(scope), options_(options), steps_(options.max_steps), memory_(options.max_memory) {}

  void Step(std::size_t count = 1) {
    if (count > steps_) Raise(TemplateFault::kLimit, "the template takes too many steps");
    steps_ -= count;
  }
  // Before bytes are made, so that nothing large is ever allocated.
  void Memory(std::size_t bytes) {
    if (bytes > memory_) Raise(TemplateFault::kLimit, "the template's values take too much memory");
    memory_ -= bytes;
    Step(bytes / 64);
  }
  void Memory(std::size_t count, std::size_t size) {
    if (size != 0 && count > memory_ / size) Raise(TemplateFault::kLimit, "the template's values take too much memory");
    Memory(count * size);
  }

  // 32 bytes, others each time, and the same ones when the same is rendered again.
  std::array<std::uint8_t, 32> Random() {
    Step(16);
    return Sha256(scope_.Seed() + "#" + std::to_string(drawn_++));
  }

  // What a template may change: the members of a namespace(), by name. They live as long as the rendering, whatever
  // refers to them, so that a namespace that holds itself is no leak.
  using Members = std::map<std::string, Val, std::less<>>;
  Members* MakeMembers() {
    Memory(sizeof(Members));
    return &members_.emplace_back();
  }

  const Scope& scope() const { return scope_; }
  const RenderOptions& options() const { return options_; }

 private:
  const Scope& scope_;
  const RenderOptions& options_;
  std::size_t steps_, memory_;
  std::size_t drawn_ = 0;
  std::deque<Members> members_;
};

// The arguments of one call. Take each parameter in order, then Done().
class Args {
 public:
  Args(std::string_view function, Vals positional, std::vector<std::pair<std::string, Val>> named)
      : function_(function), positional_(std::move(positional)), named_(std::move(named)) {}

  // The next parameter, given by position or by `name`; nullptr when it is not given.
  const Val* Optional(std::string_view name);
  const Val& Required(std::string_view name);
  std::int64_t Integer(std::string_view name, std::int64_t otherwise);
  std::int64_t RequiredInteger(std::string_view name);
  std::string String(std::string_view name, std::string otherwise);
  bool Flag(std::string_view name, bool otherwise);
  std::string RequiredString(std::string_view name);
  // A parameter that can only be given by name.
  const Val* Named(std::string_view name);
  // All that are left.
  Vals Rest();
  std::vector<std::pair<std::string, Val>> RestNamed();
  void Done();  // TypeError when something is left over

  std::string_view function() const { return function_; }
  Origin origin() const;  // of all of them

 private:
  std::string_view function_;
  Vals positional_;
  std::size_t next_ = 0;
  std::vector<std::pair<std::string, Val>> named_;
};

// TypeError unless it is text or a whole number.
const std::string& AsString(const Val& val, std::string_view what);
std::int64_t AsInteger(const Val& val, std::string_view what);

Val Binary(Machine& machine, std::string_view op, const Val& a, const Val& b);  // + - * / // % ** ~
Val Negate(const Val& val);
bool Contains(Machine& machine, const Val& container, const Val& item);
// `where` stands in the message of what is missing.
Val Subscript(Machine& machine, const Val& container, const Val& index, std::string_view where = "it");
Val Slice(Machine& machine, const Val& container, const Val& first, const Val& last, const Val& step);
Val Attribute(Machine& machine, const Val& container, const std::string& name, std::string_view where = "it");
std::string NearHint(std::string_view name, const std::vector<std::string>& names);  // "did you mean …" or nothing
Val CallMethod(Machine& machine, const Val& self, const std::string& name, Args& args);
Val StringMethod(Machine& machine, const Val& self, std::string_view name, Args& args, bool* known);
Val DateMethod(Machine& machine, const Val& self, std::string_view name, Args& args, bool* known);
Val DictMethod(Machine& machine, const Val& self, std::string_view name, Args& args, bool* known);
Val ListMethod(Machine& machine, const Val& self, std::string_view name, Args& args);
Val Call(Machine& machine, const Val& callee, Args& args);
std::string Join(Machine& machine, const std::string& by, const Vals& items, bool convert);
std::string Replace(Machine& machine, const std::string& text, const std::string& from, const std::string& to,
                    std::int64_t most);
std::optional<Val> DateAttribute(const Val& self, std::string_view name);

bool KnownFilter(std::string_view name);
std::vector<std::string_view> FilterNames();
std::string_view AbsentFilterHint(std::string_view name);  // of Jinja's that are not here: what to use instead
Val ApplyFilter(Machine& machine, std::string_view name, const Val& self, Args& args);
bool KnownTest(std::string_view name);
std::vector<std::string_view> TestNames();
std::string_view AbsentTestHint(std::string_view name);
bool ApplyTest(Machine& machine, std::string_view name, const Val& self, Args& args);

// `{% set ns.name = value %}`: TypeError unless `target` is of namespace().
void SetMember(Machine& machine, const Val& target, const std::string& name, const Val& value);

// relativedelta of dateutil, with a date, a number or another one; nothing for other operands.
std::optional<Val> RelativeTimes(std::string_view op, const Val& a, const Val& b);
Val RelativeDelta(Machine& machine, Args& args);

// range, dict, namespace …; and Airflow's `macros`.
Val GlobalFunction(std::string_view name);    // undefined when there is none such
Val ChangingFunction(std::string_view name);  // of these: namespace, cycler, joiner
Val Macros();

std::string PercentFormat(Machine& machine, const std::string& format, const Val& values);
std::string BraceFormat(Machine& machine, const std::string& format, Args& args);

}  // namespace pipelined::tmpl
