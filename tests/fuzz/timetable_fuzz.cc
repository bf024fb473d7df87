// Any text as a cron expression in a zone made of any bytes: it ends soon, and the ticks go forward.
//
// The input is three parts: the expression up to the first line break, seconds since 1970 up to the next, and then the
// bytes of a compiled zone ("TZif…") or, of anything else, the POSIX rule at the end of one.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>

#include "timetable/cron_clock.h"
#include "unit/timetable/zones_by_rule.h"

namespace {

using namespace pipelined;

constexpr std::int64_t kEarliest = -62'135'596'800, kLatest = 253'402'300'799;  // the years 1 to 9999
constexpr auto kNear = std::chrono::days(9);  // a POSIX rule may put a change a week beside its day

void Check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

std::string_view TakeLine(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

// Any text is some instant.
Instant InstantOf(std::string_view text) {
  std::int64_t seconds = 0;
  for (const char c : text.substr(0, 12)) seconds = seconds * 10 + (c - '0');
  if (!text.empty() && text.front() == '-') seconds = -seconds;
  return Instant(Seconds(std::min(std::max(seconds, kEarliest), kLatest)));
}

void CheckZone(const Zone& zone, Instant instant) {
  const Zone::Stretch stretch = zone.StretchAt(instant);
  Check(stretch.begin <= instant && instant < stretch.end, "an instant lies in its stretch");
  Check(zone.OffsetAt(instant) == stretch.offset, "one offset");
  Check(std::chrono::abs(zone.ToInstant(zone.ToLocal(instant)) - instant) < kNear, "to the wall clock and back");
}

// Whether the clock is the same all around: beside a change Airflow's ticks are not simply those of the wall clock.
bool IsQuiet(const Zone& zone, Instant from, Instant to) {
  const Zone::Stretch stretch = zone.StretchAt(from);
  return stretch.begin < from - kNear && stretch.end > to + kNear;
}

void CheckTicks(const Cron& cron, bool must_meet, const std::shared_ptr<const Zone>& zone, Instant from) {
  const CronClock clock(cron, zone);
  const auto next = clock.After(from), last = clock.Before(from);
  Check(!next || *next > from, "After is later");
  Check(!last || !IsQuiet(*zone, *last, from) || *last < from, "Before is earlier");
  if (next && !must_meet && IsQuiet(*zone, from, *next)) {
    const auto back = clock.Before(*next), following = clock.After(*next);
    Check(!back || *back <= from, "Before(After(x)) <= x");
    Check(clock.After(from + (*next - from) / 2) == next, "the same tick from halfway");
    Check(cron.Matches(zone->ToLocal(*next)), "a tick matches");
    if (IsQuiet(*zone, back.value_or(*next), following.value_or(*next)))
      Check(clock.AtOrAfter(*next) == next && clock.AtOrBefore(*next) == next, "a tick is at itself");
  }
  Instant tick = from;
  for (int i = 0; i < 4; ++i) {
    const auto following = clock.After(tick);
    if (!following) return;
    Check(*following > tick, "each tick is later");
    tick = *following;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::clock_t began = std::clock();
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const std::string_view expression = TakeLine(rest);
  const auto cron = Cron::Parse(expression);
  // Days that are counted (1#2, L5) must meet the day of month within 50 years of where one looks from: Airflow's rule.
  const bool must_meet = expression.find_first_of("#Ll") != std::string_view::npos;
  const Instant from = InstantOf(TakeLine(rest));
  const bool compiled = rest.substr(0, 4) == "TZif";
  const auto zone = Zone::Parse("fuzz", compiled ? std::string(rest) : testing::TzifOf(std::string(rest)));
  if (zone) CheckZone(**zone, from);
  if (cron) CheckTicks(*cron, must_meet, zone ? *zone : Zone::Utc(), from);
  Check(std::clock() - began < 5 * CLOCKS_PER_SEC, "bounded time");
  return 0;
}
