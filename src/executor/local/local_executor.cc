#include "pipelined/executor/local_executor.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <optional>
#include <unordered_map>

#include "executor/local/attempts_folder.h"
#include "executor/local/journal_reader.h"
#include "executor/local/launcher_link.h"
#include "executor/local/outcome.h"
#include "executor/local/process.h"
#include "executor/local/start_frame.h"
#include "executor/local/users.h"
#include "executor/record.h"
#include "executor/wire.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"

namespace pipelined {
namespace executor {
namespace {

constexpr Millis kRetryDelay{100};  // before a start that met a held byte or a full disk is sent again

// What epoll gives back: one of these, or an attempt id (> 0) for the pidfd of its supervisor.
enum Source : std::int64_t { kWake = 0, kLauncher = -1, kTimer = -2 };

std::string ReadBootId() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  return text;
}

std::string BootIdText(const std::uint8_t (&bytes)[16]) {
  std::string text;
  for (std::size_t i = 0; i < sizeof bytes; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += fmt::format("{:02x}", bytes[i]);
  }
  return text;
}

// Everything known of one attempt that is not forgotten.
struct Tracked {
  std::string frame;         // to send again; until its start record is seen
  std::int64_t journal = 0;  // that holds its start record; 0: none yet
  std::optional<StartBody> start;
  std::optional<SpawnedBody> spawned;
  std::optional<ExitBody> exit;
  std::string note;
  OwnedFd process;       // of its supervisor, when that is not a child of our launcher
  bool claimed = false;  // Start() or Reattach() asked for it: Ended() reports it
  bool done = false;     // reported, or found lost
  bool stop_asked = false;
};

class LocalExecutorImpl final : public LocalExecutor {
 public:
  LocalExecutorImpl(LocalExecutorOptions options, AttemptsFolder folder)
      : options_(std::move(options)),
        folder_(std::move(folder)),
        boot_id_(ReadBootId()),
        journals_(folder_.fd(), folder_.Journals()) {}

  Status Init();

  const std::string& instance() const override { return folder_.instance(); }
  const std::string& boot_id() const override { return boot_id_; }
  void Start(std::vector<AttemptStart> attempts) override;
  void Stop(AttemptId attempt) override;
  std::vector<AttemptEnd> Ended() override;
  int PollFd() const override { return epoll_.get(); }
  void Forget(const std::vector<AttemptId>& attempts) override;
  std::vector<AttemptStatus> Reattach(const std::vector<OpenAttempt>& open) override;

 private:
  void StartOne(const AttemptStart& start);
  void AnnounceEnds();
  void FailLaunch(AttemptId attempt, std::string message);
  AttemptLiveness ReattachOne(const OpenAttempt& open);
  AttemptLiveness ReportAgain(std::int64_t id, Tracked& tracked);
  void DropUnclaimed();

  void ReadJournals();
  void TakeRecord(std::int64_t journal, const Record& record);
  void Finish(std::int64_t id, Tracked& tracked);
  void Lose(std::int64_t id, Tracked& tracked);
  bool IsOurs(const Tracked& tracked) const { return tracked.start && tracked.start->launcher == nonce_; }
  bool IsOfThisBoot(const Tracked& tracked) const { return BootIdText(tracked.start->boot_id) == boot_id_; }
  bool Watch(std::int64_t id, Tracked& tracked);
  void Unwatch(Tracked& tracked);
  void SignalStop(std::int64_t id, Tracked& tracked);
  void ForgetOne(std::int64_t id);

  Status SpawnLauncher();
  void Flush();
  void OnLauncher();
  void OnFrame(const FrameHead& head, const char* frame);
  void OnGone(const GoneFrame& gone);
  void OnProcessEnded(std::int64_t id);
  void OnLauncherDied();
  void RespawnLauncher();
  void ArmTimer();
  void OnTimer();
  void RotateIfLarge();
  bool AddToEpoll(int fd, std::int64_t source, std::uint32_t events) const;

