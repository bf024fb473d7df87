#include "support/postgres_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace pipelined::testing {
namespace {

const std::string kPrograms = "/usr/lib/postgresql/15/bin/";

// Runs as the user postgres when we are root, which PostgreSQL refuses; dies with this program.
pid_t Spawn(std::vector<std::string> argv, const std::string& log) {
  if (geteuid() == 0) {
    argv.insert(argv.begin(), {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--inh-caps=-all",
                               "--pdeathsig=INT"});
  }
  std::vector<char*> raw;
  for (std::string& word : argv) raw.push_back(word.data());
  raw.push_back(nullptr);
  const pid_t child = fork();
  if (child != 0) return child;
  const int out = open(log.c_str(), O_CREAT | O_WRONLY | O_APPEND, 0644);
  dup2(out, 1);
  dup2(out, 2);
  setsid();
  if (chdir("/") != 0) _exit(126);
  execvp(raw[0], raw.data());
  _exit(127);
}

bool IsReady(const std::string& dir) {
  std::ifstream file(dir + "/data/postmaster.pid");
  std::string line;
  for (int i = 0; i < 8 && std::getline(file, line); ++i) {
  }
  return line.starts_with("ready");
}

}  // namespace

PostgresFixture& PostgresFixture::Shared() {
  static PostgresFixture fixture;
  return fixture;
}

PostgresFixture::PostgresFixture() {
  char name[] = "/tmp/pltXXXXXX";
  if (mkdtemp(name) == nullptr) throw std::runtime_error("no temporary folder");
  dir_ = name;
  std::filesystem::permissions(dir_, std::filesystem::perms::all);
  const std::string log = dir_ + "/log";
  const pid_t init = Spawn({kPrograms + "initdb", "-D", dir_ + "/data", "-U", "pipe", "-A", "trust", "--no-locale",
                            "-E", "UTF8", "--no-sync"},
                           log);
  int status = 0;
  waitpid(init, &status, 0);
  if (status != 0) throw std::runtime_error("initdb failed: see " + log);
  // fsync stays on: what is measured here must be true elsewhere.
  server_ = Spawn({kPrograms + "postgres", "-D", dir_ + "/data", "-c", "listen_addresses=", "-c",
                   "unix_socket_directories=" + dir_, "-c", "shared_buffers=64MB", "-c", "wal_level=minimal", "-c",
                   "max_wal_senders=0", "-c", "autovacuum_max_workers=1", "-c", "max_wal_size=1GB"},
                  log);
  for (int i = 0; i < 600 && !IsReady(dir_); ++i) poll(nullptr, 0, 10);
  url_ = "host=" + dir_ + " user=pipe dbname=postgres connect_timeout=5";
}

PostgresFixture::~PostgresFixture() {
  if (server_ > 0) {
    kill(server_, SIGINT);
    waitpid(server_, nullptr, 0);
  }
  std::error_code ignored;
  std::filesystem::remove_all(dir_, ignored);
}

std::string PostgresFixture::NewSchema() {
  return "t" + std::to_string(getpid()) + "_" + std::to_string(++schemas_);
}

}  // namespace pipelined::testing
