// Time zones from TZif bytes (RFC 8536), the POSIX footer included, so that the year 2500 is right. Pure: the bytes are
// read by a ZoneSource below the line.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined {

class PosixRule;

// Immutable and thread-safe.
class Zone {
 public:
  static std::shared_ptr<const Zone> Utc();
  // kInvalid when the bytes are no TZif.
  static Result<std::shared_ptr<const Zone>> Parse(std::string name, std::string_view tzif);

  const std::string& name() const { return name_; }
  Seconds OffsetAt(Instant instant) const;
  LocalTime ToLocal(Instant instant) const { return LocalTime(instant.time_since_epoch() + OffsetAt(instant)); }
  // A wall time in a gap is shifted forward by the length of the gap; one that occurs twice is the second occurrence
  // (design: cron's rule, as Airflow's).
  Instant ToInstant(LocalTime local) const;

  // The stretch of constant offset around `instant`: [begin, end). Instant::min() and max() where it never changes. Two
  // neighbours may have the same offset (a change of name only).
  struct Stretch {
    Instant begin;
    Instant end;
    Seconds offset;
  };
  Stretch StretchAt(Instant instant) const;

  ~Zone();
  Zone(const Zone&) = delete;
  Zone& operator=(const Zone&) = delete;

 private:
  struct Transition {
    std::int64_t at;  // seconds since 1970, UTC
    std::int32_t offset;
  };
  Zone();

  std::string name_;
  std::int32_t first_offset_ = 0;
  std::vector<Transition> transitions_;
  std::unique_ptr<const PosixRule> rule_;  // the footer: how it goes on after the last transition
};

// Days, ascending, each once.
using DayList = std::vector<std::chrono::sys_days>;

// Names to zones, and iCalendar files to days: what schedules need from disk. Implementations: the system's files
// (below the line), UTC alone (tests). Thread-safe.
class ZoneSource {
 public:
  virtual ~ZoneSource() = default;
  // kNotFound with a near match in the hint when there is no such zone.
  virtual Result<std::shared_ptr<const Zone>> Find(std::string_view name) const = 0;

  // The days through 2199 on which the events of the iCalendar file at `path` (absolute) take place. kNotFound: there
  // is no such file; kUnavailable: it cannot be read; kInvalid: it is no calendar, or larger than the limits. A source
  // without files knows none.
  virtual Result<std::shared_ptr<const DayList>> Holidays(std::string_view path) const;

  // Which of the zones (by name) and calendars (by path) that were handed out are different on disk now, or were when
  // somebody asked for them again, than when this was last asked with the same `seen` (0 at first). A stat per file in
  // use.
  virtual std::vector<std::string> Changed(std::uint64_t& seen) const;
};

}  // namespace pipelined