  LocalExecutorOptions options_;
  AttemptsFolder folder_;
  std::string boot_id_;
  JournalReader journals_;
  Users users_;
  OwnedFd epoll_, wake_, timer_;
  std::optional<LauncherLink> launcher_;
  std::int64_t nonce_ = 0;  // of the present launcher
  Micros launcher_since_{0};
  bool writing_ = false;             // epoll waits for the socket to take more
  std::int64_t rotation_asked_ = 0;  // the journal that the launcher was asked to close

  std::unordered_map<std::int64_t, Tracked> attempts_;
  std::vector<std::int64_t> resend_;  // starts to send again when the timer fires
  std::vector<AttemptEnd> ends_;
};

Status LocalExecutorImpl::Init() {
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  timer_.Reset(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!epoll_ || !wake_ || !timer_ || !AddToEpoll(wake_.get(), kWake, EPOLLIN) ||
      !AddToEpoll(timer_.get(), kTimer, EPOLLIN)) {
    return Error{ErrorCode::kUnavailable, fmt::format("the executor has no descriptors: {}", std::strerror(errno)), ""};
  }
  ReadJournals();
  return SpawnLauncher();
}

// ---- what the scheduler asks for ----

void LocalExecutorImpl::Start(std::vector<AttemptStart> attempts) {
  for (const AttemptStart& start : attempts) StartOne(start);
  Flush();
  AnnounceEnds();
}

// Ends that were found outside of Ended(): PollFd() must say so.
void LocalExecutorImpl::AnnounceEnds() {
  const std::uint64_t one = 1;
  if (!ends_.empty() && write(wake_.get(), &one, sizeof one) < 0) {
  }
}

void LocalExecutorImpl::StartOne(const AttemptStart& start) {
  const std::int64_t id = start.attempt.value;
  if (journals_.IsReleased(id)) return log::Warning("attempt {} has ended long ago and is not started again", id);
  Tracked& tracked = attempts_[id];
  if (tracked.claimed) return;  // started before: harmless
  tracked.claimed = true;
  if (tracked.start) {  // a predecessor of ours did it
    if (ReattachOne(OpenAttempt{start.attempt, instance(), boot_id_}) != AttemptLiveness::kLost) return;
    tracked.done = false;
    return Lose(id, tracked);
  }
  const bool switches = !start.run_as_user.empty();
  Result<User> user = switches ? users_.Find(start.run_as_user) : User{};
  if (!user) return FailLaunch(start.attempt, "run_as_user: " + user.error().message);
  const bool other = switches && user->uid != geteuid();
  Result<std::string> frame = MakeStartFrame(start, other ? &*user : nullptr, folder_.OutputPath(id));
  if (!frame) return FailLaunch(start.attempt, frame.error().message);
  tracked.frame = std::move(*frame);
  if (launcher_) launcher_->Send(tracked.frame.data(), tracked.frame.size());
}

// No record is needed: asked again after a crash, it fails again.
void LocalExecutorImpl::FailLaunch(AttemptId attempt, std::string message) {
  Tracked& tracked = attempts_[attempt.value];
  tracked.done = true;
  AttemptEnd end;
  end.attempt = attempt;
  end.outcome = AttemptOutcome::kLaunchFailed;
  end.start = end.end = SystemClock().Now();
  end.message = std::move(message);
  ends_.push_back(std::move(end));
}

void LocalExecutorImpl::Stop(AttemptId attempt) {
  const auto found = attempts_.find(attempt.value);
  if (found == attempts_.end() || found->second.done || found->second.exit) return;
  found->second.stop_asked = true;
  SignalStop(found->first, found->second);
  Flush();
}

std::vector<AttemptEnd> LocalExecutorImpl::Ended() {
  epoll_event events[64];
  bool launcher_spoke = false;
  std::vector<std::int64_t> processes;
  for (int count = 64; count == 64;) {
    count = epoll_wait(epoll_.get(), events, 64, 0);
    for (int i = 0; i < count; ++i) {
      const auto source = static_cast<std::int64_t>(events[i].data.u64);
      std::uint64_t ticks = 0;
      if (source == kWake && read(wake_.get(), &ticks, sizeof ticks) < 0) {
      }
      if (source == kTimer && read(timer_.get(), &ticks, sizeof ticks) == sizeof ticks) OnTimer();
      if (source == kLauncher) launcher_spoke = true;
      if (source > 0) processes.push_back(source);
    }
    if (launcher_spoke || !processes.empty()) break;  // those stay readable; what is left comes the next time
  }
  ReadJournals();  // first: an exit record outweighs every other news
  if (launcher_spoke) OnLauncher();
  for (const std::int64_t id : processes) OnProcessEnded(id);
  RotateIfLarge();
  Flush();
  return std::exchange(ends_, {});
}

void LocalExecutorImpl::Forget(const std::vector<AttemptId>& attempts) {
  for (const AttemptId attempt : attempts) ForgetOne(attempt.value);
  journals_.RemoveUnused();
}

void LocalExecutorImpl::ForgetOne(std::int64_t id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  Tracked& tracked = found->second;
  const bool has_output = tracked.exit ? (tracked.exit->flags & kHasOutput) != 0 : tracked.start.has_value();
  if (has_output) unlink(folder_.OutputPath(id).c_str());
  if (tracked.journal != 0) journals_.Release(tracked.journal, id);
  Unwatch(tracked);
  attempts_.erase(found);
}

std::vector<AttemptStatus> LocalExecutorImpl::Reattach(const std::vector<OpenAttempt>& open) {
  ReadJournals();
  std::vector<AttemptStatus> statuses;
  statuses.reserve(open.size());
  for (const OpenAttempt& attempt : open) statuses.push_back({attempt.attempt, ReattachOne(attempt)});
  DropUnclaimed();
  Flush();
  AnnounceEnds();
  return statuses;
}

AttemptLiveness LocalExecutorImpl::ReattachOne(const OpenAttempt& open) {
  if (open.instance != instance()) return AttemptLiveness::kForeign;
  const std::int64_t id = open.attempt.value;
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || (!found->second.start && !found->second.exit)) {
    if (open.boot_id != boot_id_) return AttemptLiveness::kLost;
    if (found != attempts_.end() && found->second.done) attempts_.erase(found);  // failed before there was a record
    const bool sent = attempts_.count(id) != 0;
    return sent ? AttemptLiveness::kRunning : AttemptLiveness::kNotStarted;
  }
  Tracked& tracked = found->second;
  tracked.claimed = true;
  if (!tracked.exit && IsOfThisBoot(tracked) && !IsOurs(tracked) && !Watch(id, tracked)) ReadJournals();
  if (tracked.exit) return ReportAgain(id, tracked);
  if (IsOfThisBoot(tracked) && (tracked.process || IsOurs(tracked)) && folder_.IsHeld(id))
    return AttemptLiveness::kRunning;
  ReadJournals();  // it may have ended between the two looks
  if (tracked.exit) return ReportAgain(id, tracked);
  if (tracked.done) return AttemptLiveness::kLost;
  tracked.done = true;  // not reported by Ended()
  if (IsOfThisBoot(tracked) && tracked.spawned) SweepGroup(tracked.spawned->command);
  Unwatch(tracked);
  return AttemptLiveness::kLost;
}

// An end that was reported but not stored (its leader was fenced off) is due again.
AttemptLiveness LocalExecutorImpl::ReportAgain(std::int64_t id, Tracked& tracked) {
  const auto same = [id](const AttemptEnd& end) { return end.attempt.value == id; };
  if (std::none_of(ends_.begin(), ends_.end(), same)) tracked.done = false;
  Finish(id, tracked);
  return AttemptLiveness::kEnded;
}

// What the store does not hold open any more: ends that it has stored, and attempts that it ended and meant to stop
// before the daemon died.
void LocalExecutorImpl::DropUnclaimed() {
  std::vector<std::int64_t> ended;
  for (auto& [id, tracked] : attempts_) {
    if (tracked.claimed) continue;
    const bool running =
        tracked.start && !tracked.exit && IsOfThisBoot(tracked) && folder_.IsHeld(id) && Watch(id, tracked);
    if (!running) {
      ended.push_back(id);
    } else if (!tracked.stop_asked) {
      log::Warning("attempt {} runs, but the database does not hold it open: it is stopped", id);
      tracked.stop_asked = true;
      SignalStop(id, tracked);
    }
  }
  for (const std::int64_t id : ended) ForgetOne(id);
  journals_.RemoveUnused();
}

// ---- what the journals say ----

void LocalExecutorImpl::ReadJournals() {
  journals_.Read([this](std::int64_t journal, const Record& record) { TakeRecord(journal, record); });
}

void LocalExecutorImpl::TakeRecord(std::int64_t journal, const Record& record) {
  const std::int64_t id = record.attempt;
  if (id == 0 || journals_.IsReleased(id)) return;
  if (record.type == RecordType::kStart) {
    Tracked& tracked = attempts_[id];
    if (tracked.start) return;  // the first one counts
    tracked.start = BodyOf<StartBody>(record);
    tracked.journal = journal;
    journals_.Hold(journal);
    std::string().swap(tracked.frame);
    if (launcher_ && tracked.claimed && !IsOurs(tracked)) Watch(id, tracked);  // not our launcher's child
    if (launcher_ && tracked.stop_asked) SignalStop(id, tracked);
    return;
  }
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || !found->second.start) return;
  Tracked& tracked = found->second;
  if (record.type == RecordType::kSpawned) tracked.spawned = BodyOf<SpawnedBody>(record);
  if (record.type == RecordType::kNote)
    tracked.note.assign(BodyOf<NoteBody>(record).text, strnlen(BodyOf<NoteBody>(record).text, kBodySize));
  if (record.type != RecordType::kExit || tracked.exit) return;
  tracked.exit = BodyOf<ExitBody>(record);
  if (tracked.claimed) Finish(id, tracked);
}

