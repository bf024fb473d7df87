#include "engine/past_chain.h"

#include <algorithm>
#include <memory>

namespace pipelined {
namespace {

// As Airflow: in a DAG that catches up, runs made by hand are nobody's past.
bool CountsFor(const ActiveRun& later, const RunInfo& run) {
  return !later.dag().schedule.catchup || run.type != RunType::kManual;
}

}  // namespace

void PastChain::Enter(ActiveRun& run, const std::optional<PastRun>& past, const Find& find) {
  if (const auto followers = followers_.find(run.info.id); followers != followers_.end()) {
    for (ActiveRun* later : followers->second) {
      later->before->Meet(run);
      Wake(*later, later->held_by_past());
    }
    run.CollectEnded(true);
  }
  if (run.info.logical_date && !run.info.repeats) ComesBefore(run);
  if (!LooksBack(run.info, run.dag())) return;
  looking_back_[run.info.dag_id].emplace(Place{*run.info.logical_date, run.info.id}, &run);
  if (!past) return;
  run.before = std::make_unique<RunBefore>(*past);
  Follow(run, find(past->run));
}

// Up to the first run that is itself the past of all later ones.
void PastChain::ComesBefore(ActiveRun& run) {
  const auto dag = looking_back_.find(run.info.dag_id);
  if (dag == looking_back_.end()) return;
  const Instant date = *run.info.logical_date;
  for (auto at = dag->second.upper_bound(Place{date, run.info.id}); at != dag->second.end(); ++at) {
    ActiveRun& later = *at->second;
    const bool nearer = later.before == nullptr || later.before->logical_date() < date;
    if (CountsFor(later, run.info) && nearer) {
      Unfollow(later);
      later.before = std::make_unique<RunBefore>(run);
      Follow(later, &run);
    }
    if (CountsFor(later, later.info)) return;
  }
}

void PastChain::Follow(ActiveRun& later, ActiveRun* before) {
  followers_[later.before->run()].push_back(&later);
  if (before == nullptr) return;
  if (IsFinished(before->info.state)) return later.before->Remember(*before, later.dag());  // in this very turn
  later.before->Meet(*before);
  before->CollectEnded(true);
}

void PastChain::Unfollow(ActiveRun& later) {
  if (later.before == nullptr) return;
  const auto found = followers_.find(later.before->run());
  std::erase(found->second, &later);
  if (found->second.empty()) followers_.erase(found);
}

void PastChain::Leave(ActiveRun& run) {
  Note(run);
  if (const auto followers = followers_.find(run.info.id); followers != followers_.end()) {
    for (ActiveRun* later : followers->second) later->before->Remember(run, later->dag());
  }
  Unfollow(run);
  run.before.reset();
  const auto dag = looking_back_.find(run.info.dag_id);
  if (dag == looking_back_.end() || !run.info.logical_date) return;
  dag->second.erase(Place{*run.info.logical_date, run.info.id});
  if (dag->second.empty()) looking_back_.erase(dag);
}

void PastChain::Changed(ActiveRun& run) {
  const auto followers = followers_.find(run.info.id);
  if (followers == followers_.end()) return;
  for (ActiveRun* later : followers->second) {
    later->before->Remember(run, later->dag());
    Wake(*later, later->held_by_past());
  }
}

bool PastChain::IsWaitedFor(RunId run) const {
  const auto followers = followers_.find(run);
  return followers != followers_.end() &&
         std::any_of(followers->second.begin(), followers->second.end(),
                     [](const ActiveRun* later) { return later->before->MayHold(); });
}

void PastChain::Note(ActiveRun& run) {
  const std::vector<TaskNo> ended = run.TakeEnded();
  if (ended.empty()) return;
  const auto followers = followers_.find(run.info.id);
  if (followers == followers_.end()) return run.CollectEnded(false);
  for (ActiveRun* later : followers->second) {
    std::vector<TaskNo> tasks;
    for (const TaskNo task : ended) {
      const auto same = later->dag().Find(run.dag().tasks[task].id);
      if (!same) continue;
      if (later->HoldsForPast(*same)) tasks.push_back(*same);
      for (const TaskNo above : later->dag().upstream.Of(*same)) {
        if (later->dag().tasks[above].wait_for_downstream && later->HoldsForPast(above)) tasks.push_back(above);
      }
    }
    Wake(*later, std::move(tasks));
  }
}

void PastChain::Wake(const ActiveRun& later, std::vector<TaskNo> tasks) {
  if (!tasks.empty()) woken_.push_back(Woken{later.info.id, later.life, std::move(tasks)});
}

std::optional<PastChain::Woken> PastChain::Take() {
  if (woken_.empty()) return std::nullopt;
  Woken next = std::move(woken_.front());
  woken_.pop_front();
  return next;
}

}  // namespace pipelined
