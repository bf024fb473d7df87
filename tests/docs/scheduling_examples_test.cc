// The table of examples in docs/scheduling.md: each line is loaded as a DAG file would be, and asked for its next runs.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "pipelined/dagfile/load.h"
#include "pipelined/timetable/timetable.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined {
namespace {

constexpr std::string_view kHeader = "| schedule | timezone | more keys | now | the next runs |";
constexpr int kRuns = 3;  // or fewer, when no more come

std::string Trimmed(std::string text) {
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  text.erase(text.find_last_not_of(' ') + 1);
  return text;
}

// The cells of "| a | b |"; a bar in `…` is text.
std::vector<std::string> Cells(const std::string& line) {
  std::vector<std::string> cells;
  std::string cell;
  bool code = false;
  for (const char c : line.substr(1)) {
    if (c == '`') code = !code;
    if (c == '|' && !code) {
      cells.push_back(Trimmed(cell));
      cell.clear();
    } else {
      cell += c;
    }
  }
  return cells;
}

// What stands in backticks: "`a`, `b`" -> a and b.
std::vector<std::string> Code(const std::string& cell) {
  std::vector<std::string> codes;
  std::istringstream parts(cell);
  bool inside = false;
  for (std::string part; std::getline(parts, part, '`'); inside = !inside) {
    if (inside) codes.push_back(part);
  }
  return codes;
}

std::vector<std::vector<std::string>> Examples() {
  std::ifstream file(std::string(PIPELINED_SOURCE_DIR) + "/docs/scheduling.md");
  std::vector<std::vector<std::string>> rows;
  bool in_table = false;
  for (std::string line; std::getline(file, line);) {
    if (line == kHeader) {
      in_table = true;
      std::getline(file, line);  // |---|
    } else if (in_table && line.starts_with('|')) {
      rows.push_back(Cells(line));
    } else {
      in_table = false;
    }
  }
  return rows;
}

std::string OnTheWall(Instant instant, const Zone& zone) {
  const Seconds offset = zone.OffsetAt(instant);
  std::string text = FormatInstant(Instant(instant.time_since_epoch() + offset));
  text = text.substr(0, text.find_first_of(".Z"));
  text[10] = ' ';
  if (text.ends_with(":00")) text.resize(16);
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(offset).count();
  return fmt::format("{}{}{:02}:{:02}", text, minutes < 0 ? '-' : '+', std::abs(minutes) / 60, std::abs(minutes) % 60);
}

std::string NextRuns(const Schedule& schedule, const std::string& now, const ZoneSource& zones) {
  const auto timetable = *MakeTimetable(schedule, zones);
  const auto zone = *zones.Find(schedule.timezone);
  Instant clock = zone->ToInstant(*ParseLocal(now));
  std::optional<DataInterval> last;
  std::string runs;
  for (int i = 0; i < kRuns; ++i) {
    const auto due = timetable->Next(last, clock);
    if (!due) break;
    clock = std::max(clock, due->run_after);
    last = due->interval;
    if (i > 0) runs += ", ";
    runs += OnTheWall(due->run_after, *zone);
    if (due->interval.start != due->interval.end)
      runs += fmt::format(" ({} to {})", OnTheWall(due->interval.start, *zone), OnTheWall(due->interval.end, *zone));
  }
  return runs;
}

TEST(SchedulingExamples, AreTrue) {
  const SystemZones zones;
  const auto rows = Examples();
  EXPECT_GE(rows.size(), 30u);
  for (const auto& row : rows) {
    ASSERT_EQ(row.size(), 5u);
    ASSERT_EQ(Code(row[0]).size(), 1u) << row[0];
    std::string yaml = fmt::format("dag_id: example\nschedule: {}\ntimezone: {}\n", Code(row[0])[0], row[1]);
    for (const std::string& key : Code(row[2])) yaml += key + "\n";
    yaml += "tasks: {a: {empty: true}}\n";
    const LoadResult loaded = LoadText(
        yaml, {std::string(PIPELINED_SOURCE_DIR) + "/dags/examples/example.yaml", "example.yaml", "", {}, {}}, zones);
    ASSERT_EQ(loaded.dags.size(), 1u) << Format(loaded.diagnostics);
    EXPECT_EQ(loaded.diagnostics.size(), 0u) << Format(loaded.diagnostics);
    EXPECT_EQ(row[4], NextRuns(loaded.dags[0].dag->schedule, row[3], zones)) << yaml << "now: " << row[3];
  }
}

}  // namespace
}  // namespace pipelined
