// pipectl dags validate and dags test: the authoring commands that need no server.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>

#include "cli/commands.h"
#include "cli/offline/dag_files.h"
#include "cli/offline/local_run.h"
#include "pipelined/base/clock.h"
#include "pipelined/scheduler/launch.h"
#include "pipelined/schema/json.h"
#include "pipelined/template/task_context.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined::cli {
namespace {

namespace fs = std::filesystem;

Status Validate(Program& program, const std::vector<std::string>& paths) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  const SystemZones zones;
  const auto loaded = LoadDagFiles(paths, zones);
  if (!loaded) return loaded.error();
  const std::vector<DagFile>& all = *loaded;
  const auto bad = std::count_if(all.begin(), all.end(), [](const DagFile& c) { return !c.ok; });
  if (bad > 0) program.exit_code = Exit::kFailed;
  if (IsWhole(*format)) {
    Value::List rows;
    for (const DagFile& c : all) {
      Value::List ids;
      for (const std::string& id : c.dag_ids) ids.emplace_back(id);
      rows.emplace_back(
          Value::Map{{"file", c.path}, {"valid", c.ok}, {"dag_ids", std::move(ids)}, {"diagnostics", c.text}});
    }
    PrintRows(*format, rows, {});
    return Ok();
  }
  for (const DagFile& c : all) {
    if (!c.text.empty()) fmt::print("{}{}", c.text, c.text.ends_with('\n') ? "" : "\n");
  }
  if (!program.global.quiet)
    fmt::print("{} files: {} valid, {} with errors\n", all.size(), all.size() - static_cast<std::size_t>(bad), bad);
  return Ok();
}

// The launcher lies beside pipectl.
std::string LauncherPath() {
  std::error_code failure;
  const fs::path self = fs::read_symlink("/proc/self/exe", failure);
  return (self.parent_path() / "pipelined-launcher").string();
}

// A folder that goes with the object, unless it is kept.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "pipelined-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) != nullptr) path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code failure;
    if (!kept_ && !path_.empty()) fs::remove_all(path_, failure);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  void Keep() { kept_ = true; }

 private:
  std::string path_;
  bool kept_ = false;
};

struct TestOptions {
  std::string file, dag_id, conf, logical_date;
  std::vector<std::string> params, tasks;
  bool keep = false;
};

void PrintLog(const std::string& path) {
  std::ifstream log(path);
  for (std::string line; std::getline(log, line);) fmt::print("    | {}\n", line);
}

// One line per change of state, the log of each task that has ended below it.
void Show(const Plan& plan, const Dag& dag, const LocalRunOptions& run) {
  for (const TaskChange& change : plan.tasks) {
    if (change.to == TaskState::kScheduled) continue;
    const std::string& id = dag.tasks[change.task].id;
    const std::string shown = change.map_index < 0 ? id : fmt::format("{}[{}]", id, change.map_index);
    const std::string state(ToString(change.to));
    const std::string again = change.try_number > 1 ? fmt::format(" (try {})", change.try_number) : "";
    fmt::print("{:<32} {}{}{}\n", shown, ColouredState(state, StdoutIsTerminal()), again,
               change.why.empty() ? "" : "  " + change.why);
    if (change.to != TaskState::kRunning && change.try_number > 0)
      PrintLog(run.folder + "/logs/" + LogPath(dag.id, run.run_id, id, change.try_number, change.map_index));
  }
  std::fflush(stdout);
}

Result<LoadedDag> LoadOne(const TestOptions& options, const ZoneSource& zones) {
  const fs::path absolute = fs::absolute(options.file).lexically_normal();
  LoadResult result = LoadFile(absolute.string(), absolute.parent_path().string(), zones, options.file);
  if (!result.diagnostics.empty()) fmt::print(stderr, "{}", Format(result.diagnostics));
  if (HasErrors(result.diagnostics))
    return Error{ErrorCode::kInvalid, fmt::format("{} cannot be loaded", options.file), ""};
  for (LoadedDag& dag : result.dags) {
    if (options.dag_id.empty() || dag.dag->id == options.dag_id) return std::move(dag);
  }
  return Error{ErrorCode::kNotFound, fmt::format("no DAG \"{}\" in {}", options.dag_id, options.file), ""};
}

