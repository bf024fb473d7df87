// The column `schedule` of a DAG. Fields at their default are left out, but for those that were always written.
#include "pipelined/schema/json.h"
#include "store/codec.h"
#include "store/json_fields.h"

namespace pipelined {

using namespace json_fields;

namespace {

using std::chrono::days;
using std::chrono::sys_days;

void SetLength(Value& map, std::string_view key, Micros length) {
  if (length != Micros(0)) map.Set(key, static_cast<std::int64_t>(length.count()));
}

void SetParts(Value& map, std::string_view key, const CalendarParts& parts) {
  if (parts == CalendarParts{}) return;
  map.Set(key, Value(Value::Map{{"months", static_cast<std::int64_t>(parts.months)},
                                {"days", static_cast<std::int64_t>(parts.days)}}));
}

CalendarParts GetParts(const Value& map, std::string_view key) {
  const Value* found = map.Find(key);
  if (found == nullptr) return {};
  return {static_cast<std::int32_t>(Number(*found, "months")), static_cast<std::int32_t>(Number(*found, "days"))};
}

// Days are counted from 1970; first and last of each range in turn.
Value EncodeCalendar(const Calendar& calendar) {
  Value::List ranges;
  for (const DayRange& range : calendar.days) {
    ranges.emplace_back(static_cast<std::int64_t>(range.first.time_since_epoch().count()));
    ranges.emplace_back(static_cast<std::int64_t>(range.last.time_since_epoch().count()));
  }
  return Value::Map{{"days", std::move(ranges)},
                    {"weekdays", static_cast<std::int64_t>(calendar.weekdays)},
                    {"holidays", Strings(calendar.holidays)},
                    {"on_excluded", static_cast<std::int64_t>(calendar.on_excluded)}};
}

Calendar DecodeCalendar(const Value& map) {
  Calendar calendar;
  const std::vector<std::int64_t> ranges = Numbers(map, "days");
  for (std::size_t i = 0; i + 1 < ranges.size(); i += 2)
    calendar.days.push_back({sys_days(days(ranges[i])), sys_days(days(ranges[i + 1]))});
  calendar.weekdays = static_cast<std::uint8_t>(Number(map, "weekdays"));
  calendar.holidays = List(map, "holidays");
  calendar.on_excluded = static_cast<OnExcluded>(Number(map, "on_excluded"));
  return calendar;
}

}  // namespace

std::string EncodeSchedule(const Schedule& schedule) {
  Value map;
  map.Set("kind", static_cast<std::int64_t>(schedule.kind));
  map.Set("crons", Strings(schedule.crons));
  map.Set("every_us", static_cast<std::int64_t>(schedule.every.count()));
  SetParts(map, "every_parts", schedule.every_calendar);
  if (!schedule.events.empty()) {
    Value::List events;
    for (const Instant event : schedule.events)
      events.emplace_back(static_cast<std::int64_t>(event.time_since_epoch().count()));
    map.Set("events_us", Value(std::move(events)));
    map.Set("restrict_to_events", schedule.restrict_to_events);
  }
  map.Set("assets", Strings(schedule.assets));
  map.Set("text", schedule.text);
  map.Set("timezone", schedule.timezone);
  SetInstant(map, "start_us", schedule.start_date);
  SetInstant(map, "end_us", schedule.end_date);
  map.Set("catchup", schedule.catchup);
  map.Set("data_interval", static_cast<std::int64_t>(schedule.data_interval));
  SetParts(map, "interval_parts", schedule.interval_calendar);
  SetLength(map, "interval_us", schedule.interval);
  map.Set("first_slot", static_cast<std::int64_t>(schedule.first_slot));
  SetLength(map, "first_slot_within_us", schedule.first_slot_within);
  if (!schedule.calendar.empty()) map.Set("calendar", EncodeCalendar(schedule.calendar));
  SetLength(map, "jitter_us", schedule.jitter);
  SetLength(map, "jitter_offset_us", schedule.jitter_offset);
  return ToJson(map);
}

Result<Schedule> DecodeSchedule(std::string_view json) {
  const auto map = ParseJson(json);
  if (!map) return map.error();
  Schedule schedule;
  schedule.kind = static_cast<ScheduleKind>(Number(*map, "kind"));
  schedule.crons = List(*map, "crons");
  schedule.every = Micros(Number(*map, "every_us"));
  schedule.every_calendar = GetParts(*map, "every_parts");
  for (const std::int64_t event : Numbers(*map, "events_us")) schedule.events.emplace_back(Micros(event));
  schedule.restrict_to_events = Flag(*map, "restrict_to_events");
  schedule.assets = List(*map, "assets");
  schedule.text = Text(*map, "text");
  schedule.timezone = Text(*map, "timezone");
  schedule.start_date = GetInstant(*map, "start_us");
  schedule.end_date = GetInstant(*map, "end_us");
  schedule.catchup = Flag(*map, "catchup");
  schedule.data_interval = static_cast<DataIntervalMeaning>(Number(*map, "data_interval"));
  schedule.interval_calendar = GetParts(*map, "interval_parts");
  schedule.interval = Micros(Number(*map, "interval_us"));
  schedule.first_slot = static_cast<FirstSlot>(Number(*map, "first_slot"));
  schedule.first_slot_within = Micros(Number(*map, "first_slot_within_us"));
  if (const Value* calendar = map->Find("calendar"); calendar != nullptr) schedule.calendar = DecodeCalendar(*calendar);
  schedule.jitter = Micros(Number(*map, "jitter_us"));
  schedule.jitter_offset = Micros(Number(*map, "jitter_offset_us"));
  return schedule;
}

}  // namespace pipelined
