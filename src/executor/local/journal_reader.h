// Reads the journals of an attempts folder as they grow, and removes those that nobody needs any more.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "pipelined/base/owned_fd.h"
#include "executor/record.h"

namespace pipelined::executor {

class JournalReader {
 public:
  // `folder`: descriptor of attempts/, which must outlive the reader. `numbers` ascending.
  JournalReader(int folder, const std::vector<std::int64_t>& numbers);

  // Called with each record that was appended since the last time, journal by journal, oldest first, and the N of its
  // journal. Void starts (behind *closed*) are left out. Follows on to the next journal when one was closed.
  void Read(const std::function<void(std::int64_t journal, const Record&)>& take);

  std::int64_t current() const { return files_.back().number; }
  std::int64_t current_size() const { return files_.back().offset; }

  // Bookkeeping of what holds a journal: attempts in it that are not forgotten. A closed one that holds none is
  // removed.
  void Hold(std::int64_t journal);
  void Release(std::int64_t journal, std::int64_t attempt);
  bool IsReleased(std::int64_t attempt) const;  // while its journal is there
  void RemoveUnused();

 private:
  struct File {
    std::int64_t number = 0;
    OwnedFd fd;
    std::int64_t offset = 0;
    std::int64_t held = 0;
    std::unordered_set<std::int64_t> released;
    bool closed = false;
  };
  bool Follow(std::int64_t number);
  void ReadFile(File& file, const std::function<void(std::int64_t, const Record&)>& take);
  File* Find(std::int64_t number);

  int folder_;
  std::vector<File> files_;
  std::vector<char> buffer_;
};

}  // namespace pipelined::executor
