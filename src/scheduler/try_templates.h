// The templates of one try, over what that try sees.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "pipelined/base/secret_mask.h"
#include "pipelined/scheduler/launch.h"
#include "pipelined/template/task_context.h"
#include "pipelined/template/template.h"

namespace pipelined {

// Whether there can be anything to evaluate in `text`.
bool MayHoldExpressions(const std::string& text);

// Whether what was made from a secret may stand there: where others would see it, it may not.
enum class Secrets : unsigned char { kRefused, kAllowed };

class TryTemplates {
 public:
  // kInvalid: the run's params do not fit, or those of a template that the task came with. kUnavailable: a connection
  // or variable that they are made from cannot be read now. `request` and `options` are borrowed.
  static Result<std::unique_ptr<TryTemplates>> Make(const LaunchRequest& request, const LaunchOptions& options);

  // An error begins with `place`, the key that the text stands under, and holds no secret that was read. `secret` is
  // set to true when the answer was made from one.
  Result<std::string> Render(const std::string& text, const std::string& place, Quote quote = Quote::kNone,
                             Secrets secrets = Secrets::kRefused, bool* secret = nullptr) const;
  // The values that stand in it are put into `bound`: see Quote::kBind.
  Result<std::string> RenderBound(const std::string& text, const std::string& place, std::vector<Value>& bound,
                                  Secrets secrets = Secrets::kRefused) const;
  // The value itself of a text that is one expression and nothing else.
  Result<Value> Evaluate(const std::string& text, const std::string& place, Secrets secrets = Secrets::kRefused) const;

  // A value with every text in it evaluated.
  Result<Value> EvaluateAll(const Value& value, const std::string& place, Secrets secrets = Secrets::kRefused) const;

  // The same as the DAG means it, and not the template that the task came with: for what the DAG gives the task.
  Result<std::string> RenderOutside(const std::string& text, const std::string& place,
                                    Secrets secrets = Secrets::kRefused) const;
  Result<Value> EvaluateOutside(const std::string& text, const std::string& place,
                                Secrets secrets = Secrets::kRefused) const;

  // The secrets that were read until now.
  const SecretMask& secrets() const { return secrets_; }

  const TaskContext& context() const { return inner_->context; }

 private:
  struct Level {
    TaskContext context;
    std::unique_ptr<Scope> scope;
  };
  TryTemplates() = default;
  // The level of `inclusion`, in that of what it stands in.
  Result<const Level*> Enter(const Inclusion& inclusion, const LaunchRequest& request);

  std::vector<std::unique_ptr<Level>> levels_;  // the DAG's first
  const Level* inner_ = nullptr;                // the task's own
  mutable SecretMask secrets_;
};

}  // namespace pipelined
