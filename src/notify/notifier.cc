#include "pipelined/notify/notifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "notify/lookup.h"
#include "notify/worker.h"
#include "pipelined/base/log.h"

namespace pipelined::notify {
namespace {

constexpr Micros kLookAgain = std::chrono::minutes(1);  // below the notifications: the net
constexpr Micros kAfterError = Seconds(1);
constexpr Micros kClaimMargin = std::chrono::minutes(1);
constexpr Micros kLookedUpSoon = Millis(50);

}  // namespace

class Notifier::Impl {
 public:
  Impl(NotifierOptions options, Outbox& outbox, const Clock& clock)
      : options_(std::move(options)), outbox_(outbox), clock_(clock) {
    for (const ChannelSettings& settings : options_.channels)
      channels_.emplace(settings.name, Known{settings, nullptr, Micros(0)});
    for (auto& [name, channel] : channels_) {  // all at once, as each may wait for a program
      if (!channel.settings.references.empty()) channel.lookup.Begin(options_.look_up, channel.settings);
    }
  }

  bool Run() {
    while (!stop_) {
      const Micros wait = Turn();
      if (!stop_) outbox_.Wait(wait);
    }
    return Finish();
  }

  void Stop() {
    stop_ = true;
    outbox_.Interrupt();
  }

 private:
  struct Known {
    ChannelSettings settings;
    std::unique_ptr<Worker> worker;      // made when it is first needed
    Micros not_before{0};                // its rate is used up until then
    std::optional<JobDone> unsettled{};  // sent, but that could not be stored yet
    Lookup lookup{};                     // of settings.references; without any it can be used
    std::string unready{};               // why it cannot be looked up at present; it was said
    std::int32_t lookups = 0;            // that have failed
    Micros look_up_at{0};                // not before
  };

  // Once for each change, however many messages wait.
  static void SayReadiness(Known& channel, const std::string& unready) {
    if (unready == channel.unready) return;
    channel.unready = unready;
    if (unready.empty())
      log::Info("the channel {} can be used now", channel.settings.name);
    else
      log::Warning("the channel {} cannot be used: {}; its messages wait until it can", channel.settings.name, unready);
  }

  Micros TakeLookedUp(Known& channel) {
    std::optional<Result<ChannelSettings>> whole = channel.lookup.Take();
    if (!whole) return kLookedUpSoon;
    SayReadiness(channel, *whole ? "" : whole->error().message);
    if (*whole)
      channel.settings = **std::move(whole);
    else
      channel.look_up_at = clock_.Monotonic() + BackOff(channel.settings, ++channel.lookups, 0);
    return kLookAgain;
  }

  // As long as it cannot be looked up its messages wait, with the reason. Nothing is claimed: no try, and no place in
  // the rate, is used up.
  Result<Micros> AwaitLookup(Known& channel) {
    if (channel.lookup.is_under_way()) return kLookedUpSoon;
    if (const Status held = outbox_.Hold(channel.settings.name, channel.unready); !held) return held.error();
    const Micros now = clock_.Monotonic();
    if (now < channel.look_up_at) return channel.look_up_at - now;
    channel.lookup.Begin(options_.look_up, channel.settings);
    return kLookedUpSoon;
  }

  // Stores what was sent, gives idle channels the next message; answers how long there is nothing to do.
  Micros Turn() {
    if (const Status settled = SettleAll(); !settled) return Failed(settled.error());
    const Result<OutboxDue> due = outbox_.Due();
    if (!due) return Failed(due.error());
    Micros wait = std::min(kLookAgain, due->next_in.value_or(kLookAgain));
    for (auto& [name, channel] : channels_) {
      if (channel.lookup.is_under_way()) wait = std::min(wait, TakeLookedUp(channel));
    }
    for (const std::string& name : due->channels) {
      const auto found = channels_.find(name);
      const Result<Micros> next = found == channels_.end() ? Refuse(name) : Next(found->second);
      if (!next) return Failed(next.error());
      wait = std::min(wait, *next);
    }
    failing_ = false;
    return wait;
  }

  Micros Failed(const Error& error) {
    if (!failing_) log::Warning("{}; trying again", error.message);
    failing_ = true;
    return kAfterError;
  }

  Status SettleAll() {
    for (auto& [name, channel] : channels_) {
      if (channel.worker != nullptr && !channel.unsettled) channel.unsettled = channel.worker->Take();
      if (!channel.unsettled) continue;
      const DeliveryEnd end = EndOf(channel.settings, *channel.unsettled);
      if (const Status settled = outbox_.Settle(channel.unsettled->row, end); !settled) return settled;
      Say(*channel.unsettled, end);
      channel.unsettled.reset();
    }
    return Ok();
  }

