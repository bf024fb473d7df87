// pipelined-launcher: forks one supervisor per attempt. Started once by each daemon, tiny and static, so that a fork is
// cheap however large the daemon is; it leaves when its daemon does, and its supervisors go on.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <new>

#include "executor/launcher/context.h"
#include "executor/launcher/digits.h"
#include "executor/launcher/id_set.h"
#include "executor/launcher/supervisor.h"
#include "executor/record.h"
#include "executor/wire.h"

namespace pipelined::executor {

volatile sig_atomic_t g_child_ended = 0;
volatile sig_atomic_t g_stop_asked = 0;

namespace {

void OnChild(int) {
  g_child_ended = 1;
}
void OnStop(int) {
  g_stop_asked = 1;
}

// A growing array of plain structs, without the C++ library.
template <class T>
class Array {
 public:
  bool Add(const T& item) {
    if (size_ == capacity_) {
      const std::size_t capacity = capacity_ == 0 ? 64 : capacity_ * 2;
      auto* items = static_cast<T*>(std::realloc(items_, capacity * sizeof(T)));
      if (items == nullptr) return false;
      items_ = items;
      capacity_ = capacity;
    }
    items_[size_++] = item;
    return true;
  }
  void RemoveAt(std::size_t i) { items_[i] = items_[--size_]; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return items_[i]; }

 private:
  T* items_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

struct Child {
  pid_t pid;
  std::int64_t attempt;
};

struct Generation {
  std::int64_t number;  // of the journal
  IdSet* started;       // the attempts in it
};

class Launcher {
 public:
  [[noreturn]] void Run() {
    sigset_t none;
    sigemptyset(&none);
    for (;;) {
      pollfd daemon{kSocketFd, POLLIN, 0};
      const int ready = ppoll(&daemon, 1, nullptr, &none);
      if (g_child_ended != 0) Reap();
      if (ready > 0) Receive();
    }
  }

 private:
  template <class Frame>
  void Send(Frame frame, FrameType type) {
    frame.head = FrameHead{static_cast<std::uint32_t>(sizeof frame), type};
    send(kSocketFd, &frame, sizeof frame, MSG_NOSIGNAL);  // a daemon that is gone needs no answer
  }

  [[noreturn]] void Fail(FatalStage stage, int error) {
    FatalFrame frame{};
    frame.stage = stage;
    frame.error = error;
    Send(frame, FrameType::kFatal);
    _exit(1);
  }

  void Receive() {
    if (capacity_ - size_ < 64 * 1024) Reserve(size_ + 256 * 1024);
    const ssize_t got = recv(kSocketFd, buffer_ + size_, capacity_ - size_, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) _exit(0);  // the daemon is gone: so are we
    if (got < 0) return;
    size_ += static_cast<std::size_t>(got);
    std::size_t at = 0;
    bool scanned = false;
    while (size_ - at >= sizeof(FrameHead)) {
      FrameHead head;
      std::memcpy(&head, buffer_ + at, sizeof head);
      if (head.size < sizeof head || head.size > kMaxFrame || head.size % 8 != 0) Fail(FatalStage::kProtocol, 0);
      if (head.size > size_ - at) {
        Reserve(head.size + 64 * 1024);
        break;
      }
      if (head.type == FrameType::kStart && !scanned) {
        Scan();  // once per batch: what others appended since
        scanned = true;
      }
      Handle(head.type, buffer_ + at);
      at += head.size;
    }
    std::memmove(buffer_, buffer_ + at, size_ - at);
    size_ -= at;
  }

  void Reserve(std::size_t capacity) {
    if (capacity <= capacity_) return;
    auto* buffer = static_cast<char*>(std::realloc(buffer_, capacity));
    if (buffer == nullptr) Fail(FatalStage::kMemory, ENOMEM);
    buffer_ = buffer;
    capacity_ = capacity;
  }

