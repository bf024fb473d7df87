// A connection over a stream that only notes what it is asked for.
#include "api/transport/connection.h"

#include <gmock/gmock.h>

#include <deque>
#include <vector>

#include "pipelined/base/clock.h"

namespace pipelined::api {
namespace {

using ::testing::ElementsAre;

// What the streams were asked for, and what is to happen next.
struct Wire {
  std::vector<std::string> calls;
  std::deque<std::function<void()>> posted;
  std::function<void(std::string_view)> arrive;

  void Run() {
    for (; !posted.empty(); posted.pop_front()) posted.front()();
  }
};

class FakeStream : public Stream {
 public:
  explicit FakeStream(Wire& wire) : wire_(wire) {}
  void Handshake(Done done) override { Succeed("handshake", std::move(done)); }
  void Write(std::string_view, std::string_view, Done done) override { Succeed("write", std::move(done)); }
  void Finish(Done done) override { Succeed("finish", std::move(done)); }
  void Read(char* into, std::size_t, Done done) override {
    wire_.calls.push_back("read");
    wire_.arrive = [into, done = std::move(done)](std::string_view bytes) {
      done(true, bytes.copy(into, bytes.size()));
    };
  }
  void Close() override { wire_.calls.push_back("close"); }
  void Post(std::function<void()> work) override { wire_.posted.push_back(std::move(work)); }

 private:
  void Succeed(const char* call, Done done) {
    wire_.calls.push_back(call);
    Post([done = std::move(done)] { done(true, 0); });
  }
  Wire& wire_;
};

class ConnectionTest : public ::testing::Test {
 protected:
  std::shared_ptr<Connection> Make() {
    return std::make_shared<Connection>(shared_, std::make_unique<FakeStream>(wire_), "a");
  }
  static Response Answer(RawRequest) { return NoContent(); }

  ConnectionCounts counts_;
  Shared shared_{{}, Answer, {}, counts_, Seats(2, 2, counts_), Turnstile(1, 1)};
  Wire wire_;
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
  wire_.Run();
  EXPECT_THAT(wire_.calls, ElementsAre("close"));
  EXPECT_TRUE(shared_.seats.WaitUntilEmpty(Micros(0)));
}

TEST_F(ConnectionTest, WhoIsIdleWithoutAnAnswerIsClosed) {
  const auto connection = Make();
  connection->Start();
  wire_.Run();
  connection->Leave(Seat::Why::kEvicted);
  wire_.Run();
  EXPECT_THAT(wire_.calls, ElementsAre("handshake", "read", "close"));
}

TEST_F(ConnectionTest, WhoHasJustBeenAnsweredMayReadThatInPeace) {
  for (const Seat::Why why : {Seat::Why::kEvicted, Seat::Why::kDraining}) {
    wire_ = Wire();
    const auto connection = Make();
    connection->Start();
    wire_.Run();
    wire_.arrive("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    wire_.Run();
    connection->Leave(why);
    wire_.Run();
    EXPECT_THAT(wire_.calls, ElementsAre("handshake", "read", "write", "read", "finish"));
    connection->Leave(Seat::Why::kAborted);
    wire_.Run();
  }
}

TEST_F(ConnectionTest, WhoHasToLeaveWhileItsAnswerIsWrittenMayReadThatToo) {
  const auto connection = Make();
  connection->Start();
  wire_.Run();
  wire_.arrive("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  connection->leaving = true;
  wire_.Run();
  EXPECT_THAT(wire_.calls, ElementsAre("handshake", "read", "write", "finish", "read"));
}

}  // namespace
}  // namespace pipelined::api
