// What DAGs of histories may have: one row per feature, which says how it comes into a random DAG, how it is seen, how
// the shrinker takes it away and how the printer writes it. A new feature of the product is a new row here; when its
// effects need a promise, that is a new function in invariants.cc.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "sim/checker/history.h"
#include "sim/checker/random.h"

namespace pipelined::sim {

struct TaskFeature {
  std::string_view name;
  int one_in;  // … of so many tasks has it
  void (*put)(Random& random, DagSpec& spec, std::size_t task);
  bool (*has)(const Task& task);
  void (*take)(Task& task);               // back to how Add() made it
  std::string (*code)(const Task& task);  // of a task that has it: "pool_slots = 2"
};
std::span<const TaskFeature> TaskFeatures();

struct DagFeature {
  std::string_view name;
  int one_in;  // … of so many DAGs
  void (*put)(Random& random, DagSpec& spec);
  bool (*has)(const DagSpec& spec);
  void (*take)(DagSpec& spec);
  std::string (*code)(const DagSpec& spec);
};
std::span<const DagFeature> DagFeatures();

// The pool of a history that is small.
inline constexpr std::string_view kSmallPool = "small";

}  // namespace pipelined::sim
