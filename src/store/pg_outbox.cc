// The notifier's side of the outbox. What is due, and when, is said by the database's clock alone.
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "pipelined/store/pg_store.h"
#include "store/arrays.h"
#include "store/notice_rows.h"
#include "store/rows.h"

namespace pipelined {
namespace {

class Listener : public pqxx::notification_receiver {
 public:
  using notification_receiver::notification_receiver;
  void operator()(const std::string&, int) override { told = true; }
  bool told = false;
};

// A claim is as good as the connection that made it: when the notifier is gone, so is its connection. One that was
// stopped keeps the connection, therefore nothing is kept for ever. A server that has started since has ended all
// connections, also those of notifiers that go on sending: then time alone tells.
constexpr const char* kGiveBackAbandoned =
    "with gone as (update notification n set state = 'queued', next_try_at = clock_timestamp(), claim = null, "
    "claim_since = null, claim_until = null, error = case when n.attempts > 0 then 'the notifier ended before it knew "
    "whether this was sent' else '' end where n.state = 'delivering' and (n.claim_until < clock_timestamp() or "
    "n.claim_since >= pg_postmaster_start_time() and not exists (select from pg_stat_activity a where a.pid = n.claim "
    "and (a.backend_start is null or a.backend_start = "
    "n.claim_since))) "
    "returning n.id, n.attempts) "
    "update notification_attempt t set ended_at = clock_timestamp(), error = 'the notifier ended before it knew "
    "whether "
    "this was sent' from gone where t.notification = gone.id and t.number = gone.attempts and t.ended_at is null";

// The first row of each channel, however many wait behind it.
constexpr const char* kDue =
    "with recursive first as ((select channel, next_try_at from notification where state = 'queued' order by channel, "
    "next_try_at limit 1) union all select n.channel, n.next_try_at from first f cross join lateral (select channel, "
    "next_try_at from notification where state = 'queued' and channel > f.channel order by channel, next_try_at limit "
    "1) n) "
    "select channel, case when next_try_at > clock_timestamp() then (extract(epoch from next_try_at - "
    "clock_timestamp()) * 1000000)::bigint else 0 end from first";

// How many tries of the channel have begun; how many are claimed by somebody who has not said yet that he tries, for
// several notifiers would try more together; and when the next one may begin if those that have begun are too many.
constexpr const char* kRate =
    "select count(*), (select count(*) from notification n where n.state = 'delivering' and n.channel = $1 and not "
    "exists (select from notification_attempt a where a.notification = n.id and a.number = n.attempts and a.ended_at "
    "is null)), coalesce((extract(epoch from min(started_at) + $3::bigint * interval '1 microsecond' - "
    "clock_timestamp()) * 1000000)::bigint, 0) from (select started_at from notification_attempt where channel = "
    "$1 and started_at > clock_timestamp() - $3::bigint * interval '1 microsecond' order by started_at desc limit $2) "
    "t";

constexpr Millis kClaimSoonDecided{100};  // what is claimed is tried, or given up, at once

constexpr const char* kClaim =
    "update notification n set state = 'delivering', next_try_at = null, claim = pg_backend_pid(), claim_since = "
    "(select backend_start from pg_stat_activity where pid = pg_backend_pid()), claim_until = clock_timestamp() + "
    "$2::bigint * interval '1 microsecond', "
    "firing = n.firing or ($3 and n.event in ('failure', 'deadline') and n.recovered_at is null) "
    "where n.id = (select id from notification where state = 'queued' and channel = $1 and next_try_at <= "
    "clock_timestamp() order by next_try_at, id limit 1 for update skip locked) "
    "returning " PIPELINED_NOTIFICATION_COLUMNS;

// Another notifier may know the channel, as the one that was started after the settings were changed.
constexpr const char* kRefuse =
    "with gone as (update notification set state = 'failed', next_try_at = null, ended_at = clock_timestamp(), error = "
    "$2 where state = 'queued' and channel = $1 and (created_at < clock_timestamp() - interval '1 minute' or not "
    "exists "
    "(select from pg_stat_activity where application_name = 'pipelined notifier' and datname = current_database() and "
    "pid <> pg_backend_pid())) returning id), "
    "others as (update notification n set state = 'failed', error = $2 from gone where n.duplicate_of = gone.id and "
    "n.state = 'suppressed') "
    "select count(*) from gone";

class PgOutbox final : public Outbox {
 public:
  explicit PgOutbox(StoreOptions options)
      : options_(std::move(options)), interrupt_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~PgOutbox() override { close(interrupt_); }

  Result<OutboxDue> Due() override {
    return With("look into the outbox", [&]() -> Result<OutboxDue> {
      listener_->told = false;  // what comes from here on may be about what this look does not see
      session_->Run("outbox_gone", kGiveBackAbandoned);
      OutboxDue due;
      for (const pqxx::row& row : session_->Run("outbox_due", kDue)) {
        const Micros wait(row[1].as<std::int64_t>());
        if (wait <= Micros(0))
          due.channels.emplace_back(row[0].c_str());
        else
          due.next_in = std::min(due.next_in.value_or(wait), wait);
      }
      return due;
    });
  }

