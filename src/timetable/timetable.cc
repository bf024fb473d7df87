#include "pipelined/timetable/timetable.h"

#include <algorithm>

#include "pipelined/base/hash.h"
#include "timetable/cron_timetable.h"
#include "timetable/delta_timetable.h"
#include "timetable/jittered_timetable.h"
#include "timetable/listed_timetable.h"

namespace pipelined {

namespace {

using Made = Result<std::shared_ptr<const Timetable>>;

template <class T, class... Args>
Made Make(Args&&... args) {
  return std::shared_ptr<const Timetable>(std::make_shared<const T>(std::forward<Args>(args)...));
}

// What MakeTimetable needs from disk.
struct Ground {
  std::shared_ptr<const Zone> zone;
  std::shared_ptr<const ExcludedDays> excluded;  // nullptr: no calendar
};

Result<Ground> PrepareGround(const Schedule& schedule, const ZoneSource& zones) {
  Ground ground{Zone::Utc(), nullptr};
  if (!schedule.timezone.empty() && schedule.timezone != "UTC") {
    auto zone = zones.Find(schedule.timezone);
    if (!zone) return Error{ErrorCode::kInvalid, zone.error().message, zone.error().hint};
    ground.zone = *std::move(zone);
  }
  const Calendar& calendar = schedule.calendar;
  if (calendar.empty()) return ground;
  auto excluded = std::make_shared<ExcludedDays>(calendar.weekdays, calendar.on_excluded);
  for (const DayRange& range : calendar.days) excluded->Add(range.first, range.last);
  for (const std::string& path : calendar.holidays) {
    const auto days = zones.Holidays(path);
    if (!days) return days.error();
    for (const auto day : **days) excluded->Add(day, day);
  }
  ground.excluded = std::move(excluded);
  return ground;
}

Error EveryTickExcluded() {
  return {ErrorCode::kInvalid, "the calendar excludes every run of the schedule",
          "leave some days of the schedule open"};
}

// Whether it ticks on a day whose exclusion is known.
bool EverTicks(const CronClock& clock) {
  constexpr int kYears = 40;  // less than the search looks ahead
  for (int year = ExcludedDays::kFirstYear; year <= ExcludedDays::kLastYear; year += kYears) {
    const auto tick = clock.After(std::chrono::sys_days(std::chrono::year(year) / 1 / 1) - Micros(1));
    if (tick && *tick < std::chrono::sys_days(std::chrono::year(ExcludedDays::kLastYear + 1) / 1 / 1)) return true;
  }
  return false;
}

Made MakeCron(const Schedule& schedule, const ZoneSource& zones) {
  if (schedule.crons.empty())
    return Error{ErrorCode::kInvalid, "the schedule has no cron expression", "write one such as \"0 6 * * *\""};
  if (schedule.data_interval == DataIntervalMeaning::kInterval && schedule.crons.size() > 1) {
    return Error{ErrorCode::kInvalid, "several cron expressions cannot share one data interval",
                 "write one expression, or let runs start at the ticks (data_interval: trigger)"};
  }
  const auto ground = PrepareGround(schedule, zones);
  if (!ground) return ground.error();
  std::vector<CronClock> clocks;
  for (const std::string& expression : schedule.crons) {
    const auto cron = Cron::Parse(expression);
    if (!cron) return cron.error();
    CronClock clock(*cron, ground->zone, ground->excluded);
    if (ground->excluded == nullptr || EverTicks(clock)) clocks.push_back(std::move(clock));
  }
  if (clocks.empty()) return EveryTickExcluded();
  if (schedule.data_interval == DataIntervalMeaning::kInterval)
    return Make<CronIntervalTimetable>(clocks.front(), schedule);
  return Make<CronTriggerTimetable>(std::move(clocks), schedule);
}

Result<OpenDays> PrepareDays(const Schedule& schedule, const ZoneSource& zones) {
  if (schedule.calendar.empty()) return OpenDays();
  auto ground = PrepareGround(schedule, zones);
  if (!ground) return ground.error();
  return OpenDays(std::move(ground->excluded), std::move(ground->zone));
}

Made MakeEvery(const Schedule& schedule, const ZoneSource& zones) {
  const Step step{schedule.every_calendar, schedule.every};
  if (RoughLength(step) <= Micros(0)) {
    return Error{ErrorCode::kInvalid, "the schedule's length must be more than 0", "write a length such as 15m or 1h"};
  }
  auto open = PrepareDays(schedule, zones);
  if (!open) return open.error();
  if (!open->Settle(schedule.start_date.value_or(Instant{}), step)) return EveryTickExcluded();
  if (schedule.data_interval == DataIntervalMeaning::kInterval)
    return Make<DeltaIntervalTimetable>(schedule, *std::move(open));
  return Make<DeltaTriggerTimetable>(schedule, *std::move(open));
}

Made MakeEvents(const Schedule& schedule, const ZoneSource& zones) {
  const auto open = PrepareDays(schedule, zones);
  if (!open) return open.error();
  const auto comes = [&](Instant event) { return open->IsOpen(event) || open->Moved(event); };
  if (!schedule.events.empty() && std::none_of(schedule.events.begin(), schedule.events.end(), comes))
    return EveryTickExcluded();
  return Make<EventsTimetable>(schedule, *open);
}

Made MakeWithoutJitter(const Schedule& schedule, const ZoneSource& zones) {
  switch (schedule.kind) {
    case ScheduleKind::kCron:
      return MakeCron(schedule, zones);
    case ScheduleKind::kEvery:
      return MakeEvery(schedule, zones);
    case ScheduleKind::kOnce:
      return Make<OnceTimetable>(schedule);
    case ScheduleKind::kContinuous:
      return Make<ContinuousTimetable>(schedule);
    case ScheduleKind::kEvents:
      return MakeEvents(schedule, zones);
    case ScheduleKind::kNone:
    case ScheduleKind::kAssets:
      break;
  }
  return std::shared_ptr<const Timetable>();
}

}  // namespace

Made MakeTimetable(const Schedule& schedule, const ZoneSource& zones) {
  auto made = MakeWithoutJitter(schedule, zones);
  if (!made || *made == nullptr || schedule.jitter_offset <= Micros(0)) return made;
  return Make<JitteredTimetable>(*std::move(made), schedule.jitter_offset);
}

Micros JitterOffset(std::string_view dag_id, Micros jitter) {
  if (jitter <= Micros(0)) return Micros(0);
  std::uint64_t number = 0;
  const auto digest = Sha256(dag_id);
  for (std::size_t i = 0; i < sizeof number; ++i) number = number << 8 | digest[i];
  return Micros(static_cast<std::int64_t>(number % static_cast<std::uint64_t>(jitter.count())));
}

}  // namespace pipelined
