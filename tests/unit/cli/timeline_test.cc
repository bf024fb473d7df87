#include "cli/live/timeline.h"

#include "unit/simulation/simulated.h"

namespace pipelined::cli {
namespace {

std::string Chart(const Simulated& s, std::size_t width) {
  return Timeline(SimulationView{s.prepared, s.options, s.result}, width);
}

TEST(Timeline, ShowsALineForEachRun) {
  Simulated s(
      R"({dag_id: d, schedule: "0 * * * *", max_active_runs: 1, catchup: true, start_date: 2026-01-01, tasks: {a: {bash: x, retries: 1, retry_delay: 30m}}})");
  s.Took("\"*\": 30m").Failing("a=1").Until("2026-01-01T03:00:00Z").Parallel(2).Run();
  EXPECT_EQ(Chart(s, 44),
            "              |01-01 00:00 |01-01 01:18\n"
            "d 01-01 00:00 ###############\n"
            "d 01-01 01:00           .....###############\n"
            "load          555555    55555555555    55555\n"
            ". due, waits   - begun, nothing of it runs   # runs   x failed\n"
            "load: tenths of parallelism 2, * all of it; one column is 6m\n");
}

TEST(Timeline, NoLineIsLongerThanTheTerminal) {
  Simulated s(
      R"({dag_id: a_name_that_is_longer_than_there_is_room_for, schedule: "* * * * *", tasks: {a: {bash: x}}})");
  s.Run();
  std::string line;
  for (const char c : Chart(s, 60)) {
    if (c != '\n') {
      line += c;
      continue;
    }
    const bool legend = line.starts_with(". ") || line.starts_with("load:");
    EXPECT_TRUE(legend || line.size() <= 60) << line;
    line.clear();
  }
}

}  // namespace
}  // namespace pipelined::cli
