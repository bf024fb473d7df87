// The journals of one worker, read as they grow, and removed when nobody needs them any more.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "pipelined/base/owned_fd.h"
#include "executor/worker/worker_folder.h"
#include "pipelined/executor/worker_protocol.h"

namespace pipelined::executor {

class WorkerJournals {
 public:
  // `folder` must outlive it.
  WorkerJournals(const WorkerFolder& folder, std::string nonce);

  // Called with each line that has come since the last time, oldest first, and the number of its journal.
  void Read(const std::function<void(std::int64_t journal, worker::JournalLine line)>& take);

  const std::string& boot_id() const { return boot_id_; }

  // An attempt of which it speaks, until it is forgotten.
  void Hold(std::int64_t journal, std::int64_t attempt);
  void Release(std::int64_t attempt);
  // Those that hold nothing. The current one of a worker that lives stays. True: none is left.
  bool RemoveUnused(bool alive);

 private:
  struct File {
    std::int64_t number = 0;
    OwnedFd fd;
    std::int64_t offset = 0;
    std::string rest;  // a line that has not ended
    std::unordered_set<std::int64_t> held;
    bool closed = false;
  };
  bool Open(std::int64_t number);
  void ReadFile(File& file, const std::function<void(std::int64_t, worker::JournalLine)>& take);

  const WorkerFolder& folder_;
  std::string nonce_, boot_id_;
  std::vector<File> files_;
  std::int64_t next_ = 1;  // that may come
};

}  // namespace pipelined::executor
