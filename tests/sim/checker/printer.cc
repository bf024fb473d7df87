#include "sim/checker/printer.h"

#include <fmt/format.h>

#include <array>

#include "sim/checker/features.h"

namespace pipelined::sim {
namespace {

constexpr std::array<std::string_view, 7> kOutcomes{"kSucceeded",    "kFailed",    "kTimedOut", "kStopped",
                                                    "kLaunchFailed", "kBadOutput", "kLost"};

// Statements ("a = 1; b = 2") of one object.
std::string Statements(const std::string& object, std::string_view code) {
  std::string lines;
  while (!code.empty()) {
    const auto end = code.find("; ");
    lines += fmt::format("  {}{};\n", object, code.substr(0, end));
    code = end == std::string_view::npos ? "" : code.substr(end + 2);
  }
  return lines;
}

std::string TaskCode(const DagSpec& spec, const Task& task) {
  std::string above;
  for (const auto& [up, down] : spec.edges) {
    if (down == task.id) above += fmt::format("{}\"{}\"", above.empty() ? "" : ", ", up);
  }
  std::string features;
  for (const TaskFeature& feature : TaskFeatures()) {
    if (feature.has(task)) features += Statements("task->", feature.code(task));
  }
  return fmt::format("  {}{}.Add(\"{}\"{});\n{}", features.empty() ? "" : "task = &", spec.dag.id, task.id,
                     above.empty() ? "" : fmt::format(", {{{}}}", above), features);
}

std::string DagCode(const DagSpec& spec) {
  std::string code = fmt::format("  DagSpec& {0} = history.AddDag(\"{0}\");\n", spec.dag.id);
  for (const Task& task : spec.dag.tasks) code += TaskCode(spec, task);
  for (const DagFeature& feature : DagFeatures()) {
    if (feature.has(spec)) code += Statements(spec.dag.id + ".", feature.code(spec));
  }
  return code;
}

std::string StepCode(const Step& step) {
  if (step.kind == StepKind::kTurn) return fmt::format("Turn({})", step.amount);
  if (step.kind == StepKind::kEnd) {
    std::string rest = step.exit_code == 0 ? "" : fmt::format(", {}", step.exit_code);
    if (step.map_index != kNotMapped) rest = fmt::format(", {}, {}", step.exit_code, step.map_index);
    return fmt::format("End({}, \"{}\", AttemptOutcome::{}{})", step.run, step.name,
                       kOutcomes[static_cast<std::size_t>(step.outcome)], rest);
  }
  if (step.kind >= StepKind::kClear && step.kind <= StepKind::kRunQueued)
    return fmt::format("Steer(StepKind::k{}, {}, \"{}\", {}{})", ToString(step.kind), step.run, step.name, step.amount,
                       step.map_index == kNotMapped ? "" : fmt::format(", {}", step.map_index));
  std::string code = fmt::format("Do(StepKind::k{}", ToString(step.kind));
  if (!step.name.empty() || step.amount != 0) code += fmt::format(", \"{}\"", step.name);
  if (step.amount != 0) code += fmt::format(", {}", step.amount);
  if (step.run != 0) code += fmt::format(", {}", step.run);
  return code + ")";
}

}  // namespace

std::string ToTest(const History& history, const std::string& name) {
  std::string code = fmt::format("TEST(KnownHistory, {}) {{\n  History history;\n", name);
  for (const auto& [pool, slots] : history.pools) code += fmt::format("  history.pools[\"{}\"] = {};\n", pool, slots);
  if (history.parallelism != History().parallelism)
    code += fmt::format("  history.parallelism = {};\n", history.parallelism);
  std::string dags;
  for (const DagSpec& spec : history.dags) dags += DagCode(spec);
  if (dags.find("task->") != std::string::npos) code += "  Task* task = nullptr;\n";
  code += dags + "  history.steps = {\n";
  for (const Step& step : history.steps) code += fmt::format("      {},\n", StepCode(step));
  return code + "  };\n  EXPECT_EQ(FaultOf(history), \"\");\n}\n";
}

}  // namespace pipelined::sim
