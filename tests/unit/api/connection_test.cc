// A connection over a stream that only notes what it is asked for.
#include "api/transport/connection.h"

#include <gmock/gmock.h>

#include <deque>
#include <vector>

#include "pipelined/base/clock.h"

namespace pipelined::api {
namespace {

using ::testing::ElementsAre;

class FakeStream : public Stream {
 public:
  explicit FakeStream(std::vector<std::string>& calls, std::deque<std::function<void()>>& posted)
      : calls_(calls), posted_(posted) {}
  void Handshake(Done) override { calls_.push_back("handshake"); }
  void Read(char*, std::size_t, Done) override { calls_.push_back("read"); }
  void Write(std::string_view, std::string_view, Done) override { calls_.push_back("write"); }
  void Finish(Done) override { calls_.push_back("finish"); }
  void Close() override { calls_.push_back("close"); }
  void Post(std::function<void()> work) override { posted_.push_back(std::move(work)); }

 private:
  std::vector<std::string>& calls_;
  std::deque<std::function<void()>>& posted_;
};

class ConnectionTest : public ::testing::Test {
 protected:
  std::shared_ptr<Connection> Make() {
    return std::make_shared<Connection>(shared_, std::make_unique<FakeStream>(calls_, posted_), "a");
  }
  void RunPosted() {
    for (; !posted_.empty(); posted_.pop_front()) posted_.front()();
  }

  ConnectionCounts counts_;
  Shared shared_{{}, {}, {}, counts_, Seats(2, 2, counts_), Turnstile(1, 1)};
  std::vector<std::string> calls_;
  std::deque<std::function<void()>> posted_;
};

TEST_F(ConnectionTest, WhoHasJustComeIsReadingSinceNow) {
  const Micros before = SystemClock().Monotonic();
  const auto connection = Make();
  EXPECT_EQ(connection->phase, Seat::Phase::kReading);
  EXPECT_GE(connection->since.load(), before);
  EXPECT_NE(connection->deadline.load(), Micros::max());
}

TEST_F(ConnectionTest, WhoIsToldToLeaveBeforeItStartsNeverStarts) {
  const auto connection = Make();
  ASSERT_EQ(shared_.seats.Admit(connection), 0);
  connection->Leave(Seat::Why::kEvicted);
  connection->Start();
  RunPosted();
  EXPECT_THAT(calls_, ElementsAre("close"));
  EXPECT_EQ(shared_.seats.size(), 0U);
}

}  // namespace
}  // namespace pipelined::api