  void Handle(FrameType type, const char* frame) {
    switch (type) {
      case FrameType::kConfigure:
        return Configure(reinterpret_cast<const ConfigureFrame*>(frame));
      case FrameType::kStart:
        return Start(reinterpret_cast<const StartFrame*>(frame));
      case FrameType::kStop:
        return Stop(reinterpret_cast<const StopFrame*>(frame)->attempt);
      case FrameType::kRotate:
        return Rotate();
      default:
        Fail(FatalStage::kProtocol, 0);
    }
  }

  void Configure(const ConfigureFrame* frame) {
    context_.nonce = frame->nonce;
    context_.log_cap = frame->log_cap;
    context_.no_new_privs = frame->no_new_privs != 0;
    const auto* cgroup = reinterpret_cast<const char*>(frame + 1);
    if (*cgroup != '\0') context_.cgroup_fd = open(cgroup, O_PATH | O_DIRECTORY | O_CLOEXEC);
    TakeFolder();
    ReadBootId();
    LowerOomScore();
    LoadOlder(frame->journal);
    OpenJournal(frame->journal);
    RaiseEpoch(frame->epoch);
    ReadyFrame ready{};
    ready.nonce = context_.nonce;
    Send(ready, FrameType::kReady);
  }

  // A lock of the process, not of a descriptor: forked supervisors do not keep it, and F_GETLK names its holder.
  void TakeFolder() {
    const int fd = openat(kFolderFd, "locks", O_RDWR | O_CLOEXEC);
    struct stat info {};
    if (fd < 0 || fstat(fd, &info) != 0) Fail(FatalStage::kLock, errno);
    context_.locks_device = info.st_dev;
    context_.locks_inode = info.st_ino;
    struct flock byte {};
    byte.l_type = F_WRLCK;
    byte.l_whence = SEEK_SET;
    byte.l_len = 1;
    if (fcntl(fd, F_SETLK, &byte) != 0) Fail(FatalStage::kLock, errno);
  }

  void ReadBootId() {
    char text[64] = {};
    const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    const ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    std::size_t nibble = 0;
    for (ssize_t i = 0; i < size && nibble < 32; ++i) {
      const char c = text[i];
      const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
      if (digit < 0) continue;
      context_.boot_id[nibble / 2] = static_cast<std::uint8_t>(context_.boot_id[nibble / 2] << 4 | digit);
      ++nibble;
    }
  }

  // When memory runs out a task goes first, not what watches over it. Only root may do this.
  void LowerOomScore() {
    const int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    char text[16] = {};
    const bool was_zero = read(fd, text, sizeof text - 1) > 0 && std::atoi(text) == 0;
    context_.reset_oom_score = pwrite(fd, "-500", 4, 0) == 4 || !was_zero;
    close(fd);
  }

  static void JournalName(std::int64_t number, char (&name)[48]) {
    std::strcpy(name, NumberedName("journal-", number, "").text);
  }