// Its exit record is known: report it, once.
void LocalExecutorImpl::Finish(std::int64_t id, Tracked& tracked) {
  Unwatch(tracked);
  if (tracked.done) return;
  tracked.done = true;
  ends_.push_back(EndOf(AttemptId{id}, *tracked.exit, tracked.note, folder_.OutputPath(id)));
}

// Its supervisor is gone and left no exit record.
void LocalExecutorImpl::Lose(std::int64_t id, Tracked& tracked) {
  Unwatch(tracked);
  if (tracked.done) return;
  tracked.done = true;
  if (tracked.spawned && IsOfThisBoot(tracked)) SweepGroup(tracked.spawned->command);
  if (!options_.cgroup_dir.empty()) {
    std::ofstream(fmt::format("{}/attempt-{}/cgroup.kill", options_.cgroup_dir, id)) << "1";
  }
  if (!tracked.claimed) return;
  AttemptEnd end;
  end.attempt = AttemptId{id};
  end.outcome = AttemptOutcome::kLost;
  end.end = SystemClock().Now();
  end.start = tracked.spawned ? Instant(Micros(tracked.spawned->start_us)) : end.end;
  end.duration = std::max(Micros{0}, std::chrono::duration_cast<Micros>(end.end - end.start));
  end.pid = tracked.spawned ? tracked.spawned->command.pid : 0;
  end.message = "its supervisor was killed: what became of the command cannot be known";
  ends_.push_back(std::move(end));
}

