// What many threads ask at about the same time is asked together: what comes while a statement is under way is in the
// next one. Alone a question waits for nothing; where many come, the next statement waits until `pace` after the last
// one began, so that it takes in more of them.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "pipelined/base/clock.h"

namespace pipelined {

// Thread-safe. Answer is copyable.
template <class Question, class Answer>
class Together {
 public:
  // Answers all of them, in their order; must not throw. Never called by two threads at once.
  using AskAll = std::function<std::vector<Answer>(const std::vector<Question>&)>;
  explicit Together(AskAll ask_all, Micros pace = Micros(0)) : ask_all_(std::move(ask_all)), pace_(pace) {}

  Answer Ask(Question question) {
    Waiting mine{std::move(question), {}};
    std::unique_lock lock(mutex_);
    waiting_.push_back(&mine);
    while (!mine.answer) {
      if (asking_) {
        done_.wait(lock);
      } else {
        AskFor(lock);
      }
    }
    return *std::move(mine.answer);
  }

 private:
  static constexpr std::size_t kMost = 100;

  struct Waiting {
    Question question;
    std::optional<Answer> answer;
  };

  // One of those who wait asks for all.
  void AskFor(std::unique_lock<std::mutex>& lock) {
    asking_ = true;
    const Micros early = last_size_ > 1 ? began_ + pace_ - SystemClock().Monotonic() : Micros(0);
    if (early > Micros(0)) {
      lock.unlock();
      std::this_thread::sleep_for(early);
      lock.lock();
    }
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(waiting_.size(), kMost));
    const std::vector<Waiting*> batch(waiting_.begin(), end);
    waiting_.erase(waiting_.begin(), end);
    began_ = SystemClock().Monotonic();
    last_size_ = batch.size();
    lock.unlock();
    std::vector<Question> questions;
    questions.reserve(batch.size());
    for (const Waiting* one : batch) questions.push_back(one->question);
    std::vector<Answer> answers = ask_all_(questions);
    lock.lock();
    for (std::size_t i = 0; i < batch.size(); ++i) batch[i]->answer = std::move(answers[i]);
    asking_ = false;
    done_.notify_all();
  }

  const AskAll ask_all_;
  const Micros pace_;
  std::mutex mutex_;
  std::condition_variable done_;
  std::deque<Waiting*> waiting_;  // guarded by mutex_
  bool asking_ = false;           // guarded by mutex_
  Micros began_{0};               // guarded by mutex_: when the last statement began
  std::size_t last_size_ = 0;     // guarded by mutex_: questions in it
};

}  // namespace pipelined
