#include "executor/launcher/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "executor/launcher/command.h"
#include "executor/launcher/digits.h"
#include "executor/launcher/log_mask.h"
#include "executor/launcher/output_log.h"
#include "executor/launcher/sweep.h"
#include "executor/record.h"

namespace pipelined::executor {
namespace {

constexpr std::int64_t kForever = INT64_MAX;

bool Append(int journal_fd, const Record& record) {
  for (;;) {
    const ssize_t written = write(journal_fd, &record, sizeof record);
    if (written == static_cast<ssize_t>(sizeof record)) return true;
    if (written >= 0 || errno != EINTR) return false;
  }
}

// An exit record must not get lost: while the disk is full the attempt stays "running", holding its byte.
void AppendSurely(int journal_fd, const Record& record) {
  while (!Append(journal_fd, record)) {
    const timespec pause{0, 200'000'000};
    nanosleep(&pause, nullptr);
  }
}

// Whether the start record that names us is the attempt's first and no *closed* stands before it.
SupervisorExit LookBack(const Context& context, std::int64_t attempt, std::int64_t seen_ns) {
  char buffer[16 * kRecordSize];
  std::int64_t offset = context.journal_scanned;
  for (;;) {
    const ssize_t size = pread(context.journal_fd, buffer, sizeof buffer, offset);
    if (size < static_cast<ssize_t>(kRecordSize)) return kNoJournal;
    std::size_t at = 0;
    while (static_cast<std::size_t>(size) - at >= kRecordSize) {
      Record record;
      bool valid = false;
      const std::size_t step = NextRecord(buffer + at, static_cast<std::size_t>(size) - at, &record, &valid);
      if (step == 0) break;
      at += step;
      if (valid && record.type == RecordType::kClosed) return kJournalClosed;
      if (!valid || record.type != RecordType::kStart || record.attempt != attempt) continue;
      const auto start = BodyOf<StartBody>(record);
      const bool ours = start.supervisor.pid == getpid() && start.supervisor.seen_ns == seen_ns;
      return ours ? kSupervised : kAlreadyStarted;
    }
    if (at == 0) at = 1;  // a torn stretch longer than the buffer
    offset += static_cast<std::int64_t>(at);
  }
}

// Takes the attempt's byte, then its place in the journal. Why no two supervisors ever both come through:
// - While one holds the byte, no other gets past the lock. It is held until the process is gone, so whoever gets it
// later
//   finds all that the earlier one appended.
// - After the lock we append our start record and read from where the launcher had read before it forked us (it refuses
//   attempts that it saw there). The first start record of an attempt in the file counts, so a late supervisor, be it
//   of an older launcher, finds the earlier one's and leaves; its own record is void for every reader.
// - When a launcher changes to the next journal it appends *closed* and then reads this one to that point. A start
//   before *closed* is thereby known to it; one behind *closed* is void, and its supervisor leaves.
// - One launcher at a time has the folder (it holds byte 0), so nobody appends to two journals at once.
SupervisorExit Claim(const Context& context, const StartFrame& frame) {
  const int locks = openat(kFolderFd, "locks", O_RDWR | O_CLOEXEC);
  if (locks < 0) return kNoJournal;
  struct stat info {};
  if (fstat(locks, &info) != 0 || info.st_ino != context.locks_inode || info.st_dev != context.locks_device) {
    return kJournalClosed;  // the folder was set aside for another database
  }
  struct flock byte {};
  byte.l_type = F_WRLCK;
  byte.l_whence = SEEK_SET;
  byte.l_start = frame.attempt;
  byte.l_len = 1;
  if (fcntl(locks, F_OFD_SETLK, &byte) != 0) return kByteHeld;
  StartBody start{};
  start.supervisor = ProcessName{BootNanos(), getpid(), 0};
  start.launcher = context.nonce;
  start.epoch = frame.epoch;
  std::memcpy(start.boot_id, context.boot_id, sizeof start.boot_id);
  if (!Append(context.journal_fd, MakeRecord(RecordType::kStart, frame.attempt, start))) return kNoJournal;
  return LookBack(context, frame.attempt, start.supervisor.seen_ns);
}

// The attempt's own cgroup, where the daemon found a place for it.
class Cgroup {
 public:
  Cgroup(int parent_fd, std::int64_t attempt) : parent_fd_(parent_fd) {
    if (parent_fd < 0) return;
    name_ = NumberedName("attempt-", attempt, "");
    if (mkdirat(parent_fd, name_.text, 0755) != 0 && errno != EEXIST) return;
    const int folder = openat(parent_fd, name_.text, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;
    procs_fd = openat(folder, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    kill_fd = openat(folder, "cgroup.kill", O_WRONLY | O_CLOEXEC);
    close(folder);
  }
  void Remove() const {
    if (procs_fd >= 0) unlinkat(parent_fd_, name_.text, AT_REMOVEDIR);
  }

  int procs_fd = -1;
  int kill_fd = -1;

 private:
  int parent_fd_;
  NumberedName name_{"", 0, ""};
};

class Supervisor {
 public:
  Supervisor(const Context& context, const Command& command)
      : context_(context),
        command_(command),
        log_(command.log_path, context.log_cap),
        mask_(command.secrets, command.frame->secrets, log_),
        cgroup_(context.cgroup_fd, command.frame->attempt) {}

  void Run() {
    exit_.reason = ExitReason::kLaunchFailed;
    exit_.start_us = WallMicros();
    start_ns_ = BootNanos();
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    Launch();
    if (exit_.pid != 0) Watch();
    if (SweepChildren(cgroup_.kill_fd) > 0 && exit_.pid != 0) exit_.flags |= kLeftovers;
    exit_.duration_us = (BootNanos() - start_ns_) / 1000;
    exit_.end_us = exit_.start_us + exit_.duration_us;
    Drain();
    mask_.Finish();
    log_.Finish();
    cgroup_.Remove();
    Record();
  }

 private:
  void Launch() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
      exit_.stage = SpawnStage::kPipe;
      exit_.error = errno;
      return;
    }
    // Our copy of the writing end stays open, so that a command that ends wakes us once (SIGCHLD), not twice (hang-up).
    output_fd_ = ends[0];
    const Spawned spawned = Spawn(command_, context_, ends[1], cgroup_.procs_fd);
    exit_.pid = spawned.pid;
    exit_.stage = spawned.stage;
    exit_.error = spawned.error;
    if (spawned.pid == 0) return;
    exit_.reason = ExitReason::kEnded;
    const SpawnedBody body{ProcessName{BootNanos(), spawned.pid, 0}, exit_.start_us};
    Append(context_.journal_fd, MakeRecord(RecordType::kSpawned, command_.frame->attempt, body));
    if (command_.frame->timeout_us > 0) deadline_ns_ = start_ns_ + command_.frame->timeout_us * 1000;
  }