// ---- supervisors ----

bool LocalExecutorImpl::Watch(std::int64_t id, Tracked& tracked) {
  if (tracked.process) return true;
  tracked.process = OpenProcess(tracked.start->supervisor);
  if (!tracked.process) return false;
  return AddToEpoll(tracked.process.get(), id, EPOLLIN);
}

void LocalExecutorImpl::Unwatch(Tracked& tracked) {
  if (!tracked.process) return;
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, tracked.process.get(), nullptr);
  tracked.process.Reset();
}

// SIGTERM to a supervisor means: stop the command. Before its start record is seen, the launcher knows it (the frame
// follows the start).
void LocalExecutorImpl::SignalStop(std::int64_t id, Tracked& tracked) {
  if (tracked.start && !IsOurs(tracked)) {
    if (Watch(id, tracked)) SignalProcess(tracked.process.get(), SIGTERM);
    return;
  }
  StopFrame frame{FrameHead{sizeof(StopFrame), FrameType::kStop}, id};
  if (launcher_) launcher_->Send(&frame, sizeof frame);
}

void LocalExecutorImpl::OnProcessEnded(std::int64_t id) {
  ReadJournals();
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  Tracked& tracked = found->second;
  if (!tracked.exit) Lose(id, tracked);
  Unwatch(tracked);
  if (!tracked.claimed) ForgetOne(id);
}

