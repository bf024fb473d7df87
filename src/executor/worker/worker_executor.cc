#include "pipelined/base/owned_fd.h"
#include "pipelined/executor/worker_executor.h"

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <unordered_map>

#include "executor/worker/worker_folder.h"
#include "executor/worker/worker_journals.h"
#include "executor/worker/worker_link.h"
#include "executor/worker/worker_probes.h"
#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"
#include "pipelined/executor/worker_protocol.h"

namespace pipelined {
namespace executor {
namespace {

using worker::JournalLine;

constexpr Millis kLookAgain{200};     // at a worker that does not listen
constexpr Millis kSpawnAgain{1'000};  // when the last one did not live longer

// What epoll gives back: one of these, or the number of a worker (> 0).
enum Source : std::int64_t { kWake = 0, kTimer = -1 };

// Everything known of one attempt that is not forgotten.
struct Tracked {
  std::string frame;          // to send again; until its start line is seen
  std::int64_t given_to = 0;  // the worker, by its number, that the frame was sent to
  std::int64_t worker = 0;    // … that has begun it; 0: none yet
  Instant begun{};
  std::optional<AttemptEnd> end;
  bool claimed = false;  // Start() or Reattach() asked for it: Ended() reports it
  bool done = false;     // reported, or found lost
  bool stop_asked = false;
};

struct Worker {
  std::string nonce;
  WorkerJournals journals;
  std::optional<WorkerLink> link;
  bool own = false;
  bool gone = false;     // its lock is free: what it has not written it never will
  bool writing = false;  // epoll waits for the socket to take more
};

AttemptEnd LaunchFailed(std::int64_t id, std::string message) {
  AttemptEnd end;
  end.attempt = AttemptId{id};
  end.outcome = AttemptOutcome::kLaunchFailed;
  end.end = SystemClock().Now();
  end.message = std::move(message);
  return end;
}

class WorkerExecutorImpl final : public WorkerExecutor {
 public:
  WorkerExecutorImpl(WorkerExecutorOptions options, WorkerFolder folder)
      : options_(std::move(options)), folder_(std::move(folder)) {}

  Status Init();

  const std::string& instance() const override { return options_.instance; }
  const std::string& boot_id() const override { return options_.boot_id; }
  void Start(std::vector<AttemptStart> attempts) override;
  void Stop(AttemptId attempt) override;
  std::vector<AttemptEnd> Ended() override;
  int PollFd() const override { return epoll_.get(); }
  void Forget(const std::vector<AttemptId>& attempts) override;
  std::vector<AttemptStatus> Reattach(const std::vector<OpenAttempt>& open) override;
  bool Knows(AttemptId attempt) const override;

  void Lead(std::int64_t) override {}  // what this one starts is fenced by generations
  void Probe(std::int64_t id, Value job, std::vector<std::string> secrets) override;
  void Drop(std::int64_t id) override;
  std::vector<ProbeResult> Probed() override;

 private:
  void StartOne(const AttemptStart& start);
  void FailLaunch(std::int64_t id, std::string message);
  AttemptLiveness ReattachOne(const OpenAttempt& open);
  void DropUnclaimed();
  void Finish(std::int64_t id, Tracked& tracked);
  void Lose(std::int64_t id, Tracked& tracked);
  void SendStop(std::int64_t id, const Tracked& tracked);
  void EndStopped();
  void ForgetOne(std::int64_t id);
  void RemoveUnused();

  void Listen();
  void ReadJournals(std::int64_t number);
  void TakeLine(std::int64_t number, std::int64_t journal, JournalLine line);
  void OnMessage(std::int64_t number, const Value& message);
  void OnRefused(std::int64_t number, std::int64_t id, std::string why);
  void OnSocket(std::int64_t number);
  void Look(std::int64_t number);
  void OnGone(std::int64_t number);

  Worker* Own() { return own_ == 0 ? nullptr : &workers_.at(own_); }
  std::int64_t Adopt(const std::string& nonce);
  void Attach(std::int64_t number, WorkerLink link);
  void NeedWorker();
  Status SpawnWorker();
  void RespawnWorker();
  void ResendWhatIsNotBegun();
  void Flush();
  void ArmTimer(Millis delay);
  bool HasNews() const { return !ends_.empty() || !probes_.answered().empty(); }
  void Announce();
  void Calm();
  void OnTimer();
  bool IsOfThisBoot(std::int64_t number) const { return workers_.at(number).journals.boot_id() == options_.boot_id; }
  bool AddToEpoll(int fd, std::int64_t source, std::uint32_t events) const;

  WorkerExecutorOptions options_;
  WorkerFolder folder_;
  OwnedFd epoll_, wake_, timer_;
  std::map<std::int64_t, Worker> workers_;  // by a number of ours
  std::int64_t last_number_ = 0, own_ = 0;
  Micros spawned_{0};
  std::int64_t epoch_ = 0;  // the highest that was seen

  std::unordered_map<std::int64_t, Tracked> attempts_;
  std::vector<AttemptEnd> ends_;
  WorkerProbes probes_;
};

Status WorkerExecutorImpl::Init() {
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  timer_.Reset(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!epoll_ || !wake_ || !timer_ || !AddToEpoll(wake_.get(), kWake, EPOLLIN) ||
      !AddToEpoll(timer_.get(), kTimer, EPOLLIN)) {
    return Error{ErrorCode::kUnavailable, fmt::format("the executor has no descriptors: {}", std::strerror(errno)), ""};
  }
  for (const std::string& nonce : folder_.Nonces()) {
    const std::int64_t number = Adopt(nonce);
    ReadJournals(number);
    Look(number);
  }
  if (access(options_.worker_path.c_str(), X_OK) != 0)
    return Error{ErrorCode::kUnavailable,
                 fmt::format("the worker {} cannot be started: {}", options_.worker_path, std::strerror(errno)),
                 "pipelined-worker belongs beside pipelined, from the same build"};
  return Ok();
}

// ---- what the scheduler asks for ----

void WorkerExecutorImpl::Start(std::vector<AttemptStart> attempts) {
  if (!attempts.empty()) NeedWorker();
  for (const AttemptStart& start : attempts) StartOne(start);
  Flush();
  Announce();
}

void WorkerExecutorImpl::StartOne(const AttemptStart& start) {
  const std::int64_t id = start.attempt.value;
  Tracked& tracked = attempts_[id];
  if (tracked.claimed) return;  // started before: harmless
  tracked.claimed = true;
  if (tracked.worker != 0) {  // a predecessor of ours did it
    if (ReattachOne(OpenAttempt{start.attempt, instance(), boot_id()}) != AttemptLiveness::kLost) return;
    tracked.done = false;
    return Lose(id, tracked);
  }
  if (start.epoch < epoch_)
    return FailLaunch(id, fmt::format("refused: a leader of epoch {} has used this executor since", epoch_));
  epoch_ = start.epoch;
  tracked.frame =
      worker::MakeFrame(Value(Value::Map{{"start", id},
                                         {"log", start.log_path},
                                         {"timeout", std::int64_t{start.timeout.count()}},
                                         {"secrets", Value::List(start.secrets.begin(), start.secrets.end())},
                                         {"action", start.action}}));
  if (tracked.frame.size() > worker::kMostFrame) return FailLaunch(id, "what it has to send is too large");
  tracked.given_to = own_;
  if (Worker* own = Own()) own->link->SendFrame(tracked.frame);
}

// No record is needed: asked again after a crash, it fails again.
void WorkerExecutorImpl::FailLaunch(std::int64_t id, std::string message) {
  Tracked& tracked = attempts_.at(id);
  tracked.done = true;
  std::string().swap(tracked.frame);
  ends_.push_back(LaunchFailed(id, std::move(message)));
}

void WorkerExecutorImpl::Stop(AttemptId attempt) {
  const auto found = attempts_.find(attempt.value);
  if (found == attempts_.end() || found->second.done || found->second.end || found->second.stop_asked) return;
  found->second.stop_asked = true;
  SendStop(attempt.value, found->second);
  EndStopped();
  Flush();
  Announce();
}

// While there is no worker, what none has begun is in nobody's hands. As with FailLaunch(), no record is needed.
void WorkerExecutorImpl::EndStopped() {
  if (own_ != 0) return;
  for (auto& [id, tracked] : attempts_) {
    if (!tracked.stop_asked || tracked.done || tracked.worker != 0 || tracked.frame.empty()) continue;
    tracked.done = true;
    std::string().swap(tracked.frame);
    AttemptEnd end;
    end.attempt = AttemptId{id};
    end.outcome = AttemptOutcome::kStopped;
    end.end = SystemClock().Now();
    end.message = "stopped on request, before it began";
    ends_.push_back(std::move(end));
  }
}

// Before its start line is seen, the worker that was given it knows it: the frame follows the start.
void WorkerExecutorImpl::SendStop(std::int64_t id, const Tracked& tracked) {
  const std::int64_t number = tracked.worker != 0 ? tracked.worker : tracked.given_to;
  const auto found = workers_.find(number);
  if (found != workers_.end() && found->second.link) found->second.link->Send(Value(Value::Map{{"stop", id}}));
}

std::vector<AttemptEnd> WorkerExecutorImpl::Ended() {
  Listen();
  std::vector<AttemptEnd> ends = std::exchange(ends_, {});
  Calm();
  return ends;
}

void WorkerExecutorImpl::Listen() {
  epoll_event events[16];
  const int count = epoll_wait(epoll_.get(), events, 16, 0);
  for (int i = 0; i < count; ++i) {
    const auto source = static_cast<std::int64_t>(events[i].data.u64);
    if (source == kTimer) OnTimer();
    if (source > 0) OnSocket(source);
  }
  Flush();
  Announce();
}

// What is there and not taken: PollFd() must say so.
void WorkerExecutorImpl::Announce() {
  const std::uint64_t one = 1;
  if (HasNews() && write(wake_.get(), &one, sizeof one) < 0) {
  }
}

// Something was taken: PollFd() says no more than what is left.
void WorkerExecutorImpl::Calm() {
  std::uint64_t ticks = 0;
  if (!HasNews() && read(wake_.get(), &ticks, sizeof ticks) < 0) {
  }
}

void WorkerExecutorImpl::Forget(const std::vector<AttemptId>& attempts) {
  for (const AttemptId attempt : attempts) ForgetOne(attempt.value);
  RemoveUnused();
}

void WorkerExecutorImpl::ForgetOne(std::int64_t id) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  if (const auto holder = workers_.find(found->second.worker); holder != workers_.end())
    holder->second.journals.Release(id);
  attempts_.erase(found);
}

void WorkerExecutorImpl::RemoveUnused() {
  for (auto at = workers_.begin(); at != workers_.end();) {
    Worker& worker = at->second;
    const bool empty = worker.journals.RemoveUnused(!worker.gone);
    if (empty && worker.gone && !worker.own) {
      folder_.RemovePlace(worker.nonce);
      at = workers_.erase(at);
    } else {
      ++at;
    }
  }
}

bool WorkerExecutorImpl::Knows(AttemptId attempt) const {
  return attempts_.contains(attempt.value);
}

std::vector<AttemptStatus> WorkerExecutorImpl::Reattach(const std::vector<OpenAttempt>& open) {
  for (auto& [number, worker] : workers_) ReadJournals(number);
  std::vector<AttemptStatus> statuses;
  statuses.reserve(open.size());
  for (const OpenAttempt& attempt : open) statuses.push_back({attempt.attempt, ReattachOne(attempt)});
  DropUnclaimed();
  Flush();
  Announce();
  return statuses;
}

AttemptLiveness WorkerExecutorImpl::ReattachOne(const OpenAttempt& open) {
  if (open.instance != instance()) return AttemptLiveness::kForeign;
  const std::int64_t id = open.attempt.value;
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || (found->second.worker == 0 && !found->second.end)) {
    if (open.boot_id != boot_id()) return AttemptLiveness::kLost;
    if (found != attempts_.end() && found->second.done) attempts_.erase(found);  // failed before there was a line
    return attempts_.contains(id) ? AttemptLiveness::kRunning : AttemptLiveness::kNotStarted;
  }
  Tracked& tracked = found->second;
  tracked.claimed = true;
  const std::int64_t number = tracked.worker;
  if (!tracked.end && !workers_.at(number).gone && !folder_.IsAlive(workers_.at(number).nonce)) OnGone(number);
  if (!tracked.end) ReadJournals(number);  // it may have ended between the two looks
  if (tracked.end) {                       // also one that was reported and not stored: its leader was fenced off
    const auto same = [id](const AttemptEnd& end) { return end.attempt.value == id; };
    std::erase_if(ends_, same);
    tracked.done = false;
    Finish(id, tracked);
    return AttemptLiveness::kEnded;
  }
  if (IsOfThisBoot(number) && !workers_.at(number).gone) return AttemptLiveness::kRunning;
  std::erase_if(ends_, [id](const AttemptEnd& end) { return end.attempt.value == id; });
  tracked.done = true;  // not reported by Ended()
  return AttemptLiveness::kLost;
}

// What the store does not hold open any more: ends that it has stored, and attempts that it ended and meant to stop
// before the daemon died.
void WorkerExecutorImpl::DropUnclaimed() {
  std::vector<std::int64_t> ended;
  for (auto& [id, tracked] : attempts_) {
    if (tracked.claimed) continue;
    const bool running = !tracked.end && tracked.worker != 0 && !workers_.at(tracked.worker).gone;
    if (!running) {
      ended.push_back(id);
    } else if (!tracked.stop_asked) {
      log::Warning("action {} is under way, but the database does not hold it open: it is stopped", id);
      tracked.stop_asked = true;
      SendStop(id, tracked);
    }
  }
  for (const std::int64_t id : ended) ForgetOne(id);
  RemoveUnused();
}

// ---- what the journals say ----

void WorkerExecutorImpl::ReadJournals(std::int64_t number) {
  workers_.at(number).journals.Read(
      [&](std::int64_t journal, JournalLine line) { TakeLine(number, journal, std::move(line)); });
}

void WorkerExecutorImpl::TakeLine(std::int64_t number, std::int64_t journal, JournalLine line) {
  const bool starts = line.kind == JournalLine::Kind::kStart;
  const std::int64_t id = starts ? line.attempt : line.end.attempt.value;
  WorkerJournals& journals = workers_.at(number).journals;
  if (starts) {
    Tracked& tracked = attempts_[id];
    if (tracked.worker != 0) return;
    tracked.worker = number;
    tracked.begun = line.at;
    journals.Hold(journal, id);
    std::string().swap(tracked.frame);
    return;
  }
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.worker != number || found->second.end) return;
  journals.Hold(journal, id);
  found->second.end = std::move(line.end);
  if (found->second.claimed) Finish(id, found->second);
}

// Its end is known: report it, once.
void WorkerExecutorImpl::Finish(std::int64_t id, Tracked& tracked) {
  if (tracked.done) return;
  tracked.done = true;
  ends_.push_back(*tracked.end);
  ends_.back().attempt = AttemptId{id};
}

// Its worker is gone and left no end.
void WorkerExecutorImpl::Lose(std::int64_t id, Tracked& tracked) {
  if (tracked.done) return;
  tracked.done = true;
  if (!tracked.claimed) return;
  AttemptEnd end;
  end.attempt = AttemptId{id};
  end.outcome = AttemptOutcome::kLost;
  end.end = SystemClock().Now();
  end.start = tracked.begun;
  end.duration = std::max(Micros{0}, std::chrono::duration_cast<Micros>(end.end - end.start));
  end.message = "its worker was killed: what became of the action cannot be known";
  ends_.push_back(std::move(end));
}

// ---- probes ----

void WorkerExecutorImpl::Probe(std::int64_t id, Value job, std::vector<std::string> secrets) {
  NeedWorker();
  Worker* own = Own();
  if (own == nullptr) {
    probes_.Fail(id, "the worker is being started again");
    return Announce();
  }
  own->link->Send(Value(Value::Map{
      {"probe", probes_.Ask(id)}, {"job", std::move(job)}, {"secrets", Value::List(secrets.begin(), secrets.end())}}));
  Flush();
}

void WorkerExecutorImpl::Drop(std::int64_t id) {
  const auto number = probes_.Drop(id);
  Worker* own = Own();
  if (!number || own == nullptr) return;
  own->link->Send(Value(Value::Map{{"drop", *number}}));
  Flush();
}

std::vector<ProbeResult> WorkerExecutorImpl::Probed() {
  Listen();
  std::vector<ProbeResult> probed = probes_.Take();
  Calm();
  return probed;
}

// ---- workers ----

std::int64_t WorkerExecutorImpl::Adopt(const std::string& nonce) {
  workers_.emplace(++last_number_, Worker{nonce, WorkerJournals(folder_, nonce), std::nullopt});
  return last_number_;
}

void WorkerExecutorImpl::Attach(std::int64_t number, WorkerLink link) {
  Worker& worker = workers_.at(number);
  worker.link.emplace(std::move(link));
  worker.writing = false;
  if (!AddToEpoll(worker.link->fd(), number, EPOLLIN)) worker.link.reset();
}

// Of an earlier daemon: does it live, and does it listen?
void WorkerExecutorImpl::Look(std::int64_t number) {
  Worker& worker = workers_.at(number);
  if (worker.own || worker.gone || worker.link) return;
  if (!folder_.IsAlive(worker.nonce)) return OnGone(number);
  OwnedFd connection = folder_.Connect(worker.nonce);
  if (!connection) return ArmTimer(kLookAgain);
  Attach(number, WorkerLink(std::move(connection)));
  ReadJournals(number);  // what came before it could tell us
  for (const auto& [id, tracked] : attempts_) {
    if (tracked.worker == number && tracked.stop_asked && !tracked.end) SendStop(id, tracked);
  }
}

void WorkerExecutorImpl::OnSocket(std::int64_t number) {
  const auto found = workers_.find(number);
  if (found == workers_.end() || !found->second.link) return;
  Worker& worker = found->second;
  const bool alive = worker.link->Receive([&](const Value& message) { OnMessage(number, message); });
  if (alive) return;
  ReadJournals(number);
  if (worker.own) worker.link->Kill();  // it has ended, or speaks otherwise: then it must not go on
  worker.link.reset();                  // takes its socket out of epoll
  if (worker.own) return OnGone(number);
  Look(number);
}

void WorkerExecutorImpl::OnMessage(std::int64_t number, const Value& message) {
  if (message.Find("journal") != nullptr) ReadJournals(number);
  if (message.Find("probed") != nullptr) probes_.OnAnswer(message);
  const Value* refused = message.Find("refused");
  if (refused == nullptr || !refused->is_int()) return;
  const Value* why = message.Find("why");
  OnRefused(number, refused->integer(),
            why != nullptr && why->is_string() ? why->string() : std::string("the worker refused it"));
}

// Its start line may be there all the same: the disk was full in the middle of several. It is read now, for behind the
// end it would be that of an attempt that nobody knows.
void WorkerExecutorImpl::OnRefused(std::int64_t number, std::int64_t id, std::string why) {
  ReadJournals(number);
  const auto found = attempts_.find(id);
  if (found == attempts_.end() || found->second.done || found->second.end) return;
  if (found->second.worker == 0) return FailLaunch(id, std::move(why));
  if (found->second.worker != number) return;
  found->second.end = LaunchFailed(id, std::move(why));
  if (found->second.claimed) Finish(id, found->second);
}

// It writes nothing any more: what it had begun and not ended is lost.
void WorkerExecutorImpl::OnGone(std::int64_t number) {
  Worker& worker = workers_.at(number);
  if (worker.gone) return;
  ReadJournals(number);
  worker.gone = true;
  for (auto& [id, tracked] : attempts_) {
    if (tracked.worker == number && !tracked.end) Lose(id, tracked);
  }
  if (!worker.own) return RemoveUnused();
  worker.own = false;
  own_ = 0;
  EndStopped();
  probes_.FailAll("the worker was killed");
  log::Warning("the worker was killed: starting another one");
  RemoveUnused();
  if (SystemClock().Monotonic() - spawned_ > Seconds(1)) return RespawnWorker();
  ArmTimer(kSpawnAgain);  // it does not live long: not in a busy loop
}

// The first one is started when there is something to do: who has no actions pays nothing for them.
void WorkerExecutorImpl::NeedWorker() {
  if (own_ == 0 && spawned_.count() == 0) RespawnWorker();
}

Status WorkerExecutorImpl::SpawnWorker() {
  spawned_ = SystemClock().Monotonic();
  auto place = folder_.MakePlace();
  if (!place) return place.error();
  auto link = WorkerLink::Spawn(options_.worker_path, folder_, *place);
  if (!link) {
    folder_.RemovePlace(place->nonce);
    return link.error();
  }
  link->Send(Value(Value::Map{{"configure", Value::Map{{"nonce", place->nonce},
                                                       {"generation", folder_.generation()},
                                                       {"boot_id", options_.boot_id},
                                                       {"log_cap", options_.log_cap_bytes},
                                                       {"rotate", options_.journal_rotate_bytes}}}}));
  own_ = Adopt(place->nonce);
  workers_.at(own_).own = true;
  Attach(own_, std::move(*link));
  return workers_.at(own_).link ? Ok() : Status(Error{ErrorCode::kUnavailable, "the executor has no descriptors", ""});
}

void WorkerExecutorImpl::RespawnWorker() {
  if (const Status spawned = SpawnWorker(); !spawned) {
    log::Error("no action can be started: {}", spawned.error().message);
    own_ = 0;
    return ArmTimer(kSpawnAgain);
  }
  ResendWhatIsNotBegun();
}

// The one that was given it is gone and has not begun it, so nobody has.
void WorkerExecutorImpl::ResendWhatIsNotBegun() {
  for (auto& [id, tracked] : attempts_) {
    if (tracked.done || tracked.worker != 0 || tracked.frame.empty()) continue;
    tracked.given_to = own_;
    Own()->link->SendFrame(tracked.frame);
    if (tracked.stop_asked) SendStop(id, tracked);
  }
  Flush();
}

void WorkerExecutorImpl::Flush() {
  for (auto& [number, worker] : workers_) {
    if (!worker.link) continue;
    worker.link->Flush();
    if (worker.link->wants_to_write() == worker.writing) continue;
    worker.writing = !worker.writing;
    epoll_event event{};
    event.events = EPOLLIN | (worker.writing ? EPOLLOUT : 0u);
    event.data.u64 = static_cast<std::uint64_t>(number);
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, worker.link->fd(), &event);
  }
}

