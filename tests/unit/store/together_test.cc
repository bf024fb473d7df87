#include "store/together.h"

#include <gtest/gtest.h>

#include <atomic>

namespace pipelined {
namespace {

TEST(Together, WhatComesWhileOneIsAskedIsAskedTogetherAndEachGetsItsOwnAnswer) {
  std::atomic<int> came{0};
  std::vector<std::size_t> sizes;
  Together<int, int> doubled([&](const std::vector<int>& questions) {
    while (came < 8) std::this_thread::yield();  // all others wait by the time that the first one is answered, or soon
    sizes.push_back(questions.size());
    std::vector<int> answers;
    for (const int question : questions) answers.push_back(question * 2);
    return answers;
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, i] {
      ++came;
      EXPECT_EQ(doubled.Ask(i), i * 2);
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::size_t all = 0;
  for (const std::size_t size : sizes) all += size;
  EXPECT_EQ(all, 8U) << "none is asked twice";
  EXPECT_LT(sizes.size(), 8U);
}

TEST(Together, AloneIsAskedAtOnce) {
  Together<int, int> same([](const std::vector<int>& questions) { return questions; }, std::chrono::hours(1));
  EXPECT_EQ(same.Ask(1), 1);
  EXPECT_EQ(same.Ask(2), 2);
}

}  // namespace
}  // namespace pipelined
