// The history as it grows, see docs/decisions/110-live-events-in-the-order-of-their-numbers.md.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <set>

#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "store/event_sql.h"
#include "store/pg_catalog.h"
#include "store/rows.h"

namespace pipelined {
namespace {

// A transaction that has taken a number ends within milliseconds; one that does not must not stop everybody for ever.
constexpr Micros kPatience = Seconds(30);
constexpr Micros kStartPatience = Seconds(1);  // of one call
constexpr const char* kLockNotAvailable = "55P03";
constexpr Micros kLookAgain = Millis(5);
constexpr int kMost = 1000;

constexpr const char* kColumns =
    "e.id, micros(e.at), e.who, e.kind, coalesce(e.dag_id, r.dag_id, ''), coalesce(r.run_id, ''), "
    "coalesce(t.task_id, ''), case when e.kind = 'task' then coalesce(e.map_index, -1) end, e.try_number, "
    "coalesce(e.old_state, ''), coalesce(e.new_state, ''), coalesce(e.why, '')";

// The events of `$1` < id that also meet `condition`, the first kMost of them and of these the first `most`.
std::string EventsAfter(std::string_view condition, std::string_view most) {
  return fmt::format(
      "with e as materialized (select * from event where id > $1{} order by id limit {}) select {} from e{} order by "
      "e.id limit {}",
      condition, kMost, kColumns, kRunAndTaskOfEvent, most);
}

// Transactions that are writing events: whoever has taken a number locks the table until all can see that it has ended.
constexpr const char* kWriters =
    "select virtualtransaction from pg_locks where locktype = 'relation' and mode = 'RowExclusiveLock' and granted and "
    "database = (select oid from pg_database where datname = current_database()) and relation = 'event'::regclass";

class Listener : public pqxx::notification_receiver {
 public:
  using notification_receiver::notification_receiver;
  void operator()(const std::string&, int) override { told = true; }
  bool told = false;
};

EventRow ReadEvent(const pqxx::row& row) {
  EventRow event;
  event.id = row[0].as<std::int64_t>();
  event.at = *ReadInstant(row[1]);
  event.who = row[2].c_str();
  event.kind = row[3].c_str();
  event.dag_id = row[4].c_str();
  event.run_id = row[5].c_str();
  event.task_id = row[6].c_str();
  if (!row[7].is_null()) event.map_index = row[7].as<std::int32_t>();
  if (!row[8].is_null()) event.try_number = row[8].as<std::int32_t>();
  event.old_state = row[9].c_str();
  event.new_state = row[10].c_str();
  event.why = row[11].c_str();
  return event;
}

class PgEventReader final : public EventReader {
 public:
  explicit PgEventReader(StoreOptions options)
      : options_(std::move(options)), interrupt_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~PgEventReader() override {
    Rest();
    close(interrupt_);
  }

  Result<std::int64_t> Start() override {
    if (!start_) Rest();
    const auto settled = Guard("follow the history", [&]() -> Result<bool> {
      if (!start_) {
        if (!Connect()) return false;
        FindStart();
      }
      const Micros give_up = SystemClock().Monotonic() + kStartPatience;
      for (Consider(); settled_ < *start_ && SystemClock().Monotonic() < give_up; Consider()) Wait(kLookAgain);
      return settled_ >= *start_;
    });
    if (settled.ok() && !*settled)
      return Error{ErrorCode::kUnavailable, "a transaction that is open may still add events", ""};
    const std::int64_t position = start_.value_or(0);
    start_.reset();
    if (settled.ok()) return position;
    Rest();
    return settled.error();
  }

  void Rest() override {
    listener_.reset();
    session_.reset();
    expected_.reset();
    start_.reset();
    settled_ = 0;
  }

  Result<Settled> Next(std::int64_t after, int most) override {
    if (session_ == nullptr) return NotStarted();
    return Guard("read new events", [&]() -> Result<Settled> {
      const int limit = std::clamp(most, 1, kMost);
      listener_->told = false;  // what comes from here on may be about what this look does not see
      Consider();               // before the look: what has ended then is seen by it
      return Take(session_->Run("new_events", EventsAfter("", "$2"), after, limit), after, limit);
    });
  }

  Result<std::vector<EventRow>> Between(std::int64_t after, std::int64_t until, int most) override {
    if (session_ == nullptr) return NotStarted();
    return Guard("read earlier events", [&]() -> Result<std::vector<EventRow>> {
      std::vector<EventRow> events;
      for (const pqxx::row& row : session_->Run("old_events", EventsAfter(" and id <= $2", "$3"), after, until, most))
        events.push_back(ReadEvent(row));
      return events;
    });
  }

