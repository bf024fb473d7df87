#include "scheduler/sensors/sensor_host.h"

#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>

#include "scheduler/launch_action.h"

namespace pipelined {
namespace {

// With an interval of at least so much looks come together, so that thousands of sensors wake the scheduler once.
constexpr Micros kPatient = std::chrono::seconds(10);
constexpr Micros kTogether = std::chrono::seconds(1);
// By how much the wall clock may go its own way before that counts as set: it is slewed all the time.
constexpr Micros kSet = std::chrono::seconds(1);
// A last look that is not answered by then has seen nothing.
constexpr Micros kAnswerWithin = std::chrono::seconds(10);

bool IsTimer(SensorKind kind) {
  return kind == SensorKind::kTime || kind == SensorKind::kDelta;
}
bool IsFile(SensorKind kind) {
  return kind == SensorKind::kFile || kind == SensorKind::kGlob;
}
bool IsOfRuns(SensorKind kind) {
  return kind == SensorKind::kTask || kind == SensorKind::kDag;
}

void Unlist(std::unordered_map<std::string, std::unordered_set<AttemptId>>& lists, const std::string& name,
            AttemptId attempt) {
  const auto list = lists.find(name);
  if (list == lists.end()) return;  // a task may be named twice
  list->second.erase(attempt);
  if (list->second.empty()) lists.erase(list);
}

// No id holds a line end.
std::string KeyOf(const std::string& dag_id, const std::string& run_id) {
  return dag_id + '\n' + run_id;
}
std::string KeyOf(const std::string& dag_id, const std::optional<Instant>& logical_date) {
  return KeyOf(dag_id, "\n" + (logical_date ? FormatInstant(*logical_date) : ""));
}
std::string KeyOf(const RunQuestion& question) {
  return question.run_id.empty() ? KeyOf(question.dag_id, question.logical_date)
                                 : KeyOf(question.dag_id, question.run_id);
}
std::string TaskKey(const std::string& run_key, const std::string& task_id) {
  return run_key + '\n' + task_id;
}

Instant Together(const PokePolicy& policy, Instant at) {
  if (policy.interval < kPatient) return at;
  const Instant whole = std::chrono::floor<Seconds>(at);
  return whole == at ? at : whole + kTogether;
}

// The instant of a `time` or `delta` job. It was written by AskSensor().
Instant InstantOf(const Value& job) {
  const Value* at = job.map().front().second.Find("at");
  const auto instant = at == nullptr || !at->is_string() ? Result<Instant>(Instant{}) : ParseInstant(at->string());
  return instant ? *instant : Instant{};
}

}  // namespace

SensorHost::SensorHost(const Clock& clock, Prober* prober, LookUpConnection connection)
    : clock_(clock),
      prober_(prober),
      connection_(std::move(connection)),
      files_(clock),
      poll_(epoll_create1(EPOLL_CLOEXEC)) {
  Watch(files_.PollFd());
  if (prober_ != nullptr) Watch(prober_->PollFd());
}

SensorHost::~SensorHost() {
  close(poll_);
}

void SensorHost::Watch(int fd) const {
  if (fd < 0) return;
  epoll_event event{};
  event.events = EPOLLIN;
  epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
}

void SensorHost::Add(WaitingSensor sensor) {
  const AttemptId attempt = sensor.attempt;
  const auto [at, added] = waiting_.try_emplace(attempt, Entry{std::move(sensor), {}});
  if (!added) return;
  if (!epoch_) epoch_ = clock_.Now() - clock_.Monotonic();
  Entry& entry = at->second;
  const SensorSpec& spec = entry.spec();
  const Instant since = entry.what.since, end = since + spec.poke.timeout;
  entry.poke = Poke{1, since};
  if (IsTimer(spec.kind)) entry.poke.at = std::min(InstantOf(entry.what.job), end);
  if (IsFile(spec.kind)) files_.Watch(attempt, entry.what.job);
  if (IsOfRuns(spec.kind)) {
    const RunQuestion question = QuestionOf(entry.what.job);
    const std::string run = KeyOf(question);
    by_run_[run].insert(attempt);
    for (const std::string& task : question.task_ids) by_task_[TaskKey(run, task)].insert(attempt);
  }
  if (spec.kind == SensorKind::kAsset) by_asset_[AssetQuestionOf(entry.what.job).uri].insert(attempt);
  SetDue(entry, entry.poke.at);
}

void SensorHost::Remove(AttemptId attempt) {
  const auto found = waiting_.find(attempt);
  if (found == waiting_.end()) return;
  const Entry& entry = found->second;
  due_.erase({entry.due, attempt});
  if (IsFile(entry.spec().kind)) files_.Forget(attempt);
  if (IsOfRuns(entry.spec().kind)) {
    const RunQuestion question = QuestionOf(entry.what.job);
    const std::string run = KeyOf(question);
    Unlist(by_run_, run, attempt);
    for (const std::string& task : question.task_ids) Unlist(by_task_, TaskKey(run, task), attempt);
  }
  if (entry.spec().kind == SensorKind::kAsset) Unlist(by_asset_, AssetQuestionOf(entry.what.job).uri, attempt);
  if (NeedsProber(entry.spec().kind) && entry.asked && prober_ != nullptr) prober_->Drop(attempt.value);
  waiting_.erase(found);
}

void SensorHost::Clear() {
  while (!waiting_.empty()) Remove(waiting_.begin()->first);
  Drain();
  epoch_.reset();  // how the clock is set while nothing waits concerns nothing that waits later
}

void SensorHost::Drain() {
  files_.Answers();
  if (prober_ != nullptr) prober_->Probed();
}

std::optional<Instant> SensorHost::NextDue() const {
  return due_.empty() ? std::nullopt : std::optional(due_.begin()->first);
}

SensorHost::Entry* SensorHost::Find(AttemptId attempt) {
  const auto found = waiting_.find(attempt);
  return found == waiting_.end() ? nullptr : &found->second;
}

void SensorHost::SetDue(Entry& entry, Instant at) {
  due_.erase({entry.due, entry.what.attempt});
  entry.due = at;
  due_.insert({at, entry.what.attempt});
}

void SensorHost::LookNow(const Lists& lists, const std::string& name) {
  const auto list = lists.find(name);
  if (list == lists.end()) return;
  for (const AttemptId attempt : list->second) SetDue(waiting_.at(attempt), Instant{});
}

void SensorHost::NoteRun(const RunName& run) {
  LookNow(by_run_, KeyOf(run.dag_id, run.run_id));
  if (run.logical_date) LookNow(by_run_, KeyOf(run.dag_id, run.logical_date));
}
void SensorHost::NoteTask(const RunName& run, const std::string& task_id) {
  LookNow(by_task_, TaskKey(KeyOf(run.dag_id, run.run_id), task_id));
  if (run.logical_date) LookNow(by_task_, TaskKey(KeyOf(run.dag_id, run.logical_date), task_id));
}
void SensorHost::NoteEvent(const std::string& uri) {
  LookNow(by_asset_, uri);
}

Result<std::vector<AttemptFinished>> SensorHost::Step(Store& store, Instant now) {
  FollowClock(now);
  Ends ends;
  TakeAnswers(now, ends);
  ForStore for_store;
  while (!due_.empty() && due_.begin()->first <= now) Due(waiting_.at(due_.begin()->second), now, for_store, ends);
  if (const Status looked = LookAtRuns(store, for_store.runs, now, ends); !looked) return looked.error();
  if (const Status looked = LookAtAssets(store, for_store.assets, now, ends); !looked) return looked.error();
  return ends;
}

// What waits by the time that passes waits as long as before when the wall clock is set.
void SensorHost::FollowClock(Instant now) {
  const Instant epoch = now - clock_.Monotonic();
  const Micros by = epoch_ ? epoch - *epoch_ : Micros(0);
  if (epoch_ && by > -kSet && by < kSet) return;
  epoch_ = epoch;
  if (by == Micros(0)) return;
  for (auto& [attempt, entry] : waiting_) Move(entry, by);
}

void SensorHost::Move(Entry& entry, Micros by) {
  entry.moved += by;
  if (IsTimer(entry.spec().kind)) {  // its instant is the wall clock's; how long it waits at the most is not
    entry.poke.at = std::min(InstantOf(entry.what.job), entry.since() + entry.spec().poke.timeout);
    return SetDue(entry, entry.poke.at);
  }
  entry.poke.at += by;
  if (entry.due != Instant{}) SetDue(entry, entry.due + by);
}

void SensorHost::TakeAnswers(Instant now, Ends& ends) {
  for (FileAnswer& answer : files_.Answers()) {
    Entry* entry = Find(answer.attempt);
    if (entry == nullptr) continue;
    const bool expected = answer.asked && entry->asked;
    if (expected || answer.sighting.kind == Sighting::Kind::kThere) {
      Take(*entry, std::move(answer.sighting), now, ends);
    } else if (!entry->asked && answer.sighting.look_at) {
      SetDue(*entry, std::min(entry->due, std::max(*answer.sighting.look_at, now)));
    }
  }
  if (prober_ == nullptr) return;
  for (const ProbeResult& result : prober_->Probed()) {
    Entry* entry = Find(AttemptId{result.id});
    if (entry != nullptr && entry->asked) Take(*entry, Judge(entry->what.job, result), now, ends);
  }
}

// Its look is due, or one that was asked for long ago is still not answered.
void SensorHost::Due(Entry& entry, Instant now, ForStore& for_store, Ends& ends) {
  const SensorSpec& spec = entry.spec();
  const Instant end = entry.since() + spec.poke.timeout;
  if (entry.asked) {
    if (entry.last) return TimeOut(entry, now, ends);
    entry.last = true;
    return SetDue(entry, now + kAnswerWithin);
  }
  entry.last = now >= end;
  if (IsTimer(spec.kind)) {
    if (now >= InstantOf(entry.what.job)) return Take(entry, Sighting{Sighting::Kind::kThere}, now, ends);
    if (entry.last) return TimeOut(entry, now, ends);
    return SetDue(entry, entry.poke.at);  // the clock was set back
  }
  entry.asked = true;
  SetDue(entry, entry.last ? now + kAnswerWithin : end);
  if (IsFile(spec.kind)) return files_.Ask(entry.what.attempt);
  if (IsOfRuns(spec.kind)) return for_store.runs.push_back(entry.what.attempt);
  if (spec.kind == SensorKind::kAsset) return for_store.assets.push_back(entry.what.attempt);
  AskProber(entry, now, ends);
}

// The connection is not in the job, which is stored: a password is looked up when it is needed.
void SensorHost::AskProber(Entry& entry, Instant now, Ends& ends) {
  const auto job = prober_ == nullptr
                       ? Result<Value>(Error{ErrorCode::kUnavailable, "there is nobody who could ask", ""})
                       : Connect(entry.what.job, connection_);
  if (!job) {
    // What cannot be looked up now is looked up with the next look.
    const bool later = prober_ != nullptr && job.error().code == ErrorCode::kUnavailable;
    const auto kind = later ? Sighting::Kind::kNotYet : Sighting::Kind::kUnknown;
    return Take(entry, Sighting{kind, {}, job.error().message}, now, ends);
  }
  std::vector<std::string> secrets = SecretsOf(*job);
  prober_->Probe(entry.what.attempt.value, *job, std::move(secrets));
}

Status SensorHost::LookAtAssets(Store& store, const std::vector<AttemptId>& attempts, Instant now, Ends& ends) {
  if (attempts.empty()) return Ok();
  std::vector<AssetQuestion> questions;
  questions.reserve(attempts.size());
  for (const AttemptId attempt : attempts) questions.push_back(AssetQuestionOf(waiting_.at(attempt).what.job));
  const auto seen = store.LookAtAssets(questions);
  if (!seen) return seen.error();
  for (std::size_t i = 0; i < attempts.size(); ++i) Take(waiting_.at(attempts[i]), Judge((*seen)[i]), now, ends);
  return Ok();
}

// All of them in one question.
Status SensorHost::LookAtRuns(Store& store, const std::vector<AttemptId>& attempts, Instant now, Ends& ends) {
  if (attempts.empty()) return Ok();
  std::vector<RunQuestion> questions;
  questions.reserve(attempts.size());
  for (const AttemptId attempt : attempts) questions.push_back(QuestionOf(waiting_.at(attempt).what.job));
  const auto seen = store.LookAtRuns(questions);
  if (!seen) return seen.error();
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    Entry& entry = waiting_.at(attempts[i]);
    Take(entry, Judge(entry.what.job, (*seen)[i]), now, ends);
  }
  return Ok();
}

