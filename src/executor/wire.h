// What the daemon and its launcher say to each other over a stream socket pair: frames of a head and a body, each
// padded to 8 bytes so that they can be read in place. Both ends are built together, so plain structs will do.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pipelined::executor {

// Descriptors of the launcher at its exec.
inline constexpr int kSocketFd = 3;  // to the daemon
inline constexpr int kWakeFd = 4;    // eventfd: a supervisor adds 1 when it has appended an exit record
inline constexpr int kFolderFd = 5;  // attempts/

inline constexpr std::uint32_t kMaxFrame = 64u << 20;  // far above what exec() takes

enum class FrameType : std::uint32_t {
  kConfigure = 1,
  kStart = 2,
  kStop = 3,
  kRotate = 4,  // to the launcher
  kReady = 16,
  kGone = 17,
  kRefused = 18,
  kFatal = 19,  // to the daemon
};

struct FrameHead {
  std::uint32_t size;  // of the whole frame, a multiple of 8
  FrameType type;
};

// The first frame. `cgroup` (a NUL-terminated path, empty: none) follows.
struct ConfigureFrame {
  FrameHead head;
  std::int64_t epoch;
  std::int64_t log_cap;  // bytes per attempt
  std::int64_t journal;  // N of the journal to append to
  std::int64_t nonce;
  std::uint32_t no_new_privs;
  std::uint32_t unused;
};

// What a command reads: nothing, a file, or `input_size` bytes that come with the frame.
enum class InputKind : std::uint32_t { kNone = 0, kFile = 1, kBytes = 2 };

// Followed by `groups` ids of 4 bytes, then NUL-terminated strings: folder, log path, the input's path, arguments,
// environment, secrets (what the log must not show, the longest first). Then the input's bytes.
struct StartFrame {
  FrameHead head;
  std::int64_t attempt, epoch;
  std::int64_t timeout_us;  // 0: none
  std::int64_t grace_ms;
  std::uint32_t switch_user;  // 1: uid, gid and groups hold
  std::uint32_t uid, gid, groups;
  std::uint32_t args, envs;
  std::uint32_t secrets;
  InputKind input;
  std::uint32_t input_size;
  std::uint32_t umask;  // kKeep: as it is
  std::int32_t nice;    // likewise
  std::uint32_t unused;

  static constexpr std::int32_t kKeep = 0x7fff;
};

struct StopFrame {
  FrameHead head;
  std::int64_t attempt;
};
struct RotateFrame {
  FrameHead head;
};
struct ReadyFrame {
  FrameHead head;
  std::int64_t nonce;
};
struct RefusedFrame {
  FrameHead head;
  std::int64_t attempt, epoch;
};  // epoch: the one that it would have to have

// A supervisor that did not end the usual way, or one that never came to be (pid 0).
struct GoneFrame {
  FrameHead head;
  std::int64_t attempt;
  std::int32_t pid;
  std::int32_t wait_status;
};

enum class FatalStage : std::uint32_t { kLock = 1, kJournal = 2, kProtocol = 3, kMemory = 4 };
struct FatalFrame {
  FrameHead head;
  FatalStage stage;
  std::int32_t error;
};

// How a supervisor exits that did not supervise.
enum SupervisorExit : int {
  kSupervised = 0,
  kByteHeld = 10,        // another supervisor has the attempt
  kAlreadyStarted = 11,  // the journal has it
  kJournalClosed = 12,   // rotated in the meantime: send it again
  kNoJournal = 13,       // the start record could not be written: send it again, later
};

inline constexpr std::uint32_t PadFrame(std::size_t size) {
  return static_cast<std::uint32_t>((size + 7) & ~std::size_t{7});
}

}  // namespace pipelined::executor
