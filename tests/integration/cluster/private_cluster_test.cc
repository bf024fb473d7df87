// Real clusters in temporary homes. Each test makes its own: about a second each.
#include "pipelined/cluster/private_cluster.h"

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "pipelined/base/clock.h"

namespace pipelined {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The single value that `sql` gives, or the error.
std::string Query(const std::string& url, const std::string& sql) {
  PGconn* connection = PQconnectdb(url.c_str());
  PGresult* result = PQexec(connection, sql.c_str());
  std::string answer;
  if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) > 0) answer = PQgetvalue(result, 0, 0);
  if (PQresultStatus(result) == PGRES_FATAL_ERROR) answer = PQerrorMessage(connection);
  PQclear(result);
  PQfinish(connection);
  return answer;
}

bool Ended(int pidfd) {
  pollfd wait{pidfd, POLLIN, 0};
  return poll(&wait, 1, 10'000) == 1;
}

bool WaitUntilGone(pid_t pid) {
  const Micros deadline = SystemClock().Monotonic() + Seconds(10);
  while (kill(pid, 0) == 0) {
    if (SystemClock().Monotonic() > deadline) return false;
    poll(nullptr, 0, 5);  // a grandchild: there is nothing to wait on
  }
  return true;
}

class PrivateClusterTest : public testing::Test {
 protected:
  PrivateClusterTest() : base_(MakeTemporary("/tmp/cluster_XXXXXX")), home_(base_) { chmod(base_.c_str(), 0755); }
  ~PrivateClusterTest() override {
    std::error_code ignored;
    const fs::path link = home_ + "/postgres";
    if (fs::is_symlink(link, ignored)) fs::remove_all(fs::read_symlink(link, ignored), ignored);
    fs::remove_all(base_, ignored);
  }

  static std::string MakeTemporary(std::string pattern) { return mkdtemp(pattern.data()); }

  std::unique_ptr<PrivateCluster> Start() {
    auto cluster = PrivateCluster::Start(home_);
    EXPECT_TRUE(cluster.ok()) << cluster.error().message;
    return cluster ? std::move(*cluster) : nullptr;
  }
  void MakeTable(const PrivateCluster& cluster) {
    EXPECT_EQ(Query(cluster.url(), "create table kept (n int); insert into kept values (42); select n from kept"),
              "42");
  }
  static std::string Kept(const PrivateCluster& cluster) { return Query(cluster.url(), "select n from kept"); }

  // Runs `work` in a process of its own, which then waits to be killed, and returns its pid once the work is done.
  static pid_t InAnotherProcess(const std::function<bool()>& work) {
    int done[2];
    if (pipe(done) != 0) return -1;
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      const char answer = work() ? 'y' : 'n';
      if (write(done[1], &answer, 1) != 1) _exit(1);
      for (;;) pause();
    }
    char answer = 0;
    close(done[1]);
    EXPECT_EQ(read(done[0], &answer, 1), 1);
    EXPECT_EQ(answer, 'y');
    close(done[0]);
    return child;
  }
  static void Kill(pid_t child) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }

  std::string base_, home_;
};

TEST_F(PrivateClusterTest, AFirstStartAnswers) {
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Query(cluster->url(), "select 6 * 7"), "42");
  EXPECT_TRUE(cluster->WaitDurable().ok());
  EXPECT_FALSE(fs::exists(home_ + "/postgres/unsynced"));
}

TEST_F(PrivateClusterTest, ItIsDurableAndListensNowhereElse) {
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Query(cluster->url(),
                  "select string_agg(setting, ',' order by name) from pg_settings where name in "
                  "('fsync', 'full_page_writes', 'synchronous_commit', 'data_checksums')"),
            "on,on,on,on");
  EXPECT_EQ(Query(cluster->url(), "show listen_addresses"), "");
  EXPECT_EQ(Query(cluster->url(), "show max_wal_size"), "512MB");
  struct stat info {};
  ASSERT_EQ(stat((home_ + "/postgres/run").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(PrivateClusterTest, ACleanRestartKeepsTheData) {
  auto cluster = Start();
  ASSERT_TRUE(cluster);
  MakeTable(*cluster);
  EXPECT_TRUE(cluster->Stop().ok());
  EXPECT_TRUE(cluster->Stop().ok());
  cluster.reset();
  cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Kept(*cluster), "42");
}

TEST_F(PrivateClusterTest, AServerThatIsKilledIsRevived) {
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  MakeTable(*cluster);
  kill(cluster->pid(), SIGKILL);
  ASSERT_TRUE(Ended(cluster->pidfd()));
  const Status revived = cluster->Revive();
  ASSERT_TRUE(revived.ok()) << revived.error().message;
  EXPECT_EQ(Kept(*cluster), "42");
}

TEST_F(PrivateClusterTest, AServerDiesWithItsStarterAndTheNextStartRecovers) {
  const pid_t starter = InAnotherProcess([&] {
    static std::unique_ptr<PrivateCluster> cluster = Start();
    if (cluster) MakeTable(*cluster);
    return cluster != nullptr;
  });
  Kill(starter);
  const auto cluster = Start();  // at once: the old server is just going down
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Kept(*cluster), "42");
}

