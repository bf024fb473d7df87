// pipectl simulate: what would run when, with no server.
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/output/measured.h"
#include "cli/output/moment.h"
#include "cli/offline/simulation_input.h"
#include "cli/offline/simulation_report.h"
#include "cli/live/timeline.h"
#include "pipelined/base/clock.h"
#include "pipelined/simulation/report.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined::cli {
namespace {

constexpr Micros kQuiet = Millis(500);  // what is over by then shows no progress
constexpr Micros kBetweenDraws = Millis(100);

struct SimulateOptions {
  SimulationInput input;
  std::string from, to, durations, default_duration = "1m";
  std::int32_t parallelism = 32;
  bool measured = false, only_summary = false;
};

// A bar on stderr, drawn over itself.
class Progress {
 public:
  Progress(Instant from, Instant to) : from_(from), to_(to), began_(SystemClock().Monotonic()), drawn_(began_) {}
  ~Progress() {
    if (shown_) fmt::print(stderr, "\r\033[K");
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void Draw(Instant now) {
    const Micros clock = SystemClock().Monotonic();
    if (clock - began_ < kQuiet || (shown_ && clock - drawn_ < kBetweenDraws)) return;
    drawn_ = clock;
    shown_ = true;
    const double share = static_cast<double>((now - from_).count()) / static_cast<double>((to_ - from_).count());
    const auto filled = static_cast<std::size_t>(share * 30);
    fmt::print(stderr, "\r[{}{}] {:.0f}%  {}\033[K", std::string(filled, '#'), std::string(30 - filled, '.'),
               share * 100, FormatInstant(std::chrono::floor<Seconds>(now)));
  }

 private:
  Instant from_, to_;
  Micros began_, drawn_;
  bool shown_ = false;
};

Result<SimulationOptions> Period(const SimulateOptions& given) {
  SimulationOptions options;
  const auto from = ParseMoment("--from", given.from);
  if (!from) return from.error();
  const auto to = ParseMoment("--to", given.to);
  if (!to) return to.error();
  if (*from >= *to)
    return Error{ErrorCode::kInvalid, fmt::format("--from {} is not before --to {}", given.from, given.to),
                 "the clock runs forward; --to itself does not belong to the period"};
  options.from = *from;
  options.to = *to;
  options.parallelism = given.parallelism;
  return options;
}

Status ReadDurations(SimulateOptions& given) {
  const auto by_default = ParseDuration(given.default_duration);
  if (!by_default)
    return Error{ErrorCode::kInvalid, fmt::format("--default-duration {}: not a duration", given.default_duration),
                 "for example 30s, 5m or 1h30m"};
  given.input.assumed.default_duration = *by_default;
  if (given.durations.empty()) return Ok();
  DurationFile file = LoadDurationFile(given.durations);
  if (HasErrors(file.diagnostics))
    return Error{ErrorCode::kInvalid, fmt::format("the durations cannot be read:\n{}", Format(file.diagnostics)), ""};
  given.input.assumed.given = std::move(file.entries);
  return Ok();
}

Status AskServer(const GlobalOptions& global, const PreparedSimulation& prepared, SimulationInput& input) {
  const auto session = Session::Open(global);
  if (!session) return session.error();
  auto means = AskMeasured(*session, prepared.dags);
  if (!means) return means.error();
  input.assumed.measured = std::move(*means);
  return Ok();
}

Result<SimulationResult> Run(const GlobalOptions& global, const PreparedSimulation& prepared,
                             SimulationOptions& options) {
  Progress progress(options.from, options.to);
  if (StderrIsTerminal() && !global.quiet) options.on_progress = [&](Instant now) { progress.Draw(now); };
  return Simulate(prepared.dags, options);
}

Status Print(const Program& program, const SimulationView& view, bool only_summary) {
  if (program.global.output == "timeline") {
    if (!only_summary) fmt::print("{}", Timeline(view, OutputColumns()));
    if (only_summary || !program.global.quiet)
      fmt::print("{}{}", only_summary ? "" : "\n", SummaryText(SimulationSummary(view)));
    return Ok();
  }
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  PrintSimulation(*format, view, !only_summary);
  if (*format == Layout::kPlain && !only_summary && !program.global.quiet)
    fmt::print(stderr, "{}", SummaryText(SimulationSummary(view)));
  return Ok();
}

Status SimulateDags(Program& program, SimulateOptions& given) {
  auto options = Period(given);
  if (!options) return options.error();
  if (const Status read = ReadDurations(given); !read) return read;
  const SystemZones zones;
  auto prepared = LoadForSimulation(given.input, zones);
  if (!prepared) return prepared.error();
  if (given.measured) {
    if (const Status asked = AskServer(program.global, *prepared, given.input); !asked) return asked;
  }
  if (const Status configured = Configure(given.input.assumed, *prepared); !configured) return configured;
  if (!program.global.quiet) {
    for (const std::string& note : prepared->notes) fmt::print(stderr, "note: {}\n", note);
  }
  options->pools = prepared->pools;
  const auto result = Run(program.global, *prepared, *options);
  if (!result) return result.error();
  return Print(program, SimulationView{*prepared, *options, *result}, given.only_summary);
}

}  // namespace

void AddSimulateCommand(CLI::App& app, Program& program) {
  const auto given = std::make_shared<SimulateOptions>();
  CLI::App* command = AddCommand(
      app, "simulate", "Say what would run when, with no server: the real engine under a simulated clock",
      "pipectl simulate dags/ --from 2026-01-01 --to 2026-01-08 -o timeline\n"
      "  pipectl simulate dags/ --from 2026-01-01 --to 2027-01-01 --durations took.yaml --pool warehouse=2 --summary\n"
      "  pipectl simulate sales.yaml --from 2026-01-01 --to 2026-01-02 --fail sales.load=2 -o json\n\n"
      "The clock starts at --from with no earlier runs, and stops before --to. DAGs that are paused upon their "
      "creation do\n"
      "not run unless --include-paused. The pool default_pool has 128 slots, others have no limit unless --pool.");
  SimulationInput& input = given->input;
  command->add_option("PATH", input.paths, "DAG files and folders")->required();
  command->add_option("--from", given->from, "When the clock starts: 2026-01-31, or with a time; UTC without an offset")
      ->required();
  command->add_option("--to", given->to, "When it stops; likewise")->required();
  command->add_option("--durations", given->durations,
                      "YAML or JSON file of how long a try takes: sales.load: 30s, sales.*: 5s, *: 1m");
  command
      ->add_option("--default-duration", given->default_duration, "How long a try takes of which nothing else is known")
      ->capture_default_str();
  command->add_flag("--measured", given->measured, "Take means of earlier runs, asked from the server");
  command->add_option("--parallelism", given->parallelism, "Tries that may run at once")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  command->add_option("--pool", input.assumed.pools, "Slots of a pool, NAME=SLOTS (-1: no limit); may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  command
      ->add_option("--fail", input.assumed.failures,
                   "A task that fails, TASK=always, =2 (the first two tries of each run) or =5% (of all tries); TASK "
                   "is load, sales.load or sales.*; may be repeated")
      ->take_all()
      ->allow_extra_args(false);
  command->add_option("--dag", input.only, "Only this DAG; may be repeated")->take_all()->allow_extra_args(false);
  command->add_flag("--include-paused", input.include_paused, "Run DAGs that are paused upon creation, too");
  command->add_flag("--summary", given->only_summary, "Leave out the runs");
  command
      ->add_option("-o,--output", program.global.output,
                   "table, timeline, json, yaml or plain (default: table on a terminal, plain otherwise)")
      ->check(CLI::IsMember({"table", "timeline", "json", "yaml", "plain"}));
  command->callback([&program, given] {
    if (const Status done = SimulateDags(program, *given); !done) program.Fail(done.error());
  });
}

}  // namespace pipelined::cli