void SensorHost::Take(Entry& entry, Sighting sighting, Instant now, Ends& ends) {
  entry.asked = false;
  const SensorSpec& spec = entry.spec();
  using Kind = Sighting::Kind;
  switch (sighting.kind) {
    case Kind::kThere:
      return End(entry, TryOutcome::kSucceeded, now, {}, std::move(sighting.outputs), ends);
    case Kind::kSkips:
      return End(entry, TryOutcome::kSkipped, now, std::move(sighting.message), {}, ends);
    case Kind::kFails:
      return End(entry, spec.soft_fail ? TryOutcome::kSkipped : TryOutcome::kFailed, now, std::move(sighting.message),
                 {}, ends);
    case Kind::kUnknown:
      if (!spec.silent_fail) return End(entry, TryOutcome::kFailed, now, std::move(sighting.message), {}, ends);
      [[fallthrough]];
    case Kind::kNotYet:
      entry.said = std::move(sighting.message);
      if (entry.last) return TimeOut(entry, now, ends);
      GoOn(entry, now, sighting.look_at);
  }
}

// A look between two that were due changes nothing of when those are.
void SensorHost::GoOn(Entry& entry, Instant now, std::optional<Instant> look_at) {
  const WaitingSensor& what = entry.what;
  const SensorSpec& spec = entry.spec();
  const PokeKey key{what.dag->id, what.dag->tasks[what.task].id};
  if (entry.poke.at <= now) {
    if (const auto next = NextPoke(spec.poke, key, entry.since(), entry.poke, now)) entry.poke = *next;
  }
  const Instant due = Together(spec.poke, entry.poke.at);
  SetDue(entry, look_at ? std::min(due, std::max(*look_at, now + Micros(1))) : due);
}

