#include "api/live/streams.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <thread>
#include <vector>

namespace pipelined::api {
namespace {

TEST(StreamsTest, SoManyOfAUserAndSoManyInAll) {
  Streams streams(3, 2);
  auto first = *streams.Take("ann");
  const auto second = *streams.Take("ann");
  EXPECT_EQ(streams.Take("ann").error().code, ErrorCode::kUnavailable);
  const auto third = *streams.Take("bob");
  EXPECT_FALSE(streams.Take("carl").ok());
  first.reset();
  EXPECT_EQ(streams.size(), 2);
  EXPECT_TRUE(streams.Take("ann").ok());
}

TEST(StreamsTest, ManyAtTheSameTimeTakeNoMoreThanThereAre) {
  Streams streams(10, 10);
  std::vector<std::shared_ptr<const Streams::Place>> taken(100);
  std::vector<std::thread> threads;
  for (auto& place : taken) {
    threads.emplace_back([&] {
      if (auto one = streams.Take("ann"); one.ok()) place = *std::move(one);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(std::count_if(taken.begin(), taken.end(), [](const auto& place) { return place != nullptr; }), 10);
}

}  // namespace
}  // namespace pipelined::api
