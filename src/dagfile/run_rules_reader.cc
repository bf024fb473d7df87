#include "dagfile/run_rules_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "dagfile/keys.h"
#include "dagfile/notify_reader.h"
#include "dagfile/schedule_values.h"
#include "dagfile/values.h"
#include "pipelined/base/near_match.h"

namespace pipelined::dagfile {
namespace {

constexpr std::array<std::string_view, 3> kOverlaps{"queue", "skip", "cancel_running"};
constexpr std::array<std::string_view, 4> kReferences{"queued_at", "logical_date", "fixed", "average_runtime"};

// The place of a word in `words`; an unknown one is reported.
template <std::size_t N>
std::optional<std::size_t> ReadWordOf(const Entry& entry, const std::array<std::string_view, N>& words,
                                      Reporter& reporter) {
  std::string text;
  if (!ReadText(entry, reporter, text)) return std::nullopt;
  const auto at = std::find(words.begin(), words.end(), text);
  if (at != words.end()) return static_cast<std::size_t>(at - words.begin());
  const auto near = NearMatch(text, words);
  reporter.Error(
      Code::kBadValue, entry.place(), fmt::format("{} cannot be {}", entry.name(), Quoted(text)),
      near ? fmt::format("did you mean \"{}\"?", *near) : fmt::format("known are: {}", fmt::join(words, ", ")));
  return std::nullopt;
}

// Why slots of this schedule cannot be passed over or take the place of others; empty: they can.
std::string OverlapConflict(const Schedule& schedule) {
  if (schedule.kind == ScheduleKind::kContinuous) return "is due only when the last run has ended";
  if (schedule.catchup) return "with catchup makes a run for every slot";
  return "";
}

// A duration, "-10m" for one before the reference.
bool ReadDistance(const Entry& entry, Reporter& reporter, Micros& out) {
  const std::string_view text = entry.value.is_scalar() ? entry.value.text() : std::string_view();
  if (text.starts_with('-')) {
    if (const auto before = ParseDuration(text.substr(1))) {
      out = -*before;
      return true;
    }
  }
  return ReadDuration(entry, reporter, out);
}

class DeadlineReader {
 public:
  DeadlineReader(const Entry& parent, const Zone& zone, Reporter& reporter)
      : parent_(parent), zone_(zone), reporter_(reporter) {}

  // Nothing when something of it is wrong, which is reported.
  std::optional<Deadline> Read(NodeRef node) {
    const std::size_t errors = reporter_.errors();
    const Entry whole{parent_.key, node};
    if (node.is_scalar()) {  // a duration alone counts from when the run was queued
      if (ReadDuration(whole, reporter_, deadline_.interval)) interval_ = whole;
    } else if (RequireMap(whole, reporter_, "a duration, or a mapping with a reference and an interval")) {
      EachKey(node, kDeadlineKeys, "a deadline", reporter_, [&](Key key, const Entry& entry) { Take(key, entry); });
    }
    if (reporter_.errors() == errors) CheckTogether(whole);
    if (reporter_.errors() != errors) return std::nullopt;
    return deadline_;
  }

 private:
  void Take(Key key, const Entry& entry) {
    if (key == Key::kReference) {
      reference_ = entry;
      if (const auto n = ReadWordOf(entry, kReferences, reporter_))
        deadline_.reference = static_cast<DeadlineReference>(*n);
    } else if (key == Key::kInterval) {
      interval_ = entry;
      ReadDistance(entry, reporter_, deadline_.interval);
    } else if (key == Key::kAt) {
      at_ = entry;
      if (!entry.value.is_scalar()) return ReportType(entry, reporter_, "a date with a time");
      if (const auto at = ReadInstant(entry.value, entry.name(), zone_, reporter_)) deadline_.at = *at;
    } else if (key == Key::kOnMissed) {
      deadline_.on_missed = ReadNotifyUses(entry, reporter_);
    } else if (key == Key::kMaxRuns) {
      max_runs_ = entry;
      ReadInt(entry, reporter_, deadline_.max_runs, 1, kMostRuns);
    } else {
      min_runs_ = entry;
      ReadInt(entry, reporter_, deadline_.min_runs, 1, kMostRuns);
    }
  }

