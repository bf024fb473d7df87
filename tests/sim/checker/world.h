// Everything around a history as it is played: the clock, the store, the host and the real scheduler with its engine.
// The same history always goes the same way.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "pipelined/scheduler/scheduler.h"
#include "sim/checker/coverage.h"
#include "sim/checker/host.h"
#include "sim/checker/invariants.h"
#include "sim/checker/watched_store.h"

namespace pipelined::sim {

class World {
 public:
  // The DAGs and pools of `history`; its steps are not taken. `coverage` may be nullptr.
  World(const History& history, Coverage* coverage);
  ~World();
  World(const World&) = delete;

  // False: it made no sense now.
  bool Take(const Step& step);
  // Whatever holds something up is taken away, everything that runs succeeds, until all runs are over.
  void Settle();

  const std::optional<Fault>& fault() const { return fault_; }  // the first
  const Ledger& ledger() const { return ledger_; }
  const Host& host() const { return host_; }
  bool IsOver() const;

 private:
  void Turn(Micros passes);
  void Restart();
  bool End(const Step& step);
  bool Trigger(const Step& step);
  bool Delete(RunId run);
  bool MakeBackfill(const Step& step);
  bool Steer(BackfillId backfill, StepKind kind);
  bool SteerRun(const Step& step);
  bool File(decltype(Command::what) what);
  CommandId FileAs(decltype(Command::what) what);
  void Unblock();
  void UnblockAgain();
  void OnCommit(const Plan& plan);
  void CheckStarted();
  void Count(const Plan& plan);
  void CountTask(const RunRow& run, const TaskChange& change);
  void CountBetweenRuns(const Plan& plan) const;
  void CountSteered(const TaskChange& change) const;
  TaskState StateOf(const AttemptClosed& closed) const;
  void CountRun(const Plan& plan, const RunChange& change);
  void Note(std::string_view invariant, std::string text);
  void Hit(Effect effect) const {
    if (coverage_ != nullptr) coverage_->Hit(effect);
  }
  std::string WhatWaits() const;

  const History& history_;
  Coverage* coverage_;
  ManualClock clock_{kStart};
  MemoryStore memory_{clock_};
  Ledger ledger_;
  WatchedStore store_;
  Host host_;
  std::vector<DagPtr> dags_;
  std::unique_ptr<Scheduler> scheduler_;
  std::optional<Fault> fault_;
  std::size_t filed_ = 0;  // commands so far
  bool unlooked_ = false;  // something was written that the scheduler has not looked for
  int triggered_ = 0;
};

// From the first step until everything is over.
std::optional<Fault> Play(const History& history, Coverage* coverage = nullptr);

// "Invariant: what was seen", or empty; for tests.
std::string FaultOf(const History& history);

}  // namespace pipelined::sim
