// Answers that are made while they are sent, over real sockets.
#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "api/transport/transport.h"
#include "integration/api/client.h"

namespace pipelined::api {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// What a test lets its feeds say, and how many of them there are.
class Source {
 public:
  void Say(const std::string& bytes, bool last = false) {
    std::vector<std::function<void()>> listeners;
    {
      const std::scoped_lock lock(mutex_);
      said_ += bytes;
      last_ = last_ || last;
      listeners = listeners_;
    }
    for (const auto& listener : listeners) listener();
  }
  void AwaitFeeds(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return feeds_ == count && static_cast<int>(listeners_.size()) >= count; });
  }
  bool endless = false;  // there is always more
  bool may_end_early = true;
  bool cut = false;

 private:
  friend class TestFeed;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string said_;
  bool last_ = false;
  int feeds_ = 0;
  std::vector<std::function<void()>> listeners_;
};

class TestFeed : public Feed {
 public:
  explicit TestFeed(Source& source) : source_(source) {
    const std::scoped_lock lock(source_.mutex_);
    ++source_.feeds_;
  }
  ~TestFeed() override {
    const std::scoped_lock lock(source_.mutex_);
    --source_.feeds_;
    source_.changed_.notify_all();
  }
  void Begin(std::function<void()> more) override {
    const std::scoped_lock lock(source_.mutex_);
    source_.listeners_.push_back(std::move(more));
    source_.changed_.notify_all();
  }
  Piece Take(std::size_t most) override {
    if (source_.cut) return Piece::Cut();
    if (source_.endless) return {std::string(most, 'x'), false};
    const std::scoped_lock lock(source_.mutex_);
    Piece piece{source_.said_.substr(taken_, most), false};
    taken_ += piece.bytes.size();
    piece.last = source_.last_ && taken_ == source_.said_.size();
    return piece;
  }
  bool MayEndEarly() const override { return source_.may_end_early; }

 private:
  Source& source_;
  std::size_t taken_ = 0;
};

class FeedTest : public ::testing::Test {
 protected:
  void Listen(int threads = 1) {
    TransportOptions options;
    options.host = "127.0.0.1";
    options.threads = threads;
    options.limits = limits_;
    counts_ = options.counts;
    auto listening = Transport::Listen(
        options, [this](const RawRequest& raw) { return Answer(raw); },
        [](int status, const RawRequest&) { return Detail(status, "refused"); });
    ASSERT_TRUE(listening.ok()) << listening.error().message;
    transport_ = *std::move(listening);
  }
  Response Answer(const RawRequest& raw) {
    Response response = Text(200, "text/plain", raw.target);
    if (raw.target == "/feed") response.feed = std::make_shared<TestFeed>(source_);
    return response;
  }
  // What the client has been sent, once `text` is in it.
  static std::string Until(Client& client, const std::string& text) {
    std::string all;
    while (all.find(text) == std::string::npos) {
      const std::string piece = client.Read();
      if (piece.empty()) break;
      all += piece;
    }
    return all;
  }

  Limits limits_;
  Source source_;
  std::shared_ptr<ConnectionCounts> counts_;
  std::unique_ptr<Transport> transport_;
};

TEST_F(FeedTest, IsSentInChunksAsItComes) {
  Listen();
  Client client(transport_->port());
  client.Get("/feed");
  source_.Say("one");
  EXPECT_THAT(Until(client, "one\r\n"),
              HasSubstr("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\none\r\n"));
  source_.Say("twelve bytes");
  EXPECT_EQ(Until(client, "bytes\r\n"), "c\r\ntwelve bytes\r\n");
  source_.Say("", true);
  EXPECT_EQ(client.ReadAll(), "0\r\n\r\n");
}

TEST_F(FeedTest, WhoKnowsNoChunksGetsTheBytesAlone) {
  Listen();
  Client client(transport_->port());
  client.Send("GET /feed HTTP/1.0\r\n\r\n");
  source_.AwaitFeeds(1);
  source_.Say("one");
  source_.Say("two", true);
  const std::string all = client.ReadAll();
  EXPECT_THAT(all, EndsWith("\r\n\r\nonetwo"));
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
  EXPECT_THAT(all, Not(HasSubstr("Content-Length")));
}

TEST_F(FeedTest, OfAHeadThereIsNoBody) {
  Listen();
  Client client(transport_->port());
  client.Send("HEAD /feed HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), EndsWith("Connection: close\r\n\r\n"));
  source_.AwaitFeeds(0);
}

TEST_F(FeedTest, ManyHoldNoHandler) {
  Listen(1);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<Client>(transport_->port()));
    clients.back()->Get("/feed");
  }
  source_.AwaitFeeds(50);
  Client other(transport_->port());
  other.Get("/other");
  EXPECT_THAT(Until(other, "/other"), EndsWith("/other"));
  source_.Say("news");
  for (const auto& client : clients) EXPECT_THAT(Until(*client, "news"), HasSubstr("news"));
}

TEST_F(FeedTest, EndsWhenItsClientLeaves) {
  Listen();
  {
    Client client(transport_->port());
    client.Get("/feed");
    source_.AwaitFeeds(1);
  }
  source_.AwaitFeeds(0);
}

TEST_F(FeedTest, WhatItsClientStillSendsIsNoRequest) {
  Listen();
  Client client(transport_->port());
  client.Get("/feed");
  source_.AwaitFeeds(1);
  client.Get("/other");
  source_.Say("end", true);
  EXPECT_THAT(client.ReadAll(), EndsWith("3\r\nend\r\n0\r\n\r\n"));
}

TEST_F(FeedTest, WhoDoesNotReadIsDropped) {
  limits_.write_timeout = Millis(200);
  source_.endless = true;
  Listen();
  Client client(transport_->port(), 4096);
  client.Get("/feed");
  source_.AwaitFeeds(1);
  source_.AwaitFeeds(0);
  EXPECT_EQ(counts_->timed_out, 1);
}

TEST_F(FeedTest, WhatIsCutOffIsNotCalledWhole) {
  source_.cut = true;
  Listen();
  Client client(transport_->port());
  client.Get("/feed");
  EXPECT_THAT(client.ReadAll(), EndsWith("Connection: close\r\n\r\n"));
}

TEST_F(FeedTest, AStopEndsIt) {
  Listen();
  Client client(transport_->port());
  client.Get("/feed");
  source_.AwaitFeeds(1);
  transport_->Stop();
  EXPECT_THAT(client.ReadAll(), EndsWith("\r\n\r\n0\r\n\r\n"));
}

TEST_F(FeedTest, AStopDoesNotCallWholeWhatIsNot) {
  source_.may_end_early = false;
  Listen();
  Client client(transport_->port());
  client.Get("/feed");
  source_.AwaitFeeds(1);
  transport_->Stop();
  EXPECT_THAT(client.ReadAll(), EndsWith("Connection: close\r\n\r\n"));
}

}  // namespace
}  // namespace pipelined::api