  static DeliveryEnd EndOf(const ChannelSettings& channel, const JobDone& done) {
    DeliveryEnd end;
    end.status = done.outcome.status;
    end.error = done.outcome.error;
    if (done.outcome.verdict == Verdict::kTaken) return end;
    const std::int32_t tries = done.row.attempts;
    const bool final = done.outcome.verdict == Verdict::kRefused || IsUsedUp(channel, done.row);
    end.state = final ? NotificationState::kFailed : NotificationState::kQueued;
    end.next_in = std::max(BackOff(channel, tries, static_cast<std::uint64_t>(done.row.id)),
                           std::min(done.outcome.not_before.value_or(Micros(0)), channel.max_retry_delay));
    return end;
  }

  static bool IsUsedUp(const ChannelSettings& channel, const Notification& row) {
    return row.tries_left ? *row.tries_left <= 0 : row.attempts >= channel.max_tries;
  }

  static void Say(const JobDone& done, const DeliveryEnd& end) {
    const Notification& row = done.row;
    if (end.state == NotificationState::kSent)
      return log::Debug("notification {} was sent to {}", row.id, row.use.channel);
    log::Warning("notification {} to {}, try {}: {}{}", row.id, row.use.channel, row.attempts, end.error,
                 end.state == NotificationState::kFailed ? "; it has failed" : "");
  }

  Result<Micros> Refuse(const std::string& name) {
    const std::string error = fmt::format("there is no channel \"{}\" in the settings (alerts.channels)", name);
    const Result<std::int64_t> refused = outbox_.Refuse(name, error);
    if (!refused) return refused.error();
    if (*refused > 0) log::Warning("{}: {} notifications to it have failed", error, *refused);
    return kLookAgain;
  }

  // The next message of a channel, if it is idle and may send.
  Result<Micros> Next(Known& channel) {
    if (channel.unsettled || (channel.worker != nullptr && channel.worker->busy())) return kLookAgain;
    if (!channel.settings.references.empty()) return AwaitLookup(channel);
    const Micros now = clock_.Monotonic();
    if (now < channel.not_before) return channel.not_before - now;
    const ChannelSettings& settings = channel.settings;
    const ClaimTerms terms{settings.timeout * 2 + kClaimMargin, static_cast<std::int32_t>(settings.rate),
                           settings.rate_window, settings.type == "alertmanager"};
    Result<ClaimedNotification> claimed = outbox_.Claim(settings.name, terms);
    if (!claimed) return claimed.error();
    if (claimed->wait) {
      channel.not_before = now + std::max(*claimed->wait, Micros(Millis(1)));
      return channel.not_before - now;
    }
    if (!claimed->notification) return kLookAgain;  // another notifier was faster
    Notification row = *std::move(claimed->notification);
    // Of a try that took the notifier with it nothing was said; it counts all the same.
    if (IsUsedUp(settings, row)) {
      const Status settled = outbox_.Settle(row, {NotificationState::kFailed, Micros(0), std::nullopt, row.error});
      return settled ? Result<Micros>(Micros(0)) : Result<Micros>(settled.error());
    }
    const Origin origin{options_.installation, options_.base_url ? options_.base_url() : ""};
    Result<bool> go = outbox_.Begin(row, DedupeKey(row, origin), settings.dedupe_window);
    if (!go) return go.error().code == ErrorCode::kStale ? Result<Micros>(Micros(0)) : Result<Micros>(go.error());
    if (!*go) {
      log::Debug("notification {} to {} was suppressed", row.id, settings.name);
      return Micros(0);
    }
    if (channel.worker == nullptr)
      channel.worker = std::make_unique<Worker>(options_.make(settings, clock_), [this] { outbox_.Interrupt(); });
    Message message = MakeMessage(row, origin);
    channel.worker->Give({std::move(row), std::move(message)});
    return kLookAgain;
  }

  bool Busy() const {
    return std::any_of(channels_.begin(), channels_.end(), [](const auto& entry) {
      return entry.second.unsettled || (entry.second.worker != nullptr && entry.second.worker->busy());
    });
  }

  // What is being sent may still end; what then is not stored is sent again by the next notifier.
  bool Finish() {
    const Micros deadline = clock_.Monotonic() + options_.patience;
    while (Busy() && clock_.Monotonic() < deadline) {
      const Status settled = SettleAll();
      if (Busy()) outbox_.Wait(settled ? Micros(Millis(100)) : kAfterError);
    }
    return !Busy();
  }

  const NotifierOptions options_;
  Outbox& outbox_;
  const Clock& clock_;
  std::map<std::string, Known> channels_;
  std::atomic<bool> stop_ = false;
  bool failing_ = false;
};

Notifier::Notifier(NotifierOptions options, Outbox& outbox, const Clock& clock)
    : impl_(std::make_unique<Impl>(std::move(options), outbox, clock)) {}
Notifier::~Notifier() = default;

bool Notifier::Run() {
  return impl_->Run();
}
void Notifier::Stop() {
  impl_->Stop();
}

}  // namespace pipelined::notify
