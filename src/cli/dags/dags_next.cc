// pipectl dags next: when a DAG runs next, asked from the server or read from its file.
#include <fmt/format.h>

#include <filesystem>

#include "cli/commands.h"
#include "cli/offline/dag_files.h"
#include "cli/output/moment.h"
#include "cli/dags/next_runs.h"
#include "pipelined/base/percent.h"
#include "pipelined/base/clock.h"
#include "pipelined/dagfile/load.h"
#include "pipelined/http/client.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined::cli {
namespace {

namespace fs = std::filesystem;

const std::vector<Column> kColumns{{"DAG", "dag_id"},
                                   {"LOGICAL DATE", "logical_date"},
                                   {"INTERVAL START", "data_interval_start"},
                                   {"INTERVAL END", "data_interval_end"},
                                   {"RUN AFTER", "run_after"},
                                   {"IN ITS ZONE", "run_after_local"}};

struct NextOptions {
  std::string what, from, dags;
  std::size_t count = 5;
};

// What is known of one DAG.
struct Asked {
  std::string dag_id;
  Schedule schedule;
  std::string told_by;  // "server http://…", "file …"
  bool paused = false;
  bool paused_upon_creation = false;  // said by a file: a server may have unpaused it since
  bool stale = false;
  std::optional<DataInterval> last;
  std::optional<DueRun> first;  // as the server says; the others follow from it
  bool only_first = false;      // the schedule behind it is not known
};

Asked FromDag(const Dag& dag, const std::string& path) {
  Asked asked;
  asked.dag_id = dag.id;
  asked.schedule = dag.schedule;
  asked.told_by = "file " + path;
  asked.paused_upon_creation = dag.is_paused_upon_creation;
  return asked;
}

// --- from files
// -----------------------------------------------------------------------------------------------------------------

Result<std::vector<Asked>> FromFile(const std::string& path, const ZoneSource& zones) {
  const auto files = LoadDagFiles({path}, zones);
  if (!files) return files.error();
  std::vector<Asked> all;
  for (const DagFile& file : *files) {
    if (!file.ok) return Error{ErrorCode::kInvalid, fmt::format("{} cannot be loaded:\n{}", path, file.text), ""};
    for (const DagPtr& dag : file.dags) all.push_back(FromDag(*dag, file.path));
  }
  return all;
}

Result<std::vector<Asked>> FromFolder(const std::string& folder, const std::string& dag_id, const ZoneSource& zones) {
  const auto files = LoadDagFiles({folder}, zones);
  if (!files) return files.error();
  for (const DagFile& file : *files) {
    for (const DagPtr& dag : file.dags) {
      if (dag->id == dag_id) return std::vector<Asked>{FromDag(*dag, file.path)};
    }
  }
  return Error{ErrorCode::kNotFound,
               fmt::format("no server answers, and no file below {} holds a DAG \"{}\"", folder, dag_id),
               "see: pipectl dags validate " + folder};
}

// --- from the server
// -----------------------------------------------------------------------------------------------------------------

std::optional<Instant> TimeOf(const Value& object, std::string_view key) {
  const auto instant = ParseInstant(TextOf(object, key));
  return instant ? std::optional(*instant) : std::nullopt;
}

bool IsTrue(const Value& object, std::string_view key) {
  const Value* value = object.Find(key);
  return value != nullptr && value->is_bool() && value->boolean();
}

std::optional<DueRun> FirstOf(const Value& dag) {
  const auto logical = TimeOf(dag, "next_dagrun_logical_date");
  const auto start = TimeOf(dag, "next_dagrun_data_interval_start");
  const auto end = TimeOf(dag, "next_dagrun_data_interval_end");
  const auto after = TimeOf(dag, "next_dagrun_run_after");
  if (!logical || !start || !end || !after) return std::nullopt;
  return DueRun{*logical, {*start, *end}, *after};
}

Result<std::optional<DataInterval>> LastOf(const Session& session, const std::string& dag_id) {
  const auto runs = session.GetAll(
      fmt::format("/api/v2/dags/{}/dagRuns?run_type=scheduled&order_by=-logical_date", PercentEncode(dag_id)),
      "dag_runs", 1);
  if (!runs) return runs.error();
  if (runs->empty()) return std::optional<DataInterval>();
  const auto start = TimeOf(runs->front(), "data_interval_start"), end = TimeOf(runs->front(), "data_interval_end");
  if (!start || !end) return std::optional<DataInterval>();
  return std::optional(DataInterval{*start, *end});
}

// The stored document, read here. Nothing when what it says is not the whole truth: a defaults.yaml, or another
// version.
Result<std::optional<Schedule>> ScheduleOf(const Session& session, const Value& dag, const ZoneSource& zones) {
  const std::string dag_id = TextOf(dag, "dag_id");
  const auto source = session.Get("/api/v2/dagSources/" + PercentEncode(dag_id));
  if (!source) return source.error();
  LoadOptions options;
  options.file = TextOf(dag, "fileloc");
  options.relative_file = TextOf(dag, "relative_fileloc");
  for (const LoadedDag& loaded : LoadText(TextOf(*source, "content"), options, zones).dags) {
    const Schedule& schedule = loaded.dag->schedule;
    const std::string summary = schedule.kind == ScheduleKind::kNone ? "" : schedule.text;
    const bool same = schedule.timezone == TextOf(dag, "timezone") && summary == TextOf(dag, "timetable_summary");
    if (loaded.dag->id == dag_id && same) return std::optional(schedule);
  }
  return std::optional<Schedule>();
}

Result<std::vector<Asked>> FromServer(const Session& session, const NextOptions& options, const ZoneSource& zones) {
  const auto dag = session.Get("/api/v2/dags/" + PercentEncode(options.what) + "/details");
  if (!dag) return dag.error();
  Asked asked;
  asked.dag_id = options.what;
  asked.told_by = "server " + session.url();
  asked.paused = IsTrue(*dag, "is_paused");
  asked.stale = IsTrue(*dag, "is_stale");
  asked.schedule.text = TextOf(*dag, "timetable_summary");
  asked.schedule.timezone = TextOf(*dag, "timezone");
  asked.first = FirstOf(*dag);
  const auto schedule = ScheduleOf(session, *dag, zones);
  if (!schedule) return schedule.error();
  asked.only_first = !*schedule;
  if (*schedule) asked.schedule = **schedule;
  const auto last = LastOf(session, options.what);
  if (!last) return last.error();
  asked.last = *last;
  return std::vector<Asked>{asked};
}

Result<std::vector<Asked>> FromServerOrFolder(const GlobalOptions& global, const NextOptions& options,
                                              const ZoneSource& zones) {
  const auto session = Session::Open(global);
  auto answer = session ? FromServer(*session, options, zones) : Result<std::vector<Asked>>(session.error());
  if (answer || answer.error().code != ErrorCode::kUnavailable) return answer;
  const std::string folder = options.dags.empty() ? HomeFolder(global) + "/dags" : options.dags;
  std::error_code failure;
  if (options.dags.empty() && !fs::is_directory(folder, failure)) return answer;
  return FromFolder(folder, options.what, zones);
}

// --- what is shown
// -----------------------------------------------------------------------------------------------------------------

Result<NextRuns> RunsOf(const Asked& asked, const NextOptions& options, const ZoneSource& zones,
                        std::optional<Instant> from) {
  if (asked.only_first)
    return NextRuns{asked.first && !from ? std::vector{*asked.first} : std::vector<DueRun>{}, false};
  const auto timetable = MakeTimetable(asked.schedule, zones);
  if (!timetable) return timetable.error();
  if (*timetable == nullptr || asked.stale) return NextRuns{};
  const std::size_t count =
      asked.schedule.kind == ScheduleKind::kContinuous ? std::min<std::size_t>(1, options.count) : options.count;
  if (from || !asked.first || count == 0)
    return ListNextRuns(**timetable, asked.last, from.value_or(SystemClock().Now()), count);
  NextRuns next = ListNextRuns(**timetable, asked.first->interval,
                               std::max(SystemClock().Now(), asked.first->run_after), count - 1);
  next.runs.insert(next.runs.begin(), *asked.first);
  return next;
}

std::vector<std::string> NotesOf(const Asked& asked, const NextRuns& next) {
  std::vector<std::string> notes;
  const std::string& id = asked.dag_id;
  const ScheduleKind kind = asked.schedule.kind;
  if (asked.stale) {
    notes.push_back(fmt::format("{}: its file is gone, so nothing will ever come", id));
  } else if (asked.only_first) {
    notes.push_back(
        fmt::format("{}: no more than the server's next run is known here: its schedule stands on more than its "
                    "document, such as a defaults.yaml",
                    id));
  } else if (kind == ScheduleKind::kNone) {
    notes.push_back(fmt::format("{0} has no schedule: it runs only by hand, with pipectl dags run {0}", id));
  } else if (kind == ScheduleKind::kAssets) {
    notes.push_back(fmt::format("{} runs when its assets are updated, not at times that are known before", id));
  } else if (kind == ScheduleKind::kContinuous) {
    notes.push_back(fmt::format("{} is @continuous: each further run follows the end of the one before", id));
  } else if (next.ended) {
    notes.push_back(fmt::format("{}: {}", id,
                                next.runs.empty() ? "nothing will ever come; its schedule is over"
                                                  : "nothing comes after these; its schedule is over then"));
  }
  if (asked.paused)
    notes.push_back(fmt::format("{0} is paused: none of this comes before pipectl dags unpause {0}", id));
  if (asked.paused_upon_creation)
    notes.push_back(fmt::format("{} is paused upon its creation: none of this comes before it is unpaused", id));
  return notes;
}

Value RowOf(const Asked& asked, const DueRun& run, const Zone& zone) {
  return Value::Map{{"dag_id", asked.dag_id},
                    {"logical_date", FormatInstant(run.logical_date)},
                    {"data_interval_start", FormatInstant(run.interval.start)},
                    {"data_interval_end", FormatInstant(run.interval.end)},
                    {"run_after", FormatInstant(run.run_after)},
                    {"run_after_local", FormatInZone(run.run_after, zone)},
                    {"timezone", zone.name()},
                    {"is_paused", asked.paused || asked.paused_upon_creation}};
}

Status AddRows(const Program& program, const Asked& asked, const NextOptions& options, const ZoneSource& zones,
               std::optional<Instant> from, Value::List& rows) {
  const auto next = RunsOf(asked, options, zones, from);
  if (!next) return next.error();
  const bool utc = asked.schedule.timezone.empty() || asked.schedule.timezone == "UTC";
  const auto zone = utc ? Result<std::shared_ptr<const Zone>>(Zone::Utc()) : zones.Find(asked.schedule.timezone);
  if (!zone) return zone.error();
  for (const DueRun& run : next->runs) rows.push_back(RowOf(asked, run, **zone));
  if (program.global.quiet) return Ok();
  if (!asked.schedule.text.empty())
    fmt::print(stderr, "{}: {} in {}, says the {}\n", asked.dag_id, asked.schedule.text, (*zone)->name(),
               asked.told_by);
  for (const std::string& note : NotesOf(asked, *next)) fmt::print(stderr, "{}\n", note);
  return Ok();
}

bool IsFile(const std::string& what) {
  std::error_code failure;
  return what.ends_with(".yaml") || what.ends_with(".yml") || fs::is_regular_file(what, failure);
}

Status Next(Program& program, const NextOptions& options) {
  const auto format = OutputFormat(program.global);
  if (!format) return format.error();
  std::optional<Instant> from;
  if (!options.from.empty()) {
    const auto moment = ParseMoment("--from", options.from);
    if (!moment) return moment.error();
    from = *moment;
  }
  const SystemZones zones;
  const auto asked =
      IsFile(options.what) ? FromFile(options.what, zones) : FromServerOrFolder(program.global, options, zones);
  if (!asked) return asked.error();
  Value::List rows;
  for (const Asked& dag : *asked) {
    if (const Status added = AddRows(program, dag, options, zones, from, rows); !added) return added;
  }
  const bool words = !IsWhole(*format);
  if (!words || !rows.empty()) PrintRows(*format, rows, kColumns);
  return Ok();
}

}  // namespace

void AddNextCommand(CLI::App& dags, Program& program) {
  const auto options = std::make_shared<NextOptions>();
  CLI::App* next = AddCommand(
      dags, "next", "Say when a DAG runs next",
      "pipectl dags next sales_daily -n 3\n"
      "  pipectl dags next dags/sales_daily.yaml --from 2026-03-28 -o json\n\n"
      "A file needs no server. A DAG's id is asked from the server with its last run; where none answers, its\n"
      "file is looked for below --dags or the home's dags folder, and seen as with no earlier run.");
  next->alias("next-execution");
  next->add_option("DAG", options->what, "A DAG's id, or a DAG file")->required();
  next->add_option("-n,--num", options->count, "How many runs")->capture_default_str()->check(CLI::Range(1, 10000));
  next->add_option("--from", options->from,
                   "Seen at this time instead of now: 2026-03-28, or with a time and an offset");
  next->add_option("--dags", options->dags, "Where DAG files are looked for when no server answers");
  AddOutputOption(*next, program);
  next->callback([&program, options] {
    if (const Status done = Next(program, *options); !done) program.Fail(done.error());
  });
}

}  // namespace pipelined::cli
