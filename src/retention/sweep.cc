#include "pipelined/retention/sweep.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "pipelined/base/log.h"
#include "retention/log_folders.h"

namespace pipelined {
namespace {

constexpr std::size_t kRunsPerLook = 100;

using retention::LogSize;
using retention::Removed;

class Sweeper {
 public:
  Sweeper(const Sweep& sweep, RunLogs& runs, Instant now)
      : sweep_(sweep), rules_(sweep.rules), runs_(runs), now_(now), removed_(sweep.logs_dir) {}

  Result<SweepCounts> Run() {
    if (!sweep_.dry_run && !Finish()) return counts_;
    if (!rules_.any()) return counts_;
    for (const std::string& dag : retention::FoldersOf(sweep_.logs_dir, "dag_id=")) {
      if (!rules_.dags.Includes(dag)) continue;
      if (const Status swept = SweepDag(dag); !swept) return swept.error();
      if (ended_) break;
    }
    return counts_;
  }

 private:
  // What an earlier sweep moved away and did not come to delete. Not counted: that one did.
  bool Finish() {
    for (const std::string& path : removed_.Contents()) {
      Removed::Delete(path);
      if (!GoOn()) return false;
    }
    return true;
  }

  Status SweepDag(const std::string& dag) {
    std::optional<RunLogs::End> edge;
    if (rules_.runs > 0) {
      const auto found = runs_.EdgeOf(dag, rules_.runs);
      if (!found) return found.error();
      edge = *found;
    }
    const std::vector<std::string> names = retention::FoldersOf(DagFolder(dag), "run_id=");
    for (std::size_t at = 0; at < names.size() && !ended_; at += kRunsPerLook) {
      const auto first = names.begin() + static_cast<std::ptrdiff_t>(at);
      const auto size = static_cast<std::ptrdiff_t>(std::min(kRunsPerLook, names.size() - at));
      if (const Status swept = SweepRuns(dag, {first, first + size}, edge); !swept) return swept;
      GoOn();
    }
    return Ok();
  }

  Status SweepRuns(const std::string& dag, const std::vector<std::string>& names,
                   const std::optional<RunLogs::End>& edge) {
    const auto found = runs_.Look(dag, names);
    if (!found) return found.error();
    std::map<std::string, std::optional<RunLogs::End>> known;
    for (const RunLogs::Known& run : *found) known.emplace(run.run_id, run.end);
    for (const std::string& name : names) {
      const auto at = known.find(name);
      const Status done = at == known.end() ? SweepOrphan(dag, name) : SweepRun(dag, name, at->second, edge);
      if (!done) return done;
      if (ended_) break;
    }
    return Ok();
  }

  bool IsTooOld(const RunLogs::End& end, const std::optional<RunLogs::End>& edge) const {
    return (rules_.age > Micros(0) && end.at < now_ - rules_.age) || (edge && end < *edge);
  }

  Status SweepRun(const std::string& dag, const std::string& run, const std::optional<RunLogs::End>& end,
                  const std::optional<RunLogs::End>& edge) {
    if (!end || !IsTooOld(*end, edge)) return Stays();
    const std::string folder = RunFolder(dag, run);
    if (sweep_.dry_run) return Gone(counts_.runs, retention::Measure(folder));
    std::string taken;
    const auto held = runs_.WhileFinished(dag, run, [&] { Take(folder, taken); });
    if (!held) return held.error();
    return taken.empty() ? Stays() : Gone(counts_.runs, Removed::Delete(taken));
  }

  // There is no row that could be held: the run may be made again between the look and the move. Then the move is taken
  // back; a try that writes meanwhile goes on in the same file.
  Status SweepOrphan(const std::string& dag, const std::string& run) {
    const std::string folder = RunFolder(dag, run);
    const LogSize size = retention::Measure(folder);
    if (size.last_write > now_ - rules_.OrphanAge()) return Stays();
    if (sweep_.dry_run) return Gone(counts_.orphans, size);
    std::string taken;
    Take(folder, taken);
    if (taken.empty()) return Stays();
    const auto again = runs_.Look(dag, {run});
    const bool is_orphan = again.ok() && again->empty();
    if (!is_orphan && Removed::GiveBack(taken, folder)) return again ? Stays() : Status(again.error());
    return Gone(counts_.orphans, Removed::Delete(taken));
  }

  void Take(const std::string& folder, std::string& taken) {
    if (removed_.Take(folder, &taken) || errno == ENOENT) return;
    log::Warning("logs that are to go cannot be moved: {}: {}", folder, std::strerror(errno));
  }

  Status Stays() {
    ++counts_.kept;
    return Ok();
  }
  Status Gone(std::int64_t& of, const LogSize& size) {
    ++of;
    counts_.files += size.files;
    counts_.bytes += size.bytes;
    GoOn();
    return Ok();
  }
  bool GoOn() {
    if (!ended_ && sweep_.go_on && !sweep_.go_on(counts_)) ended_ = true;
    return !ended_;
  }

  std::string DagFolder(const std::string& dag) const { return sweep_.logs_dir + "/dag_id=" + dag; }
  std::string RunFolder(const std::string& dag, const std::string& run) const {
    return DagFolder(dag) + "/run_id=" + run;
  }

  const Sweep& sweep_;
  const SweepRules& rules_;
  RunLogs& runs_;
  const Instant now_;
  Removed removed_;
  SweepCounts counts_;
  bool ended_ = false;
};

}  // namespace

Result<SweepCounts> SweepLogs(const Sweep& sweep, RunLogs& runs, const Clock& clock) {
  return Sweeper(sweep, runs, clock.Now()).Run();
}

}  // namespace pipelined
