#include "api/live/premises.h"

#include <exception>

#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"

namespace pipelined::api {
namespace {

Micros Now() {
  return SystemClock().Monotonic();
}

// What throws is not known.
Result<bool> Answer(const Premises::Holds& holds) {
  try {
    return holds();
  } catch (const std::exception& failure) {
    log::Error("an answer that goes on could not be looked at: {}", failure.what());
    return Error{ErrorCode::kBug, failure.what(), ""};
  }
}

}  // namespace

std::uint64_t Premises::Join(const std::string& about, Holds holds, Fell fell) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) return 0;
  Premise& premise = premises_[about];
  if (premise.answers.empty()) {
    premise.holds = std::make_shared<const Holds>(std::move(holds));
    SetDue(about, premise, Now() + kEvery);
  }
  premise.answers.emplace(++last_, std::make_shared<const Fell>(std::move(fell)));
  about_.emplace(last_, about);
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  changed_.notify_all();
  return last_;
}

void Premises::Leave(std::uint64_t answer) {
  const std::scoped_lock lock(mutex_);
  const auto about = about_.find(answer);
  if (about == about_.end()) return;
  const auto premise = premises_.find(about->second);
  premise->second.answers.erase(answer);
  if (premise->second.answers.empty()) {
    due_.erase({premise->second.due, premise->first});
    premises_.erase(premise);
  }
  about_.erase(about);
}

void Premises::AskSoon(std::uint64_t answer) {
  const std::scoped_lock lock(mutex_);
  const auto about = about_.find(answer);
  if (about == about_.end()) return;
  SetDue(about->second, premises_.at(about->second), Micros(0));
  changed_.notify_all();
}

void Premises::AskAll() {
  const std::scoped_lock lock(mutex_);
  for (auto& [about, premise] : premises_) SetDue(about, premise, Micros(0));
  changed_.notify_all();
}

void Premises::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Premises::SetDue(const std::string& about, Premise& premise, Micros due) {
  due_.erase({premise.due, about});
  premise.due = due;
  due_.emplace(due, about);
}

void Premises::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const Micros now = Now();
    if (due_.empty()) {
      changed_.wait(lock);
    } else if (const Micros wait = due_.begin()->first - now; wait > Micros(0)) {
      changed_.wait_for(lock, wait);
    } else {
      Ask(std::string(due_.begin()->second), lock);
    }
  }
}

void Premises::Ask(const std::string& about, std::unique_lock<std::mutex>& lock) {
  SetDue(about, premises_.at(about), Now() + kEvery);
  const std::shared_ptr<const Holds> holds = premises_.at(about).holds;
  lock.unlock();
  const Result<bool> answer = Answer(*holds);
  lock.lock();
  const auto premise = premises_.find(about);
  if (!answer.ok() || *answer || premise == premises_.end()) return;
  const auto fallen = std::move(premise->second.answers);
  for (const auto& [id, _] : fallen) about_.erase(id);
  due_.erase({premise->second.due, about});
  premises_.erase(premise);
  lock.unlock();
  for (const auto& [_, fell] : fallen) (*fell)();
  lock.lock();
}

}  // namespace pipelined::api
