// The templates of one try, over what that try sees.
#pragma once

#include <memory>
#include <string>

#include "pipelined/scheduler/launch.h"
#include "pipelined/template/task_context.h"
#include "pipelined/template/template.h"

namespace pipelined {

// Whether there can be anything to evaluate in `text`.
bool MayHoldExpressions(const std::string& text);

class TryTemplates {
 public:
  // kInvalid: the run's params do not fit. `request` and `options` are borrowed.
  static Result<std::unique_ptr<TryTemplates>> Make(const LaunchRequest& request, const LaunchOptions& options);

  // kInvalid begins with `place`, the key that the text stands under.
  Result<std::string> Render(const std::string& text, const std::string& place, Quote quote = Quote::kNone) const;
  // The value itself of a text that is one expression and nothing else.
  Result<Value> Evaluate(const std::string& text, const std::string& place) const;

  const TaskContext& context() const { return context_; }

 private:
  TryTemplates() = default;
  TaskContext context_;
  std::unique_ptr<Scope> scope_;
};

}  // namespace pipelined
