#include "pipelined/scheduler/limit_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

#include "scheduler/try_templates.h"

namespace pipelined {
namespace {

constexpr std::size_t kLongestKey = 1000;

// Keys of one run. What one task's templates give is the same for every other one, unless they name the task.
class KeyReader {
 public:
  KeyReader(const Dag& dag, const RunInfo& run, const LaunchOptions& options) : dag_(dag), run_(run) {
    options_.zones = options.zones;
  }

  Result<std::string> Read(TaskNo task, const std::string& text, const std::string& place) {
    if (!MayHoldExpressions(text)) return Checked(text, place);
    if (text.find("task") != std::string::npos) return Render(task, text, place);
    if (const auto known = known_.find(text); known != known_.end()) return known->second;
    return known_.emplace(text, Render(task, text, place)).first->second;
  }

 private:
  Result<std::string> Render(TaskNo task, const std::string& text, const std::string& place) {
    const LaunchRequest request{dag_, task, run_, AttemptOpened{}, 0, Value()};
    const auto templates = TryTemplates::Make(request, options_);
    if (!templates) return templates.error();
    auto rendered = (*templates)->Render(text, place);
    if (!rendered) return rendered.error();
    return Checked(std::move(*rendered), place);
  }

  static Result<std::string> Checked(std::string key, const std::string& place) {
    if (key.empty()) return Error{ErrorCode::kInvalid, fmt::format("{}: the key renders to nothing", place), ""};
    if (key.size() > kLongestKey) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("{}: the key has {} bytes, and {} are the most", place, key.size(), kLongestKey), ""};
    }
    return key;
  }

  const Dag& dag_;
  const RunInfo& run_;
  LaunchOptions options_;  // without variables and connections: a key counts from when its run is created
  std::map<std::string, Result<std::string>> known_;
};

}  // namespace

std::vector<TaskKeys> RenderKeys(const Dag& dag, const RunInfo& run, const LaunchOptions& options) {
  std::vector<TaskKeys> keys;
  KeyReader reader(dag, run, options);
  for (const TaskNo task : dag.keyed) {
    TaskKeys& own = keys.emplace_back(TaskKeys{task, {}, {}});
    const Task& what = dag.tasks[task];
    if (what.concurrency != nullptr) {
      if (auto key = reader.Read(task, what.concurrency->key, "concurrency.key")) own.concurrency = std::move(*key);
    }
    if (what.rate != nullptr) {
      if (auto key = reader.Read(task, what.rate->key, "rate.key")) own.rate = std::move(*key);
    }
  }
  return keys;
}

Status CheckKeys(const LaunchRequest& request, const LaunchOptions& options) {
  const Task& what = request.dag.tasks[request.task];
  if (what.concurrency == nullptr && what.rate == nullptr) return Ok();
  KeyReader reader(request.dag, request.run, options);
  if (what.concurrency != nullptr) {
    if (auto key = reader.Read(request.task, what.concurrency->key, "concurrency.key"); !key) return key.error();
  }
  if (what.rate != nullptr) {
    if (auto key = reader.Read(request.task, what.rate->key, "rate.key"); !key) return key.error();
  }
  return Ok();
}

}  // namespace pipelined