// Those of the tasks that are kept, under their new numbers.
void CopyMappings(const Dag& whole, const std::map<TaskNo, TaskNo>& numbers, Dag& part) {
  for (Task& task : part.tasks) task.mapped = 0;
  const auto keep = [&](std::vector<TaskNo>& tasks) {
    std::vector<TaskNo> kept;
    for (const TaskNo task : tasks) {
      if (const auto number = numbers.find(task); number != numbers.end()) kept.push_back(number->second);
    }
    tasks = std::move(kept);
  };
  for (Mapping mapping : whole.mappings) {
    keep(mapping.tasks);
    keep(mapping.sources);
    if (!mapping.tasks.empty()) part.Map(std::move(mapping));
  }
  for (const MappedTask& mapped : whole.mapped) {
    const auto number = numbers.find(mapped.task);
    if (number != numbers.end())
      part.mapped[part.tasks[number->second].mapped - 1].map_index_template = mapped.map_index_template;
  }
}

// The DAG with only the tasks named: what they depended on counts as done.
Result<DagPtr> Only(const Dag& whole, const std::vector<std::string>& ids) {
  auto part = std::make_shared<Dag>(whole);
  part->tasks.clear();
  part->mappings.clear();
  part->mapped.clear();
  std::map<TaskNo, TaskNo> numbers;
  for (const std::string& id : ids) {
    const auto found = whole.Find(id);
    if (!found) return Error{ErrorCode::kNotFound, fmt::format("no task \"{}\" in DAG \"{}\"", id, whole.id), ""};
    if (numbers.emplace(*found, static_cast<TaskNo>(part->tasks.size())).second)
      part->tasks.push_back(whole.tasks[*found]);
  }
  std::vector<std::pair<TaskNo, TaskNo>> edges;
  for (const auto& [old_number, number] : numbers) {
    for (const TaskNo up : whole.upstream.Of(old_number)) {
      if (const auto kept = numbers.find(up); kept != numbers.end()) edges.emplace_back(kept->second, number);
    }
  }
  CopyMappings(whole, numbers, *part);
  if (const Status linked = part->Link(edges); !linked) return linked.error();
  return DagPtr(part);
}

Status Test(Program& program, const TestOptions& options) {
  const SystemZones zones;
  auto dag = LoadOne(options, zones);
  if (!dag) return dag.error();
  if (!options.tasks.empty()) {
    auto part = Only(*dag->dag, options.tasks);
    if (!part) return part.error();
    dag->dag = *part;
  }
  TemporaryFolder folder;
  if (options.keep) folder.Keep();
  LocalRunOptions run;
  run.folder = folder.path();
  run.launcher_path = LauncherPath();
  run.run_id = "test__" + FormatIso(std::chrono::floor<Seconds>(SystemClock().Now()));
  auto conf = ParamsFromOptions(options.conf, options.params);
  if (!conf) return conf.error();
  run.conf = std::move(*conf);
  if (const auto params = ResolveParams(*dag->dag, run.conf); !params) return params.error();
  if (!options.logical_date.empty()) {
    const auto date = ParseInstant(options.logical_date);
    if (!date) return date.error();
    run.logical_date = *date;
  }
  if (!program.global.quiet) run.on_plan = [&](const Plan& plan) { Show(plan, *dag->dag, run); };
  const auto ended = RunLocally(*dag, run, zones);
  if (!ended) return ended.error();
  fmt::print("run {}\n", ColouredState(std::string(ToString(*ended)), StdoutIsTerminal()));
  if (options.keep) fmt::print("logs are in {}/logs\n", folder.path());
  if (*ended != RunState::kSuccess) program.exit_code = Exit::kFailed;
  return Ok();
}

}  // namespace

void AddOfflineCommands(CLI::App& dags, Program& program) {
  const auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* validate = AddCommand(dags, "validate", "Check DAG files; needs no server", "pipectl dags validate dags/");
  validate->add_option("PATH", *paths, "Files and folders")->required();
  AddOutputOption(*validate, program);
  validate->callback([&program, paths] {
    if (const Status done = Validate(program, *paths); !done) program.Fail(done.error());
  });

  const auto options = std::make_shared<TestOptions>();
  CLI::App* test = AddCommand(dags, "test", "Run a DAG file here and now, with no server and no database",
                              "pipectl dags test dags/sales_daily.yaml -p region=eu");
  test->add_option("FILE", options->file, "The DAG file")->required()->check(CLI::ExistingFile);
  test->add_option("--dag", options->dag_id, "Which DAG, when the file holds several");
  test->add_option("--task", options->tasks, "Only this task; may be repeated")->take_all();
  test->add_option("-p,--param", options->params, "A parameter, key=value; may be repeated")->take_all();
  test->add_option("-c,--conf", options->conf, "Parameters as one JSON object");
  test->add_option("-e,--logical-date", options->logical_date, "With an offset: 2026-01-31T06:00:00Z");
  test->add_flag("--keep", options->keep, "Keep the logs");
  test->callback([&program, options] {
    if (const Status done = Test(program, *options); !done) program.Fail(done.error());
  });
}

}  // namespace pipelined::cli
