// Answers the oracle's questions: each line of stdin is `cron<TAB>zone<TAB>from<TAB>count`, each line of stdout the
// next `count` instants at which that schedule fires after `from`, in UTC and one after the other, or why there are
// none.
#include <fmt/format.h>

#include <iostream>
#include <sstream>
#include <string>

#include "pipelined/timetable/timetable.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace {

using namespace pipelined;

std::string Fires(const std::string& question, const ZoneSource& zones) {
  std::istringstream in(question);
  std::string cron, zone, from, count;
  std::getline(in, cron, '\t');
  std::getline(in, zone, '\t');
  std::getline(in, from, '\t');
  std::getline(in, count);
  Schedule schedule;
  schedule.kind = ScheduleKind::kCron;
  schedule.crons = {cron};
  schedule.timezone = zone;
  schedule.catchup = true;
  const auto timetable = MakeTimetable(schedule, zones);
  if (!timetable) return "refused: " + timetable.error().message;
  const Instant start = *ParseInstant(from);
  DataInterval last{start, start};
  std::string fires;
  for (int left = std::stoi(count); left > 0; --left) {
    const auto run = (*timetable)->Next(last, start);
    if (!run) break;
    fires += (fires.empty() ? "" : " ") + FormatInstant(run->run_after);
    last = run->interval;
  }
  return fires;
}

}  // namespace

int main() {
  const SystemZones zones;
  for (std::string question; std::getline(std::cin, question);) std::cout << Fires(question, zones) << "\n";
  return 0;
}
