// The transport with handlers of the test's own: what happens while they are busy, when clients leave, when it stops.
#include "api/transport/transport.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "integration/api/client.h"

namespace pipelined::api {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// Holds handlers until it is opened.
class Gate {
 public:
  void Pass() {
    std::unique_lock lock(mutex_);
    ++inside_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return open_; });
  }
  void AwaitInside(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_ >= count; });
  }
  void Open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int inside_ = 0;
  bool open_ = false;
};

class TransportTest : public ::testing::Test {
 protected:
  ~TransportTest() override { gate_.Open(); }

  void Listen(int threads, std::size_t longest_line = 100) {
    TransportOptions options;
    options.host = "127.0.0.1";
    options.threads = threads;
    options.longest_line = longest_line;
    options.limits = limits_;
    counts_ = options.counts;
    auto listening = Transport::Listen(
        options, [this](RawRequest raw) { return Handle(std::move(raw)); },
        [](int status, RawRequest raw) { return Detail(status, "refused " + raw.target); });
    ASSERT_TRUE(listening.ok()) << listening.error().message;
    transport_ = *std::move(listening);
    port_ = transport_->port();
  }
  Response Handle(RawRequest raw) {
    if (raw.target == "/block") gate_.Pass();
    ++handled_;
    longest_wait_ = std::max(longest_wait_.load(), raw.waited);
    if (raw.target == "/throw") throw std::runtime_error("a bug");
    if (raw.target == "/long") return Text(200, "text/plain", std::string(kLong, 'x'));
    return raw.refused != 0 ? Detail(raw.refused, "refused") : Text(200, "text/plain", raw.target + raw.body);
  }
  std::uint16_t port() const { return port_; }

  static constexpr std::size_t kLong = 32 << 20;  // more than the system buffers
  Limits limits_;
  std::shared_ptr<ConnectionCounts> counts_;
  Gate gate_;
  std::atomic<int> handled_ = 0;
  std::atomic<Micros> longest_wait_{Micros(0)};
  std::uint16_t port_ = 0;
  std::unique_ptr<Transport> transport_;
};

TEST_F(TransportTest, WhoFindsTheLineFullIsToldAtOnce) {
  Listen(1, 0);
  Client running(port()), refused(port());
  running.Get("/block");
  gate_.AwaitInside(1);
  refused.Get("/second");
  const std::string answer = refused.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("refused /second"));
}

TEST_F(TransportTest, BusyHandlersDoNotKeepOthersFromBeingTimedOut) {
  limits_.header_timeout = Millis(200);
  Listen(1);
  Client running(port()), slow(port());
  running.Get("/block");
  gate_.AwaitInside(1);
  slow.Send("GET / HT");
  EXPECT_THAT(slow.ReadAll(), StartsWith("HTTP/1.1 408 "));
}

TEST_F(TransportTest, AHandlerIsToldHowLongItsRequestWaited) {
  Listen(1);
  Client running(port()), waiting(port());
  running.Get("/block");
  gate_.AwaitInside(1);
  EXPECT_LT(longest_wait_.load(), Millis(100));
  waiting.Get("/waits");
  std::this_thread::sleep_for(Millis(200));
  gate_.Open();
  EXPECT_THAT(waiting.Read(), EndsWith("/waits"));
  EXPECT_GE(longest_wait_.load(), Millis(100));
}

TEST_F(TransportTest, WhoLeavesWhileWaitingHoldsUpNobody) {
  Listen(1);
  Client running(port());
  running.Get("/block");
  gate_.AwaitInside(1);
  for (int i = 0; i < 20; ++i) {
    Client leaving(port());
    leaving.Get("/gone");
  }
  gate_.Open();
  EXPECT_THAT(running.Read(), EndsWith("/block"));
  Client next(port());
  next.Get("/next");
  EXPECT_THAT(next.Read(), EndsWith("/next"));
}

TEST_F(TransportTest, AStopLetsTheRunningRequestEnd) {
  Listen(2);
  Client running(port()), idle(port());
  running.Get("/block");
  gate_.AwaitInside(1);
  for (int patience = 0; counts_->open < 2 && patience < 1000; ++patience) std::this_thread::sleep_for(Millis(1));
  std::thread stopping([this] { transport_->Stop(); });
  EXPECT_EQ(idle.ReadAll(), "") << "dropped at once";
  EXPECT_FALSE(Client(port()).connected());
  gate_.Open();
  const std::string answer = running.ReadAll();
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("/block"));
  stopping.join();
}

