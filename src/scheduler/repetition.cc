#include "scheduler/repetition.h"

#include <fmt/format.h>

#include "scheduler/decide.h"
#include "scheduler/try_templates.h"

namespace pipelined {

Status JudgeRepetition(LaunchRequest request, const LaunchOptions& options, AttemptFinished& end) {
  const Task& task = request.dag.tasks[request.task];
  Value own = Value::Map{};
  if (const Value* stored = request.outputs.Find(task.id); stored != nullptr) own = *stored;
  const Value* before = own.Find(kIterationKey);
  const std::int64_t iteration = 1 + (before != nullptr && before->is_int() ? before->integer() : 0);
  if (end.outputs.is_map()) {
    for (const auto& [name, value] : end.outputs.map()) own.Set(name, value);
  } else {
    end.outputs = Value::Map{};
  }
  own.Set(kIterationKey, iteration);
  end.outputs.Set(kIterationKey, iteration);
  if (!request.outputs.is_map()) request.outputs = Value::Map{};
  request.outputs.Set(task.id, std::move(own));
  const auto templates = TryTemplates::Make(request, options);
  const auto done = templates ? Holds(**templates, task.repeat.until, "repeat.until") : templates.error();
  if (!done && done.error().code == ErrorCode::kUnavailable) return done.error();
  if (!done) {
    end.outcome = TryOutcome::kFailed;
    end.message = done.error().message;
    return Ok();
  }
  end.repetition = Repetition{static_cast<std::int32_t>(iteration), !*done};
  return Ok();
}

}  // namespace pipelined
