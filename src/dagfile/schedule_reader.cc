#include "dagfile/schedule_reader.h"

#include <fmt/format.h>

#include <array>

#include "dagfile/keys.h"
#include "dagfile/values.h"
#include "pipelined/base/near_match.h"
#include "pipelined/timetable/timetable.h"

namespace pipelined::dagfile {
namespace {

class ScheduleReader {
 public:
  ScheduleReader(const ZoneSource& zones, Reporter& reporter)
      : zones_(zones), reporter_(reporter), zone_(Zone::Utc()) {}

  Schedule Read(const ScheduleEntries& entries) {
    const std::size_t errors = reporter_.errors();
    if (entries.timezone) ReadZone(*entries.timezone);
    if (entries.start_date) schedule_.start_date = ReadDate(*entries.start_date);
    if (entries.end_date) schedule_.end_date = ReadDate(*entries.end_date);
    if (schedule_.start_date && schedule_.end_date && *schedule_.end_date < *schedule_.start_date) {
      reporter_.Error(Code::kBadDate, entries.end_date->place(), "end_date lies before start_date");
    }
    if (entries.catchup) ReadBool(*entries.catchup, reporter_, schedule_.catchup);
    if (entries.data_interval) ReadMeaning(*entries.data_interval);
    if (entries.schedule) ReadForm(*entries.schedule);
    if (entries.schedule && reporter_.errors() == errors) Check(*entries.schedule);
    return std::move(schedule_);
  }

 private:
  void ReadZone(const Entry& entry) {
    std::string name;
    if (!ReadWord(entry, reporter_, name)) return;
    auto zone = zones_.Find(name);
    if (!zone) {
      reporter_.Error(Code::kBadTimezone, entry.place(), fmt::format("there is no time zone {}", Quoted(name)),
                      zone.error().hint);
      return;
    }
    zone_ = *std::move(zone);
    schedule_.timezone = std::move(name);
  }

  std::optional<Instant> ReadDate(const Entry& entry) {
    std::string text;
    if (!ReadWord(entry, reporter_, text)) return std::nullopt;
    if (const auto instant = ParseInstant(text)) return *instant;
    if (const auto local = ParseLocal(text)) return zone_->ToInstant(*local);
    reporter_.Error(Code::kBadDate, entry.place(), fmt::format("{} is not a date: {}", entry.name(), Quoted(text)),
                    "for example 2026-01-01, 2026-01-01T06:00 (both in the DAG's timezone) or 2026-01-01T06:00:00Z");
    return std::nullopt;
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
    if (!text.starts_with('@')) {
      schedule_.crons.push_back(text);
    } else if (const auto cron = CronPreset(text)) {
      schedule_.crons.emplace_back(*cron);
    } else {
      constexpr std::array<std::string_view, 8> kPresets{"@hourly",    "@daily",  "@weekly", "@monthly",
                                                         "@quarterly", "@yearly", "@once",   "@continuous"};
      const auto near = NearMatch(text, kPresets);
      reporter_.Error(
          Code::kBadSchedule, value.place(), fmt::format("there is no preset {}", Quoted(text)),
          near ? fmt::format("did you mean \"{}\"?", *near) : fmt::format("known are: {}", fmt::join(kPresets, ", ")));
    }
  }

  void ReadMapping(const Entry& schedule) {
    std::optional<Entry> every, cron, assets;
    const std::size_t errors = reporter_.errors();
    EachKey(schedule.value, kScheduleKeys, "schedule", reporter_, [&](Key key, const Entry& entry) {
      (key == Key::kEvery ? every : key == Key::kCron ? cron : assets) = entry;
    });
    const int forms = int{every.has_value()} + int{cron.has_value()} + int{assets.has_value()};
    if (cron && assets && !every) {
      reporter_.Error(Code::kNotAvailable, cron->key.place(),
                      "a cron beside assets is not available yet in this version");
    } else if (forms > 1) {
      reporter_.Error(Code::kBadSchedule, schedule.place(), "a schedule has only one of every, cron and assets");
    } else if (every) {
      ReadEvery(*every);
    } else if (cron) {
      ReadCrons(*cron);
    } else if (assets) {
      ReadAssets(*assets);
    } else if (reporter_.errors() == errors) {
      reporter_.Error(Code::kMissingKey, schedule.place(), "a schedule needs one of every, cron and assets");
    }
  }

  void ReadEvery(const Entry& entry) {
    if (entry.value.is_map()) {
      reporter_.Error(Code::kNotAvailable, entry.place(),
                      "every with calendar parts is not available yet in this version",
                      "a cron expression can do it, for example \"0 0 1 * *\" for every month");
      return;
    }
    if (!ReadDuration(entry, reporter_, schedule_.every)) return;
    if (schedule_.every <= Micros{0}) {
      reporter_.Error(Code::kBadDuration, entry.place(), "every must be longer than nothing");
      return;
    }
    schedule_.kind = ScheduleKind::kEvery;
    schedule_.text = fmt::format("every {}", FormatDuration(schedule_.every));
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
    for (const NodeRef item : ItemsOf(entry.value)) AddCron(item);
    if (schedule_.kind != ScheduleKind::kCron || schedule_.crons.size() != texts.size()) {
      reporter_.Error(Code::kBadSchedule, entry.place(), "a list of crons cannot hold @once or @continuous");
    }
  }

  // A list, {all: …} or {any: …}, nested as deep as you like; their logic comes with what starts such runs.
  void CollectAssets(const Entry& parent, NodeRef node) {
    if (node.is_scalar() && !node.text().empty()) {
      schedule_.assets.emplace_back(node.text());
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

  void Check(const Entry& entry) {
    const auto timetable = MakeTimetable(schedule_, zones_);
    if (!timetable)
      reporter_.Error(Code::kBadSchedule, entry.place(), timetable.error().message, timetable.error().hint);
  }

  const ZoneSource& zones_;
  Reporter& reporter_;
  std::shared_ptr<const Zone> zone_;
  Schedule schedule_;
};

}  // namespace

Schedule ReadSchedule(const ScheduleEntries& entries, const ZoneSource& zones, Reporter& reporter) {
  return ScheduleReader(zones, reporter).Read(entries);
}

}  // namespace pipelined::dagfile