  // Until the command itself has ended.
  void Watch() {
    while (!Reap()) {
      if (g_stop_asked != 0 && !terminating_) Terminate(ExitReason::kStopped);
      const std::int64_t now = deadline_ns_ == kForever ? 0 : BootNanos();
      if (now >= deadline_ns_) {
        if (terminating_)
          Kill();
        else
          Terminate(ExitReason::kTimedOut);
        continue;
      }
      if (Wait(deadline_ns_ == kForever ? -1 : deadline_ns_ - now)) Pump();
    }
  }

  // Whether there is output.
  bool Wait(std::int64_t ns) const {
    pollfd output{output_fd_, POLLIN, 0};
    const timespec span{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    sigset_t none;
    sigemptyset(&none);
    return ppoll(&output, 1, ns < 0 ? nullptr : &span, &none) > 0;
  }

  // Whether the command has ended. Orphans that ended on the way are taken too.
  bool Reap() {
    if (g_child_ended == 0) return false;
    g_child_ended = 0;
    for (;;) {
      int status = 0;
      rusage usage{};
      const pid_t pid = wait4(-1, &status, WNOHANG, &usage);
      if (pid <= 0) return false;
      if (pid != exit_.pid) continue;
      exit_.wait_status = status;
      exit_.cpu_user_us = usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec;
      exit_.cpu_system_us = usage.ru_stime.tv_sec * 1'000'000 + usage.ru_stime.tv_usec;
      exit_.max_rss_kib = usage.ru_maxrss;
      return true;
    }
  }

  void Terminate(ExitReason reason) {
    exit_.reason = reason;
    terminating_ = true;
    kill(-exit_.pid, SIGTERM);  // safe: the command is our child and not reaped, so the number is still its own
    kill(-exit_.pid, SIGCONT);  // a stopped process would not see the TERM
    const std::int64_t now = BootNanos();
    const std::int64_t grace = std::max<std::int64_t>(command_.frame->grace_ms, 0);
    deadline_ns_ = grace < (kForever - now) / 1'000'000 ? now + grace * 1'000'000 : kForever;
  }

  void Kill() {
    exit_.flags |= kKilled;
    kill(-exit_.pid, SIGKILL);
    deadline_ns_ = kForever;
  }

  void Pump() {
    static char buffer[64 * 1024];  // as much as a pipe holds; untouched while there is no output
    const ssize_t size = read(output_fd_, buffer, sizeof buffer);
    if (size > 0) mask_.Append(buffer, static_cast<std::size_t>(size));
  }

  // Everyone who could write is gone: what is in the pipe is all there is.
  void Drain() {
    int left = 0;
    while (output_fd_ >= 0 && ioctl(output_fd_, FIONREAD, &left) == 0 && left > 0) Pump();
  }

  void Record() {
    const std::int64_t attempt = command_.frame->attempt;
    if (log_.cut()) exit_.flags |= kLogCut;
    struct stat info {};
    if (fstatat(kFolderFd, NumberedName("out/", attempt, ".json").text, &info, AT_SYMLINK_NOFOLLOW) == 0)
      exit_.flags |= kHasOutput;
    if (exit_.reason == ExitReason::kLaunchFailed) {
      NoteBody note{};
      const char* subject = exit_.stage == SpawnStage::kFolder  ? command_.folder
                            : exit_.stage == SpawnStage::kInput ? command_.input_path
                                                                : command_.argv[0];
      const std::size_t size = std::strlen(subject);
      const std::size_t kept = std::min(size, sizeof note.text - 1);
      std::memcpy(note.text, subject + (size - kept), kept);
      Append(context_.journal_fd, MakeRecord(RecordType::kNote, attempt, note));
    }
    AppendSurely(context_.journal_fd, MakeRecord(RecordType::kExit, attempt, exit_));
  }

  const Context& context_;
  const Command& command_;
  OutputLog log_;
  LogMask mask_;
  Cgroup cgroup_;
  ExitBody exit_{};
  std::int64_t start_ns_ = 0;
  std::int64_t deadline_ns_ = kForever;  // of the timeout, then of the grace
  bool terminating_ = false;
  int output_fd_ = -1;
};

// A task of another user may not write to our folder, so its output file is made ready for it.
SpawnStage PrepareOutput(const StartFrame& frame) {
  if (frame.switch_user == 0) return SpawnStage::kNone;
  const int fd = openat(kFolderFd, NumberedName("out/", frame.attempt, ".json").text,
                        O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return SpawnStage::kOutput;
  const bool given = fchown(fd, frame.uid, frame.gid) == 0;
  close(fd);
  return given ? SpawnStage::kNone : SpawnStage::kOutput;
}

}  // namespace

void Supervise(const Context& context, const StartFrame* frame) {
  Command command;
  if (!Unpack(frame, &command)) _exit(kNoJournal);
  const SupervisorExit claimed = Claim(context, *frame);
  if (claimed != kSupervised) _exit(claimed);
  if (PrepareOutput(*frame) != SpawnStage::kNone) {
  }  // without it the task merely has no outputs
  Supervisor(context, command).Run();
  const std::uint64_t one = 1;
  if (write(kWakeFd, &one, sizeof one) < 0) {
  }  // nobody there: the record stays
  _exit(kSupervised);
}

}  // namespace pipelined::executor