// ---- the launcher ----

Status LocalExecutorImpl::SpawnLauncher() {
  Result<LauncherLink> link = LauncherLink::Spawn(options_.launcher_path, folder_.fd(), wake_.get());
  if (!link) return link.error();
  launcher_.emplace(std::move(*link));
  nonce_ = std::max(nonce_ + 1, SystemClock().Now().time_since_epoch().count());
  launcher_since_ = SystemClock().Monotonic();
  ConfigureFrame configure{};
  std::string frame(sizeof configure, '\0');
  frame += options_.cgroup_dir;
  frame.push_back('\0');
  frame.resize(PadFrame(frame.size()));
  configure.head = FrameHead{static_cast<std::uint32_t>(frame.size()), FrameType::kConfigure};
  configure.epoch = options_.epoch;
  configure.log_cap = options_.log_cap_bytes;
  configure.journal = journals_.current();
  configure.nonce = nonce_;
  configure.no_new_privs = options_.no_new_privs ? 1 : 0;
  std::memcpy(frame.data(), &configure, sizeof configure);
  launcher_->Send(frame.data(), frame.size());
  if (const Status ready = launcher_->AwaitReady(nonce_); !ready.ok()) {
    launcher_.reset();
    return ready;
  }
  writing_ = false;
  rotation_asked_ = 0;
  if (!AddToEpoll(launcher_->fd(), kLauncher, EPOLLIN)) {
    return Error{ErrorCode::kUnavailable, "the executor has no descriptors", ""};
  }
  return Ok();
}

void LocalExecutorImpl::Flush() {
  if (!launcher_) return;
  launcher_->Flush();
  if (launcher_->wants_to_write() == writing_) return;
  writing_ = !writing_;
  epoll_event event{};
  event.events = EPOLLIN | (writing_ ? EPOLLOUT : 0u);
  event.data.u64 = static_cast<std::uint64_t>(std::int64_t{kLauncher});
  epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, launcher_->fd(), &event);
}

void LocalExecutorImpl::OnLauncher() {
  if (!launcher_) return;
  const bool alive = launcher_->Receive([this](const FrameHead& head, const char* frame) { OnFrame(head, frame); });
  if (!alive) OnLauncherDied();
}

void LocalExecutorImpl::OnFrame(const FrameHead& head, const char* frame) {
  if (head.type == FrameType::kGone) {
    GoneFrame gone;
    std::memcpy(&gone, frame, sizeof gone);
    OnGone(gone);
  } else if (head.type == FrameType::kRefused) {
    RefusedFrame refused;
    std::memcpy(&refused, frame, sizeof refused);
    const auto found = attempts_.find(refused.attempt);
    if (found == attempts_.end() || found->second.done) return;
    std::string().swap(found->second.frame);
    FailLaunch(AttemptId{refused.attempt},
               fmt::format("refused: a leader of epoch {} has used this executor since", refused.epoch));
  }
}

