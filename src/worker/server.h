// The worker: takes starts and stops from its daemon, writes down what it begins and ends, and does it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "pipelined/base/time.h"
#include "pipelined/executor/worker_protocol.h"
#include "worker/curl_loop.h"
#include "worker/job.h"
#include "worker/journal.h"
#include "worker/loop.h"
#include "worker/pg_pool.h"
#include "worker/threads.h"

namespace pipelined::worker {

// The other end of a socket. Sending never blocks.
struct Peer {
  int fd = -1;
  bool is_daemon = false;
  std::string in, out;
  bool told = false;  // that there is something in the journal, since it was last written out
};

class Server {
 public:
  Server();
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  void Run();  // until its daemon is gone and everything has ended

 private:
  enum class Cut : std::uint8_t { kNone, kStopped, kTimedOut, kOwnTimeout };
  struct Attempt {
    Attempt(std::int64_t number, std::string path, std::int64_t cap, std::vector<std::string> secrets)
        : id(number), log(std::move(path), cap, std::move(secrets)) {}
    std::int64_t id;
    AttemptLog log;
    std::unique_ptr<Job> job;
    Value action;
    Micros timeout{0}, begun{0};
    Instant start{};
    Cut cut = Cut::kNone;
    Loop::TimerId timer = 0;
  };
  struct Probe {
    explicit Probe(std::vector<std::string> secrets) : log("/dev/null", 0, std::move(secrets)) {}
    AttemptLog log;
    std::unique_ptr<Job> job;
    Loop::TimerId timer = 0;
  };

  void CloseOldNowAndThen();
  void Accept();
  void Serve(std::uint64_t key, std::uint32_t events);
  void Drop(std::uint64_t key);
  void Send(std::uint64_t key, const Value& message);
  void Flush(std::uint64_t key);
  void TellOfJournal();

  void OnMessage(std::uint64_t key, const Value& message);
  void Configure(const Value& settings);
  void TakeStart(const Value& message);
  void TakeStop(std::int64_t id);
  void TakeProbe(const Value& message);
  void TakeDrop(std::int64_t id);
  void AnswerProbe(std::int64_t id, Result<Value> answer);

  // At the end of each turn: everything of it in one write.
  bool EndTurn();
  void BeginStarting();
  Journal::Appended Admit();
  void NeverBegan(const Attempt& attempt, std::string why);
  void BeginOne(std::unique_ptr<Attempt> attempt);
  void Limit(Attempt& attempt);
  void StopFor(Attempt& attempt, Cut cut);
  void OnDone(std::int64_t id, JobEnd end);
  AttemptEnd EndOf(const Attempt& attempt, JobEnd end) const;
  void WriteEnds();
  void Refuse(std::int64_t id, const std::string& why);

  Loop loop_;
  CurlLoop curl_;
  Threads threads_, mail_threads_, readers_;
  PgPool databases_;
  std::optional<Fence> fence_;
  std::optional<Journal> journal_;
  std::int64_t generation_ = 0, log_cap_ = 0;
  std::unordered_map<std::uint64_t, Peer> peers_;
  std::uint64_t last_peer_ = 0, daemon_ = 0;  // 0: it is gone

  std::vector<std::unique_ptr<Attempt>> starting_;  // asked for, and not yet written down
  std::unordered_map<std::int64_t, std::unique_ptr<Attempt>> attempts_;
  std::unordered_map<std::int64_t, std::unique_ptr<Probe>> probes_;
  std::vector<std::unique_ptr<Attempt>> ended_;  // to be destroyed when nothing of them is on the stack
  std::vector<std::unique_ptr<Probe>> answered_;
  std::string end_lines_;    // not yet written
  bool waits_ = false;       // for the fence
  bool disk_retry_ = false;  // a timer waits for a disk that takes bytes again
};

}  // namespace pipelined::worker
