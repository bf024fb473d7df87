#include "api/transport/seats.h"

#include <gmock/gmock.h>

#include <vector>

namespace pipelined::api {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// Notes who was told to leave.
class FakeSeat : public Seat {
 public:
  FakeSeat(std::string from, int name, std::vector<int>& told) : Seat(std::move(from)), name_(name), told_(told) {}
  // As one that leaves at once, and gives back itself what it holds.
  void Leave(Why) override {
    told_.push_back(name_);
    held = 0;
  }

 private:
  const int name_;
  std::vector<int>& told_;
};

class SeatsTest : public ::testing::Test {
 protected:
  // The answer of Admit for a seat that has been in `phase` since `since`.
  int Admit(const std::string& address, Seat::Phase phase, int since) {
    auto seat = std::make_shared<FakeSeat>(address, static_cast<int>(made_.size()), told_);
    seat->phase = phase;
    seat->since = Seconds(since);
    made_.push_back(seat);
    return seats_.Admit(seat);
  }
  Seat& seat(std::size_t name) { return *made_[name]; }

  ConnectionCounts counts_;
  Seats seats_{4, 3, counts_};
  std::vector<std::shared_ptr<FakeSeat>> made_;
  std::vector<int> told_;
};

constexpr auto kIdle = Seat::Phase::kIdle, kReading = Seat::Phase::kReading, kWriting = Seat::Phase::kWriting,
               kStreaming = Seat::Phase::kStreaming, kBusy = Seat::Phase::kBusy;

TEST_F(SeatsTest, TheLongestIdleOfTheAddressGoesForTheNext) {
  for (const int since : {5, 3, 4}) EXPECT_EQ(Admit("a", kIdle, since), 0);
  EXPECT_EQ(Admit("b", kIdle, 1), 0);
  EXPECT_THAT(told_, IsEmpty());
  EXPECT_EQ(Admit("a", kIdle, 6), 0);
  EXPECT_THAT(told_, ElementsAre(1)) << "not the older one of another address";
}

TEST_F(SeatsTest, IdleOnesGoBeforeThoseThatRead) {
  EXPECT_EQ(Admit("a", kReading, 1), 0);
  EXPECT_EQ(Admit("a", kIdle, 9), 0);
  EXPECT_EQ(Admit("a", kBusy, 1), 0);
  EXPECT_EQ(Admit("a", kIdle, 10), 0);
  seat(3).phase = kBusy;
  EXPECT_EQ(Admit("a", kIdle, 11), 0);
  EXPECT_THAT(told_, ElementsAre(1, 0));
}

TEST_F(SeatsTest, WhoIsWrittenToGoesLast) {
  EXPECT_EQ(Admit("a", kWriting, 1), 0);
  EXPECT_EQ(Admit("a", kReading, 9), 0);
  EXPECT_EQ(Admit("a", kBusy, 1), 0);
  EXPECT_EQ(Admit("a", kBusy, 10), 0);
  EXPECT_EQ(Admit("a", kBusy, 11), 0);
  EXPECT_THAT(told_, ElementsAre(1, 0));
  EXPECT_EQ(Admit("a", kIdle, 12), 429);
  EXPECT_EQ(counts_.evicted, 2);
  EXPECT_EQ(counts_.refused, 1);
}

TEST_F(SeatsTest, WhoWaitsForSomethingToHappenGoesAfterAllOthersButGoes) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Admit("a", kStreaming, i), 0);
  EXPECT_EQ(Admit("a", kWriting, 9), 0);
  EXPECT_EQ(Admit("a", kBusy, 10), 0);
  EXPECT_THAT(told_, ElementsAre(0, 3)) << "the longest of them when there is nobody else";
}

TEST_F(SeatsTest, InIpv6ASubscriberIsOneHoweverManyAddressesHeHas) {
  for (int i = 1; i <= 3; ++i) EXPECT_EQ(Admit("2001:db8:0:1::" + std::to_string(i), kBusy, i), 0);
  EXPECT_EQ(Admit("2001:db8:0:1:ffff::", kBusy, 9), 429);
  EXPECT_EQ(Admit("2001:db8:0:2::1", kBusy, 9), 0);
  EXPECT_EQ(seat(0).address, "2001:db8:0:1::1") << "as it is logged";
}

TEST_F(SeatsTest, ForMemoryTheOneGoesThatHasBeenSendingLongest) {
  Admit("a", kReading, 1);
  Admit("a", kReading, 3);
  Admit("a", kReading, 2);
  Admit("b", kBusy, 0);
  for (std::size_t i = 1; i < 4; ++i) seat(i).held = 10 * i;
  EXPECT_EQ(seats_.EvictLongestReading(seat(1)), 20U);
  EXPECT_THAT(told_, ElementsAre(2)) << "not the one that holds nothing";
  EXPECT_EQ(seat(2).held, 0U);
  EXPECT_EQ(seats_.EvictLongestReading(seat(1)), 0U) << "itself";
}

TEST_F(SeatsTest, WhenAllAreBusyTheNextIsTurnedAway) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Admit("a", kBusy, i), 0);
  EXPECT_EQ(Admit("a", kIdle, 9), 429);
  EXPECT_EQ(Admit("b", kBusy, 9), 0);
  EXPECT_EQ(Admit("c", kIdle, 9), 503);
  seats_.TellAll(Seat::Why::kDraining);
  EXPECT_THAT(told_, UnorderedElementsAre(0, 1, 2, 4)) << "the others are not in";
}

TEST_F(SeatsTest, TheLimitOfAllLooksAtEverybody) {
  EXPECT_EQ(Admit("a", kIdle, 2), 0);
  EXPECT_EQ(Admit("b", kIdle, 1), 0);
  EXPECT_EQ(Admit("c", kIdle, 3), 0);
  EXPECT_EQ(Admit("d", kIdle, 4), 0);
  EXPECT_EQ(Admit("e", kIdle, 5), 0);
  EXPECT_THAT(told_, ElementsAre(1));
}

TEST_F(SeatsTest, APlaceIsFreeAgainAfterRemoval) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Admit("a", kBusy, i), 0);
  seats_.Remove(seat(0));
  seats_.Remove(seat(0));
  EXPECT_EQ(Admit("a", kBusy, 9), 0);
  EXPECT_EQ(Admit("a", kBusy, 9), 429);
}

TEST_F(SeatsTest, WhoWasToldToLeaveDoesNotCountTwice) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Admit("a", kIdle, i), 0);
  EXPECT_EQ(Admit("a", kBusy, 9), 0);
  seats_.Remove(seat(0));
  EXPECT_EQ(Admit("a", kBusy, 9), 0);
  EXPECT_THAT(told_, ElementsAre(0, 1));
}

TEST_F(SeatsTest, OnlyWhatIsDueExpires) {
  Admit("a", kIdle, 0);
  Admit("a", kIdle, 0);
  seat(0).deadline = Seconds(10);
  seat(1).deadline = Seconds(11);
  seats_.ExpireDue(Seconds(10));
  EXPECT_THAT(told_, ElementsAre(0));
}

TEST_F(SeatsTest, EmptyMeansNobody) {
  EXPECT_TRUE(seats_.WaitUntilEmpty(Micros(0)));
  Admit("a", kIdle, 0);
  EXPECT_FALSE(seats_.WaitUntilEmpty(Micros(0)));
  seats_.Remove(seat(0));
  EXPECT_TRUE(seats_.WaitUntilEmpty(Micros(0)));
}

}  // namespace
}  // namespace pipelined::api