void SensorHost::TimeOut(Entry& entry, Instant now, Ends& ends) {
  const SensorSpec& spec = entry.spec();
  std::string why = fmt::format("timeout of {} is over: {} was not there{}", FormatDuration(spec.poke.timeout),
                                NameOfJob(entry.what.job), entry.said.empty() ? "" : " (" + entry.said + ")");
  End(entry, spec.soft_fail ? TryOutcome::kSkipped : TryOutcome::kTimedOut, now, std::move(why), {}, ends);
}

// If its end cannot be stored, it is added again by whoever leads next.
void SensorHost::End(Entry& entry, TryOutcome outcome, Instant now, std::string message, Value outputs, Ends& ends) {
  AttemptFinished end;
  end.attempt = entry.what.attempt;
  end.outcome = outcome;
  end.end = now;
  end.message = std::move(message);
  end.outputs = std::move(outputs);
  end.is_final = outcome == TryOutcome::kTimedOut;  // as Airflow: no further try follows
  ends.push_back(std::move(end));
  Remove(entry.what.attempt);
}

std::string SensorHost::Explain(AttemptId attempt) const {
  const auto found = waiting_.find(attempt);
  if (found == waiting_.end()) return {};
  const Entry& entry = found->second;
  std::string text = fmt::format("waits for {} since {}", NameOfJob(entry.what.job), FormatInstant(entry.what.since));
  if (IsTimer(entry.spec().kind)) return text;
  const std::int64_t looks = entry.poke.number - (entry.asked ? 0 : 1);
  text += fmt::format(", looked {} times", looks);
  text += entry.asked ? ", looks now" : fmt::format(", looks next at {}", FormatInstant(entry.poke.at));
  return entry.said.empty() ? text : text + ": " + entry.said;
}

}  // namespace pipelined