TEST_F(PrivateClusterTest, EverythingKilledAtOnceRecovers) {
  const pid_t starter = InAnotherProcess([&] {
    static std::unique_ptr<PrivateCluster> cluster = Start();
    if (!cluster) return false;
    MakeTable(*cluster);
    std::ofstream(home_ + "/pid") << cluster->pid();
    return true;
  });
  pid_t server = 0;
  std::ifstream(home_ + "/pid") >> server;
  ASSERT_GT(server, 1);
  kill(server, SIGKILL);
  Kill(starter);
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Kept(*cluster), "42");
}

TEST_F(PrivateClusterTest, AnOrphanIsStoppedFirst) {
  std::string url;
  {
    const auto cluster = Start();
    ASSERT_TRUE(cluster);
    MakeTable(*cluster);
  }
  // A server that nothing ties to its starter, as one started by hand.
  const char* drop = geteuid() == 0 ? "setpriv --reuid=postgres --regid=postgres --clear-groups " : "";
  const std::string orphan = std::string("cd / && ") + drop + "$(pg_config --bindir)/postgres -D " +
                             fs::canonical(home_ + "/postgres").string() +
                             "/data -c listen_addresses= -c unix_socket_directories=" + home_ +
                             "/postgres/run >/dev/null 2>&1 & echo $! > " + home_ + "/pid";
  ASSERT_EQ(std::system(orphan.c_str()), 0);
  for (int i = 0; i < 200 && !fs::exists(home_ + "/postgres/run/.s.PGSQL.5432"); ++i) poll(nullptr, 0, 10);
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Kept(*cluster), "42");
  pid_t pid = 0;
  std::ifstream(home_ + "/pid") >> pid;
  EXPECT_TRUE(WaitUntilGone(pid));
}

TEST_F(PrivateClusterTest, ALockFileWithAZombiesPidIsNoObstacle) {
  {
    const auto cluster = Start();
    ASSERT_TRUE(cluster);
    MakeTable(*cluster);
  }
  const pid_t zombie = fork();
  if (zombie == 0) _exit(0);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT), 0);  // ended, but not reaped
  std::ofstream(home_ + "/postgres/data/postmaster.pid") << zombie << "\n" << home_ << "/postgres/data\n";
  const auto cluster = Start();
  EXPECT_TRUE(cluster && Kept(*cluster) == "42");
  waitpid(zombie, nullptr, 0);
}

TEST_F(PrivateClusterTest, ASecondStartOnARunningHomeIsAConflict) {
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  const auto second = PrivateCluster::Start(home_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_EQ(Query(cluster->url(), "select 1"), "1");  // and the first is unharmed
}

TEST_F(PrivateClusterTest, ALongHomeGetsAShortSocketFolder) {
  home_ = base_ + "/" + std::string(120, 'x');
  fs::create_directory(home_);
  std::string folder;
  {
    const auto cluster = Start();
    ASSERT_TRUE(cluster);
    MakeTable(*cluster);
    std::ifstream(home_ + "/postgres/socket_dir") >> folder;
    EXPECT_LT(folder.size(), 40u);
  }
  const auto again = Start();
  ASSERT_TRUE(again);
  EXPECT_EQ(Kept(*again), "42");
  EXPECT_THAT(again->url(), HasSubstr("pipelined-"));
  fs::remove_all(folder);
}

TEST_F(PrivateClusterTest, AHomeWithOddCharactersWorks) {
  home_ = base_ + "/a b%c&d?e'f";
  fs::create_directory(home_);
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Query(cluster->url(), "select 1"), "1");
}

