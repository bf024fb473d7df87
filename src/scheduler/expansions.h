// What mapped tasks go through: evaluated when a task is expanded, and kept for the starts of its instances.
#pragma once

#include <map>
#include <memory>
#include <utility>

#include "pipelined/engine/event.h"
#include "pipelined/scheduler/launch.h"

namespace pipelined {

// Evaluates the values of `mapping`. `request`: of any task of it, with the outputs that OutputsNeeded() names.
// kInvalid: a value is no list, or a template cannot be evaluated.
Result<std::shared_ptr<const Expansion>> Evaluate(const Mapping& mapping, const LaunchRequest& request,
                                                  const LaunchOptions& options);

// What the instances of the mapping's tasks are called: of each task with a map_index_template, by index.
Result<std::vector<std::pair<TaskNo, std::vector<std::string>>>> NameInstances(
    const Dag& dag, const std::shared_ptr<const Expansion>& expansion, std::uint32_t mapping, LaunchRequest request,
    const LaunchOptions& options);

class Expansions {
 public:
  void Put(RunId run, std::uint32_t mapping, std::shared_ptr<const Expansion> expansion) {
    kept_[{run, mapping}] = std::move(expansion);
  }
  std::shared_ptr<const Expansion> Find(RunId run, std::uint32_t mapping) const {  // nullptr: evaluate it
    const auto found = kept_.find({run, mapping});
    return found == kept_.end() ? nullptr : found->second;
  }
  void Forget(RunId run) { kept_.erase(kept_.lower_bound({run, 0}), kept_.upper_bound({run, ~std::uint32_t{0}})); }
  void Clear() { kept_.clear(); }

 private:
  std::map<std::pair<RunId, std::uint32_t>, std::shared_ptr<const Expansion>> kept_;  // of runs under way
};

}  // namespace pipelined
