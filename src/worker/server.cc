#include "worker/server.h"

#include <errno.h>
#include <fmt/format.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

#include "pipelined/base/clock.h"
#include "pipelined/schema/json.h"

namespace pipelined::worker {
namespace {

constexpr std::size_t kMostThreads = 64, kMostReaders = 2;
constexpr Millis kFenceAgain{5}, kDiskAgain{100};
constexpr Seconds kCloseEvery{30};
constexpr const char* kNoRoom = "the worker's journal takes no more: is the disk full?";
constexpr const char* kTooDeep = "its outputs are nested too deeply";
constexpr Micros kProbePatience = std::chrono::seconds(30);
constexpr std::size_t kMostSaid = 2000;  // bytes of a message

Instant Now() {
  return SystemClock().Now();
}

// Of what a query gives, its answer is one value.
Value AsProbe(Value job) {
  if (!job.is_map() || job.map().size() != 1) return job;
  const auto& [kind, spec] = job.map().front();
  if (kind != "sql" && kind != "sqlite") return job;
  Value asked = spec;
  asked.Set("output", "value");
  return Value(Value::Map{{kind, std::move(asked)}});
}

std::vector<std::string> SecretsIn(const Value& message) {
  std::vector<std::string> secrets;
  if (const Value* list = message.Find("secrets"); list != nullptr && list->is_list()) {
    for (const Value& text : list->list()) secrets.push_back(text.is_string() ? text.string() : "");
  }
  std::erase(secrets, "");
  return secrets;
}

// What is said of an answer; what it gives as outputs is the task's.
Value WithoutSecrets(Value answer, const AttemptLog& log) {
  if (const Value* why = answer.Find("why"); why != nullptr && why->is_string())
    answer.Set("why", log.Shown(why->string(), kMostSaid));
  return answer;
}

}  // namespace

Server::Server() : curl_(loop_), threads_(kMostThreads), mail_threads_(kMostThreads), readers_(kMostReaders) {
  Peer daemon;
  daemon.fd = kDaemonFd;
  daemon.is_daemon = true;
  daemon_ = ++last_peer_;
  peers_[daemon_] = std::move(daemon);
  loop_.Watch(kDaemonFd, EPOLLIN, [this](std::uint32_t events) { Serve(daemon_, events); });
  loop_.Watch(kListenFd, EPOLLIN, [this](std::uint32_t) { Accept(); });
  CloseOldNowAndThen();
}

Server::~Server() = default;

void Server::Run() {
  loop_.Run([this] { return EndTurn(); });
}

void Server::CloseOldNowAndThen() {
  databases_.CloseOld();
  loop_.After(kCloseEvery, [this] { CloseOldNowAndThen(); });
}

// ---- sockets ----

// A later daemon, which wants to know how it ends.
void Server::Accept() {
  const int fd = accept4(kListenFd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  const std::uint64_t key = ++last_peer_;
  peers_[key].fd = fd;
  loop_.Watch(fd, EPOLLIN, [this, key](std::uint32_t events) { Serve(key, events); });
}

void Server::Serve(std::uint64_t key, std::uint32_t events) {
  if (!peers_.contains(key)) return;
  if ((events & EPOLLOUT) != 0) Flush(key);
  char chunk[64 * 1024];
  bool alive = true;
  for (;;) {
    const ssize_t size = recv(peers_[key].fd, chunk, sizeof chunk, MSG_DONTWAIT);
    if (size < 0 && errno == EINTR) continue;
    if (size == 0 || (size < 0 && errno != EAGAIN)) alive = false;
    if (size <= 0) break;
    peers_[key].in.append(chunk, static_cast<std::size_t>(size));
  }
  std::string in = std::exchange(peers_[key].in, {});
  // Nothing that a daemon asked for counts once it is gone: the next one may have been told that it never began.
  if (alive) alive = TakeFrames(in, [&](const Value& message) { OnMessage(key, message); });
  if (!alive) return Drop(key);
  if (const auto peer = peers_.find(key); peer != peers_.end()) peer->second.in = std::move(in);
}

void Server::Drop(std::uint64_t key) {
  const int fd = peers_[key].fd;
  loop_.Forget(fd);
  peers_.erase(key);
  close(fd);
  if (key != daemon_) return;
  daemon_ = 0;
  starting_.clear();
  for (auto& [id, probe] : probes_) probe->job->Stop();  // nobody waits for the answer
}

void Server::Send(std::uint64_t key, const Value& message) {
  const auto found = peers_.find(key);
  if (found == peers_.end()) return;
  found->second.out += MakeFrame(message);
  Flush(key);
}

void Server::Flush(std::uint64_t key) {
  Peer& peer = peers_[key];
  while (!peer.out.empty()) {
    const ssize_t written = send(peer.fd, peer.out.data(), peer.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) break;  // full; gone: the next look tells
    peer.out.erase(0, static_cast<std::size_t>(written));
  }
  if (peer.out.empty()) peer.told = false;
  loop_.Change(peer.fd, EPOLLIN | (peer.out.empty() ? 0u : EPOLLOUT));
}

void Server::TellOfJournal() {
  for (auto& [key, peer] : peers_) {
    if (std::exchange(peer.told, true)) continue;
    Send(key, Value(Value::Map{{"journal", true}}));
  }
}

// ---- what is asked ----

void Server::OnMessage(std::uint64_t key, const Value& message) {
  if (const Value* stop = message.Find("stop"); stop != nullptr && stop->is_int()) return TakeStop(stop->integer());
  if (key != daemon_) return;  // all else is its daemon's business
  if (const Value* settings = message.Find("configure")) return Configure(*settings);
  if (message.Find("start") != nullptr) return TakeStart(message);
  if (message.Find("probe") != nullptr) return TakeProbe(message);
  if (const Value* drop = message.Find("drop"); drop != nullptr && drop->is_int()) return TakeDrop(drop->integer());
}

void Server::Configure(const Value& settings) {
  generation_ = NumberIn(settings, "generation");
  log_cap_ = NumberIn(settings, "log_cap");
  auto fence = Fence::Open(kFolderFd);
  journal_.emplace(kFolderFd, TextIn(settings, "nonce"), TextIn(settings, "boot_id"), NumberIn(settings, "rotate"));
  if (!fence || !journal_->Open()) return Drop(daemon_);  // which says enough
  fence_.emplace(std::move(*fence));
}

void Server::TakeStart(const Value& message) {
  const std::int64_t id = NumberIn(message, "start");
  if (id <= 0 || attempts_.contains(id)) return;
  auto attempt = std::make_unique<Attempt>(id, TextIn(message, "log"), log_cap_, SecretsIn(message));
  attempt->timeout = Micros(NumberIn(message, "timeout"));
  if (const Value* action = message.Find("action")) attempt->action = *action;
  starting_.push_back(std::move(attempt));
}

void Server::TakeStop(std::int64_t id) {
  for (const auto& attempt : starting_) {
    if (attempt->id == id) attempt->cut = Cut::kStopped;  // as soon as it has begun
  }
  if (const auto found = attempts_.find(id); found != attempts_.end()) StopFor(*found->second, Cut::kStopped);
}

void Server::TakeProbe(const Value& message) {
  const std::int64_t id = NumberIn(message, "probe");
  const Value* job = message.Find("job");
  if (job == nullptr || probes_.contains(id)) return;
  auto probe = std::make_unique<Probe>(SecretsIn(message));
  auto begun = Begin(AsProbe(*job), {loop_, curl_, threads_, mail_threads_, readers_, databases_}, probe->log,
                     [this, id](JobEnd end) {
                       const bool answered = end.outcome == AttemptOutcome::kSucceeded || !end.probed.is_null();
                       AnswerProbe(id, answered ? Result<Value>(std::move(end.probed))
                                                : Error{ErrorCode::kFailed, std::move(end.message), ""});
                     });
  if (!begun) {
    return Send(daemon_,
                Value(Value::Map{{"probed", id}, {"error", probe->log.Shown(begun.error().message, kMostSaid)}}));
  }
  probe->job = std::move(*begun);
  const Micros own = TimeoutOf(*job), statement = StatementTimeoutOf(*job);
  probe->timer = loop_.After(own.count() > 0 ? own : kProbePatience + statement, [this, id] {
    const auto found = probes_.find(id);
    if (found != probes_.end()) found->second->job->Stop();
  });
  probes_[id] = std::move(probe);
}

void Server::TakeDrop(std::int64_t id) {
  const auto found = probes_.find(id);
  if (found != probes_.end()) found->second->job->Stop();  // its answer is not looked at any more
}

void Server::AnswerProbe(std::int64_t id, Result<Value> answer) {
  const auto found = probes_.find(id);
  if (found == probes_.end()) return;
  loop_.Cancel(found->second->timer);
  const AttemptLog& log = found->second->log;
  answered_.push_back(std::move(found->second));
  probes_.erase(found);
  Value message(Value::Map{{"probed", id}});
  if (answer) message.Set("value", WithoutSecrets(std::move(*answer), log));
  const std::string text = answer ? ToJson(message) : std::string();
  if (text.size() > kMostOutput) {
    message =
        Value(Value::Map{{"probed", id}, {"error", fmt::format("the answer has more than {} bytes", kMostOutput)}});
  } else if (answer && !ParseJson(text)) {
    message = Value(Value::Map{{"probed", id}, {"error", kTooDeep}});
  } else if (!answer) {
    message.Set("error", log.Shown(answer.error().message, kMostSaid));
  }
  Send(daemon_, message);
}

void Server::Refuse(std::int64_t id, const std::string& why) {
  Send(daemon_, Value(Value::Map{{"refused", id}, {"why", why}}));
}

// ---- attempts ----

bool Server::EndTurn() {
  BeginStarting();
  WriteEnds();
  ended_.clear();
  answered_.clear();
  return daemon_ == 0 && attempts_.empty() && probes_.empty() && end_lines_.empty();
}

// Written down before anything of it is done, and only while the fence says that this worker's daemon is the last one.
void Server::BeginStarting() {
  if (starting_.empty() || waits_) return;
  switch (fence_ ? fence_->TryEnter(generation_) : Fence::Entry::kClosed) {
    case Fence::Entry::kBusy:
      waits_ = true;
      loop_.After(kFenceAgain, [this] { waits_ = false; });
      return;
    case Fence::Entry::kClosed:
      for (const auto& attempt : std::exchange(starting_, {}))
        Refuse(attempt->id, "refused: another daemon has used this executor since");
      return;
    case Fence::Entry::kOpen:
      break;
  }
  const Journal::Appended admitted = Admit();
  fence_->Leave();
  for (auto& attempt : std::exchange(starting_, {})) {
    if (admitted == Journal::Appended::kAll) {
      BeginOne(std::move(attempt));
      continue;
    }
    if (admitted == Journal::Appended::kTorn) NeverBegan(*attempt, kNoRoom);
    Refuse(attempt->id, kNoRoom);
  }
  if (admitted == Journal::Appended::kAll) TellOfJournal();
}

// Its start line may be there, and whoever reads that would wait for an end.
void Server::NeverBegan(const Attempt& attempt, std::string why) {
  JobEnd end = JobEnd::Failed(std::move(why));
  end.outcome = AttemptOutcome::kLaunchFailed;
  end_lines_ += EndLine(EndOf(attempt, std::move(end)));
}

Journal::Appended Server::Admit() {
  std::string lines;
  for (const auto& attempt : starting_) {
    attempt->start = Now();
    attempt->begun = SystemClock().Monotonic();
    lines += StartLine(attempt->id, attempt->start);
  }
  return journal_->Append(lines);
}

void Server::BeginOne(std::unique_ptr<Attempt> attempt) {
  const std::int64_t id = attempt->id;
  Attempt& known = *(attempts_[id] = std::move(attempt));
  auto job = Begin(known.action, {loop_, curl_, threads_, mail_threads_, readers_, databases_}, known.log,
                   [this, id](JobEnd end) { OnDone(id, std::move(end)); });
  if (!job) {
    JobEnd end = JobEnd::Failed(job.error().message);
    end.outcome = AttemptOutcome::kLaunchFailed;
    end.is_final = job.error().code == ErrorCode::kNotAllowed;
    return OnDone(id, std::move(end));
  }
  known.job = std::move(*job);
  Limit(known);
  known.action = Value();  // it may be large, and hold secrets
  if (known.cut == Cut::kStopped) known.job->Stop();
}

// Its own timeout, and execution_timeout.
void Server::Limit(Attempt& attempt) {
  const Micros own = TimeoutOf(attempt.action);
  const bool own_first = own.count() > 0 && (attempt.timeout.count() == 0 || own <= attempt.timeout);
  const Micros limit = own_first ? own : attempt.timeout;
  if (limit.count() <= 0) return;
  if (own_first) attempt.timeout = own;
  attempt.timer = loop_.After(limit, [this, id = attempt.id, own_first] {
    const auto found = attempts_.find(id);
    if (found == attempts_.end()) return;
    found->second->timer = 0;
    StopFor(*found->second, own_first ? Cut::kOwnTimeout : Cut::kTimedOut);
  });
}

void Server::StopFor(Attempt& attempt, Cut cut) {
  if (attempt.cut != Cut::kNone) return;
  attempt.cut = cut;
  attempt.job->Stop();
}

void Server::OnDone(std::int64_t id, JobEnd end) {
  const auto found = attempts_.find(id);
  if (found == attempts_.end()) return;
  Attempt& attempt = *found->second;
  if (attempt.timer != 0) loop_.Cancel(attempt.timer);
  const AttemptEnd record = EndOf(attempt, std::move(end));
  if (!record.message.empty()) attempt.log.Line(record.message);
  attempt.log.Finish();
  end_lines_ += EndLine(record);
  ended_.push_back(std::move(found->second));
  attempts_.erase(found);
}

AttemptEnd Server::EndOf(const Attempt& attempt, JobEnd end) const {
  AttemptEnd record;
  record.attempt = AttemptId{attempt.id};
  record.outcome = end.outcome;
  record.start = attempt.start;
  record.end = Now();
  record.duration = SystemClock().Monotonic() - attempt.begun;
  record.message = attempt.log.Shown(std::move(end.message), kMostSaid);
  record.is_final = end.is_final;
  if (end.was_stopped && end.outcome == AttemptOutcome::kLost) {  // an end that nobody knows stays one
    record.message += attempt.cut == Cut::kStopped ? " (it was stopped on request)" : " (its time was over)";
  } else if (end.was_stopped && attempt.cut == Cut::kStopped) {
    record.outcome = AttemptOutcome::kStopped;
    record.message = "stopped on request";
  } else if (end.was_stopped) {
    record.outcome = AttemptOutcome::kTimedOut;
    record.message =
        fmt::format("{} passed: no end after {}", attempt.cut == Cut::kOwnTimeout ? "its timeout" : "execution_timeout",
                    FormatDuration(attempt.timeout));
  }
  if (record.outcome != AttemptOutcome::kSucceeded) {
    record.exit_code = record.outcome == AttemptOutcome::kFailed ? 1 : 0;
    return record;
  }
  if (ToJson(end.outputs).size() > kMostOutput) {
    record.outcome = AttemptOutcome::kBadOutput;
    record.message = fmt::format("its outputs have more than {} bytes", kMostOutput);
    return record;
  }
  record.outputs = std::move(end.outputs);
  if (!ReadLine(EndLine(record))) {  // else nobody would know of its end
    record.outputs = Value();
    record.outcome = AttemptOutcome::kBadOutput;
    record.message = kTooDeep;
  }
  return record;
}

void Server::WriteEnds() {
  if (end_lines_.empty() || !journal_) return;
  if (journal_->Append(end_lines_) != Journal::Appended::kAll) {
    if (!std::exchange(disk_retry_, true)) loop_.After(kDiskAgain, [this] { disk_retry_ = false; });  // wakes this up
    return;
  }
  end_lines_.clear();
  TellOfJournal();
}

}  // namespace pipelined::worker
