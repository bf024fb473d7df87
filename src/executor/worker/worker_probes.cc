#include "executor/worker/worker_probes.h"

#include <utility>

namespace pipelined::executor {

std::int64_t WorkerProbes::Ask(std::int64_t id) {
  ids_[++last_] = id;
  numbers_[id] = last_;
  return last_;
}

std::optional<std::int64_t> WorkerProbes::Drop(std::int64_t id) {
  std::erase_if(answered_, [id](const ProbeResult& result) { return result.id == id; });
  const auto found = numbers_.find(id);
  if (found == numbers_.end()) return std::nullopt;
  const std::int64_t number = found->second;
  numbers_.erase(found);
  ids_.erase(number);
  return number;
}

void WorkerProbes::OnAnswer(const Value& message) {
  const Value* number = message.Find("probed");
  const auto found = number != nullptr && number->is_int() ? ids_.find(number->integer()) : ids_.end();
  if (found == ids_.end()) return;
  ProbeResult result;
  result.id = found->second;
  numbers_.erase(result.id);
  ids_.erase(found);
  if (const Value* error = message.Find("error"); error != nullptr && error->is_string()) {
    result.error = error->string();
  } else if (const Value* value = message.Find("value"); value != nullptr) {
    result.answered = true;
    result.value = *value;
  }
  answered_.push_back(std::move(result));
}

void WorkerProbes::Fail(std::int64_t id, std::string why) {
  answered_.push_back({id, false, {}, std::move(why)});
}

void WorkerProbes::FailAll(const std::string& why) {
  for (const auto& [number, id] : std::exchange(ids_, {})) Fail(id, why);
  numbers_.clear();
}

std::vector<ProbeResult> WorkerProbes::Take() {
  return std::exchange(answered_, {});
}

}  // namespace pipelined::executor
