// The notifier over an outbox in memory and channels that do what the test says.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

#include "pipelined/notify/notifier.h"

namespace pipelined::notify {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;

// Everything is due at once; what is to be tried again is, immediately.
class FakeOutbox : public Outbox {
 public:
  void Put(std::int64_t id, const std::string& channel, std::int32_t attempts = 0) {
    const std::lock_guard lock(mutex_);
    Notification row;
    row.id = id;
    row.use.channel = channel;
    row.event = NotifyOn::kFailure;
    row.dag_id = "d";
    row.attempts = attempts;
    queued_.push_back(row);
    changed_.notify_all();
  }
  void Break(bool broken) {
    const std::lock_guard lock(mutex_);
    broken_ = broken;
    changed_.notify_all();
  }
  int refusals() {  // to store what was sent
    const std::lock_guard lock(mutex_);
    return refusals_;
  }
  std::set<std::string> folded;               // keys that were sent before
  std::map<std::string, std::int32_t> rates;  // that were claimed by; to be read when it is stopped

  Result<OutboxDue> Due() override {
    const std::lock_guard lock(mutex_);
    if (broken_) return Error{ErrorCode::kUnavailable, "no database", ""};
    OutboxDue due;
    for (const Notification& row : queued_) due.channels.push_back(row.use.channel);
    return due;
  }
  Status Hold(const std::string& channel, const std::string& why) override {
    const std::lock_guard lock(mutex_);
    const std::string held = channel + " held: " + why;
    if (std::find(ends_.begin(), ends_.end(), held) == ends_.end()) ends_.push_back(held);
    changed_.notify_all();
    return Ok();
  }
  Result<ClaimedNotification> Claim(const std::string& channel, const ClaimTerms& terms) override {
    const std::lock_guard lock(mutex_);
    rates[channel] = terms.rate;
    ClaimedNotification claimed;
    for (auto row = queued_.begin(); row != queued_.end(); ++row) {
      if (row->use.channel != channel) continue;
      claimed.notification = *row;
      queued_.erase(row);
      break;
    }
    return claimed;
  }
  Result<bool> Begin(Notification& claimed, const std::string& key, Micros) override {
    ++claimed.attempts;
    return !folded.contains(key);
  }
  Status Settle(const Notification& claimed, const DeliveryEnd& end) override {
    const std::lock_guard lock(mutex_);
    if (broken_) {
      ++refusals_;
      return Error{ErrorCode::kUnavailable, "no database", ""};
    }
    ends_.push_back(std::to_string(claimed.id) + " " + std::string(ToString(end.state)));
    if (end.state == NotificationState::kQueued) queued_.push_back(claimed);
    changed_.notify_all();
    return Ok();
  }
  Result<std::int64_t> Refuse(const std::string& channel, const std::string& error) override {
    const std::lock_guard lock(mutex_);
    const auto refused = std::erase_if(queued_, [&](const Notification& row) { return row.use.channel == channel; });
    ends_.push_back("refused " + channel + ": " + error);
    changed_.notify_all();
    return static_cast<std::int64_t>(refused);
  }
  void Wait(Micros) override {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 20ms);
  }
  void Interrupt() override { changed_.notify_all(); }

  // Until so many have come to something.
  std::vector<std::string> Ends(std::size_t number) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, 10s, [&] { return ends_.size() >= number; });
    return ends_;
  }

  bool Await(const std::string& end) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return std::find(ends_.begin(), ends_.end(), end) != ends_.end(); });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Notification> queued_;
  std::vector<std::string> ends_;
  bool broken_ = false;
  int refusals_ = 0;
};

// A gate that tests open.
struct Gate {
  std::mutex mutex;
  std::condition_variable opened;
  bool open = false;
  void Open() {
    const std::lock_guard lock(mutex);
    open = true;
    opened.notify_all();
  }
  void Pass() {
    std::unique_lock lock(mutex);
    opened.wait(lock, [this] { return open; });
  }
};

class FakeChannel : public Channel {
 public:
  explicit FakeChannel(std::function<Outcome()> send) : send_(std::move(send)) {}
  Outcome Send(const Message&) override { return send_(); }

 private:
  std::function<Outcome()> send_;
};

class NotifierTest : public ::testing::Test {
 protected:
  void Channel(const std::string& name, std::function<Outcome()> send, std::int64_t max_tries = 3) {
    ChannelSettings settings;
    settings.name = name;
    settings.type = "webhook";
    settings.max_tries = max_tries;
    settings.retry_delay = settings.max_retry_delay = 1ms;
    options_.channels.push_back(settings);
    sends_[name] = std::move(send);
  }
  void Start() {
    options_.installation = "i";
    options_.make = [this](const ChannelSettings& settings, const Clock&) {
      return std::make_unique<FakeChannel>(sends_[settings.name]);
    };
    notifier_ = std::make_unique<Notifier>(options_, outbox_, SystemClock());
    thread_ = std::thread([this] { idle_ = notifier_->Run(); });
  }
  bool Stop() {
    notifier_->Stop();
    thread_.join();
    return idle_;
  }

  NotifierOptions options_;
  std::map<std::string, std::function<Outcome()>> sends_;
  FakeOutbox outbox_;
  std::unique_ptr<Notifier> notifier_;
  std::thread thread_;
  bool idle_ = false;
};

