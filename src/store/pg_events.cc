// The history as it grows, see docs/decisions/110-live-events-in-the-order-of-their-numbers.md.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

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

#define NOW_SETTLED "pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
#define EVENT_COLUMNS                                                                                     \
  "e.id, micros(e.at), e.who, e.kind, coalesce(e.dag_id, r.dag_id, ''), coalesce(r.run_id, ''), "         \
  "coalesce(t.task_id, ''), case when e.kind = 'task' then coalesce(e.map_index, -1) end, e.try_number, " \
  "coalesce(e.old_state, ''), coalesce(e.new_state, ''), coalesce(e.why, '')"

class Listener : public pqxx::notification_receiver {
 public:
  using notification_receiver::notification_receiver;
  void operator()(const std::string&, int) override { told = true; }
  bool told = false;
};

EventRow ReadEvent(const pqxx::row& row, int first) {
  EventRow event;
  event.id = row[first].as<std::int64_t>();
  event.at = *ReadInstant(row[first + 1]);
  event.who = row[first + 2].c_str();
  event.kind = row[first + 3].c_str();
  event.dag_id = row[first + 4].c_str();
  event.run_id = row[first + 5].c_str();
  event.task_id = row[first + 6].c_str();
  if (!row[first + 7].is_null()) event.map_index = row[first + 7].as<std::int32_t>();
  if (!row[first + 8].is_null()) event.try_number = row[first + 8].as<std::int32_t>();
  event.old_state = row[first + 9].c_str();
  event.new_state = row[first + 10].c_str();
  event.why = row[first + 11].c_str();
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
      while (settled_ < *start_ && SystemClock().Monotonic() < give_up) {
        Consider(session_->Run("now_settled", "select " NOW_SETTLED)[0][0].as<std::int64_t>());
        if (settled_ < *start_) Wait(kLookAgain);
      }
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
      const pqxx::result rows = session_->Run(
          "new_events",
          "with e as materialized (select * from event where id > $1 order by id limit " + std::to_string(kMost) +
              ") select s.settled, x.* from (select " NOW_SETTLED " as settled) s left join (select " EVENT_COLUMNS
              " from e" PIPELINED_EVENT_JOINS " order by e.id limit $2) x on true order by 2",
          after, limit);
      Consider(rows[0][0].as<std::int64_t>());
      return Take(rows, after, limit);
    });
  }

  Result<std::vector<EventRow>> Between(std::int64_t after, std::int64_t until, int most) override {
    if (session_ == nullptr) return NotStarted();
    return Guard("read earlier events", [&]() -> Result<std::vector<EventRow>> {
      std::vector<EventRow> events;
      for (const pqxx::row& row :
           session_->Run("old_events",
                         "with e as materialized (select * from event where id > $1 and id <= $2 order by id limit " +
                             std::to_string(kMost) +
                             ") select " EVENT_COLUMNS " from e" PIPELINED_EVENT_JOINS " order by e.id limit $3",
                         after, until, most))
        events.push_back(ReadEvent(row, 0));
      return events;
    });
  }

  Result<std::optional<std::int64_t>> Oldest() override {
    if (session_ == nullptr) return NotStarted();
    return Guard("find the oldest event", [&]() -> Result<std::optional<std::int64_t>> {
      const pqxx::result first = session_->Run("oldest_event", "select min(id) from event");
      if (first[0][0].is_null()) return std::optional<std::int64_t>();
      return std::optional(first[0][0].as<std::int64_t>());
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

  // Numbers up to `until` were taken by transactions with an id less than `bound`.
  struct Expected {
    std::int64_t until = 0, bound = 0;
    Micros since{0};
  };

  static Error NotStarted() { return {ErrorCode::kUnavailable, "the history is not followed", ""}; }

  void Expect(std::int64_t until) {
    const pqxx::result own = session_->Run("own_id", "select pg_current_xact_id()::text::bigint");
    expected_ = Expected{until, own[0][0].as<std::int64_t>(), SystemClock().Monotonic()};
  }

  // `oldest`: all transactions with lesser ids have ended.
  void Consider(std::int64_t oldest) {
    if (!expected_) return;
    const bool late = SystemClock().Monotonic() - expected_->since > kPatience;
    if (oldest < expected_->bound && !late) return;
    if (oldest < expected_->bound)
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
      if (row[1].is_null()) break;  // there are none
      EventRow event = ReadEvent(row, 1);
      if (event.id > settled_ && event.id != taken.until + 1) {
        if (!expected_) Expect(rows.back()[1].as<std::int64_t>());
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
