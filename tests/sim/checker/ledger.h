// What the committed plans say, kept by the plainest means beside the store: the invariants are asked of it after each
// commit, and whatever the store hands out is compared with it.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pipelined/lifecycle/history.h"
#include "pipelined/ports/store.h"
#include "sim/checker/naive_dag.h"

namespace pipelined::sim {

struct TaskRow {
  TaskState state = TaskState::kNone;
  TaskState was = TaskState::kNone;  // before the last commit decided, after what people said in it
  int tries = 0;
  int tries_before = 0;  // when it was last cleared
  AttemptId attempt;
  std::vector<TaskState> way = {};  // of the last commit, with the state before; empty: untouched
  bool steered = false;             // by people, in the last commit
};

// A unit is a task, by its number, or an instance of a mapped one, behind them.
using UnitNo = std::uint32_t;

struct RunRow {
  // Once a task is expanded its instances stand for it.
  bool Counts(UnitNo unit) const { return unit >= dag->tasks.size() || lengths[unit] == 0; }
  TaskNo TaskOf(UnitNo unit) const {
    return unit < dag->tasks.size() ? unit : instances[unit - dag->tasks.size()].first;
  }
  std::int32_t IndexOf(UnitNo unit) const {
    return unit < dag->tasks.size() ? kNotMapped : instances[unit - dag->tasks.size()].second;
  }
  // A cleared task may have become its instances since.
  bool WasSteered(UnitNo unit) const { return tasks[unit].steered || tasks[TaskOf(unit)].steered; }
  std::optional<UnitNo> UnitOf(TaskNo task, std::int32_t map_index) const;
  const Task& What(UnitNo unit) const { return dag->tasks[TaskOf(unit)]; }

  RunInfo info;
  RunState state = RunState::kQueued;
  bool ended = false;      // in the last commit, whatever came before and after
  RunState ended_as = {};  // … for the first time,
  AttemptId ended_for;     // and which attempt had made it
  bool deleted = false;    // as it was when it was
  bool requeued = false;   // the same
  bool reset = false;      // the same
  RunState before = RunState::kQueued;
  std::optional<Instant> began;         // when it was last let run
  std::optional<Instant> began_before;  // … before the last commit, if it was under way then
  bool outlived = false;                // … when its backfill was over
  DagPtr dag;
  std::shared_ptr<const NaiveDag> naive;
  const DagSpec* spec = nullptr;
  std::vector<TaskRow> tasks;                                   // by unit
  std::vector<std::pair<TaskNo, std::int32_t>> instances;       // of the units behind the tasks
  std::vector<std::uint32_t> lengths;                           // by task; 0: not expanded
  std::map<std::pair<TaskNo, std::int32_t>, int> tries_before;  // of instances, when the run was set back
  RunHistory history;
  bool set_back = false;  // once, by a backfill or a task
  std::map<std::int32_t, DeadlineState> deadlines;
};

struct OpenRow {
  RunId run;
  UnitNo task = 0;
  bool parked = false;  // has asked for a run, or is a sensor that waits: no process, no limits
};

struct BackfillRow {
  std::string dag_id;
  std::int32_t max_active_runs = 1;
  bool cancelled = false;
  bool over = false;       // before the last commit
  bool just_over = false;  // with it
  std::vector<BackfillSlot> slots;
};

struct Ledger {
  // A DAG that runs may be created from.
  void Add(const DagSpec& spec, DagPtr dag);
  void Created(const RunInfo& run);
  void Apply(const Plan& plan, const Committed& committed);

  RunRow& Of(RunId run) { return runs.at(static_cast<std::size_t>(run.value - 1)); }
  const RunRow& Of(RunId run) const { return runs.at(static_cast<std::size_t>(run.value - 1)); }
  const Task& What(const OpenRow& row) const { return Of(row.run).What(row.task); }
  // The backfill whose limit the run has; none: its DAG's.
  BackfillId LimitOf(const RunRow& run) const { return run.outlived ? BackfillId() : run.info.backfill; }
  bool IsParked(AttemptId attempt) const {
    const auto found = open.find(attempt);
    return found != open.end() && found->second.parked;
  }
  const Dag& DagOf(const std::string& dag_id) const { return *dags_.at(dag_id).dag; }
  bool IsPaused(const std::string& dag_id) const { return paused.contains(dag_id); }

  std::vector<RunRow> runs;  // run n at n-1
  std::map<AttemptId, OpenRow> open;
  std::map<std::string, int> pools;
  std::set<std::string> counting_deferred;  // pools
  std::set<std::string> paused;
  std::map<BackfillId, BackfillRow> backfills;
  std::map<CommandId, CommandDone> done;
  std::map<CommandId, Step> steering;                                        // clears and marks, as they were filed
  std::map<CommandId, RunId> to_cancel;                                      // as they were filed
  std::vector<std::pair<RunId, UnitNo>> changed;                             // by the last commit
  std::map<std::string, std::vector<std::pair<AttemptId, Instant>>> starts;  // by rate
  int parallelism = 32;
  std::size_t runs_before = 0;          // the last commit
  std::size_t runs_at_last_commit = 0;  // … and at the end of the one before it

 private:
  struct Known {
    DagPtr dag;
    std::shared_ptr<const NaiveDag> naive;
    const DagSpec* spec = nullptr;
  };
  void Begin(RunRow& run, Instant now);
  void Park(AttemptId attempt);
  void Close(const AttemptClosed& closed);
  void Expand(const TaskExpanded& expanded);
  void Reset(const RestoredRun& restored, Instant now);
  TaskRow& Change(const TaskChange& change, Instant now);

  std::map<std::string, Known> dags_;
  std::size_t runs_at_end_ = 0;
};

}  // namespace pipelined::sim
