// Time zones from TZif bytes (RFC 8536), the POSIX footer included, so that the year 2500 is right. Pure: the bytes are
// read by a ZoneSource below the line.
#pragma once

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

// Names to zones. Implementations: the system's files (below the line), UTC alone (tests). Thread-safe.
class ZoneSource {
 public:
  virtual ~ZoneSource() = default;
  // kNotFound with a near match in the hint when there is no such zone.
  virtual Result<std::shared_ptr<const Zone>> Find(std::string_view name) const = 0;
};

}  // namespace pipelined
