// Requests that wait for something, over real sockets: they are asked again, and hold no handler meanwhile.
#include <gmock/gmock.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "api/transport/transport.h"
#include "integration/api/client.h"

namespace pipelined::api {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What all pauses of a test have in common.
struct Bell {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<std::function<void()>> listeners;
  int pauses = 0;
  bool rung = false;

  void Ring() {
    std::vector<std::function<void()>> all;
    {
      const std::scoped_lock lock(mutex);
      rung = true;
      all = listeners;
    }
    for (const auto& one : all) one();
  }
  bool Rung() {
    const std::scoped_lock lock(mutex);
    return rung;
  }
  void AwaitPauses(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return pauses == count && static_cast<int>(listeners.size()) >= count; });
  }
};

class TestPause : public Pause {
 public:
  explicit TestPause(Bell& bell) : bell_(bell) {
    const std::scoped_lock lock(bell_.mutex);
    ++bell_.pauses;
  }
  ~TestPause() override {
    const std::scoped_lock lock(bell_.mutex);
    --bell_.pauses;
    bell_.changed.notify_all();
  }
  void Begin(std::function<void()> more) override {
    const std::scoped_lock lock(bell_.mutex);
    bell_.listeners.push_back(std::move(more));
    bell_.changed.notify_all();
  }

 private:
  Bell& bell_;
};

class PauseTest : public ::testing::Test {
 protected:
  void Listen() {
    TransportOptions options;
    options.host = "127.0.0.1";
    options.threads = 1;
    options.limits = limits_;
    auto listening = Transport::Listen(
        options, [this](RawRequest& raw) { return Answer(raw); },
        [](int status, const RawRequest&) { return Detail(status, "refused"); });
    ASSERT_TRUE(listening.ok()) << listening.error().message;
    transport_ = *std::move(listening);
  }
  Response Answer(const RawRequest& raw) {
    Response response = Text(200, "text/plain", raw.target + (raw.answer_now ? " now" : ""));
    if (raw.target != "/wait" || raw.answer_now || bell_.Rung()) return response;
    response.pause = raw.pause != nullptr ? raw.pause : std::make_shared<TestPause>(bell_);
    response.patience = patience_;
    return response;
  }

  Limits limits_;
  Bell bell_;
  Micros patience_ = std::chrono::hours(1);
  std::unique_ptr<Transport> transport_;
};

TEST_F(PauseTest, IsAskedAgainWhenSomethingHasHappened) {
  Listen();
  Client client(transport_->port());
  client.Get("/wait");
  bell_.AwaitPauses(1);
  bell_.Ring();
  EXPECT_THAT(client.Read(), EndsWith("/wait"));
  bell_.AwaitPauses(0);
  client.Get("/next");
  EXPECT_THAT(client.Read(), EndsWith("/next")) << "the connection goes on";
}

TEST_F(PauseTest, ManyHoldNoHandler) {
  Listen();
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(std::make_unique<Client>(transport_->port()));
    clients.back()->Get("/wait");
  }
  bell_.AwaitPauses(50);
  Client other(transport_->port());
  other.Get("/other");
  EXPECT_THAT(other.Read(), EndsWith("/other"));
  bell_.Ring();
  for (const auto& client : clients) EXPECT_THAT(client->Read(), EndsWith("/wait"));
}

TEST_F(PauseTest, AfterItsTimeItIsAskedForTheLastTime) {
  patience_ = Millis(50);
  Listen();
  Client client(transport_->port());
  client.Get("/wait");
  EXPECT_THAT(client.Read(), EndsWith("/wait now"));
}

TEST_F(PauseTest, WhatComesMeanwhileIsAnsweredAfterwards) {
  Listen();
  Client client(transport_->port());
  client.Get("/wait");
  bell_.AwaitPauses(1);
  client.Get("/next");
  bell_.Ring();
  std::string all;
  while (all.find("/next") == std::string::npos) {
    const std::string piece = client.Read();
    ASSERT_FALSE(piece.empty()) << all;
    all += piece;
  }
  EXPECT_LT(all.find("/wait"), all.find("/next"));
}

TEST_F(PauseTest, EndsWhenItsClientLeaves) {
  Listen();
  {
    Client client(transport_->port());
    client.Get("/wait");
    bell_.AwaitPauses(1);
  }
  bell_.AwaitPauses(0);
}

TEST_F(PauseTest, AStopHasItAnswered) {
  Listen();
  Client client(transport_->port());
  client.Get("/wait");
  bell_.AwaitPauses(1);
  transport_->Stop();
  EXPECT_THAT(client.ReadAll(), EndsWith("/wait now"));
}

TEST_F(PauseTest, GivesItsPlaceUpWhenThereIsNoOther) {
  limits_.connections_per_address = 1;
  Listen();
  Client client(transport_->port());
  client.Get("/wait");
  bell_.AwaitPauses(1);
  Client other(transport_->port());
  other.Get("/other");
  EXPECT_THAT(other.Read(), EndsWith("/other"));
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
  EXPECT_THAT(answer, EndsWith("/wait now"));
}

}  // namespace
}  // namespace pipelined::api
