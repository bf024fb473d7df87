#include "dagfile/schedule_reader.h"

#include <fmt/format.h>

#include <array>

#include "dagfile/asset_reader.h"
#include "dagfile/calendar_reader.h"
#include "dagfile/keys.h"
#include "dagfile/mistakes.h"
#include "dagfile/schedule_values.h"
#include "dagfile/values.h"
#include "pipelined/base/near_match.h"
#include "pipelined/timetable/cron.h"
#include "pipelined/timetable/timetable.h"

namespace pipelined::dagfile {
namespace {

class ScheduleReader {
 public:
  ScheduleReader(const ScheduleEntries& entries, const ScheduleContext& context, Reporter& reporter, Dag& dag)
      : entries_(entries),
        context_(context),
        reporter_(reporter),
        dag_(dag),
        schedule_(dag.schedule),
        zone_(Zone::Utc()) {}

  void Read() {
    const std::size_t errors = reporter_.errors();
    if (entries_.timezone) ReadZone(*entries_.timezone);
    if (entries_.start_date) schedule_.start_date = ReadDate(*entries_.start_date);
    if (entries_.end_date) schedule_.end_date = ReadDate(*entries_.end_date);
    if (schedule_.start_date && schedule_.end_date && *schedule_.end_date < *schedule_.start_date) {
      reporter_.Error(Code::kDatesReversed, entries_.end_date->place(), "end_date lies before start_date");
    }
    if (entries_.catchup) ReadBool(*entries_.catchup, reporter_, schedule_.catchup);
    if (entries_.data_interval) ReadMeaning(*entries_.data_interval);
    if (entries_.schedule) ReadForm(*entries_.schedule);
    if (reporter_.errors() == errors) CheckTogether();
    ReadAdditions();
    if (entries_.schedule && reporter_.errors() == errors && !context_.was_checked) CheckEverDue(*entries_.schedule);
  }

 private:
  bool wants_intervals() const { return schedule_.data_interval == DataIntervalMeaning::kInterval; }
  bool has_ticks() const {
    return schedule_.kind == ScheduleKind::kCron || schedule_.kind == ScheduleKind::kEvery ||
           schedule_.kind == ScheduleKind::kEvents;
  }

  // ---- the keys beside the schedule

  void ReadZone(const Entry& entry) {
    std::string name;
    if (!ReadWord(entry, reporter_, name)) return;
    auto zone = context_.zones.Find(name);
    if (!zone) {
      reporter_.Error(Code::kBadTimezone, PlaceIn(entry.value, ZoneMistake(name)),
                      fmt::format("there is no time zone {}", Quoted(name)), zone.error().hint);
      return;
    }
    zone_ = *std::move(zone);
    schedule_.timezone = std::move(name);
  }

  std::optional<Instant> ReadDate(const Entry& entry) {
    std::string text;
    if (!ReadWord(entry, reporter_, text)) return std::nullopt;
    return ReadInstant(entry.value, entry.name(), *zone_, reporter_);
  }

  void ReadMeaning(const Entry& entry) {
    std::string text;
    if (!ReadText(entry, reporter_, text)) return;
    if (text == "trigger" || text == "interval") {
      schedule_.data_interval = text == "trigger" ? DataIntervalMeaning::kTrigger : DataIntervalMeaning::kInterval;
    } else {
      reporter_.Error(Code::kBadValue, entry.place(),
                      fmt::format("data_interval must be trigger or interval, not {}", Quoted(text)));
    }
  }

  // ---- the forms of a schedule

  void ReadForm(const Entry& entry) {
    if (entry.value.is_null()) return;
    if (entry.value.is_scalar()) return ReadExpression(entry);
    if (entry.value.is_map()) return ReadMapping(entry);
    ReportType(entry, reporter_, "a cron expression, a preset or a mapping",
               "for several crons write {cron: [a, b]}, for assets {assets: [a, b]}");
  }

  // A cron expression or a preset.
  void ReadExpression(const Entry& entry) {
    schedule_.text = entry.value.text();
    AddCron(entry.value);
  }

