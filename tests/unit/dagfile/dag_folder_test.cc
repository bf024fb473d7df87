// The watcher on real folders, with the kernel's notifications; time is waited for with poll(2), never slept through.
#include "pipelined/dagfile/dag_folder.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>

#include "pipelined/base/clock.h"
#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr const char* kTask = "tasks: {a: {empty: true}}\n";

// A calendar is there, with no day in it, when its file is.
class CalendarsOnDisk : public UtcOnly {
 public:
  Result<std::shared_ptr<const DayList>> Holidays(std::string_view path) const override {
    if (!fs::exists(fs::path(path))) return ZoneSource::Holidays(path);
    return std::make_shared<const DayList>();
  }
};

class DagFolderTest : public testing::Test {
 protected:
  DagFolderTest() {
    char name[] = "/tmp/dagfolder.XXXXXX";
    root_ = mkdtemp(name);
  }
  ~DagFolderTest() override { fs::remove_all(root_); }

  void Write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(root_ + "/" + name).parent_path());
    std::ofstream(root_ + "/" + name) << text;
  }
  void Dag(const std::string& name, const std::string& dag_id) { Write(name, "dag_id: " + dag_id + "\n" + kTask); }

  void Open(DagFolderOptions options = {}) {
    options.roots = {root_};
    auto folder = DagFolder::Open(options, Known(), zones_);
    ASSERT_TRUE(folder.ok()) << folder.error().message;
    folder_ = *std::move(folder);
    changes_ = {};
    Settle();
  }

  // Polls until `done` or for two seconds; takes in what happened.
  bool Until(const std::function<bool()>& done) {
    const Clock& clock = SystemClock();
    const Micros end = clock.Monotonic() + std::chrono::seconds(2);
    while (!done() && clock.Monotonic() < end) {
      const Micros wait = std::clamp<Micros>(folder_->NextWake() - clock.Monotonic(), Micros{0}, Millis(50));
      pollfd fd{folder_->PollFd(), POLLIN, 0};
      poll(&fd, 1, static_cast<int>(wait.count() / 1000) + 1);
      TakeIn(folder_->Poll(clock.Monotonic()));
    }
    return done();
  }
  bool UntilDag(const std::string& id) {
    return Until([&] { return changes_.dags.count(id) > 0; });
  }
  // Until nothing has happened for a while (longer than the quiet time).
  void Settle() {
    const Micros end = SystemClock().Monotonic() + Millis(100);
    Until([&] { return SystemClock().Monotonic() > end; });
  }

  void TakeIn(FolderChange change) {
    for (const PublishedDag& dag : change.publication.dags) changes_.dags.insert(dag.dag->id);
    for (const KnownFile& file : change.publication.removed) {
      changes_.removed.insert(file.relative_file);
      changes_.removed_dags.insert(file.dag_ids.begin(), file.dag_ids.end());
      known_.erase(file.relative_file);
      errors_.erase(file.relative_file);
    }
    for (const KnownFile& file : change.publication.files) {
      changes_.files.insert(file.relative_file);
      known_[file.relative_file] = file;
      errors_.erase(file.relative_file);
    }
    for (const ImportError& error : change.publication.errors) errors_[error.relative_file] = error.text;
    for (const std::string& warning : change.warnings) changes_.warnings.push_back(warning);
  }
  std::vector<KnownFile> Known() const {
    std::vector<KnownFile> all;
    for (const auto& [name, file] : known_) all.push_back(file);
    return all;
  }

  struct Changes {
    std::set<std::string> dags, files, removed, removed_dags;
    std::vector<std::string> warnings;
  };
  Changes Taken() { return std::exchange(changes_, {}); }

  std::string root_;
  CalendarsOnDisk zones_;
  std::unique_ptr<DagFolder> folder_;
  Changes changes_;
  std::map<std::string, KnownFile> known_;
  std::map<std::string, std::string> errors_;
};

TEST_F(DagFolderTest, FindsDagFilesAtAnyDepthAndNothingElse) {
  Dag("a.yaml", "a");
  Dag("team/deep/b.yml", "b");
  for (const char* other : {"defaults.yaml", "team/_x.yaml", ".x.yaml", ".git/x.yaml", "_old/x.yaml", "x.txt"})
    Write(other, "owner: me\n");
  Open();
  EXPECT_THAT(changes_.files, ElementsAre("a.yaml", "team/deep/b.yml"));
  EXPECT_THAT(changes_.dags, ElementsAre("a", "b"));
}

TEST_F(DagFolderTest, UnchangedFilesAreNotReadAgain) {
  Dag("a.yaml", "a");
  Dag("b.yaml", "b");
  Open();
  Dag("b.yaml", "other");
  Open();
  EXPECT_THAT(changes_.files, ElementsAre("b.yaml"));
  EXPECT_THAT(changes_.dags, ElementsAre("other"));
}

