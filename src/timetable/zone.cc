#include "pipelined/timetable/zone.h"

#include <algorithm>
#include <limits>

#include "timetable/posix_rule.h"
#include "timetable/tzif.h"

namespace pipelined {

namespace {

constexpr std::int64_t kBeginning = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kEnd = std::numeric_limits<std::int64_t>::max();

// Beyond these, microseconds overflow; nothing that is scheduled lies there.
constexpr std::int64_t kFarthest = std::numeric_limits<std::int64_t>::max() / 1'000'000 - 400'000;

std::int64_t FloorSeconds(Instant instant) {
  return std::chrono::floor<Seconds>(instant).time_since_epoch().count();
}

Instant FromSeconds(std::int64_t seconds) {
  if (seconds < -kFarthest) return Instant::min();
  if (seconds > kFarthest) return Instant::max();
  return Instant(Seconds(seconds));
}

std::int64_t YearOf(std::int64_t seconds) {
  const auto day = std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(Seconds(seconds)));
  return static_cast<int>(std::chrono::year_month_day(day).year());
}

}  // namespace

Zone::Zone() = default;
Zone::~Zone() = default;

std::shared_ptr<const Zone> Zone::Utc() {
  static const std::shared_ptr<const Zone> utc = [] {
    std::shared_ptr<Zone> zone(new Zone);
    zone->name_ = "UTC";
    return zone;
  }();
  return utc;
}

Result<std::shared_ptr<const Zone>> Zone::Parse(std::string name, std::string_view tzif) {
  auto file = ReadTzif(tzif);
  if (!file) return Error{ErrorCode::kInvalid, "time zone " + name + ": " + file.error().message, file.error().hint};
  std::shared_ptr<Zone> zone(new Zone);
  zone->name_ = std::move(name);
  zone->first_offset_ = file->first_offset;
  for (const TzifChange& change : file->changes) zone->transitions_.push_back({change.at, change.offset});
  if (!file->footer.empty()) {
    auto rule = PosixRule::Parse(file->footer);
    if (!rule)
      return Error{ErrorCode::kInvalid,
                   "time zone " + zone->name_ + ": the footer \"" + file->footer + "\" is not understood", ""};
    zone->rule_ = std::make_unique<const PosixRule>(*rule);
  }
  return std::shared_ptr<const Zone>(zone);
}

Zone::Stretch Zone::StretchAt(Instant instant) const {
  const std::int64_t at = FloorSeconds(instant);
  const auto next = std::upper_bound(transitions_.begin(), transitions_.end(), at,
                                     [](std::int64_t second, const Transition& change) { return second < change.at; });
  std::int64_t begin = kBeginning, end = kEnd;
  std::int32_t offset = first_offset_;
  if (next != transitions_.begin()) {
    begin = std::prev(next)->at;
    offset = std::prev(next)->offset;
  }
  if (next != transitions_.end()) {
    end = next->at;
  } else if (rule_ && !rule_->has_summer_time()) {
    offset = rule_->standard_offset();
  } else if (rule_) {
    // A change may lie a week outside its year, so the last and the next one may be those of two years away.
    const std::int64_t year = YearOf(at);
    for (std::int64_t y = year - 2; y <= year + 2; ++y) {
      for (const PosixRule::Change& change : rule_->ChangesOf(y)) {
        if (change.at <= at && change.at >= begin) {
          begin = change.at;
          offset = change.offset;
        } else if (change.at > at) {
          end = std::min(end, change.at);
        }
      }
    }
  }
  return {FromSeconds(begin), FromSeconds(end), Seconds(offset)};
}

Seconds Zone::OffsetAt(Instant instant) const {
  return StretchAt(instant).offset;
}

Instant Zone::ToInstant(LocalTime local) const {
  // Read with the offset before any change nearby (two days earlier: offsets are less than that), then walk over the
  // changes.
  const Instant as_utc(local.time_since_epoch());
  Stretch stretch = StretchAt(as_utc - std::chrono::days(2));
  for (;;) {
    const Instant candidate = as_utc - stretch.offset;
    if (stretch.end == Instant::max()) return candidate;
    const Stretch after = StretchAt(stretch.end);
    if (candidate < stretch.end) {
      // Here the wall time exists; it is repeated when the clock goes back over it at the end of this stretch.
      return as_utc - after.offset >= stretch.end ? as_utc - after.offset : candidate;
    }
    // In the gap: the wall time is past this stretch and before the next one begins. The old offset shifts it forward.
    if (as_utc - after.offset < stretch.end) return candidate;
    stretch = after;
  }
}

Result<std::shared_ptr<const DayList>> ZoneSource::Holidays(std::string_view path) const {
  return Error{ErrorCode::kNotFound, "there is no calendar file " + std::string(path), ""};
}

std::vector<std::string> ZoneSource::Changed(std::uint64_t&) const {
  return {};
}

}  // namespace pipelined
