// Random schedules for properties: cron expressions, the zones of this machine, instants of 1970 to 2500.
#pragma once

#include <fmt/format.h>
#include <rapidcheck.h>

#include <filesystem>
#include <string>
#include <vector>

#include "pipelined/zoneinfo/system_zones.h"
#include "timetable/cron_clock.h"

namespace pipelined::testing {

inline const SystemZones& Zones() {
  static const SystemZones zones;
  return zones;
}

// Every zone of the machine's tzdata, by name.
inline const std::vector<std::string>& ZoneNames() {
  static const std::vector<std::string> names = [] {
    const std::filesystem::path folder = "/usr/share/zoneinfo";
    std::vector<std::string> found;
    for (auto entry = std::filesystem::recursive_directory_iterator(folder); entry != end(entry); ++entry) {
      const std::string name = entry->path().lexically_relative(folder).string();
      if (name == "posix" || name == "right") entry.disable_recursion_pending();  // copies; leap seconds
      if (entry->is_regular_file() && Zones().Find(name)) found.push_back(name);
    }
    return found;
  }();
  return names;
}

// A field: every value, one, several, a range or steps.
inline rc::Gen<std::string> Field(int low, int high) {
  const auto value = rc::gen::inRange(low, high + 1);
  return rc::gen::oneOf(rc::gen::just(std::string("*")),
                        rc::gen::map(value, [](int a) { return fmt::format("{}", a); }),
                        rc::gen::map(rc::gen::pair(value, value),
                                     [](std::pair<int, int> v) { return fmt::format("{},{}", v.first, v.second); }),
                        rc::gen::map(rc::gen::pair(value, value),
                                     [](std::pair<int, int> v) { return fmt::format("{}-{}", v.first, v.second); }),
                        rc::gen::map(rc::gen::inRange(2, 16), [](int step) { return fmt::format("*/{}", step); }));
}

struct Place {
  std::string cron;
  std::string zone;
  std::int64_t at = 0;  // seconds since 1970

  CronClock clock() const { return {*Cron::Parse(cron), *Zones().Find(zone)}; }
  Instant instant() const { return Instant(Seconds(at)); }
  std::shared_ptr<const Zone> zone_rules() const { return *Zones().Find(zone); }
};

inline void showValue(const Place& place, std::ostream& out) {
  out << '"' << place.cron << "\" in " << place.zone << " from " << FormatInstant(place.instant());
}

inline rc::Gen<Place> AnyPlace() {
  const auto day = rc::gen::weightedOneOf<std::string>(
      {{6, Field(1, 31)}, {1, rc::gen::element<std::string>("L", "15W", "31W", "L,10", "?")}});
  const auto weekday = rc::gen::weightedOneOf<std::string>(
      {{6, Field(0, 7)}, {1, rc::gen::element<std::string>("5#2", "L1", "1#5", "?")}});
  const auto second = rc::gen::weightedOneOf<std::string>({{4, rc::gen::just(std::string())}, {1, Field(0, 59)}});
  const auto cron = rc::gen::apply(
      [](const std::string& minute, const std::string& hour, const std::string& d, const std::string& month,
         const std::string& w, const std::string& s) {
        return fmt::format("{} {} {} {} {}{}{}", minute, hour, d, month, w, s.empty() ? "" : " ", s);
      },
      Field(0, 59), Field(0, 23), day, Field(1, 12), weekday, second);
  constexpr std::int64_t k2500 = 16'725'225'600;
  return rc::gen::build<Place>(rc::gen::set(&Place::cron, cron),
                               rc::gen::set(&Place::zone, rc::gen::elementOf(ZoneNames())),
                               rc::gen::set(&Place::at, rc::gen::inRange<std::int64_t>(0, k2500)));
}

}  // namespace pipelined::testing

namespace rc {
template <>
struct Arbitrary<pipelined::testing::Place> {
  static Gen<pipelined::testing::Place> arbitrary() { return pipelined::testing::AnyPlace(); }
};
}  // namespace rc
