#include "pipelined/retention/sweep.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

namespace pipelined {
namespace {

namespace fs = std::filesystem;

// What a test says of runs: under way (no end), or finished so many hours ago.
class FakeRuns : public RunLogs {
 public:
  std::map<std::pair<std::string, std::string>, std::optional<End>> runs;
  std::set<std::string> begun_meanwhile;  // between the look and the hold
  std::function<void()> after_look = [] {};
  bool down = false;

  Result<std::optional<End>> EdgeOf(const std::string& dag_id, std::int64_t keep) override {
    std::vector<End> ends;
    for (const auto& [name, end] : runs) {
      if (name.first == dag_id && end) ends.push_back(*end);
    }
    std::sort(ends.rbegin(), ends.rend());
    if (static_cast<std::int64_t>(ends.size()) < keep) return std::optional<End>();
    return std::optional<End>(ends[static_cast<std::size_t>(keep - 1)]);
  }
  Result<std::vector<Known>> Look(const std::string& dag_id, const std::vector<std::string>& run_ids) override {
    if (down) return Error{ErrorCode::kUnavailable, "no database", {}};
    std::vector<Known> known;
    for (const std::string& run : run_ids) {
      const auto at = runs.find({dag_id, run});
      if (at != runs.end()) known.push_back({run, at->second});
    }
    after_look();
    return known;
  }
  Result<bool> WhileFinished(const std::string&, const std::string& run_id,
                             const std::function<void()>& work) override {
    if (begun_meanwhile.contains(run_id)) return false;
    work();
    return true;
  }
};

class SweepTest : public testing::Test {
 protected:
  SweepTest() : clock_(SystemClock().Now()) {
    std::string pattern = testing::TempDir() + "sweep_XXXXXX";
    logs_ = mkdtemp(pattern.data());
    sweep_.logs_dir = logs_;
  }
  ~SweepTest() override { fs::remove_all(logs_); }

  std::string Folder(const std::string& dag, const std::string& run) const {
    return logs_ + "/dag_id=" + dag + "/run_id=" + run;
  }
  void Log(const std::string& dag, const std::string& run, int days_ago = 0) {
    const std::string task = Folder(dag, run) + "/task_id=t";
    fs::create_directories(task);
    std::ofstream(task + "/attempt=1.log") << "0123456789";
    const auto at = std::chrono::duration_cast<Seconds>(clock_.Now().time_since_epoch()).count() - days_ago * 86'400;
    const timespec times[2] = {{at, 0}, {at, 0}};
    for (const std::string& path : {task + "/attempt=1.log", task, Folder(dag, run)})
      utimensat(AT_FDCWD, path.c_str(), times, 0);
  }
  void Ended(const std::string& dag, const std::string& run, int days_ago) {
    Log(dag, run, days_ago);
    runs_.runs[{dag, run}] = RunLogs::End{clock_.Now() - std::chrono::days(days_ago), ++ids_};
  }
  void UnderWay(const std::string& dag, const std::string& run, int days_ago = 0) {
    Log(dag, run, days_ago);
    runs_.runs[{dag, run}] = std::nullopt;
  }
  SweepCounts Run() {
    const auto counts = SweepLogs(sweep_, runs_, clock_);
    EXPECT_TRUE(counts.ok()) << counts.error().message;
    return counts ? *counts : SweepCounts{};
  }
  // "d/r1 d/r2": what still has logs.
  std::string Left() const {
    std::vector<std::string> left;
    for (const auto& dag : fs::directory_iterator(logs_)) {
      if (!dag.path().filename().string().starts_with("dag_id=")) continue;
      for (const auto& run : fs::directory_iterator(dag.path()))
        left.push_back(dag.path().filename().string().substr(7) + "/" + run.path().filename().string().substr(7));
    }
    std::sort(left.begin(), left.end());
    std::string text;
    for (const std::string& each : left) text += (text.empty() ? "" : " ") + each;
    return text;
  }
  std::size_t Trash() const {
    if (!fs::exists(logs_ + "/.removed")) return 0;
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(logs_ + "/.removed"), {}));
  }

  std::string logs_;
  ManualClock clock_;
  FakeRuns runs_;
  Sweep sweep_;
  std::int64_t ids_ = 0;
};

TEST_F(SweepTest, WithoutARuleNothingGoes) {
  Ended("d", "old", 1000);
  Log("d", "orphan", 1000);
  Run();
  EXPECT_EQ(Left(), "d/old d/orphan");
}

TEST_F(SweepTest, RunsThatEndedTooLongAgoLoseTheirLogs) {
  sweep_.rules.age = std::chrono::days(30);
  Ended("d", "old", 31);
  Ended("d", "new", 29);
  const SweepCounts counts = Run();
  EXPECT_EQ(Left(), "d/new");
  EXPECT_EQ(counts.runs, 1);
  EXPECT_EQ(counts.files, 1);
  EXPECT_EQ(counts.bytes, 10);
  EXPECT_EQ(counts.kept, 1);
  EXPECT_EQ(Trash(), 0U);
}

TEST_F(SweepTest, OfEachDagTheNewestRunsKeepTheirs) {
  sweep_.rules.runs = 2;
  for (int i = 1; i <= 4; ++i) Ended("d", "r" + std::to_string(i), 5 - i);
  Ended("e", "only", 100);
  UnderWay("d", "running", 200);  // is none of the two, and stays
  Run();
  EXPECT_EQ(Left(), "d/r3 d/r4 d/running e/only");
}