  void CheckTogether(const Entry& whole) {
    if (at_ && !reference_) deadline_.reference = DeadlineReference::kFixed;
    const bool fixed = deadline_.reference == DeadlineReference::kFixed;
    const bool average = deadline_.reference == DeadlineReference::kAverageRuntime;
    if (at_ && !fixed) Misplaced(*at_, "reference: fixed");
    if (fixed && !at_) {
      reporter_.Error(Code::kMissingKey, whole.place(), "a fixed deadline needs its instant",
                      "for example {at: 2026-01-31T06:00}");
    }
    if (!fixed && !interval_) {
      reporter_.Error(Code::kMissingKey, whole.place(), "a deadline needs an interval",
                      "for example {reference: queued_at, interval: 30m}");
    }
    if (max_runs_ && !average) Misplaced(*max_runs_, "reference: average_runtime");
    if (min_runs_ && !average) Misplaced(*min_runs_, "reference: average_runtime");
    if (!min_runs_) deadline_.min_runs = deadline_.max_runs;
    if (deadline_.min_runs > deadline_.max_runs) {
      reporter_.Error(Code::kBadValue, min_runs_->place(),
                      fmt::format("min_runs ({}) is more than max_runs ({}), so that there never is a deadline",
                                  deadline_.min_runs, deadline_.max_runs));
    }
  }

  void Misplaced(const Entry& entry, std::string_view beside) {
    reporter_.Error(Code::kMisplacedKey, entry.key.place(),
                    fmt::format("{} belongs beside {} only", entry.name(), beside));
  }

  static constexpr std::int32_t kMostRuns = 1000;
  const Entry& parent_;
  const Zone& zone_;
  Reporter& reporter_;
  Deadline deadline_;
  std::optional<Entry> reference_, interval_, at_, max_runs_, min_runs_;
};

}  // namespace

void ReadOverlap(const Entry& entry, const SourceText* own_text, Reporter& reporter, Dag& dag) {
  const auto n = ReadWordOf(entry, kOverlaps, reporter);
  if (!n || static_cast<Overlap>(*n) == Overlap::kQueue) return;
  const bool unscheduled = dag.schedule.kind == ScheduleKind::kNone || dag.schedule.kind == ScheduleKind::kAssets;
  const std::string conflict = OverlapConflict(dag.schedule);
  if (!unscheduled && conflict.empty()) {
    dag.overlap = static_cast<Overlap>(*n);
  } else if (entry.key.place().source != own_text) {
    return;
  } else if (unscheduled) {
    reporter.Error(Code::kNeedsSchedule, entry.key.place(), "overlap has no schedule to apply to",
                   "give the DAG a schedule, or take this away");
  } else {
    reporter.Error(Code::kScheduleConflict, entry.place(),
                   fmt::format("overlap: {} means nothing for a schedule that {}", kOverlaps[*n], conflict),
                   "take one of the two away");
  }
}

void ReadDeadlines(const Entry& entry, const ZoneSource& zones, Reporter& reporter, Dag& dag) {
  const auto found = zones.Find(dag.schedule.timezone);
  const std::shared_ptr<const Zone> zone = found ? *found : Zone::Utc();  // a wrong one was reported
  const auto read = [&](NodeRef node) {
    if (const auto deadline = DeadlineReader(entry, *zone, reporter).Read(node)) dag.deadlines.push_back(*deadline);
  };
  if (!entry.value.is_list()) return read(entry.value);
  for (const NodeRef item : ItemsOf(entry.value)) read(item);
}

}  // namespace pipelined::dagfile