TEST_F(NotifierTest, WhatIsTakenIsSent) {
  Channel("ops", [] { return Outcome{}; });
  outbox_.Put(1, "ops");
  Start();
  EXPECT_THAT(outbox_.Ends(1), ElementsAre("1 sent"));
  EXPECT_TRUE(Stop());
}

TEST_F(NotifierTest, WhatIsNotIsTriedAgainUntilItHasFailed) {
  Channel("ops", [] { return Outcome{Verdict::kLater, 503, "HTTP 503"}; });
  outbox_.Put(1, "ops");
  Start();
  EXPECT_THAT(outbox_.Ends(3), ElementsAre("1 queued", "1 queued", "1 failed"));
  EXPECT_TRUE(Stop());
}

TEST_F(NotifierTest, OneThatTookTheNotifierWithItEachTimeIsNotTriedForEver) {
  std::atomic<bool> sent = false;
  Channel("ops", [&] { return sent = true, Outcome{}; });
  outbox_.Put(1, "ops", 3);
  Start();
  EXPECT_THAT(outbox_.Ends(1), ElementsAre("1 failed"));
  EXPECT_TRUE(Stop());
  EXPECT_FALSE(sent);
}

TEST_F(NotifierTest, ARefusalIsFinal) {
  Channel("ops", [] { return Outcome{Verdict::kRefused, 404, "HTTP 404"}; });
  outbox_.Put(1, "ops");
  Start();
  EXPECT_THAT(outbox_.Ends(1), ElementsAre("1 failed"));
  EXPECT_TRUE(Stop());
}

TEST_F(NotifierTest, AChannelThatThrowsHasNotSent) {
  Channel(
      "ops", []() -> Outcome { throw std::runtime_error("a bug"); }, 1);
  outbox_.Put(1, "ops");
  Start();
  EXPECT_THAT(outbox_.Ends(1), ElementsAre("1 failed"));
  EXPECT_TRUE(Stop());
}

TEST_F(NotifierTest, OneThatHangsHoldsUpNobodyElse) {
  Gate gate;
  Channel("slow", [&] { return gate.Pass(), Outcome{}; });
  Channel("ops", [] { return Outcome{}; });
  outbox_.Put(1, "slow");
  outbox_.Put(2, "ops");
  outbox_.Put(3, "ops");
  Start();
  EXPECT_THAT(outbox_.Ends(2), ElementsAre("2 sent", "3 sent"));
  gate.Open();
  EXPECT_THAT(outbox_.Ends(3), ElementsAre("2 sent", "3 sent", "1 sent"));
  EXPECT_TRUE(Stop());
}

TEST_F(NotifierTest, AStopDoesNotWaitForOneThatHangs) {
  const auto gate = std::make_shared<Gate>();
  Channel("slow", [gate] { return gate->Pass(), Outcome{}; });
  options_.patience = 50ms;
  outbox_.Put(1, "slow");
  std::atomic<bool> begun = false;
  sends_["slow"] = [gate, &begun] { return begun = true, gate->Pass(), Outcome{}; };
  Start();
  while (!begun) std::this_thread::yield();
  EXPECT_FALSE(Stop());
  notifier_.reset();
  gate->Open();  // its thread ends by itself
}

TEST_F(NotifierTest, AnUnknownChannelIsRefused) {
  outbox_.Put(1, "nobody");
  Start();
  EXPECT_THAT(outbox_.Ends(1), ElementsAre(HasSubstr("refused nobody: there is no channel \"nobody\"")));
  EXPECT_TRUE(Stop());
}

TEST_F(NotifierTest, OneWhoseSecretCannotBeReadHoldsUpNobodyAndSendsWhenItCan) {
  std::atomic<bool> there = false;
  Channel("ops", [] { return Outcome{}; });
  Channel(
      "broken", [] { return Outcome{}; }, 1'000'000);
  options_.channels.back().references = {{"secret", {"${file:/vault}"}, "", "", false}};
  options_.look_up = [&](const ChannelSettings& channel) -> Result<ChannelSettings> {
    if (!there) return Error{ErrorCode::kUnavailable, "cannot read /vault", ""};
    ChannelSettings whole = channel;
    whole.references.clear();
    whole.rate = 7;
    return whole;
  };
  outbox_.Put(1, "broken");
  Start();
  EXPECT_TRUE(outbox_.Await("broken held: cannot read /vault"));
  outbox_.Put(2, "ops");
  EXPECT_TRUE(outbox_.Await("2 sent"));
  there = true;
  EXPECT_TRUE(outbox_.Await("1 sent"));
  EXPECT_TRUE(Stop());
  EXPECT_EQ(outbox_.rates["broken"], 7) << "what was looked up counts in all of it";
  EXPECT_THAT(outbox_.Ends(3), ElementsAre("broken held: cannot read /vault", "2 sent", "1 sent")) << "no try";
}

TEST_F(NotifierTest, WhatWasSentIsStoredWhenTheDatabaseIsBack) {
  Gate gate;
  std::atomic<bool> begun = false;
  Channel("ops", [&] { return begun = true, gate.Pass(), Outcome{}; });
  outbox_.Put(1, "ops");
  Start();
  while (!begun) std::this_thread::yield();
  outbox_.Break(true);
  gate.Open();
  while (outbox_.refusals() == 0) std::this_thread::yield();
  outbox_.Break(false);
  EXPECT_THAT(outbox_.Ends(1), ElementsAre("1 sent"));
  EXPECT_TRUE(Stop());
}

}  // namespace
}  // namespace pipelined::notify