  void AddCron(NodeRef value) {
    const std::string text(value.text());
    if (text == "@once" || text == "@continuous") {
      schedule_.kind = text == "@once" ? ScheduleKind::kOnce : ScheduleKind::kContinuous;
      return;
    }
    schedule_.kind = ScheduleKind::kCron;
    TextSpan mistake;
    const auto cron = Cron::Parse(text, &mistake);
    if (cron && (context_.was_checked || cron->ever_matches())) {
      schedule_.crons.emplace_back(CronPreset(text).value_or(text));
    } else if (cron) {
      reporter_.Error(Code::kNeverDue, value.place(), fmt::format("no date is ever like {}", Quoted(text)),
                      "the day does not exist in that month, or the year is over");
    } else if (text.starts_with('@')) {
      ReportPreset(value, text);
    } else {
      reporter_.Error(Code::kBadCron, PlaceIn(value, mistake), cron.error().message, cron.error().hint);
    }
  }

  void ReportPreset(NodeRef value, const std::string& text) {
    constexpr std::array<std::string_view, 8> kPresets{"@hourly",    "@daily",  "@weekly", "@monthly",
                                                       "@quarterly", "@yearly", "@once",   "@continuous"};
    const auto near = NearMatch(text, kPresets);
    reporter_.Error(
        Code::kBadCron, value.place(), fmt::format("there is no preset {}", Quoted(text)),
        near ? fmt::format("did you mean \"{}\"?", *near) : fmt::format("known are: {}", fmt::join(kPresets, ", ")));
  }

  struct Mapping {
    std::optional<Entry> every, cron, assets, at, interval, run_immediately, restrict_to_events;
    std::optional<Entry>& Of(Key key) {
      switch (key) {
        case Key::kEvery:
          return every;
        case Key::kCron:
          return cron;
        case Key::kAssets:
          return assets;
        case Key::kAt:
          return at;
        case Key::kInterval:
          return interval;
        case Key::kRunImmediately:
          return run_immediately;
        default:
          return restrict_to_events;
      }
    }
    int forms() const {
      return int{every.has_value()} + int{cron.has_value()} + int{assets.has_value()} + int{at.has_value()};
    }
  };

  void ReadMapping(const Entry& schedule) {
    Mapping keys;
    const std::size_t errors = reporter_.errors();
    EachKey(schedule.value, kScheduleKeys, "schedule", reporter_,
            [&](Key key, const Entry& entry) { keys.Of(key) = entry; });
    if (keys.cron && keys.assets && keys.forms() == 2) {
      reporter_.Error(Code::kNotAvailable, keys.cron->key.place(),
                      "a cron beside assets is not available yet in this version");
    } else if (keys.forms() > 1) {
      reporter_.Error(Code::kBadSchedule, schedule.place(), "a schedule has only one of every, cron, at and assets");
    } else if (keys.every) {
      ReadEvery(*keys.every);
    } else if (keys.cron) {
      ReadCrons(*keys.cron);
    } else if (keys.at) {
      ReadEvents(*keys.at);
    } else if (keys.assets) {
      ReadAssets(*keys.assets);
    } else if (reporter_.errors() == errors) {
      reporter_.Error(Code::kMissingKey, schedule.place(), "a schedule needs one of every, cron, at and assets");
    }
    if (keys.forms() == 1) ReadModifiers(keys);
  }

  void ReadEvery(const Entry& entry) {
    if (!ReadLength(entry, reporter_, schedule_.every_calendar, schedule_.every)) return;
    schedule_.kind = ScheduleKind::kEvery;
    schedule_.text = fmt::format("every {}", LengthText(schedule_.every_calendar, schedule_.every));
  }

  void ReadCrons(const Entry& entry) {
    std::vector<std::string> texts;
    if (!ReadTexts(entry, reporter_, texts)) return;
    if (texts.empty()) {
      reporter_.Error(Code::kBadSchedule, entry.place(), "cron needs at least one expression");
      return;
    }
    schedule_.text = fmt::format("{}", fmt::join(texts, ", "));
    if (entry.value.is_scalar()) return AddCron(entry.value);
    for (const NodeRef item : ItemsOf(entry.value)) {
      if (item.text() == "@once" || item.text() == "@continuous") {
        reporter_.Error(Code::kBadSchedule, item.place(), "a list of crons cannot hold @once or @continuous");
      } else {
        AddCron(item);
      }
    }
  }