TEST_F(SweepTest, EitherRuleIsEnough) {
  sweep_.rules.age = std::chrono::days(30);
  sweep_.rules.runs = 2;
  Ended("d", "a", 40);
  Ended("d", "b", 3);
  Ended("d", "c", 2);
  Ended("d", "d", 1);
  Ended("e", "a", 40);
  Run();
  EXPECT_EQ(Left(), "d/c d/d");
}

TEST_F(SweepTest, ARunUnderWayKeepsItsLogsHoweverOld) {
  sweep_.rules.age = std::chrono::days(1);
  sweep_.rules.runs = 1;
  UnderWay("d", "running", 500);
  Run();
  EXPECT_EQ(Left(), "d/running");
}

TEST_F(SweepTest, ARunThatIsBegunAnewAfterTheLookKeepsItsLogs) {
  sweep_.rules.age = std::chrono::days(1);
  Ended("d", "cleared", 10);
  runs_.begun_meanwhile = {"cleared"};
  EXPECT_EQ(Run().kept, 1);
  EXPECT_EQ(Left(), "d/cleared");
}

TEST_F(SweepTest, OrphansGoWhenNothingWasWrittenForLong) {
  sweep_.rules.age = std::chrono::days(30);
  Log("gone", "quiet", 31);
  Log("gone", "fresh", 2);
  EXPECT_EQ(Run().orphans, 1);
  EXPECT_EQ(Left(), "gone/fresh");
  sweep_.rules = {};
  sweep_.rules.runs = 5;  // no age is set: a day
  EXPECT_EQ(Run().orphans, 1);
  EXPECT_EQ(Left(), "");
}

TEST_F(SweepTest, AnOrphanThatBecomesARunGetsItsLogsBack) {
  sweep_.rules.age = std::chrono::days(1);
  Log("d", "r", 10);
  runs_.after_look = [&] { runs_.runs[{"d", "r"}] = std::nullopt; };  // seen by the second look
  EXPECT_EQ(Run().orphans, 0);
  EXPECT_EQ(Left(), "d/r");
  EXPECT_TRUE(fs::exists(Folder("d", "r") + "/task_id=t/attempt=1.log"));
}

TEST_F(SweepTest, ADagThatIsNotInKeepsAll) {
  sweep_.rules.age = std::chrono::days(1);
  sweep_.rules.dags.share = 0;
  Ended("d", "old", 10);
  Log("d", "orphan", 10);
  Run();
  EXPECT_EQ(Left(), "d/old d/orphan");
}

TEST_F(SweepTest, ADryRunCountsTheSameAndMovesNothing) {
  sweep_.rules.age = std::chrono::days(1);
  Ended("d", "old", 10);
  Log("d", "orphan", 10);
  sweep_.dry_run = true;
  const SweepCounts counts = Run();
  EXPECT_EQ(counts.runs + counts.orphans, 2);
  EXPECT_EQ(counts.bytes, 20);
  EXPECT_EQ(Left(), "d/old d/orphan");
}

TEST_F(SweepTest, WhatACrashLeftIsFinishedAndNotCounted) {
  fs::create_directories(logs_ + "/.removed/Ab12cd/run/task_id=t");
  std::ofstream(logs_ + "/.removed/Ab12cd/run/task_id=t/attempt=1.log") << "x";
  fs::create_directories(logs_ + "/.removed/empty1");  // killed before the move
  EXPECT_EQ(Run().files, 0);                           // needs no rule
  EXPECT_EQ(Trash(), 0U);
}

TEST_F(SweepTest, ItEndsBetweenTwoStepsWhenItIsTold) {
  sweep_.rules.age = std::chrono::days(1);
  for (int i = 0; i < 5; ++i) Ended("d", "r" + std::to_string(i), 10);
  sweep_.go_on = [](const SweepCounts& so_far) { return so_far.runs < 2; };
  EXPECT_EQ(Run().runs, 2);
  EXPECT_EQ(Left(), "d/r2 d/r3 d/r4");
}

TEST_F(SweepTest, WithoutTheDatabaseNothingGoes) {
  sweep_.rules.age = std::chrono::days(1);
  Ended("d", "old", 10);
  runs_.down = true;
  EXPECT_EQ(SweepLogs(sweep_, runs_, clock_).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Left(), "d/old");
}

TEST_F(SweepTest, LinksAndOtherFilesAreNotFollowed) {
  sweep_.rules.age = std::chrono::days(1);
  fs::create_directories(logs_ + "/elsewhere/precious");
  fs::create_directories(logs_ + "/dag_id=d");
  fs::create_symlink(logs_ + "/elsewhere", logs_ + "/dag_id=d/run_id=link");
  fs::create_symlink(logs_ + "/elsewhere", logs_ + "/dag_id=link");
  Ended("d", "old", 10);
  fs::create_symlink(logs_ + "/elsewhere", Folder("d", "old") + "/link");
  Run();
  EXPECT_FALSE(fs::exists(Folder("d", "old")));
  EXPECT_TRUE(fs::exists(logs_ + "/elsewhere/precious"));
}

}  // namespace
}  // namespace pipelined
