#include "executor/local/attempts_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "executor/record.h"
#include "pipelined/base/hash.h"
#include "pipelined/base/log.h"

namespace pipelined::executor {
namespace {

constexpr off_t kReserved = 1 << 20;  // room in a journal for exit records on a full disk

Error CannotUse(const std::string& path, const char* what, int error) {
  return {ErrorCode::kUnavailable, fmt::format("{}: {}: {}", path, what, std::strerror(error)),
          "the executor needs a folder of its own that it can write to"};
}

// A random UUID (version 4).
std::string NewUuid() {
  std::uint8_t bytes[16] = {};
  if (getrandom(bytes, sizeof bytes, 0) != static_cast<ssize_t>(sizeof bytes)) return {};
  bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text = Hex(bytes, sizeof bytes);
  for (const std::size_t at : {20u, 16u, 12u, 8u}) text.insert(at, 1, '-');
  return text;
}

std::string ReadSmall(int folder, const char* name) {
  const OwnedFd fd(openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  char text[128];
  const ssize_t size = fd ? read(fd.get(), text, sizeof text) : 0;
  std::string content(text, static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
  while (!content.empty() && content.back() == '\n') content.pop_back();
  return content;
}

// Whole or not at all, and on disk before it has its name.
bool WriteSmall(int folder, const char* name, const std::string& content) {
  const std::string temporary = std::string(name) + ".new";
  const OwnedFd fd(openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  return fd && write(fd.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()) &&
         fsync(fd.get()) == 0 && renameat(folder, temporary.c_str(), folder, name) == 0 && fsync(folder) == 0;
}

std::string JournalName(std::int64_t number) {
  return fmt::format("journal-{}", number);
}

struct flock ByteRange(std::int64_t at) {
  struct flock range {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = at;
  range.l_len = 1;
  return range;
}

// The launcher of a dead daemon, by the lock that it holds at this moment; 0 when there is none.
pid_t LauncherOf(int locks) {
  struct flock byte = ByteRange(0);
  if (fcntl(locks, F_GETLK, &byte) != 0 || byte.l_type == F_UNLCK) return 0;
  return byte.l_pid;
}

bool MakeHeader(const std::string& instance, const std::string& installation, Record* record) {
  HeaderBody header{};
  if (instance.size() >= kIdText || installation.size() >= kIdText) return false;
  std::memcpy(header.instance, instance.data(), instance.size());
  std::memcpy(header.installation, installation.data(), installation.size());
  *record = MakeRecord(RecordType::kHeader, 0, header);
  return true;
}

}  // namespace

Result<AttemptsFolder> AttemptsFolder::Open(const std::string& path, const std::string& installation) {
  if (installation.empty() || installation.size() >= kIdText) {
    return Error{ErrorCode::kInvalid, fmt::format("\"{}\" is no installation id of a database", installation), ""};
  }
  AttemptsFolder folder;
  folder.path_ = path;
  // 0711: tasks of other users reach their output file by its name, but cannot look around.
  if (mkdir(path.c_str(), 0711) != 0 && errno != EEXIST) return CannotUse(path, "cannot be made", errno);
  folder.folder_.Reset(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder.folder_) return CannotUse(path, "cannot be opened", errno);
  if (fchmod(folder.fd(), 0711) != 0) return CannotUse(path, "cannot be given its mode", errno);
  if (const Status taken = folder.TakeOwnership(); !taken.ok()) return taken.error();
  if (const Status gone = folder.AwaitOldLauncher(); !gone.ok()) return gone.error();
  if (const Status aside = folder.SetAsideForeign(installation); !aside.ok()) return aside.error();
  if (const Status loaded = folder.LoadInstance(); !loaded.ok()) return loaded.error();
  folder.locks_.Reset(openat(folder.fd(), "locks", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!folder.locks_) return CannotUse(path + "/locks", "cannot be opened", errno);
  if (mkdirat(folder.fd(), "out", 0711) != 0 && errno != EEXIST)
    return CannotUse(path + "/out", "cannot be made", errno);
  if (fchmodat(folder.fd(), "out", 0711, 0) != 0) return CannotUse(path + "/out", "cannot be given its mode", errno);
  if (const Status made = folder.MakeFirstJournal(installation); !made.ok()) return made.error();
  return folder;
}

Status AttemptsFolder::TakeOwnership() {
  owner_.Reset(openat(fd(), "owner", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!owner_) return CannotUse(path_ + "/owner", "cannot be opened", errno);
  // A daemon that was killed while it started its launcher has left a child that holds the lock until it calls exec().
  constexpr int kPatienceMs = 1000;
  for (int waited_ms = 0; flock(owner_.get(), LOCK_EX | LOCK_NB) != 0; waited_ms += 2) {
    if (errno == EWOULDBLOCK && waited_ms < kPatienceMs) {
      const timespec pause{0, 2'000'000};
      nanosleep(&pause, nullptr);
      continue;
    }
    if (errno != EWOULDBLOCK) return CannotUse(path_ + "/owner", "cannot be locked", errno);
    return Error{ErrorCode::kConflict,
                 fmt::format("{} is in use by another pipelined, process {}", path_, ReadSmall(fd(), "owner")),
                 "stop that one first, or give this one a home of its own (--home)"};
  }
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(owner_.get(), 0) != 0 || pwrite(owner_.get(), pid.data(), pid.size(), 0) < 0) {
    return CannotUse(path_ + "/owner", "cannot be written", errno);
  }
  return Ok();
}

// It leaves by itself, within milliseconds of its daemon's end; only one that is stopped (SIGSTOP) has to be ended.
Status AttemptsFolder::AwaitOldLauncher() const {
  const OwnedFd locks(openat(fd(), "locks", O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!locks) return Ok();
  for (int waited_ms = 0; LauncherOf(locks.get()) != 0; waited_ms += 2) {
    const timespec pause{0, 2'000'000};
    nanosleep(&pause, nullptr);
    if (waited_ms < 2000) continue;
    const pid_t pid = LauncherOf(locks.get());
    const OwnedFd process(pid == 0 ? -1 : static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    // Holding the descriptor, ask again: if the same pid still has the lock, the descriptor is of the lock's holder.
    if (process && LauncherOf(locks.get()) == pid) syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0);
    if (waited_ms > 10'000) {
      return Error{ErrorCode::kConflict, fmt::format("{}: an old launcher (process {}) does not leave", path_, pid),
                   ""};
    }
  }
  return Ok();
}

// A new database counts its attempts from 1 again, so nothing of the old one may stay: neither journals nor held bytes
// nor outputs. Its instance id goes too: with it the old database, if it ever comes back, would take "no record" for
// "never started".
Status AttemptsFolder::SetAsideForeign(const std::string& installation) const {
  bool foreign = false;
  for (const std::int64_t number : Journals()) {
    const OwnedFd journal(openat(fd(), JournalName(number).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    Record record{};
    if (!journal || read(journal.get(), &record, sizeof record) == 0) continue;  // cut off at its making: holds nothing
    const bool readable = IsValid(record) && record.type == RecordType::kHeader && record.version == kJournalVersion;
    if (!readable || installation != BodyOf<HeaderBody>(record).installation) foreign = true;
  }
  if (!foreign) return Ok();
  std::string aside;
  for (int number = 1; aside.empty(); ++number) {
    const std::string name = fmt::format("set-aside-{}", number);
    if (mkdirat(fd(), name.c_str(), 0700) == 0)
      aside = name;
    else if (errno != EEXIST)
      return CannotUse(path_ + "/" + name, "cannot be made", errno);
  }
  std::vector<std::string> names{"locks", "out", "instance"};
  for (const std::int64_t number : Journals())
    names.push_back(JournalName(number));  // last: a crash before leaves them to see
  for (const std::string& name : names) {
    if (renameat(fd(), name.c_str(), fd(), (aside + "/" + name).c_str()) != 0 && errno != ENOENT) {
      return CannotUse(path_ + "/" + name, "cannot be set aside", errno);
    }
  }
  log::Warning("{}: the journal belongs to another database and was set aside in {}/", path_, aside);
  return Ok();
}

Status AttemptsFolder::LoadInstance() {
  instance_ = ReadSmall(fd(), "instance");
  if (instance_.size() == 36) return Ok();
  instance_ = NewUuid();
  if (instance_.empty() || !WriteSmall(fd(), "instance", instance_ + "\n")) {
    return CannotUse(path_ + "/instance", "cannot be written", errno);
  }
  return Ok();
}

Status AttemptsFolder::MakeFirstJournal(const std::string& installation) const {
  const std::vector<std::int64_t> journals = Journals();
  const std::int64_t number = journals.empty() ? 1 : journals.back();
  const std::string name = JournalName(number);
  const OwnedFd journal(openat(fd(), name.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  struct stat info {};
  if (!journal || fstat(journal.get(), &info) != 0) return CannotUse(path_ + "/" + name, "cannot be opened", errno);
  if (info.st_size >= static_cast<off_t>(kRecordSize)) return Ok();
  Record header{};
  if (fallocate(journal.get(), FALLOC_FL_KEEP_SIZE, 0, kReserved) != 0) {
  }  // where the file system can
  if (!MakeHeader(instance_, installation, &header) ||
      write(journal.get(), &header, sizeof header) != static_cast<ssize_t>(sizeof header)) {
    return CannotUse(path_ + "/" + name, "cannot be written", errno);
  }
  return Ok();
}

std::vector<std::int64_t> AttemptsFolder::Journals() const {
  std::vector<std::int64_t> numbers;
  const int copy = openat(fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = copy < 0 ? nullptr : fdopendir(copy);
  if (entries == nullptr) return numbers;
  while (const dirent* entry = readdir(entries)) {
    const std::string_view name = entry->d_name;
    std::int64_t number = 0;
    if (name.substr(0, 8) != "journal-") continue;
    const auto parsed = std::from_chars(name.data() + 8, name.data() + name.size(), number);
    if (parsed.ptr == name.data() + name.size() && number > 0) numbers.push_back(number);
  }
  closedir(entries);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::string AttemptsFolder::OutputPath(std::int64_t attempt) const {
  return fmt::format("{}/out/{}.json", path_, attempt);
}

bool AttemptsFolder::IsHeld(std::int64_t attempt) const {
  struct flock byte = ByteRange(attempt);
  return fcntl(locks_.get(), F_OFD_GETLK, &byte) == 0 && byte.l_type != F_UNLCK;
}

}  // namespace pipelined::executor