  // What the journals before `current` say. There may be holes: each goes when nothing in it is needed any more.
  void LoadOlder(std::int64_t current) {
    const int folder = openat(kFolderFd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR* entries = folder < 0 ? nullptr : fdopendir(folder);
    if (entries == nullptr) Fail(FatalStage::kJournal, errno);
    while (const dirent* entry = readdir(entries)) {
      if (std::strncmp(entry->d_name, "journal-", 8) != 0) continue;
      const std::int64_t number = std::atoll(entry->d_name + 8);
      if (number <= 0 || number >= current) continue;
      context_.journal_fd = openat(kFolderFd, entry->d_name, O_RDWR | O_APPEND | O_CLOEXEC);
      if (context_.journal_fd < 0) Fail(FatalStage::kJournal, errno);
      closed_ = false;
      BeginGeneration(number);
      Scan();
      if (!closed_) {  // the rotation was cut off between its two steps
        if (!Append(context_.journal_fd, MakeRecord(RecordType::kClosed, 0, EpochBody{epoch_})))
          Fail(FatalStage::kJournal, errno);
        Scan();
      }
      close(context_.journal_fd);
    }
    closedir(entries);
  }

  // The attempts of one journal; forgotten with it.
  void BeginGeneration(std::int64_t number) {
    void* memory = std::malloc(sizeof(IdSet));
    if (memory == nullptr || !generations_.Add(Generation{number, new (memory) IdSet}))
      Fail(FatalStage::kMemory, ENOMEM);
    context_.journal_scanned = 0;
  }

  void DropRemovedGenerations() {
    for (std::size_t i = generations_.size(); i-- > 0;) {
      char name[48];
      JournalName(generations_[i].number, name);
      if (faccessat(kFolderFd, name, F_OK, 0) == 0) continue;
      generations_[i].started->Clear();
      std::free(generations_[i].started);
      generations_.RemoveAt(i);
    }
  }

  bool IsStarted(std::int64_t attempt) {
    for (std::size_t i = 0; i < generations_.size(); ++i) {
      if (generations_[i].started->Contains(attempt)) return true;
    }
    return false;
  }

  void OpenJournal(std::int64_t number) {
    char name[48];
    JournalName(number, name);
    context_.journal_fd = openat(kFolderFd, name, O_RDWR | O_APPEND | O_CLOEXEC);
    if (context_.journal_fd < 0) Fail(FatalStage::kJournal, errno);
    journal_ = number;
    BeginGeneration(number);
    Scan();
  }

  // Takes in what was appended to the current journal since the last time.
  void Scan() {
    static char chunk[256 * kRecordSize];
    for (;;) {
      const ssize_t size = pread(context_.journal_fd, chunk, sizeof chunk, context_.journal_scanned);
      if (size < static_cast<ssize_t>(kRecordSize)) return;
      std::size_t at = 0;
      for (std::size_t step = 1; step != 0; at += step) {
        Record record;
        bool valid = false;
        step = NextRecord(chunk + at, static_cast<std::size_t>(size) - at, &record, &valid);
        if (valid) Note(record);
      }
      if (at == 0) return;
      context_.journal_scanned += static_cast<std::int64_t>(at);
    }
  }

  void Note(const Record& record) {
    if (record.type == RecordType::kStart && !generations_[generations_.size() - 1].started->Insert(record.attempt))
      Fail(FatalStage::kMemory, ENOMEM);
    if (record.type == RecordType::kClosed) closed_ = true;
    std::int64_t epoch = 0;
    if (record.type == RecordType::kHeader) epoch = BodyOf<HeaderBody>(record).epoch;
    if (record.type == RecordType::kEpoch) epoch = BodyOf<EpochBody>(record).epoch;
    if (record.type == RecordType::kHeader) header_ = BodyOf<HeaderBody>(record);
    if (epoch > epoch_) epoch_ = epoch;
  }

  bool Append(int fd, const Record& record) {
    return write(fd, &record, sizeof record) == static_cast<ssize_t>(sizeof record);
  }

  void RaiseEpoch(std::int64_t epoch) {
    if (epoch <= epoch_) return;
    if (!Append(context_.journal_fd, MakeRecord(RecordType::kEpoch, 0, EpochBody{epoch})))
      Fail(FatalStage::kJournal, errno);
    epoch_ = epoch;
  }

  void Start(const StartFrame* frame) {
    if (frame->epoch < epoch_) {
      RefusedFrame refused{};
      refused.attempt = frame->attempt;
      refused.epoch = epoch_;
      return Send(refused, FrameType::kRefused);
    }
    RaiseEpoch(frame->epoch);
    if (IsStarted(frame->attempt)) return ReportGone(frame->attempt, 0, kAlreadyStarted << 8);
    // The bare system call: the library's fork() also readies locks of threads that we do not have, and each page that
    // it touches is copied twice.
    const auto pid = static_cast<pid_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (pid == 0) {
      close(kSocketFd);  // or the daemon would not see that its launcher is gone
      g_child_ended = 0;
      g_stop_asked = 0;
      Supervise(context_, frame);
    }
    if (pid < 0) return ReportGone(frame->attempt, 0, kNoJournal << 8);  // no memory or no pid left: again, later
    if (!children_.Add(Child{pid, frame->attempt})) Fail(FatalStage::kMemory, ENOMEM);
  }

  void ReportGone(std::int64_t attempt, pid_t pid, int wait_status) {
    GoneFrame gone{};
    gone.attempt = attempt;
    gone.pid = pid;
    gone.wait_status = wait_status;
    Send(gone, FrameType::kGone);
  }

  void Stop(std::int64_t attempt) {
    for (std::size_t i = 0; i < children_.size(); ++i) {
      if (children_[i].attempt == attempt)
        kill(children_[i].pid, SIGTERM);  // our child, not reaped: the pid is its own
    }
  }

  void Reap() {
    g_child_ended = 0;
    for (;;) {
      int status = 0;
      const pid_t pid = waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return;
      for (std::size_t i = 0; i < children_.size(); ++i) {
        if (children_[i].pid != pid) continue;
        if (status != kSupervised) ReportGone(children_[i].attempt, pid, status);
        children_.RemoveAt(i);
        break;
      }
    }
  }

  // The next journal takes over: it must be there before this one is closed, and this one must be read to its *closed*
  // before the first start goes to the next. What the daemon no longer needs of the old ones it removes.
  void Rotate() {
    char name[48];
    JournalName(journal_ + 1, name);
    const int next = openat(kFolderFd, name, O_RDWR | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (next < 0) return;
    header_.epoch = epoch_;
    if (fallocate(next, FALLOC_FL_KEEP_SIZE, 0, kReserved) != 0) {
    }  // room for exit records on a full disk, where it can be had
    const bool made = Append(next, MakeRecord(RecordType::kHeader, 0, header_)) &&
                      Append(context_.journal_fd, MakeRecord(RecordType::kClosed, 0, EpochBody{epoch_}));
    if (!made) {
      unlinkat(kFolderFd, name, 0);
      close(next);
      return;
    }
    Scan();
    close(context_.journal_fd);
    context_.journal_fd = next;
    ++journal_;
    DropRemovedGenerations();
    BeginGeneration(journal_);
  }

  static constexpr off_t kReserved = 1 << 20;

  Context context_;
  Array<Generation> generations_;  // the last one is the current journal's
  HeaderBody header_{};
  bool closed_ = false;       // the journal that is being read
  std::int64_t epoch_ = 0;    // the highest recorded
  std::int64_t journal_ = 0;  // N of the current one
  Array<Child> children_;
  char* buffer_ = nullptr;
  std::size_t size_ = 0, capacity_ = 0;
};

// posix_spawn() leaves the C library's two internal signals ignored, and tasks would inherit that. Its own functions
// refuse to touch them.
void ResetInternalSignals() {
  struct {
    void (*handler)(int);
    unsigned long flags;
    void (*restorer)();
    unsigned long mask;
  } action{};
  for (const int number : {32, 33}) syscall(SYS_rt_sigaction, number, &action, nullptr, sizeof action.mask);
}

void PrepareProcess() {
  ResetInternalSignals();
  setsid();  // no terminal's Ctrl-C reaches supervisors
  umask(077);
  if (chdir("/") != 0) _exit(1);  // keep no mount busy
  syscall(SYS_close_range, static_cast<unsigned>(kFolderFd + 1), ~0u, 0u);
  for (const int fd : {kSocketFd, kWakeFd, kFolderFd}) fcntl(fd, F_SETFD, FD_CLOEXEC);
  struct sigaction action {};
  action.sa_handler = OnChild;
  sigaction(SIGCHLD, &action, nullptr);
  action.sa_handler = OnStop;  // of a supervisor: stop the command. The launcher itself only goes when its daemon goes
  sigaction(SIGTERM, &action, nullptr);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGCHLD);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_SETMASK, &blocked, nullptr);
}

}  // namespace
}  // namespace pipelined::executor

int main(int argc, char**) {
  struct stat info {};
  if (argc != 1 || fstat(pipelined::executor::kSocketFd, &info) != 0 || !S_ISSOCK(info.st_mode)) {
    static const char text[] = "pipelined-launcher is started by pipelined and takes no arguments\n";
    if (write(2, text, sizeof text - 1) < 0) {
    }
    return 2;
  }
  pipelined::executor::PrepareProcess();
  pipelined::executor::Launcher launcher;  // on the stack, whose page every fork copies anyway
  launcher.Run();
}
