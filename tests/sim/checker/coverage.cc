#include "sim/checker/coverage.h"

#include <fmt/format.h>

namespace pipelined::sim {
namespace {

constexpr std::array<std::string_view, kEffects> kWords{"retried",
                                                        "retried after a loss",
                                                        "lost",
                                                        "launch failed",
                                                        "skipped by exit code",
                                                        "skipped by rule",
                                                        "upstream failed",
                                                        "left out",
                                                        "left out late",
                                                        "torn down",
                                                        "run timed out",
                                                        "run cancelled",
                                                        "failed fast",
                                                        "scheduled run",
                                                        "backfill run",
                                                        "run set back",
                                                        "waited for a slot",
                                                        "orphaned",
                                                        "cleared",
                                                        "cleared while running",
                                                        "run went on",
                                                        "marked",
                                                        "marked while running",
                                                        "taken back",
                                                        "skipped by its key",
                                                        "cancelled by its key",
                                                        "repeated",
                                                        "run triggered",
                                                        "sub-run made",
                                                        "sub-run again",
                                                        "sub-run dropped",
                                                        "sensor waited",
                                                        "sensor timed out",
                                                        "deadline met",
                                                        "deadline missed",
                                                        "paused by failures",
                                                        "slot skipped",
                                                        "cancelled for a slot",
                                                        "in doubt, stored",
                                                        "in doubt, not stored"};

}  // namespace

std::string_view ToString(Effect effect) {
  return kWords[static_cast<std::size_t>(effect)];
}

void Coverage::Ended(const Task& task) {
  std::size_t place = 0;
  for (const TaskFeature& feature : TaskFeatures()) tasks_[place++] += feature.has(task) ? 1 : 0;
}

void Coverage::Ended(const DagSpec& dag) {
  std::size_t place = 0;
  for (const DagFeature& feature : DagFeatures()) dags_[place++] += feature.has(dag) ? 1 : 0;
}

template <class Visit>
void Coverage::ForEach(Visit visit) const {
  std::size_t place = 0;
  for (const TaskFeature& feature : TaskFeatures()) visit("tasks", feature.name, tasks_[place++]);
  place = 0;
  for (const DagFeature& feature : DagFeatures()) visit("runs", feature.name, dags_[place++]);
  for (std::size_t i = 0; i < kStepKinds; ++i) visit("steps", ToString(static_cast<StepKind>(i)), steps_[i]);
  for (std::size_t i = 0; i < kEffects; ++i) visit("effects", kWords[i], effects_[i]);
}

std::string Coverage::Report() const {
  std::string report;
  std::string_view last;
  std::size_t column = 0;
  ForEach([&](std::string_view kind, std::string_view name, std::size_t count) {
    if (kind != last) report += fmt::format("{}{}:", last.empty() ? "" : "\n", kind);
    if (kind != last) column = kind.size() + 1;
    last = kind;
    const std::string word = fmt::format(" {} {},", name, count);
    if (column + word.size() > 120) report += "\n  ";
    if (column + word.size() > 120) column = 2;
    column += word.size();
    report += word;
  });
  return report + "\n";
}

std::vector<std::string_view> Coverage::Missing() const {
  std::vector<std::string_view> missing;
  ForEach([&](std::string_view, std::string_view name, std::size_t count) {
    if (count == 0) missing.push_back(name);
  });
  return missing;
}

}  // namespace pipelined::sim