void WorkerExecutorImpl::ArmTimer(Millis delay) {
  itimerspec when{};
  when.it_value.tv_sec = delay.count() / 1000;
  when.it_value.tv_nsec = delay.count() % 1000 * 1'000'000;
  timerfd_settime(timer_.get(), 0, &when, nullptr);
}

void WorkerExecutorImpl::OnTimer() {
  std::uint64_t ticks = 0;
  if (read(timer_.get(), &ticks, sizeof ticks) < 0) return;
  if (own_ == 0 && spawned_.count() != 0) RespawnWorker();
  std::vector<std::int64_t> numbers;
  for (const auto& [number, worker] : workers_) numbers.push_back(number);
  for (const std::int64_t number : numbers) {
    if (workers_.contains(number)) Look(number);
  }
}

bool WorkerExecutorImpl::AddToEpoll(int fd, std::int64_t source, std::uint32_t events) const {
  epoll_event event{};
  event.events = events;
  event.data.u64 = static_cast<std::uint64_t>(source);
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

}  // namespace
}  // namespace executor

Result<std::unique_ptr<WorkerExecutor>> WorkerExecutor::Open(const WorkerExecutorOptions& options) {
  auto folder = executor::WorkerFolder::Open(options.attempts_dir, options.fence_patience);
  if (!folder) return folder.error();
  auto made = std::make_unique<executor::WorkerExecutorImpl>(options, std::move(*folder));
  if (const Status ready = made->Init(); !ready) return ready.error();
  return std::unique_ptr<WorkerExecutor>(std::move(made));
}

}  // namespace pipelined