  void ReadEvents(const Entry& entry) {
    std::vector<std::string> texts;
    if (!ReadTexts(entry, reporter_, texts)) return;
    if (texts.empty()) {
      reporter_.Error(Code::kBadSchedule, entry.place(), "at needs at least one instant");
      return;
    }
    const auto add = [&](NodeRef node) {
      if (const auto event = ReadInstant(node, "at", *zone_, reporter_)) schedule_.events.push_back(*event);
    };
    if (entry.value.is_scalar()) add(entry.value);
    for (const NodeRef item : ItemsOf(entry.value)) add(item);
    schedule_.kind = ScheduleKind::kEvents;
    schedule_.text = texts.size() == 1 ? fmt::format("at {}", texts[0])
                                       : fmt::format("at {} and {} more", texts[0], texts.size() - 1);
  }

  // A list, {all: …} or {any: …}, nested as deep as you like; their logic comes with what starts such runs.
  void CollectAssets(const Entry& parent, NodeRef node) {
    if (node.is_scalar()) {
      if (IsAsset(node, reporter_)) schedule_.assets.emplace_back(node.text());
    } else if (node.is_list()) {
      for (const NodeRef item : ItemsOf(node)) CollectAssets(parent, item);
    } else if (node.is_map()) {
      for (const Entry part : EntriesOf(node)) {
        if (part.name() == "all" || part.name() == "any") {
          CollectAssets(parent, part.value);
        } else {
          reporter_.Error(Code::kUnknownKey, part.key.place(), fmt::format("assets has no key {}", Quoted(part.name())),
                          "known are: all, any");
        }
      }
    } else {
      reporter_.Error(Code::kWrongType, node.is_null() ? parent.key.place() : node.place(),
                      "assets needs names or URIs");
    }
  }

  void ReadAssets(const Entry& entry) {
    const std::size_t errors = reporter_.errors();
    CollectAssets(entry, entry.value);
    if (schedule_.assets.empty() && reporter_.errors() == errors) {
      reporter_.Error(Code::kBadSchedule, entry.place(), "assets needs at least one asset");
    }
    schedule_.kind = ScheduleKind::kAssets;
    schedule_.text = fmt::format("assets: {}", fmt::join(schedule_.assets, ", "));
  }

  // ---- what may stand beside a form

  void ReadModifiers(const Mapping& keys) {
    if (keys.interval && !keys.cron && !keys.every) {
      Misplaced(*keys.interval, "cron or every");
    } else if (keys.interval) {
      interval_ = keys.interval;
      ReadLength(*keys.interval, reporter_, schedule_.interval_calendar, schedule_.interval);
    }
    if (keys.run_immediately && !keys.cron) {
      Misplaced(*keys.run_immediately, "cron");
    } else if (keys.run_immediately) {
      run_immediately_ = keys.run_immediately;
      ReadRunImmediately(*keys.run_immediately);
    }
    if (keys.restrict_to_events && !keys.at) {
      Misplaced(*keys.restrict_to_events, "at");
    } else if (keys.restrict_to_events) {
      ReadBool(*keys.restrict_to_events, reporter_, schedule_.restrict_to_events);
    }
  }

  void Misplaced(const Entry& entry, std::string_view beside) {
    reporter_.Error(Code::kMisplacedKey, entry.key.place(),
                    fmt::format("{} belongs beside {} only", entry.name(), beside));
  }

  void ReadRunImmediately(const Entry& entry) {
    if (!entry.value.is_map()) {
      bool always = false;
      if (ReadBool(entry, reporter_, always) && always) schedule_.first_slot = FirstSlot::kAlways;
      return;
    }
    bool has_within = false;
    EachKey(entry.value, kRunImmediatelyKeys, "run_immediately", reporter_, [&](Key, const Entry& within) {
      has_within = true;
      if (ReadPlainLength(within, reporter_, schedule_.first_slot_within)) schedule_.first_slot = FirstSlot::kWithin;
    });
    if (!has_within)
      reporter_.Error(Code::kMissingKey, entry.place(), "run_immediately needs true, false or {within: 10m}");
  }

  void ReadAdditions() {
    if (entries_.jitter && AppliesTo(*entries_.jitter, schedule_.kind == ScheduleKind::kOnce || has_ticks())) {
      if (ReadPlainLength(*entries_.jitter, reporter_, schedule_.jitter))
        schedule_.jitter_offset = JitterOffset(dag_.id, schedule_.jitter);
    }
    if (entries_.calendar && AppliesTo(*entries_.calendar, has_ticks())) ReadDays(*entries_.calendar);
  }