  Result<Extent> Numbers() override {
    if (session_ == nullptr) return NotStarted();
    return Guard("find the ends of the history", [&]() -> Result<Extent> {
      const pqxx::result found = session_->Run("event_numbers",
                                               "select (select min(id) from event), case when is_called then "
                                               "last_value else 0 end from event_id");
      Extent extent;
      if (!found[0][0].is_null()) extent.oldest = found[0][0].as<std::int64_t>();
      extent.latest = found[0][1].as<std::int64_t>();
      return extent;
    });
  }

  // Which of the two it was that ended the wait does not matter; a broken connection shows at the next statement.
  void Wait(Micros at_most) override {
    if (WasTold()) return;
    const Micros patience = expected_ ? std::min(at_most, kLookAgain) : at_most;
    pollfd watched[2] = {{interrupt_, POLLIN, 0}, {session_ == nullptr ? -1 : session_->fd(), POLLIN, 0}};
    const auto timeout = std::chrono::ceil<Millis>(patience).count();
    poll(watched, 2, static_cast<int>(std::min<std::int64_t>(timeout, 60'000)));
    std::uint64_t ignored = 0;
    (void)!read(interrupt_, &ignored, sizeof ignored);
  }

  void Interrupt() override {
    const std::uint64_t one = 1;
    (void)!write(interrupt_, &one, sizeof one);
  }

 private:
  // False: a writer is open that looked before there was somebody to tell.
  bool Connect() {
    session_ = std::make_unique<Session>(options_, "pipelined events");
    listener_ = std::make_unique<Listener>(session_->raw(), options_.schema + ".event");
    pqxx::nontransaction setup(session_->raw());
    setup.exec(
        "set plan_cache_mode to force_generic_plan; set enable_seqscan to off; set enable_hashjoin to off; "
        "set enable_mergejoin to off; set lock_timeout to '1s'");
    try {
      setup.exec("select follow_events()");
    } catch (const pqxx::sql_error& e) {
      if (e.sqlstate() != kLockNotAvailable) throw;
      return false;
    }
    return true;
  }

  void FindStart() {
    start_ = session_->Run("last_event", "select coalesce(max(id), 0) from event")[0][0].as<std::int64_t>();
    Expect(*start_);
  }

  // A notification that came together with the rows of a statement does not make the socket readable any more.
  bool WasTold() {
    if (session_ == nullptr) return false;
    try {
      session_->raw().get_notifs();
    } catch (const pqxx::failure&) {
      return false;  // the next statement says why
    }
    return listener_->told;
  }

  // Numbers up to `until` that are missing were taken by these writers, or will never come.
  struct Expected {
    std::int64_t until = 0;
    std::set<std::string> writers;
    Micros since{0};
  };

  static Error NotStarted() { return {ErrorCode::kUnavailable, "the history is not followed", ""}; }

  std::set<std::string> Writers() {
    std::set<std::string> writers;
    for (const pqxx::row& row : session_->Run("event_writers", kWriters)) writers.emplace(row[0].c_str());
    return writers;
  }

  void Expect(std::int64_t until) { expected_ = Expected{until, Writers(), SystemClock().Monotonic()}; }

  // Whether those who are waited for have ended.
  void Consider() {
    if (!expected_) return;
    const std::set<std::string> now = Writers();
    std::erase_if(expected_->writers, [&](const std::string& writer) { return !now.contains(writer); });
    const bool late = SystemClock().Monotonic() - expected_->since > kPatience;
    if (!expected_->writers.empty() && !late) return;
    if (!expected_->writers.empty())
      log::Warning("a transaction that is open for {} may add events later: they will not be sent",
                   FormatDuration(kPatience));
    settled_ = std::max(settled_, expected_->until);
    expected_.reset();
  }

  // Up to the first number that is missing and may still come.
  Settled Take(const pqxx::result& rows, std::int64_t after, int limit) {
    Settled taken;
    taken.until = after;
    for (const pqxx::row& row : rows) {
      EventRow event = ReadEvent(row);
      if (event.id > settled_ && event.id != taken.until + 1) {
        if (!expected_) Expect(rows.back()[0].as<std::int64_t>());
        return taken;
      }
      taken.until = event.id;
      taken.events.push_back(std::move(event));
    }
    taken.more = static_cast<int>(taken.events.size()) == limit;
    return taken;
  }

  const StoreOptions options_;
  const int interrupt_;
  std::unique_ptr<Session> session_;
  std::unique_ptr<Listener> listener_;
  std::optional<std::int64_t> start_;  // while it is not known whether all up to there is settled
  std::int64_t settled_ = 0;
  std::optional<Expected> expected_;
};

}  // namespace

std::unique_ptr<EventReader> PgCatalog::Events() {
  return std::make_unique<PgEventReader>(options_);
}

}  // namespace pipelined
