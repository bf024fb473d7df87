#include "sim/checker/shrinker.h"

#include <algorithm>

#include "sim/checker/features.h"

namespace pipelined::sim {
namespace {

// What was seen, whichever task of whichever run it was seen of: so that one fault is not shrunk into another.
std::string Kind(std::string text) {
  text = text.substr(0, text.find(','));
  std::erase_if(text, [](char c) { return (c >= '0' && c <= '9') || c == '[' || c == ']'; });
  return text;
}

class Shrinker {
 public:
  Shrinker(History history, const Fault& fault) : best_(std::move(history)), fault_(fault) {}

  History Run() {
    for (smaller_ = true; smaller_;) {
      smaller_ = false;
      DropSteps();
      DropDags();
      DropTasks();
      DropEdges();
      TakeFeatures();
      SimplifySettings();
      SimplifySteps();
    }
    return std::move(best_);
  }

 private:
  // Keeps `candidate` when it breaks the same invariant.
  bool Try(History candidate) {
    for (const DagSpec& spec : candidate.dags) {
      if (spec.Link() == nullptr) return false;
    }
    const auto fault = Play(candidate);
    if (!fault || fault->invariant != fault_.invariant || Kind(fault->text) != Kind(fault_.text)) return false;
    best_ = std::move(candidate);
    smaller_ = true;
    return true;
  }

  // Large pieces first, as delta debugging does.
  void DropSteps() {
    for (std::size_t piece = std::max<std::size_t>(best_.steps.size() / 2, 1);; piece /= 2) {
      for (std::size_t from = 0; from < best_.steps.size();) {
        History candidate = best_;
        const auto begin = candidate.steps.begin() + static_cast<std::ptrdiff_t>(from);
        const auto end =
            candidate.steps.begin() + static_cast<std::ptrdiff_t>(std::min(from + piece, best_.steps.size()));
        candidate.steps.erase(begin, end);
        if (!Try(std::move(candidate)) && (piece > 1 || !DropTrigger(from))) from += piece;
      }
      if (piece <= 1) return;
    }
  }

  // The numbers of the runs after it move up.
  bool DropTrigger(std::size_t no) {
    if (best_.steps[no].kind != StepKind::kTrigger) return false;
    History candidate = best_;
    candidate.steps.erase(candidate.steps.begin() + static_cast<std::ptrdiff_t>(no));
    for (Step& step : candidate.steps) step.run = std::max(step.run - 1, 0);
    return Try(std::move(candidate));
  }

  void DropDags() {
    for (std::size_t no = best_.dags.size(); no-- > 0 && best_.dags.size() > 1;) {
      History candidate = best_;
      candidate.dags.erase(candidate.dags.begin() + static_cast<std::ptrdiff_t>(no));
      Try(std::move(candidate));
    }
  }

  // What hung on the task hangs on what the task hung on.
  static History WithoutTask(History history, std::size_t dag, std::size_t task, bool bridge) {
    DagSpec& spec = history.dags[dag];
    const std::string id = spec.dag.tasks[task].id;
    std::vector<std::pair<std::string, std::string>> edges;
    for (const auto& [up, down] : spec.edges) {
      if (up != id && down != id) edges.emplace_back(up, down);
      if (!bridge || down != id) continue;
      for (const std::string& below : spec.Below(id)) edges.emplace_back(up, below);
    }
    spec.edges = std::move(edges);
    spec.dag.tasks.erase(spec.dag.tasks.begin() + static_cast<std::ptrdiff_t>(task));
    return history;
  }

  void DropTasks() {
    for (std::size_t dag = 0; dag < best_.dags.size(); ++dag) {
      for (std::size_t task = best_.dags[dag].dag.tasks.size(); task-- > 0 && best_.dags[dag].dag.tasks.size() > 1;) {
        if (!Try(WithoutTask(best_, dag, task, false))) Try(WithoutTask(best_, dag, task, true));
      }
    }
  }

  void DropEdges() {
    for (std::size_t dag = 0; dag < best_.dags.size(); ++dag) {
      for (std::size_t edge = best_.dags[dag].edges.size(); edge-- > 0;) {
        History candidate = best_;
        auto& edges = candidate.dags[dag].edges;
        edges.erase(edges.begin() + static_cast<std::ptrdiff_t>(edge));
        Try(std::move(candidate));
      }
    }
  }

  void TakeFeatures() {
    for (std::size_t dag = 0; dag < best_.dags.size(); ++dag) {
      for (const DagFeature& feature : DagFeatures()) {
        if (!feature.has(best_.dags[dag])) continue;
        History candidate = best_;
        feature.take(candidate.dags[dag]);
        Try(std::move(candidate));
      }
      for (std::size_t task = 0; task < best_.dags[dag].dag.tasks.size(); ++task) TakeFeatures(dag, task);
    }
  }

  void TakeFeatures(std::size_t dag, std::size_t task) {
    for (const TaskFeature& feature : TaskFeatures()) {
      if (!feature.has(best_.dags[dag].dag.tasks[task])) continue;
      History candidate = best_;
      feature.take(candidate.dags[dag].dag.tasks[task]);
      Try(std::move(candidate));
    }
  }

  void SimplifySettings() {
    for (const auto& [name, slots] : std::map(best_.pools)) {
      History candidate = best_;
      candidate.pools.erase(name);
      Try(std::move(candidate));
    }
    if (best_.parallelism == History().parallelism) return;
    History candidate = best_;
    candidate.parallelism = History().parallelism;
    Try(std::move(candidate));
  }

  void SimplifySteps() {
    for (std::size_t no = 0; no < best_.steps.size(); ++no) {
      const Step& step = best_.steps[no];
      History candidate = best_;
      if (step.kind == StepKind::kTurn && step.amount > 0) {
        candidate.steps[no].amount = 0;
      } else if (step.kind == StepKind::kEnd && step.outcome != AttemptOutcome::kSucceeded && step.exit_code != 1) {
        candidate.steps[no] = End(step.run, step.name, AttemptOutcome::kFailed, 1, step.map_index);
      } else if (step.kind == StepKind::kHostLost) {
        candidate.steps[no].kind = StepKind::kCrash;
      } else if (step.kind >= StepKind::kClear && step.amount != 0) {
        DropFlags(no);
        continue;
      } else {
        continue;
      }
      Try(std::move(candidate));
    }
  }

  void DropFlags(std::size_t no) {
    for (int flag = 1; flag < kAllSteering; flag <<= 1) {
      if ((best_.steps[no].amount & flag) == 0) continue;
      History candidate = best_;
      candidate.steps[no].amount &= ~flag;
      Try(std::move(candidate));
    }
  }

  History best_;
  const Fault& fault_;
  bool smaller_ = false;
};

}  // namespace

History Shrink(History history, const Fault& fault) {
  return Shrinker(std::move(history), fault).Run();
}

}  // namespace pipelined::sim
