#include "pipelined/timetable/timetable.h"

#include "timetable/cron_timetable.h"
#include "timetable/delta_timetable.h"
#include "timetable/listed_timetable.h"

namespace pipelined {

namespace {

using Made = Result<std::shared_ptr<const Timetable>>;

template <class T, class... Args>
Made Make(Args&&... args) {
  return std::shared_ptr<const Timetable>(std::make_shared<const T>(std::forward<Args>(args)...));
}

Made MakeCron(const Schedule& schedule, const ZoneSource& zones) {
  if (schedule.crons.empty())
    return Error{ErrorCode::kInvalid, "the schedule has no cron expression", "write one such as \"0 6 * * *\""};
  if (schedule.data_interval == DataIntervalMeaning::kInterval && schedule.crons.size() > 1) {
    return Error{ErrorCode::kInvalid, "several cron expressions cannot share one data interval",
                 "write one expression, or let runs start at the ticks (data_interval: trigger)"};
  }
  const bool utc = schedule.timezone.empty() || schedule.timezone == "UTC";
  auto zone = utc ? Result<std::shared_ptr<const Zone>>(Zone::Utc()) : zones.Find(schedule.timezone);
  if (!zone) return Error{ErrorCode::kInvalid, zone.error().message, zone.error().hint};
  std::vector<CronClock> clocks;
  for (const std::string& expression : schedule.crons) {
    const auto cron = Cron::Parse(expression);
    if (!cron) return cron.error();
    clocks.emplace_back(*cron, *zone);
  }
  if (schedule.data_interval == DataIntervalMeaning::kInterval)
    return Make<CronIntervalTimetable>(clocks.front(), schedule);
  return Make<CronTriggerTimetable>(std::move(clocks), schedule);
}

Made MakeEvery(const Schedule& schedule) {
  const Step step{schedule.every_calendar, schedule.every};
  if (RoughLength(step) <= Micros(0)) {
    return Error{ErrorCode::kInvalid, "the schedule's length must be more than 0", "write a length such as 15m or 1h"};
  }
  if (schedule.data_interval == DataIntervalMeaning::kInterval) return Make<DeltaIntervalTimetable>(schedule);
  return Make<DeltaTriggerTimetable>(schedule);
}

}  // namespace

Made MakeTimetable(const Schedule& schedule, const ZoneSource& zones) {
  switch (schedule.kind) {
    case ScheduleKind::kCron:
      return MakeCron(schedule, zones);
    case ScheduleKind::kEvery:
      return MakeEvery(schedule);
    case ScheduleKind::kOnce:
      return Make<OnceTimetable>(schedule);
    case ScheduleKind::kContinuous:
      return Make<ContinuousTimetable>(schedule);
    case ScheduleKind::kEvents:
      return Make<EventsTimetable>(schedule);
    case ScheduleKind::kNone:
    case ScheduleKind::kAssets:
      break;
  }
  return std::shared_ptr<const Timetable>();
}

}  // namespace pipelined
