#include "executor/launcher/command.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace pipelined::executor {
namespace {

constexpr const char* kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

// Walks the NUL-terminated strings behind a frame's fixed part.
class Strings {
 public:
  Strings(const char* begin, const char* end) : at_(begin), end_(end) {}
  const char* Next() {
    const auto* nul = static_cast<const char*>(std::memchr(at_, '\0', static_cast<std::size_t>(end_ - at_)));
    if (nul == nullptr) return nullptr;
    const char* text = at_;
    at_ = nul + 1;
    return text;
  }
  const char* at() const { return at_; }

 private:
  const char* at_;
  const char* end_;
};

// Everything below runs in the vfork'ed child, on its parent's memory and stack: system calls only, and nothing is
// written but the result. Raw calls where the library would reach for other threads.

bool BecomeUser(const Command& command) {
  const StartFrame& frame = *command.frame;
  if (frame.switch_user == 0) return true;
  return syscall(SYS_setgroups, static_cast<long>(frame.groups), command.groups) == 0 &&
         syscall(SYS_setresgid, frame.gid, frame.gid, frame.gid) == 0 &&
         syscall(SYS_setresuid, frame.uid, frame.uid, frame.uid) == 0;
}

void ResetOomScore() {
  const int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
  if (fd < 0) return;
  if (write(fd, "0", 1) < 0) {
  }  // not worth failing an attempt for
  close(fd);
}

// The input's bytes as a file that is in memory alone, so that nothing has to be fed to the command while it runs, and
// secrets touch no disk. Returns -1 with errno set.
int OpenBytes(const Command& command) {
  const int memory = static_cast<int>(syscall(SYS_memfd_create, "stdin", MFD_CLOEXEC));
  if (memory < 0) return -1;
  std::uint32_t done = 0;
  while (done < command.frame->input_size) {
    const ssize_t part = write(memory, command.input + done, command.frame->input_size - done);
    if (part < 0 && errno != EINTR) return -1;
    if (part > 0) done += static_cast<std::uint32_t>(part);
  }
  return lseek(memory, 0, SEEK_SET) == 0 ? memory : -1;
}

// A FIFO or a device could hold us up for ever, as it is opened here and not by the command: regular files only.
int OpenFile(const char* path) {
  const int file = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
  struct stat info {};
  if (file < 0 || fstat(file, &info) != 0) return -1;
  if (!S_ISREG(info.st_mode)) {
    errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    return -1;
  }
  return fcntl(file, F_SETFL, 0) == 0 ? file : -1;
}

bool TakeInput(const Command& command) {
  if (command.frame->input == InputKind::kNone) return true;
  const int input = command.frame->input == InputKind::kBytes ? OpenBytes(command) : OpenFile(command.input_path);
  return input >= 0 && dup2(input, 0) == 0;
}

// As execvpe(), but with the PATH of the command's own environment. Returns the errno to report.
int ExecSearching(const Command& command) {
  const char* name = command.argv[0];
  if (*name == '\0') return ENOENT;
  if (std::strchr(name, '/') != nullptr) {
    execve(name, command.argv, command.envp);
    return errno;
  }
  const std::size_t name_size = std::strlen(name) + 1;
  char candidate[4096];
  bool denied = false;
  for (const char* at = command.path;; ++at) {
    const char* colon = std::strchr(at, ':');
    const std::size_t size = colon != nullptr ? static_cast<std::size_t>(colon - at) : std::strlen(at);
    if (size != 0 && size + 1 + name_size <= sizeof candidate) {  // an empty entry would mean the current folder
      std::memcpy(candidate, at, size);
      candidate[size] = '/';
      std::memcpy(candidate + size + 1, name, name_size);
      execve(candidate, command.argv, command.envp);
      if (errno == EACCES)
        denied = true;
      else if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG && errno != ELOOP)
        return errno;
    }
    if (colon == nullptr) break;
    at = colon;
  }
  return denied ? EACCES : ENOENT;
}