  Result<ClaimedNotification> Claim(const std::string& channel, const ClaimTerms& terms) override {
    return With("take from the outbox", [&]() -> Result<ClaimedNotification> {
      ClaimedNotification claimed;
      pqxx::work work(session_->raw());
      claimed.wait = RateWait(work, CleanText(channel), terms);
      if (claimed.wait) return claimed;
      const pqxx::result rows =
          session_->In(work, "outbox_claim", kClaim, CleanText(channel), terms.keep.count(), terms.sets_off_alerts);
      if (!rows.empty()) claimed.notification = ReadNotification(rows[0]);
      work.commit();
      return claimed;
    });
  }

  Result<bool> Begin(Notification& claimed, const std::string& dedupe_key, Micros window) override {
    return With("begin a delivery", [&]() -> Result<bool> {
      pqxx::work work(session_->raw());
      const std::string channel = CleanText(claimed.use.channel), key = CleanText(dedupe_key);
      const bool first = claimed.dedupe_key.empty() && !key.empty();
      if (IsOvertaken(work, claimed) || (first && Fold(work, claimed.id, channel, key, window))) {
        work.commit();
        return false;
      }
      const pqxx::result begun = session_->In(
          work, "outbox_begin",
          "with n as (update notification set attempts = attempts + 1, tries_left = tries_left - 1, dedupe_key = "
          "coalesce(dedupe_key, nullif($2, "
          "'')) where id = $1 and state = 'delivering' and claim = pg_backend_pid() and attempts = $3 returning id, "
          "attempts, channel) insert into notification_attempt (notification, number, channel, started_at) "
          "select id, attempts, channel, clock_timestamp() from n returning number",
          claimed.id, key, claimed.attempts);
      work.commit();
      if (begun.empty()) throw StaleRow("somebody else has it");
      claimed.attempts = begun[0][0].as<std::int32_t>();
      if (claimed.tries_left) --*claimed.tries_left;
      claimed.dedupe_key = claimed.dedupe_key.empty() ? key : claimed.dedupe_key;
      return true;
    });
  }

  Status Settle(const Notification& claimed, const DeliveryEnd& end) override {
    return With("store a delivery", [&]() -> Status {
      pqxx::work work(session_->raw());
      // Whoever took it for lost meanwhile did not know: who sent it does.
      session_->In(work, "outbox_tried",
                   "update notification_attempt set ended_at = clock_timestamp(), status = $3, error = $4 "
                   "where notification = $1 and number = $2",
                   claimed.id, claimed.attempts, end.status, CleanText(end.error));
      session_->In(work, "outbox_settle",
                   "update notification set state = $3, claim = null, claim_since = null, claim_until = null, "
                   "error = $4, next_try_at = case when $3 = 'queued' then clock_timestamp() + $5::bigint * interval "
                   "'1 microsecond' end, ended_at = case when $3 <> 'queued' then clock_timestamp() end, "
                   "firing = firing and $3 <> 'failed' "
                   "where id = $1 and attempts = $2 and state in ('delivering', 'queued')",
                   claimed.id, claimed.attempts, std::string(ToString(end.state)), CleanText(end.error),
                   end.next_in.count());
      if (end.state == NotificationState::kFailed) FailThoseItStoodFor(work, claimed.id, CleanText(end.error));
      work.commit();
      return Ok();
    });
  }

  Status Hold(const std::string& channel, const std::string& why) override {
    return With("hold notifications", [&]() -> Status {
      session_->Run("outbox_hold",
                    "update notification set error = $2 where state = 'queued' and channel = $1 and next_try_at <= "
                    "clock_timestamp() and error is distinct from $2",
                    CleanText(channel), CleanText(why));
      return Ok();
    });
  }

  Result<std::int64_t> Refuse(const std::string& channel, const std::string& error) override {
    return With("refuse notifications", [&]() -> Result<std::int64_t> {
      return session_->Run("outbox_refuse", kRefuse, CleanText(channel), CleanText(error))[0][0].as<std::int64_t>();
    });
  }

  void Wait(Micros at_most) override {
    if (WasTold()) {
      listener_->told = false;
      return;
    }
    pollfd watched[2] = {{interrupt_, POLLIN, 0}, {session_ == nullptr ? -1 : session_->fd(), POLLIN, 0}};
    const auto timeout = std::chrono::ceil<Millis>(at_most).count();
    poll(watched, 2, static_cast<int>(std::clamp<std::int64_t>(timeout, 0, 3'600'000)));
    std::uint64_t ignored = 0;
    (void)!read(interrupt_, &ignored, sizeof ignored);
  }

  void Interrupt() override {
    const std::uint64_t one = 1;
    (void)!write(interrupt_, &one, sizeof one);
  }

