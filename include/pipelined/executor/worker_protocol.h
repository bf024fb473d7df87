// What the daemon and `pipelined-worker` have in common: the folder, its locks, the lines of its journals and the
// frames of their socket. See docs/decisions/130-actions-run-in-a-worker.md.
//
//   worker/              below the attempts folder
//     fence              generation of the daemon that used the folder last; see Fence
//     w-<nonce>          its OFD write lock is held by that worker, for its life; holds its pid
//     w-<nonce>.sock     where it listens for later daemons
//     j-<nonce>-<n>      its journals: one JSON object a line, each one O_APPEND write
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"
#include "pipelined/ports/executor.h"

namespace pipelined::worker {

// Descriptors that a worker is started with.
inline constexpr int kDaemonFd = 3, kFolderFd = 4, kLockFd = 5, kListenFd = 6;

inline constexpr std::size_t kMostFrame = std::size_t{64} << 20;
inline constexpr std::size_t kMostOutput = 1 << 20;  // bytes of JSON, as of a command

std::string LockName(std::string_view nonce);
std::string SocketName(std::string_view nonce);
std::string JournalName(std::string_view nonce, std::int64_t number);

// Frames: four bytes of length, then JSON. To the worker: {"configure": …}, {"start": …}, {"stop": id},
// {"probe": id, "job": …}; from it: {"journal": true} (there is something new in it),
// {"refused": id, "why": …}, {"probed": id, …}.
std::string MakeFrame(const Value& message);
// Takes the whole frames out of `buffer`. False: what comes is no frame.
bool TakeFrames(std::string& buffer, const std::function<void(const Value&)>& take);

// Lines of a journal, with their end of line. The first one of each is the header, the last one may be `next`.
std::string HeaderLine(std::string_view nonce, std::string_view boot_id);
std::string StartLine(std::int64_t attempt, Instant at);
std::string EndLine(const AttemptEnd& end);
std::string NextLine(std::int64_t number);  // the journal goes on in that one

struct JournalLine {
  enum class Kind : std::uint8_t { kHeader, kStart, kEnd, kNext } kind = Kind::kHeader;
  std::string boot_id;       // kHeader
  std::int64_t attempt = 0;  // kStart
  Instant at{};              // kStart
  AttemptEnd end;            // kEnd
  std::int64_t next = 0;     // kNext
};
// Nothing for a torn or foreign line.
std::optional<JournalLine> ReadLine(std::string_view line);

// Who may begin something: the daemon that raised the fence last, and its workers. A worker reads it under a shared
// lock that it holds while it writes start lines, so that once it is raised, no worker of an older generation has
// begun, or will begin, anything that is not in its journal.
class Fence {
 public:
  // `folder`: of worker/. Opens, and makes when missing.
  static Result<Fence> Open(int folder);
  Fence(Fence&& other) noexcept;
  Fence& operator=(Fence&&) = delete;
  ~Fence();

  // Nothing: somebody holds it just now.
  std::optional<std::int64_t> TryRaise();  // to one more, which is returned
  enum class Entry : std::uint8_t { kOpen, kClosed, kBusy };
  Entry TryEnter(std::int64_t generation);  // kOpen: Leave() afterwards
  void Leave();

 private:
  explicit Fence(int fd) : fd_(fd) {}
  bool Lock(short type) const;
  std::int64_t Read() const;
  int fd_;
};

// OFD locks on byte 0.
bool TryLock(int fd, short type);
bool IsLocked(int fd);  // by another description; asks only

}  // namespace pipelined::worker
