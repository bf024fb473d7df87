#include "api/live/premises.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>

namespace pipelined::api {
namespace {

// An answer that rests on something: it is told when that does not hold any more.
struct Answer {
  Premises::Fell Told() {
    return [this] { fell.set_value(); };
  }
  bool Fell() { return told.wait_for(Seconds(30)) == std::future_status::ready; }
  std::promise<void> fell;
  std::future<void> told = fell.get_future();
};

TEST(PremisesTest, AllWhoRestOnWhatDoesNotHoldAreToldAndIsAskedOnce) {
  Premises premises;
  std::atomic<int> asked{0};
  Answer first, second;
  const auto holds = [&]() -> Result<bool> {
    ++asked;
    return false;
  };
  premises.Join("a", holds, first.Told());
  premises.Join("a", holds, second.Told());
  premises.AskAll();
  EXPECT_TRUE(first.Fell());
  EXPECT_TRUE(second.Fell());
  premises.AskAll();
  premises.Stop();
  EXPECT_EQ(asked, 1);
}

TEST(PremisesTest, WhatCannotBeToldIsAskedAgain) {
  Premises premises;
  std::atomic<int> asked{0};
  Answer answer;
  std::promise<void> once;
  const std::uint64_t id = premises.Join(
      "a",
      [&]() -> Result<bool> {
        if (++asked > 1) return false;
        once.set_value();
        return Error{ErrorCode::kUnavailable, "the database is away", ""};
      },
      answer.Told());
  premises.AskSoon(id);
  once.get_future().wait();
  premises.AskSoon(id);
  EXPECT_TRUE(answer.Fell());
  EXPECT_EQ(asked, 2);
}

TEST(PremisesTest, WhoHasLeftIsNotTold) {
  Premises premises;
  Answer stays;
  std::atomic<bool> told{false};
  const std::uint64_t leaves = premises.Join(
      "a", []() -> Result<bool> { return false; }, [&] { told = true; });
  premises.Leave(leaves);
  premises.Leave(leaves);
  premises.Join(
      "b", []() -> Result<bool> { return false; }, stays.Told());
  premises.AskAll();
  EXPECT_TRUE(stays.Fell());
  premises.Stop();
  EXPECT_FALSE(told);
}

TEST(PremisesTest, WhatHoldsIsLeftAlone) {
  Premises premises;
  std::promise<void> asked;
  std::atomic<bool> told{false};
  premises.Join(
      "a",
      [&]() -> Result<bool> {
        asked.set_value();
        return true;
      },
      [&] { told = true; });
  premises.AskAll();
  asked.get_future().wait();
  premises.Stop();
  EXPECT_FALSE(told);
}

}  // namespace
}  // namespace pipelined::api