 private:
  template <class Work>
  auto With(const char* what, Work&& work) -> std::invoke_result_t<Work> {
    return Guard(what, [&]() -> std::invoke_result_t<Work> {
      if (session_ != nullptr && session_->HungUp()) Drop();
      if (session_ == nullptr) Connect();
      try {
        return work();
      } catch (const pqxx::broken_connection&) {
        Drop();
        throw;
      } catch (const pqxx::in_doubt_error&) {
        Drop();
        throw;
      }
    });
  }

  void Connect() {
    auto session = std::make_unique<Session>(options_, "pipelined notifier");
    // A notifier that is stopped in the middle of a transaction would hold rows that the scheduler needs.
    pqxx::nontransaction(session->raw()).exec("set idle_in_transaction_session_timeout to '5s'");
    listener_ = std::make_unique<Listener>(session->raw(), options_.schema + ".notify");
    session_ = std::move(session);
  }
  void Drop() {
    listener_.reset();
    session_.reset();
  }

  bool WasTold() {
    if (session_ == nullptr) return false;
    try {
      session_->raw().get_notifs();
    } catch (const pqxx::failure&) {
      return false;  // the next statement says why
    }
    return listener_->told;
  }

  // How long the channel's rate lets nobody try; nothing: it lets one. The lock makes the others see what is claimed.
  std::optional<Micros> RateWait(pqxx::work& work, const std::string& channel, const ClaimTerms& terms) {
    if (terms.rate <= 0) return std::nullopt;
    session_->In(work, "outbox_rate_lock",
                 "select pg_advisory_xact_lock(hashtext(current_schema() || '.rate'), hashtext($1))", channel);
    const pqxx::row begun = session_->In(work, "outbox_rate", kRate, channel, terms.rate, terms.rate_window.count())[0];
    const auto tries = begun[0].as<std::int64_t>(), claims = begun[1].as<std::int64_t>();
    if (tries + claims < terms.rate) return std::nullopt;
    return tries < terms.rate ? Micros(kClaimSoonDecided) : Micros(begun[2].as<std::int64_t>());
  }

  // An end that comes when the alert is set off anew would end that one: labels name the DAG, not the run. What is
  // firing now was set off by a run later than the one whose success this is about, else that had ended it.
  bool IsOvertaken(pqxx::work& work, const Notification& claimed) {
    if (claimed.event != NotifyOn::kRecovered && !claimed.recovered_at) return false;
    return !session_
                ->In(work, "outbox_overtaken",
                     "update notification n set state = 'suppressed', duplicate_of = o.id, ended_at = "
                     "clock_timestamp(), claim = null, claim_since = null, claim_until = null, firing = false, error = "
                     "'the alert has been set off anew since' from (select f.id from notification f, notification e "
                     "where e.id = $1 and f.firing and f.id <> e.id and f.channel = e.channel and f.dag_id = e.dag_id "
                     "and f.task_id is not distinct from e.task_id and f.map_index = e.map_index and f.event = "
                     "coalesce(e.facts->>'ends', e.event) order by f.id desc limit 1) o "
                     "where n.id = $1 and n.state = 'delivering' returning n.id",
                     claimed.id)
                .empty();
  }

  // What was suppressed was to be told by this one.
  void FailThoseItStoodFor(pqxx::work& work, std::int64_t id, const std::string& error) {
    session_->In(work, "outbox_fail_with",
                 "update notification set state = 'failed', error = 'notification ' || $1::bigint || ', which was to "
                 "tell of this, has failed: ' || $2 where duplicate_of = $1 and state = 'suppressed'",
                 id, error);
  }

  // Whether another row has this key. The lock lets two that are looked at together see each other.
  bool Fold(pqxx::work& work, std::int64_t id, const std::string& channel, const std::string& key, Micros window) {
    if (window <= Micros(0)) return false;
    session_->In(work, "outbox_key_lock",
                 "select pg_advisory_xact_lock(hashtext(current_schema() || $1), hashtext($2))", channel, key);
    return !session_
                ->In(work, "outbox_fold",
                     "update notification n set state = 'suppressed', dedupe_key = $3, duplicate_of = o.id, ended_at = "
                     "clock_timestamp(), claim = null, claim_since = null, claim_until = null, firing = false from "
                     "(select id from notification where channel = $2 and dedupe_key = $3 and id <> $1 and state <> "
                     "'suppressed' and state <> 'failed' and created_at > (select created_at from notification where "
                     "id = $1) - $4::bigint * "
                     "interval '1 microsecond' order by id desc limit 1) o where n.id = $1 and n.state = 'delivering' "
                     "returning n.id",
                     id, channel, key, window.count())
                .empty();
  }

  const StoreOptions options_;
  const int interrupt_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Listener> listener_;  // of session_
};

}  // namespace

std::unique_ptr<Outbox> MakePgOutbox(const StoreOptions& options) {
  return std::make_unique<PgOutbox>(options);
}

}  // namespace pipelined
