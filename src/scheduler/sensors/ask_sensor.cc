#include "scheduler/sensors/ask_sensor.h"

#include <fmt/format.h>

#include "scheduler/launch_action.h"
#include "scheduler/surroundings.h"
#include "scheduler/try_templates.h"

namespace pipelined {
namespace {

// Of one look of a command that does not say otherwise.
constexpr Micros kCommandTimeout = std::chrono::minutes(5);

Error Wrong(std::string_view kind, std::string message) {
  return Error{ErrorCode::kInvalid, fmt::format("sensor.{}: {}", kind, message), ""};
}

Micros MicrosOf(const Value& job, std::string_view key) {
  const Value* value = job.Find(key);
  return Micros(value != nullptr && value->is_int() ? value->integer() : 0);
}

bool IsTimeOfDay(const std::string& text) {
  return text.find('-') == std::string::npos && text.find(':') != std::string::npos;
}

// "08:30": of the day on which the sensor begins, in the zone of the DAG. Everything else is an instant, or a wall time
// there.
Result<Instant> TimeOf(const LaunchRequest& request, const LaunchOptions& options, std::string text, Instant now) {
  if (const auto blank = text.find(' '); blank != std::string::npos) text[blank] = 'T';
  if (const auto instant = ParseInstant(text)) return *instant;
  if (options.zones == nullptr) return Wrong("time", "there are no time zones here");
  const auto zone = options.zones->Find(request.dag.schedule.timezone);
  if (!zone) return zone.error();
  if (IsTimeOfDay(text)) {
    const std::chrono::year_month_day day(
        std::chrono::floor<std::chrono::days>(std::chrono::sys_time<Micros>((*zone)->ToLocal(now).time_since_epoch())));
    text = fmt::format("{:04}-{:02}-{:02}T{}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                       static_cast<unsigned>(day.day()), text);
  }
  const auto local = ParseLocal(text);
  if (!local) return Wrong("time", fmt::format("\"{}\" is neither a time of day nor an instant", text));
  return (*zone)->ToInstant(*local);
}

Result<Value> AskTime(const LaunchRequest& request, const LaunchOptions& options, const Value& job, Instant now) {
  const auto at = TimeOf(request, options, job.TextOf("at"), now);
  if (!at) return at.error();
  return Value(Value::Map{{"at", FormatInstant(*at)}});
}

// After the end of the data interval; a run without one counts from when it was due.
Value AskDelta(const LaunchRequest& request, const Value& job) {
  const Instant from = request.run.interval ? request.run.interval->end : request.run.run_after;
  return Value::Map{{"at", FormatInstant(from + MicrosOf(job, "micros"))}};
}

// A path from the working directory of the task, as its commands would take it.
Status MakeAbsolute(const LaunchRequest& request, const TryTemplates& templates, std::string_view kind,
                    std::string_view key, Value& job) {
  std::string path = job.TextOf(key);
  if (path.empty() || path.find('\0') != std::string::npos) return Wrong(kind, fmt::format("{} is no path", key));
  if (path.starts_with('/')) return Ok();
  auto dir = WorkingDirOf(request.dag.tasks[request.task], templates);
  if (!dir) return dir.error();
  job.Set(key, *dir + "/" + path);
  return Ok();
}

// Which run: by its id, by a date that is written out, or by the date of its own run.
Status AskRun(const LaunchRequest& request, std::string_view kind, Value& job) {
  if (job.TextOf("dag_id").empty()) return Wrong(kind, "dag_id renders to nothing");
  if (!job.TextOf("run_id").empty()) return Ok();
  std::string date = job.TextOf("logical_date");
  if (date.empty()) {
    if (!request.run.logical_date) return Wrong(kind, "this run has no logical date: say run_id or logical_date");
    job.Set("logical_date", FormatInstant(*request.run.logical_date - MicrosOf(job, "offset_micros")));
    return Ok();
  }
  if (const auto blank = date.find(' '); blank != std::string::npos) date[blank] = 'T';
  const auto at = ParseInstant(date);
  if (!at) return Wrong(kind, fmt::format("logical_date: \"{}\" is no date with its offset", date));
  job.Set("logical_date", FormatInstant(*at));
  return Ok();
}

// The keys of an action, as the worker takes them. The connection stays an id, and there are no secrets: the job is
// stored.
Result<Value> AskWorker(const LaunchRequest& request, const TryTemplates& templates, const SensorSpec& spec) {
  auto dir = WorkingDirOf(request.dag.tasks[request.task], templates);
  if (!dir) return dir.error();
  const std::string_view kind = ToString(spec.kind);
  return RenderAction(kind, fmt::format("sensor.{}", kind), spec.what, templates, *dir, Secrets::kRefused);
}

Result<Value> ArgvOf(const TryTemplates& templates, const Value& what) {
  const auto render = [&](const Value& text, Quote quote) {
    return templates.Render(text.is_string() ? text.string() : "", "sensor.command", quote);
  };
  if (const Value* script = what.Find("bash")) {
    auto text = render(*script, Quote::kShell);
    if (!text) return text.error();
    return Value(Value::List{"bash", "-c", *std::move(text)});
  }
  Value::List argv;
  for (const Value& word : what.Find("exec")->list()) {
    auto text = render(word, Quote::kNone);
    if (!text) return text.error();
    argv.emplace_back(*std::move(text));
  }
  return Value(std::move(argv));
}

// A command as it is run at each look. What it inherits is not stored: whoever runs it adds that.
Result<Value> AskCommand(const LaunchRequest& request, const LaunchOptions& options, const TryTemplates& templates,
                         const Value& what) {
  const Task& task = request.dag.tasks[request.task];
  auto argv = ArgvOf(templates, what);
  if (!argv) return argv.error();
  auto env = EnvironmentOf(task, templates, {});
  if (!env) return env.error();
  auto dir = WorkingDirOf(task, templates);
  if (!dir) return dir.error();
  Value::Map variables;
  for (auto& [name, value] : *env) variables.emplace_back(name, std::move(value));
  const Value* timeout = what.Find("timeout");
  return Value(Value::Map{{"argv", *std::move(argv)},
                          {"env", std::move(variables)},
                          {"working_dir", *std::move(dir)},
                          {"run_as_user", task.run_as_user},
                          {"log", TryLog(request, options)},
                          {"timeout", timeout != nullptr ? *timeout : Value(std::int64_t{kCommandTimeout.count()})}});
}

// An event counts from the beginning of what the run is about: its data interval, or (without one) when it was due.
Result<Value> AskAsset(const LaunchRequest& request, Value job) {
  std::string since = job.TextOf("since");
  Instant from = request.run.interval ? request.run.interval->start : request.run.run_after;
  if (!since.empty()) {
    if (const auto blank = since.find(' '); blank != std::string::npos) since[blank] = 'T';
    const auto at = ParseInstant(since);
    if (!at) return Wrong("asset", fmt::format("since: \"{}\" is no date with its offset", since));
    from = *at;
  }
  job.Set("since", FormatInstant(from));
  return job;
}

}  // namespace

Result<Value> AskSensor(const LaunchRequest& request, const LaunchOptions& options, Instant now) {
  const SensorSpec& spec = *request.dag.tasks[request.task].sensor;
  const std::string_view kind = ToString(spec.kind);
  const auto templates = TryTemplates::Make(request, options);
  if (!templates) return templates.error();
  if (spec.kind == SensorKind::kHttp || spec.kind == SensorKind::kSql) return AskWorker(request, **templates, spec);
  if (spec.kind == SensorKind::kCommand) {
    auto command = AskCommand(request, options, **templates, spec.what);
    if (!command) return command.error();
    return Value(Value::Map{{std::string(kind), *std::move(command)}});
  }
  auto what = (*templates)->EvaluateAll(spec.what, fmt::format("sensor.{}", kind));
  if (!what) return what.error();
  Value job = *std::move(what);
  Status ready = Ok();
  if (spec.kind == SensorKind::kTime) {
    auto time = AskTime(request, options, job, now);
    if (!time) return time.error();
    job = *std::move(time);
  }
  if (spec.kind == SensorKind::kDelta) job = AskDelta(request, job);
  if (spec.kind == SensorKind::kFile) ready = MakeAbsolute(request, **templates, kind, "path", job);
  if (spec.kind == SensorKind::kGlob) ready = MakeAbsolute(request, **templates, kind, "pattern", job);
  if (spec.kind == SensorKind::kTask || spec.kind == SensorKind::kDag) ready = AskRun(request, kind, job);
  if (!ready) return ready.error();
  if (spec.kind == SensorKind::kAsset) {
    auto asset = AskAsset(request, std::move(job));
    if (!asset) return asset.error();
    job = *std::move(asset);
  }
  return Value(Value::Map{{std::string(kind), std::move(job)}});
}

}  // namespace pipelined
