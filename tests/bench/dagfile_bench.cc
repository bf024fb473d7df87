// Loading DAG files: one DAG of 100,000 tasks, and a folder of 10,000 files of 5 tasks, new and unchanged. Medians
// of 5.
//
//   bench_dagfile [100k] [folder]
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <vector>

#include "pipelined/base/clock.h"
#include "pipelined/dagfile/dag_folder.h"
#include "pipelined/dagfile/load.h"

namespace pipelined {
namespace {

class UtcOnly : public ZoneSource {
 public:
  Result<std::shared_ptr<const Zone>> Find(std::string_view) const override { return Zone::Utc(); }
};

double MillisOf(const std::function<void()>& work) {
  const Micros before = SystemClock().Monotonic();
  work();
  return static_cast<double>((SystemClock().Monotonic() - before).count()) / 1000;
}

void Report(const char* name, const std::function<void()>& work) {
  std::vector<double> times;
  for (int i = 0; i < 5; ++i) times.push_back(MillisOf(work));
  std::sort(times.begin(), times.end());
  fmt::print("{:<34} {:8.1f} ms  ({:.1f} … {:.1f})\n", name, times[2], times.front(), times.back());
}

long PeakMiB() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

// `kind` "tree": one dependency each; "mesh": three each, so that descendants are sets that overlap.
std::string LargeDag(int tasks, bool mesh) {
  std::string yaml = "dag_id: large\nschedule: null\ntasks:\n";
  for (int i = 0; i < tasks; ++i) {
    yaml += fmt::format("  task_{:06}:\n    exec: [/bin/true]\n    retries: 2\n", i);
    if (i == 0) continue;
    yaml += mesh ? fmt::format("    depends_on: [task_{:06}, task_{:06}, task_{:06}]\n", i - 1, i / 2, i / 3)
                 : fmt::format("    depends_on: [task_{:06}]\n", i / 2);
  }
  return yaml;
}

void BenchLargeDag() {
  const UtcOnly zones;
  LoadOptions options;
  options.file = "/dags/large.yaml";
  options.relative_file = "large.yaml";
  for (const bool mesh : {false, true}) {
    const std::string yaml = LargeDag(100'000, mesh);
    Report(mesh ? "100,000 tasks, 3 dependencies each" : "100,000 tasks, 1 dependency each", [&] {
      if (LoadText(yaml, options, zones).dags.size() != 1) std::abort();
    });
    fmt::print("{:<34} {:8.1f} MiB of YAML, peak memory {} MiB\n", "", static_cast<double>(yaml.size()) / (1 << 20),
               PeakMiB());
  }
}

Publication LoadFolder(const std::string& root, const std::vector<KnownFile>& known, const ZoneSource& zones) {
  DagFolderOptions options;
  options.roots = {root};
  auto folder = DagFolder::Open(options, known, zones);
  Publication all;
  for (bool complete = false; !complete;) {
    FolderChange change = (*folder)->Poll(SystemClock().Monotonic());
    complete = change.complete;
    for (KnownFile& file : change.publication.files) all.files.push_back(std::move(file));
    for (PublishedDag& dag : change.publication.dags) all.dags.push_back(std::move(dag));
  }
  return all;
}

void BenchFolder() {
  const UtcOnly zones;
  char name[] = "/tmp/dagfile_bench.XXXXXX";
  const std::string root = mkdtemp(name);
  for (int i = 0; i < 10'000; ++i) {
    const std::string folder = fmt::format("{}/team{:02}", root, i / 100);
    if (i % 100 == 0) std::filesystem::create_directory(folder);
    std::ofstream file(fmt::format("{}/dag_{:05}.yaml", folder, i));
    file << "description: one of many\nschedule: \"0 6 * * *\"\ndefault_args: {retries: 2, retry_delay: 10s}\ntasks:\n";
    for (int t = 0; t < 5; ++t) {
      file << "  step_" << t << ":\n    bash: echo {{ ds }} step " << t << "\n";
      if (t > 0) file << "    depends_on: [step_" << t - 1 << "]\n";
    }
  }
  std::vector<KnownFile> known;
  Report("10,000 files of 5 tasks, new", [&] {
    Publication all = LoadFolder(root, {}, zones);
    if (all.dags.size() != 10'000) std::abort();
    known = std::move(all.files);
  });
  Report("10,000 files of 5 tasks, unchanged", [&] {
    if (!LoadFolder(root, known, zones).files.empty()) std::abort();
  });
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace pipelined

int main(int argc, char** argv) {
  const auto wanted = [&](std::string_view name) {
    return argc < 2 || std::find(argv + 1, argv + argc, name) != argv + argc;
  };
  if (wanted("100k")) pipelined::BenchLargeDag();
  if (wanted("folder")) pipelined::BenchFolder();
}