// A supervisor that left early or was killed. All that it wrote before is in the journal by now.
void LocalExecutorImpl::OnGone(const GoneFrame& gone) {
  ReadJournals();
  const auto found = attempts_.find(gone.attempt);
  if (found == attempts_.end() || found->second.done || found->second.exit) return;
  Tracked& tracked = found->second;
  if (tracked.start) {
    if (tracked.start->supervisor.pid == gone.pid && IsOurs(tracked)) Lose(gone.attempt, tracked);
    return;  // the other one of two supervisors
  }
  // No start record, so no command: once more. The byte is held by a supervisor of an older launcher that is about to
  // write its record, or the disk is full: give it time.
  resend_.push_back(gone.attempt);
  ArmTimer();
}

void LocalExecutorImpl::ArmTimer() {
  itimerspec when{};
  when.it_value.tv_nsec = std::chrono::nanoseconds(kRetryDelay).count();
  timerfd_settime(timer_.get(), 0, &when, nullptr);
}

void LocalExecutorImpl::OnTimer() {
  if (!launcher_) return RespawnLauncher();
  ReadJournals();
  for (const std::int64_t id : std::exchange(resend_, {})) {
    const auto found = attempts_.find(id);
    if (found == attempts_.end() || found->second.done || found->second.frame.empty()) continue;
    launcher_->Send(found->second.frame.data(), found->second.frame.size());
    if (found->second.stop_asked) SignalStop(id, found->second);
  }
}

void LocalExecutorImpl::OnLauncherDied() {
  log::Warning("the launcher was killed: starting another one; its attempts go on");
  launcher_.reset();  // reaps it, and takes its socket out of epoll
  if (SystemClock().Monotonic() - launcher_since_ > Seconds(1)) return RespawnLauncher();
  ArmTimer();  // it does not live long: not in a busy loop
}

// From here on nobody else tells us of the old one's supervisors, so watch them ourselves. A start without a record
// goes to the new launcher: if the old one's supervisor comes first after all, the new one leaves.
void LocalExecutorImpl::RespawnLauncher() {
  if (const Status spawned = SpawnLauncher(); !spawned.ok()) {
    log::Error("no task can be started: {}", spawned.error().message);
    return ArmTimer();
  }
  ReadJournals();
  std::vector<std::int64_t> vanished;
  for (auto& [id, tracked] : attempts_) {
    if (tracked.done || tracked.exit) continue;
    if (tracked.start) {
      if (!Watch(id, tracked))
        vanished.push_back(id);
      else if (tracked.stop_asked)
        SignalStop(id, tracked);
    } else if (!tracked.frame.empty()) {
      launcher_->Send(tracked.frame.data(), tracked.frame.size());
      if (tracked.stop_asked) SignalStop(id, tracked);
    }
  }
  for (const std::int64_t id : vanished) OnProcessEnded(id);
  Flush();
}

void LocalExecutorImpl::RotateIfLarge() {
  if (!launcher_ || journals_.current_size() < options_.journal_rotate_bytes) return;
  if (rotation_asked_ == journals_.current()) return;
  rotation_asked_ = journals_.current();
  const RotateFrame frame{FrameHead{sizeof(RotateFrame), FrameType::kRotate}};
  launcher_->Send(&frame, sizeof frame);
}

bool LocalExecutorImpl::AddToEpoll(int fd, std::int64_t source, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<std::uint64_t>(source);
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace
}  // namespace executor

Result<std::unique_ptr<LocalExecutor>> LocalExecutor::Open(const LocalExecutorOptions& options) {
  if (options.attempts_dir.empty() || options.attempts_dir.front() != '/') {
    return Error{ErrorCode::kInvalid,
                 fmt::format("the attempts folder \"{}\" is not an absolute path", options.attempts_dir), ""};
  }
  Result<executor::AttemptsFolder> folder =
      executor::AttemptsFolder::Open(options.attempts_dir, options.installation_id);
  if (!folder) return folder.error();
  auto local = std::make_unique<executor::LocalExecutorImpl>(options, std::move(*folder));
  if (const Status ready = local->Init(); !ready.ok()) return ready.error();
  if (geteuid() == 0) log::Warning("tasks without run_as_user run as root");
  return std::unique_ptr<LocalExecutor>(std::move(local));
}

}  // namespace pipelined