TEST_F(DagFolderTest, AChangeIsSeenWithinTwoTenthsOfASecond) {
  Dag("a.yaml", "a");
  Open();
  Taken();
  const Micros before = SystemClock().Monotonic();
  Dag("a.yaml", "changed");
  ASSERT_TRUE(UntilDag("changed"));
  EXPECT_LT(SystemClock().Monotonic() - before, Millis(200));
}

TEST_F(DagFolderTest, AFileThatIsOpenForWritingIsNotLoaded) {
  Open();
  Taken();
  const std::string text = std::string("dag_id: slow\n") + kTask;
  const int fd = open((root_ + "/slow.yaml").c_str(), O_WRONLY | O_CREAT, 0644);
  ASSERT_EQ(write(fd, text.data(), 10), 10);
  Settle();
  EXPECT_THAT(changes_.files, IsEmpty());
  ASSERT_GT(write(fd, text.data() + 10, text.size() - 10), 0);
  Settle();
  EXPECT_THAT(changes_.files, IsEmpty());
  close(fd);
  EXPECT_TRUE(UntilDag("slow"));
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(DagFolderTest, ABrokenFileIsAnErrorAndKeepsWhatItHeld) {
  Dag("a.yaml", "a");
  Dag("b.yaml", "b");
  Open();
  Taken();
  Write("a.yaml", "dag_id: a\ntasks: {x: {bsh: echo}}\n");
  ASSERT_TRUE(Until([&] { return errors_.count("a.yaml") > 0; }));
  EXPECT_THAT(errors_["a.yaml"], HasSubstr("a.yaml:2:13: error DAG016"));
  EXPECT_THAT(known_["a.yaml"].dag_ids, ElementsAre("a"));
  EXPECT_THAT(changes_.removed, IsEmpty());
  Dag("a.yaml", "a");
  ASSERT_TRUE(UntilDag("a"));
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(DagFolderTest, AFileThatWaitsForItsCalendarIsReadAgainWhenThatComes) {
  Write("a.yaml", std::string("dag_id: a\nschedule: '@daily'\ncalendar: {exclude: [{ical: days.ics}]}\n") + kTask);
  Open();
  EXPECT_THAT(errors_["a.yaml"], HasSubstr("error DAG043"));
  Write("other.txt", "x");
  Settle();
  EXPECT_THAT(changes_.dags, IsEmpty());
  Write("days.ics", "x");
  EXPECT_TRUE(UntilDag("a"));
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(DagFolderTest, AndSoItIsAfterARestart) {
  Write("a.yaml", std::string("dag_id: a\nschedule: '@daily'\ncalendar: {exclude: [{ical: days.ics}]}\n") + kTask);
  Open();
  folder_.reset();
  Write("days.ics", "x");
  Open();
  EXPECT_THAT(changes_.dags, ElementsAre("a"));
}

TEST_F(DagFolderTest, ADeletedFileIsRemoved) {
  Dag("a.yaml", "a");
  Open();
  fs::remove(root_ + "/a.yaml");
  ASSERT_TRUE(Until([&] { return changes_.removed.count("a.yaml") > 0; }));
  EXPECT_THAT(changes_.removed_dags, ElementsAre("a"));
}

TEST_F(DagFolderTest, ARenamedFileKeepsItsDag) {
  Dag("a.yaml", "a");
  Open();
  Taken();
  fs::rename(root_ + "/a.yaml", root_ + "/b.yaml");
  ASSERT_TRUE(UntilDag("a"));
  EXPECT_THAT(changes_.removed, ElementsAre("a.yaml"));
  EXPECT_THAT(changes_.removed_dags, IsEmpty());
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(DagFolderTest, AStormOfRenamesEndsWithTheLastWord) {
  Dag("a.yaml", "v0");
  Open();
  for (int i = 1; i <= 300; ++i) {
    Dag("x.tmp", "v" + std::to_string(i));
    fs::rename(root_ + "/x.tmp", root_ + "/a.yaml");
  }
  EXPECT_TRUE(UntilDag("v300"));
  Settle();
  EXPECT_THAT(known_["a.yaml"].dag_ids, ElementsAre("v300"));
}

TEST_F(DagFolderTest, NewFoldersAreWatchedWithWhatIsInThemAlready) {
  Open();
  for (int i = 0; i < 20; ++i) Dag("n" + std::to_string(i) + "/deep/x.yaml", "d" + std::to_string(i));
  EXPECT_TRUE(Until([&] { return changes_.dags.size() == 20; }));
  Dag("n7/deep/late.yaml", "late");
  EXPECT_TRUE(UntilDag("late"));
}

TEST_F(DagFolderTest, AFolderThatIsMovedAwayTakesItsFilesAlong) {
  Dag("team/a.yaml", "a");
  Dag("team-b/b.yaml", "b");
  Open();
  Taken();
  fs::rename(root_ + "/team", root_ + "/_hidden");
  ASSERT_TRUE(Until([&] { return !changes_.removed.empty(); }));
  EXPECT_THAT(changes_.removed, ElementsAre("team/a.yaml"));
  fs::rename(root_ + "/_hidden", root_ + "/again");
  EXPECT_TRUE(UntilDag("a"));
}

TEST_F(DagFolderTest, LinksThatLoopOrLeaveAreSkippedWithAWarning) {
  Dag("sub/a.yaml", "a");
  fs::create_directory_symlink("..", root_ + "/sub/loop");
  fs::create_directory_symlink("/etc", root_ + "/etc");
  fs::create_symlink("/etc/hostname", root_ + "/host.yaml");
  fs::create_symlink("self.yaml", root_ + "/self.yaml");
  Open();
  EXPECT_THAT(changes_.files, ElementsAre("sub/a.yaml"));
  EXPECT_THAT(changes_.warnings, UnorderedElementsAre(HasSubstr("loops"), HasSubstr("leaves"), HasSubstr("leaves"),
                                                      HasSubstr("leads nowhere")));
}

TEST_F(DagFolderTest, ALinkToAFileInTheFolderCounts) {
  Dag(".versions/1/a.yaml", "one");
  Dag(".versions/2/a.yaml", "two");
  fs::create_directory_symlink("1", root_ + "/.versions/now");
  fs::create_symlink(".versions/now/a.yaml", root_ + "/a.yaml");
  fs::create_directory_symlink(".versions/now", root_ + "/.data");
  Open();
  EXPECT_THAT(changes_.dags, ElementsAre("one"));
}

TEST_F(DagFolderTest, ChangedDefaultsReloadWhatIsBelowThem) {
  Write("team/defaults.yaml", "owner: one\n");
  Dag("team/sub/a.yaml", "a");
  Dag("b.yaml", "b");
  Open();
  Taken();
  Write("team/defaults.yaml", "owner: two\n");
  ASSERT_TRUE(UntilDag("a"));
  Settle();
  EXPECT_THAT(changes_.files, ElementsAre("team/sub/a.yaml"));
  Write("team/defaults.yaml", "ownr: two\n");
  ASSERT_TRUE(Until([&] { return !errors_.empty(); }));
  EXPECT_THAT(errors_["team/sub/a.yaml"], HasSubstr("team/defaults.yaml:1:1: error DAG016"));
  fs::remove(root_ + "/team/defaults.yaml");
  EXPECT_TRUE(Until([&] { return errors_.empty(); }));
}

TEST_F(DagFolderTest, AChangedTaskTemplateReloadsTheDagsThatIncludeIt) {
  Write("_lib/load.yaml", "tasks: {a: {empty: true}}\n");
  Write("user.yaml", "include: {load: {file: _lib/load.yaml}}\n");
  Write("other.yaml", kTask);
  Open();
  EXPECT_EQ(changes_.dags, (std::set<std::string>{"other", "user"}));
  Taken();
  Write("_lib/load.yaml", "tasks: {a: {empty: true}, b: {empty: true}}\n");
  EXPECT_TRUE(UntilDag("user"));
  Settle();
  EXPECT_EQ(changes_.dags, (std::set<std::string>{"user"}));
}

TEST_F(DagFolderTest, ATaskTemplateThatComesLaterEndsTheError) {
  fs::create_directory(root_ + "/_lib");
  Write("user.yaml", "include: {load: {file: _lib/load.yaml}}\n");
  Open();
  EXPECT_THAT(errors_["user.yaml"], HasSubstr("there is no file \"_lib/load.yaml\""));
  Write("_lib/load.yaml", "tasks: {a: {empty: true}}\n");
  EXPECT_TRUE(UntilDag("user"));
  EXPECT_THAT(errors_, IsEmpty());
}

TEST_F(DagFolderTest, ATaskTemplateThatChangedWhileNobodyLookedIsSeenAfterARestart) {
  Write("_load.yaml", "tasks: {a: {empty: true}}\n");
  Write("user.yaml", "include: {load: {file: _load.yaml}}\n");
  Open();
  folder_.reset();
  Write("_load.yaml", "tasks: {a: {empty: true}, b: {empty: true}}\n");
  Open();
  EXPECT_EQ(changes_.dags, (std::set<std::string>{"user"}));
}

TEST_F(DagFolderTest, ALinkDoesNotLeadATaskTemplateOutOfTheFolder) {
  char outside[] = "/tmp/outside.XXXXXX";
  ASSERT_NE(mkdtemp(outside), nullptr);
  std::ofstream(std::string(outside) + "/t.yaml") << "tasks: {a: {empty: true}}\n";
  fs::create_symlink(outside, root_ + "/_lib");
  Write("user.yaml", "include: {load: {file: _lib/t.yaml}}\n");
  Open();
  EXPECT_THAT(errors_["user.yaml"], HasSubstr("there is no file \"_lib/t.yaml\""));
  fs::remove_all(outside);
}

TEST_F(DagFolderTest, IgnoredFilesComeAndGoWithTheRules) {
  Dag("a.yaml", "a");
  Dag("old/b.yaml", "b");
  Write(".pipelinedignore", "old/\n");
  Open();
  EXPECT_THAT(changes_.dags, ElementsAre("a"));
  Write(".pipelinedignore", "a.*\n");
  ASSERT_TRUE(UntilDag("b"));
  EXPECT_THAT(changes_.removed, ElementsAre("a.yaml"));
}

TEST_F(DagFolderTest, OfTwoNewFilesTheFirstByPathHoldsTheDag) {
  Dag("b.yaml", "same");
  Dag("a.yaml", "same");
  Open();
  EXPECT_THAT(known_["a.yaml"].dag_ids, ElementsAre("same"));
  EXPECT_THAT(errors_["b.yaml"], HasSubstr("held by a.yaml"));
  EXPECT_EQ(errors_.size(), 1u);
}

TEST_F(DagFolderTest, WhoHoldsADagKeepsItAndTheNextOneFollows) {
  Dag("b.yaml", "same");
  Open();
  Dag("a.yaml", "same");
  ASSERT_TRUE(Until([&] { return errors_.count("a.yaml") > 0; }));
  EXPECT_THAT(errors_["a.yaml"], HasSubstr("held by b.yaml"));
  Open();  // also after a restart
  ASSERT_TRUE(Until([&] { return errors_.count("a.yaml") > 0; }));
  fs::remove(root_ + "/b.yaml");
  ASSERT_TRUE(
      Until([&] { return errors_.empty() && known_.count("a.yaml") > 0 && !known_["a.yaml"].dag_ids.empty(); }));
  EXPECT_THAT(changes_.removed_dags, IsEmpty());
}

TEST_F(DagFolderTest, ADagThatMovesToAnotherFileIsNeverInError) {
  Write("b.yaml", std::string("dag_id: x\n") + kTask);
  Dag("a.yaml", "y");
  Open();
  Dag("a.yaml", "x");
  Dag("b.yaml", "z");
  ASSERT_TRUE(UntilDag("z"));
  Settle();
  EXPECT_THAT(errors_, IsEmpty());
  EXPECT_THAT(known_["a.yaml"].dag_ids, ElementsAre("x"));
}

TEST_F(DagFolderTest, ALargeFolderComesInBatches) {
  for (int i = 0; i < 25; ++i) Dag("d" + std::to_string(i) + ".yaml", "d" + std::to_string(i));
  DagFolderOptions options;
  options.roots = {root_ + "/"};
  options.batch = 10;
  auto folder = DagFolder::Open(options, {}, zones_);
  ASSERT_TRUE(folder.ok());
  std::vector<std::size_t> sizes;
  for (bool complete = false; !complete;) {
    FolderChange change = (*folder)->Poll(SystemClock().Monotonic());
    sizes.push_back(change.publication.files.size());
    complete = change.complete;
  }
  EXPECT_THAT(sizes, ElementsAre(10, 10, 5));
}

TEST_F(DagFolderTest, AMissingRootRemovesNothing) {
  Dag("a.yaml", "a");
  Open();
  Taken();
  fs::rename(root_, root_ + ".away");
  Settle();
  EXPECT_THAT(changes_.removed, IsEmpty());
  EXPECT_THAT(changes_.warnings, testing::Contains(HasSubstr("cannot be read")));
  fs::rename(root_ + ".away", root_);
  Dag("late.yaml", "late");
  EXPECT_TRUE(UntilDag("late"));
}

TEST_F(DagFolderTest, FilesOfAFolderThatIsNoLongerWatchedAreRemoved) {
  known_["x.yaml"] = {"/some/where/else", "x.yaml", "1", {"x"}};
  Open();
  EXPECT_THAT(changes_.removed_dags, ElementsAre("x"));
}

TEST_F(DagFolderTest, AnUnreadableFileIsAnError) {
  if (geteuid() == 0) GTEST_SKIP() << "root may read everything";
  Dag("a.yaml", "a");
  chmod((root_ + "/a.yaml").c_str(), 0);
  Open();
  EXPECT_THAT(errors_["a.yaml"], HasSubstr("DAG001"));
}

}  // namespace
}  // namespace pipelined