[[noreturn]] void RunChild(const Command& command, const Context& context, int output_fd, int cgroup_procs_fd,
                           pid_t supervisor, volatile Spawned* result) {
  const auto fail = [&](SpawnStage stage, int error) {
    result->stage = stage;
    result->error = error;
    _exit(127);
  };
  // A group of its own, but no session: the launcher's has no terminal, and each setsid() would cost a scheduler
  // autogroup.
  if (setpgid(0, 0) < 0) fail(SpawnStage::kGroup, errno);
  if (cgroup_procs_fd >= 0 && write(cgroup_procs_fd, "0", 1) < 0) fail(SpawnStage::kCgroup, errno);
  if (context.reset_oom_score) ResetOomScore();
  // Before the change of user, who may not be less nice than the daemon.
  if (command.frame->nice != StartFrame::kKeep && setpriority(PRIO_PROCESS, 0, command.frame->nice) != 0)
    fail(SpawnStage::kNice, errno);
  if (!BecomeUser(command)) fail(SpawnStage::kUser, errno);
  // After the change of user, which would clear it. A supervisor that was killed before this line is noticed by the
  // next.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != supervisor) _exit(127);
  if (context.no_new_privs) prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (dup2(output_fd, 1) < 0 || dup2(output_fd, 2) < 0) fail(SpawnStage::kDescriptors, errno);
  syscall(SYS_close_range, 3u, ~0u, 0u);
  if (chdir(command.folder) != 0) fail(SpawnStage::kFolder, errno);
  if (!TakeInput(command)) fail(SpawnStage::kInput, errno);
  if (command.frame->umask != StartFrame::kKeep) umask(command.frame->umask);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  const int error = ExecSearching(command);
  fail(SpawnStage::kExec, error);
  _exit(127);
}

}  // namespace

bool Unpack(const StartFrame* frame, Command* command) {
  const auto* end = reinterpret_cast<const char*>(frame) + frame->head.size;
  command->frame = frame;
  command->groups = reinterpret_cast<const std::uint32_t*>(frame + 1);
  const std::uint64_t counts = std::uint64_t{frame->groups} * 4 + frame->args + frame->envs + frame->secrets;
  if (counts > frame->head.size || frame->args == 0) return false;
  if (frame->input_size > frame->head.size) return false;
  Strings strings(reinterpret_cast<const char*>(command->groups + frame->groups), end);
  command->folder = strings.Next();
  command->log_path = strings.Next();
  command->input_path = strings.Next();
  const std::size_t needed = std::size_t{frame->args} + frame->envs + 2;
  const bool fits = needed <= sizeof command->pointers / sizeof command->pointers[0];
  auto** pointers = fits ? command->pointers : static_cast<char**>(std::malloc(needed * sizeof(char*)));
  if (pointers == nullptr || command->folder == nullptr || command->log_path == nullptr ||
      command->input_path == nullptr)
    return false;
  command->argv = pointers;
  command->envp = pointers + frame->args + 1;
  command->argv[frame->args] = nullptr;
  command->envp[frame->envs] = nullptr;
  command->path = kDefaultPath;
  for (std::uint32_t i = 0; i < frame->args; ++i) {
    if ((command->argv[i] = const_cast<char*>(strings.Next())) == nullptr) return false;
  }
  for (std::uint32_t i = 0; i < frame->envs; ++i) {
    if ((command->envp[i] = const_cast<char*>(strings.Next())) == nullptr) return false;
    if (std::strncmp(command->envp[i], "PATH=", 5) == 0) command->path = command->envp[i] + 5;
  }
  command->secrets = strings.at();
  for (std::uint32_t i = 0; i < frame->secrets; ++i) {
    if (strings.Next() == nullptr) return false;
  }
  command->input = strings.at();
  return frame->input_size <= static_cast<std::size_t>(end - command->input);
}

Spawned Spawn(const Command& command, const Context& context, int output_fd, int cgroup_procs_fd) {
  volatile Spawned result{};  // written by the child: after vfork() the two share their memory until exec or exit
  const pid_t supervisor = getpid();
  const pid_t pid = vfork();
  if (pid == 0) RunChild(command, context, output_fd, cgroup_procs_fd, supervisor, &result);
  if (pid < 0) return Spawned{0, SpawnStage::kFork, errno};
  if (result.stage == SpawnStage::kNone) return Spawned{pid, SpawnStage::kNone, 0};
  return Spawned{0, result.stage, result.error};  // its zombie is reaped with all other leftovers
}

}  // namespace pipelined::executor