TEST_F(TransportTest, AfterAStopNoHandlerIsCalledThoughItsClientsWereAborted) {
  limits_.drain_timeout = Millis(50);
  Listen(1);
  Client running(port());
  running.Get("/block");
  gate_.AwaitInside(1);
  std::vector<std::unique_ptr<Client>> waiting;
  for (int i = 0; i < 10; ++i) {
    waiting.push_back(std::make_unique<Client>(port()));
    waiting.back()->Get("/never");
  }
  std::thread stopping([this] { transport_->Stop(); });
  for (const auto& client : waiting) client->ReadAll();
  gate_.Open();
  stopping.join();
  EXPECT_EQ(handled_, 1) << "the one that ran";
  Client(port_).Get("/after");
  transport_->Stop();
  EXPECT_EQ(handled_, 1);
}

TEST_F(TransportTest, AllBodiesTogetherAreLimited) {
  limits_.max_bodies = 100'000;
  Listen(2);
  const auto post = [](const std::string& target) {
    return "POST " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 80000\r\n\r\n" +
           std::string(80'000, 'x');
  };
  Client first(port()), second(port()), third(port());
  first.Send(post("/block"));
  gate_.AwaitInside(1);
  second.Send(post("/"));
  EXPECT_THAT(second.ReadAll(), StartsWith("HTTP/1.1 503 "));
  gate_.Open();
  EXPECT_THAT(first.ReadAll(), StartsWith("HTTP/1.1 200 "));
  third.Send(post("/"));
  EXPECT_THAT(third.ReadAll(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(TransportTest, ALongAnswerArrivesWhole) {
  limits_.max_body = 8 << 20;
  Listen(2);
  const std::string body(3 << 20, 'x');
  Client client(port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  const std::string answer = client.ReadAll();
  EXPECT_EQ(answer.size() - answer.find("\r\n\r\n") - 4, body.size() + 1);
}

TEST_F(TransportTest, WhoDoesNotReadMakesRoomForTheNext) {
  limits_.connections_per_address = 3;
  Listen(2);
  std::vector<std::unique_ptr<Client>> deaf;
  for (int i = 0; i < 3; ++i) {
    deaf.push_back(std::make_unique<Client>(port(), 4096));
    deaf.back()->Get("/long");
    EXPECT_THAT(deaf.back()->Read(), StartsWith("HTTP/1.1 200 "));
  }
  Client next(port());
  next.Get("/next");
  EXPECT_THAT(next.Read(), EndsWith("/next"));
  EXPECT_EQ(counts_->evicted, 1);
}

TEST_F(TransportTest, AnAnswerHasOneDeadlineHoweverSlowlyItIsRead) {
  limits_.write_timeout = Millis(300);
  limits_.slowest_reader = 1 << 30;
  Listen(2);
  Client slow(port(), 4096);
  slow.Get("/long");
  std::size_t got = 0;
  for (std::string piece; !(piece = slow.Read()).empty(); got += piece.size())
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  EXPECT_LT(got, kLong);
  EXPECT_EQ(counts_->timed_out, 1);
}

TEST_F(TransportTest, AnswersCountForTheMemoryToo) {
  limits_.max_bodies = kLong + 100'000;
  Listen(2);
  Client deaf(port(), 4096), next(port()), small(port());
  deaf.Get("/long");
  EXPECT_THAT(deaf.Read(), StartsWith("HTTP/1.1 200 "));
  next.Get("/long");
  EXPECT_THAT(next.ReadAll(), StartsWith("HTTP/1.1 503 "));
  small.Get("/small");
  EXPECT_THAT(small.Read(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(TransportTest, WhoSendsItsBodyLongestGoesWhenTheMemoryIsFull) {
  limits_.max_bodies = 100'000;
  Listen(2);
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 80000\r\n\r\n";
  Client slow(port()), next(port());
  slow.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 80000\r\n\r\n");
  EXPECT_THAT(slow.Read(), StartsWith("HTTP/1.1 100 "));
  slow.Send(std::string(79'000, 'x'));
  std::this_thread::sleep_for(Millis(100));  // until that has come
  next.Send(head + std::string(80'000, 'x'));
  EXPECT_THAT(next.ReadAll(), StartsWith("HTTP/1.1 200 "));
  EXPECT_EQ(slow.ReadAll(), "");
}

TEST_F(TransportTest, WhoIsTurnedAwayCanReadWhy) {
  limits_.connections_per_address = 2;
  Listen(1);
  Client running(port()), waiting(port());
  running.Get("/block");
  gate_.AwaitInside(1);
  waiting.Get("/waits");
  std::this_thread::sleep_for(Millis(100));  // until it waits in line, where nobody is dropped
  for (int i = 0; i < 100; ++i) {
    Client next(port());
    next.Get("/next");
    ASSERT_THAT(next.ReadAll(), StartsWith("HTTP/1.1 429 ")) << i;
  }
  EXPECT_EQ(counts_->refused, 100);
}

TEST_F(TransportTest, AHandlerThatThrowsCostsItsOwnRequest) {
  Listen(1);
  for (int i = 0; i < 3; ++i) {
    Client client(port());
    client.Get("/throw", "Connection: close\r\n");
    EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 500 "));
  }
  Client next(port());
  next.Get("/next");
  EXPECT_THAT(next.Read(), EndsWith("/next"));
}

// A socket file of the test's own, and what a transport says that shall listen there.
class SocketFile : public ::testing::Test {
 protected:
  SocketFile() : path_(::testing::TempDir() + "api-" + std::to_string(getpid()) + ".sock") { unlink(path_.c_str()); }
  ~SocketFile() override {
    if (fd_ >= 0) close(fd_);
    unlink(path_.c_str());
  }

  sockaddr_un Address() const {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    return address;
  }
  void BindOther() {
    fd_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_un address = Address();
    ASSERT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }
  std::optional<ErrorCode> Refusal() const {
    TransportOptions options;
    options.host = "127.0.0.1";
    options.socket = path_;
    const auto listening = Transport::Listen(
        options, [](RawRequest) { return NoContent(); }, [](int status, RawRequest) { return Detail(status, ""); });
    if (listening.ok()) return std::nullopt;
    return listening.error().code;
  }

  const std::string path_;
  int fd_ = -1;
};

TEST_F(SocketFile, OneThatIsLeftBehindIsReplaced) {
  BindOther();
  EXPECT_EQ(Refusal(), std::nullopt);
}

TEST_F(SocketFile, OneWithAFullQueueIsInUse) {
  BindOther();
  ASSERT_EQ(listen(fd_, 0), 0);
  const sockaddr_un address = Address();
  std::vector<int> waiting;
  do {
    waiting.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  } while (connect(waiting.back(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  EXPECT_EQ(Refusal(), ErrorCode::kConflict);
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
  for (const int fd : waiting) close(fd);
}

TEST_F(SocketFile, WhatIsNoSocketStays) {
  fd_ = open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  EXPECT_EQ(Refusal(), ErrorCode::kUnavailable);
  EXPECT_EQ(access(path_.c_str(), F_OK), 0);
}

// What the sanitizers are to see: everything at once, and a stop in its midst.
TEST_F(TransportTest, AStormOfClientsAndAStop) {
  limits_.connections = 40;
  limits_.connections_per_address = 30;
  limits_.header_timeout = limits_.idle_timeout = limits_.body_timeout = Millis(100);
  limits_.drain_timeout = Millis(200);
  Listen(3, 5);
  std::atomic<bool> over = false;
  std::atomic<int> served = 0;
  std::vector<std::thread> threads;
  const auto storm = [&](int kind) {
    while (!over) {
      Client client(port());
      switch (kind % 6) {
        case 0:
          client.Get("/a", "Connection: close\r\n");
          served += client.ReadAll().starts_with("HTTP/1.1 200") ? 1 : 0;
          break;
        case 1:
          for (int i = 0; i < 5; ++i) client.Get("/pipelined");
          client.Read();
          break;
        case 2:
          client.Send("GET / HTT");
          client.ReadAll();
          break;
        case 3:
          client.Send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
          client.ReadAll();
          break;
        case 4:
          client.Send("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n");
          client.Read();
          break;
        default:
          client.ReadAll();
      }
    }
  };
  for (int kind = 0; kind < 12; ++kind) threads.emplace_back(storm, kind);
  for (int patience = 0; served < 200 && patience < 3000; ++patience) std::this_thread::sleep_for(Millis(10));
  EXPECT_GE(served, 200) << "clients that behave are served all the while";
  transport_->Stop();
  over = true;
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(counts_->open, 0);
}

}  // namespace
}  // namespace pipelined::api