TEST_F(PrivateClusterTest, AHalfMadeClusterIsMadeAgain) {
  fs::create_directories(home_ + "/postgres/data.new/base");
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Query(cluster->url(), "select 1"), "1");
}

TEST_F(PrivateClusterTest, AClusterCutOffByAPowerLossWhileItWasMadeIsMadeAgain) {
  Start();
  std::ofstream(home_ + "/postgres/unsynced") << "another-boot\n";
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Query(cluster->url(), "select 1"), "1");
  EXPECT_TRUE(fs::exists(home_ + "/postgres/data.cut-off"));
}

TEST_F(PrivateClusterTest, AServerThatCannotStartSaysWhyFromItsLog) {
  Start();
  std::ofstream(home_ + "/postgres/data/postgresql.conf") << "shared_bufers = 1\n";
  const auto cluster = PrivateCluster::Start(home_);
  ASSERT_FALSE(cluster.ok());
  EXPECT_EQ(cluster.error().code, ErrorCode::kFailed);
  EXPECT_THAT(cluster.error().message, HasSubstr("unrecognized configuration parameter"));
}

class AsRootTest : public PrivateClusterTest {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root";
  }
};

TEST_F(AsRootTest, AClosedHomeGetsItsClusterElsewhere) {
  chmod(base_.c_str(), 0700);
  std::string target;
  {
    const auto cluster = Start();
    ASSERT_TRUE(cluster);
    MakeTable(*cluster);
    target = fs::read_symlink(home_ + "/postgres").string();
    EXPECT_THAT(target, testing::StartsWith("/var/lib/pipelined/clusters/"));
  }
  const auto again = Start();
  ASSERT_TRUE(again);
  EXPECT_EQ(Kept(*again), "42");
  EXPECT_EQ(fs::read_symlink(home_ + "/postgres").string(), target);
}

TEST_F(AsRootTest, AHomeUnderRootsOwnHomeWorks) {
  base_ = home_ = MakeTemporary("/root/cluster_XXXXXX");
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Query(cluster->url(), "select 1"), "1");
  EXPECT_TRUE(fs::is_symlink(home_ + "/postgres"));
}

TEST_F(AsRootTest, ALinkThatLeadsNowhereIsNoReasonForANewDatabase) {
  fs::create_symlink("/var/lib/pipelined/clusters/gone", home_ + "/postgres");
  const auto cluster = PrivateCluster::Start(home_);
  ASSERT_FALSE(cluster.ok());
  EXPECT_THAT(cluster.error().message, HasSubstr("leads nowhere"));
}

TEST_F(AsRootTest, ACopiedLinkIsAConflict) {
  chmod(base_.c_str(), 0700);
  Start();
  const std::string copy = MakeTemporary("/tmp/cluster_XXXXXX");
  fs::copy_symlink(home_ + "/postgres", copy + "/postgres");
  const auto cluster = PrivateCluster::Start(copy);
  fs::remove_all(copy);
  ASSERT_FALSE(cluster.ok());
  EXPECT_EQ(cluster.error().code, ErrorCode::kConflict);
}

TEST_F(AsRootTest, AMovedHomeKeepsItsCluster) {
  chmod(base_.c_str(), 0700);
  {
    const auto cluster = Start();
    ASSERT_TRUE(cluster);
    MakeTable(*cluster);
  }
  const std::string before = base_;
  base_ = home_ = base_ + "_moved";
  fs::rename(before, base_);
  const auto cluster = Start();
  ASSERT_TRUE(cluster);
  EXPECT_EQ(Kept(*cluster), "42");
}

TEST_F(AsRootTest, AnOrdinaryUserRunsItsOwn) {
  const passwd* nobody = getpwnam("nobody");
  ASSERT_EQ(chown(base_.c_str(), nobody->pw_uid, nobody->pw_gid), 0);
  chmod(base_.c_str(), 0700);
  const pid_t user = InAnotherProcess([&] {
    if (setgroups(0, nullptr) != 0 || setresgid(nobody->pw_gid, nobody->pw_gid, nobody->pw_gid) != 0 ||
        setresuid(nobody->pw_uid, nobody->pw_uid, nobody->pw_uid) != 0) {
      return false;
    }
    static std::unique_ptr<PrivateCluster> cluster = Start();
    return cluster && Query(cluster->url(), "select 1") == "1" &&
           fs::is_directory(fs::symlink_status(home_ + "/postgres"));
  });
  Kill(user);
}

}  // namespace
}  // namespace pipelined