  // Whether the schedule is one that the key says something about. One that came with the defaults is passed over.
  bool AppliesTo(const Entry& entry, bool applies) {
    if (applies) return true;
    if (entry.key.place().source != context_.own_text) return false;
    const bool unscheduled = schedule_.kind == ScheduleKind::kNone || schedule_.kind == ScheduleKind::kAssets;
    const bool unread =
        entries_.schedule && !entries_.schedule->value.is_null() && schedule_.kind == ScheduleKind::kNone;
    if (unread) return false;  // its mistake was reported
    if (unscheduled) {
      reporter_.Error(Code::kNeedsSchedule, entry.key.place(),
                      fmt::format("{} has no schedule to apply to", entry.name()),
                      "give the DAG a schedule, or take this away");
    } else {
      reporter_.Error(Code::kScheduleConflict, entry.key.place(),
                      fmt::format("{} means nothing beside {}", entry.name(), schedule_.text), "take one of them away");
    }
    return false;
  }

  void ReadDays(const Entry& entry) {
    std::vector<NodeRef> files;
    schedule_.calendar = ReadCalendar(entry, context_.folder, reporter_, files);
    for (std::size_t i = 0; i < files.size() && !context_.was_checked; ++i) {
      const auto days = context_.zones.Holidays(schedule_.calendar.holidays[i]);
      if (!days) reporter_.Error(Code::kBadCalendarFile, files[i].place(), days.error().message, days.error().hint);
    }
  }

  // ---- what does not go together

  void CheckTogether() {
    if (schedule_.kind == ScheduleKind::kContinuous) OneRunAtATime();
    if (wants_intervals() && schedule_.crons.size() > 1) {
      Conflict(*entries_.schedule, "several cron expressions cannot share one data interval",
               "write one expression, or data_interval: trigger");
    }
    if (wants_intervals() && interval_) {
      Conflict(*interval_, "interval is the length of a trigger's data interval; data_interval: interval has its own",
               "take one of the two away");
    }
    if (wants_intervals() && run_immediately_ && schedule_.first_slot != FirstSlot::kWhenRecent) {
      Conflict(*run_immediately_, "run_immediately is about triggers; data_interval: interval always waits for an end",
               "take one of the two away");
    }
    const bool grid = schedule_.kind == ScheduleKind::kCron || schedule_.kind == ScheduleKind::kEvery;
    if (grid && wants_intervals() && schedule_.catchup && !schedule_.start_date && !context_.was_checked) {
      reporter_.Error(Code::kNeverDue, entries_.catchup->place(),
                      "catchup with data_interval: interval never begins without a start_date",
                      "give the DAG a start_date, or set catchup: false");
    }
  }

  void Conflict(const Entry& entry, std::string message, std::string hint) {
    reporter_.Error(Code::kScheduleConflict, entry.place(), std::move(message), std::move(hint));
  }

  // As Airflow: what is asked for again as soon as it has ended cannot run beside itself.
  void OneRunAtATime() {
    if (entries_.max_active_runs && dag_.max_active_runs > 1) {
      Conflict(*entries_.max_active_runs, "@continuous has one run at a time", "leave max_active_runs out, or write 1");
    }
    dag_.max_active_runs = 1;
  }

  // Everything was read; what is left to go wrong is that nothing is ever due.
  void CheckEverDue(const Entry& entry) {
    const auto timetable = MakeTimetable(schedule_, context_.zones);
    if (timetable) return;
    const bool by_calendar = !schedule_.calendar.empty();
    reporter_.Error(by_calendar ? Code::kNeverDue : Code::kBadSchedule,
                    by_calendar ? entries_.calendar->key.place() : entry.place(), timetable.error().message,
                    timetable.error().hint);
  }

  const ScheduleEntries& entries_;
  const ScheduleContext& context_;
  Reporter& reporter_;
  Dag& dag_;
  Schedule& schedule_;
  std::shared_ptr<const Zone> zone_;
  std::optional<Entry> interval_, run_immediately_;
};

}  // namespace

void ReadSchedule(const ScheduleEntries& entries, const ScheduleContext& context, Reporter& reporter, Dag& dag) {
  ScheduleReader(entries, context, reporter, dag).Read();
}

}  // namespace pipelined::dagfile
