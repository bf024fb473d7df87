#include "dagfile/sensor_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "dagfile/keys.h"
#include "dagfile/sensor_keys.h"
#include "dagfile/task_reader.h"
#include "dagfile/template_check.h"
#include "dagfile/values.h"
#include "pipelined/lifecycle/run_state.h"
#include "pipelined/lifecycle/task_state.h"

namespace pipelined::dagfile {
namespace {

constexpr std::string_view kKinds = "time, delta, file, glob, task, dag, port, http, sql";

// Reads what stands under the kind into the spec's map: each value under a name of its own.
class WhatReader {
 public:
  WhatReader(Reporter& reporter, SensorSpec& spec) : reporter_(reporter), spec_(spec) { spec_.what = Value::Map{}; }

  void Time(const Entry& entry) {
    Word(entry, "at");
    const Value* at = spec_.what.Find("at");
    if (at == nullptr || MayHoldATemplate(at->string()) || IsTime(at->string())) return;
    reporter_.Error(Code::kBadDate, entry.place(),
                    fmt::format("{} is neither a time of day nor an instant", Quoted(at->string())),
                    "for example \"08:30\", in the zone of the DAG, or 2026-01-31T08:30:00Z");
  }

  void Delta(const Entry& entry) {
    Micros length{};
    if (ReadDuration(entry, reporter_, length)) spec_.what.Set("micros", Value(std::int64_t{length.count()}));
  }

  void File(const Entry& entry) {
    if (entry.value.is_scalar()) return Word(entry, "path");
    if (!RequireMap(entry, reporter_, "a path, or a mapping with path")) return;
    EachKey(entry.value, kFileSensorKeys, "sensor.file", reporter_, [&](Key key, const Entry& part) {
      if (key == Key::kPath) Word(part, "path");
      Quality(key, part);
    });
    Require(entry, "path", "file needs a path", "for example file: {path: /in/day.csv}");
  }

  void Glob(const Entry& entry) {
    if (entry.value.is_scalar()) return Word(entry, "pattern");
    if (!RequireMap(entry, reporter_, "a pattern, or a mapping with pattern")) return;
    EachKey(entry.value, kGlobSensorKeys, "sensor.glob", reporter_, [&](Key key, const Entry& part) {
      if (key == Key::kPattern) Word(part, "pattern");
      if (key == Key::kMinCount) Number(part, "min_count", 1);
      Quality(key, part);
    });
    Require(entry, "pattern", "glob needs a pattern", "for example glob: /in/*.csv");
  }

  void OfTask(const Entry& entry) {
    if (!RequireMap(entry, reporter_, "a mapping with dag_id and task_id")) return;
    EachKey(entry.value, kTaskSensorKeys, "sensor.task", reporter_, [&](Key key, const Entry& part) {
      if (key == Key::kTaskIds) Texts(part, "task_ids");
      OfRun(key, part, /*tasks=*/true);
    });
    Require(entry, "dag_id", "task needs a dag_id", "for example task: {dag_id: sales, task_id: load}");
    Require(entry, "task_ids", "task needs a task_id", "a whole run is waited for with dag");
    CheckRun(entry);
  }

  void OfDag(const Entry& entry) {
    if (entry.value.is_scalar()) {
      Word(entry, "dag_id");
    } else if (RequireMap(entry, reporter_, "the id of a DAG, or a mapping with dag_id")) {
      EachKey(entry.value, kDagSensorKeys, "sensor.dag", reporter_,
              [&](Key key, const Entry& part) { OfRun(key, part, /*tasks=*/false); });
      Require(entry, "dag_id", "dag needs a dag_id", "for example dag: sales");
    }
    CheckRun(entry);
  }

  void Port(const Entry& entry) {
    if (entry.value.is_scalar()) return HostAndPort(entry);
    if (!RequireMap(entry, reporter_, "host:port, or a mapping with host and port")) return;
    EachKey(entry.value, kPortSensorKeys, "sensor.port", reporter_, [&](Key key, const Entry& part) {
      if (key == Key::kHost) Word(part, "host");
      if (key == Key::kPort) Number(part, "port", 1, 65535);
    });
    Require(entry, "host", "port needs a host", "for example port: db.example.org:5432");
    Require(entry, "port", "port needs a port", "for example port: db.example.org:5432");
  }

  // As the prober takes it.
  void Probe(const Entry& entry, std::string_view needed) {
    spec_.what =
        entry.value.is_scalar() ? Value(Value::Map{{std::string(needed), ToValue(entry.value)}}) : ToValue(entry.value);
    if (!spec_.what.is_map()) return ReportType(entry, reporter_, "a mapping");
    Require(entry, needed, fmt::format("{} needs {}", entry.name(), needed), {});
  }

 private:
  static bool IsTime(std::string text) {
    if (const auto blank = text.find(' '); blank != std::string::npos) text[blank] = 'T';
    return ParseInstant(text).ok() || ParseLocal(text).ok() || ParseLocal("2000-01-01T" + text).ok();
  }

  void Word(const Entry& entry, std::string_view name) {
    std::string text;
    if (ReadWord(entry, reporter_, text)) spec_.what.Set(name, Value(std::move(text)));
  }
  void Number(const Entry& entry, std::string_view name, std::int32_t least,
              std::int32_t most = std::numeric_limits<std::int32_t>::max()) {
    std::int32_t number = 0;
    if (ReadInt(entry, reporter_, number, least, most)) spec_.what.Set(name, Value(std::int64_t{number}));
  }
  void Texts(const Entry& entry, std::string_view name) {
    std::vector<std::string> texts;
    if (!ReadTexts(entry, reporter_, texts) || texts.empty()) return;
    spec_.what.Set(name, Value(Value::List(texts.begin(), texts.end())));
  }
  void Length(const Entry& entry, std::string_view name) {
    Micros length{};
    if (ReadDuration(entry, reporter_, length)) spec_.what.Set(name, Value(std::int64_t{length.count()}));
  }
  void Quality(Key key, const Entry& part) {
    if (key == Key::kMinSize) Number(part, "min_size", 0);
    if (key == Key::kStableFor) Length(part, "stable_micros");
  }

  void OfRun(Key key, const Entry& part, bool tasks) {
    if (key == Key::kId) Word(part, "dag_id");
    if (key == Key::kRunId) Word(part, "run_id");
    if (key == Key::kLogicalDate) Word(part, "logical_date");
    if (key == Key::kOffset) {
      Length(part, "offset_micros");
      offset_ = part;
    }
    if (key == Key::kAllowedStates) States(part, "allowed_states", tasks);
    if (key == Key::kFailedStates) States(part, "failed_states", tasks);
    if (key == Key::kSkippedStates) States(part, "skipped_states", tasks);
  }

  void States(const Entry& entry, std::string_view name, bool tasks) {
    std::vector<std::string> words;
    if (!ReadTexts(entry, reporter_, words)) return;
    Value::List states;
    for (const std::string& word : words) {
      const bool known = tasks ? TaskStateFromString(word).has_value() : RunStateFromString(word).has_value();
      if (known) {
        states.emplace_back(word);
      } else {
        reporter_.Error(Code::kBadValue, entry.place(),
                        fmt::format("{} is no state of a {}", Quoted(word), tasks ? "task" : "run"),
                        tasks ? "for example success, failed, skipped" : "known are: queued, running, success, failed");
      }
    }
    spec_.what.Set(name, Value(std::move(states)));
  }

  // As Airflow: each state belongs to one of the lists; without any, success is what is waited for.
  void CheckRun(const Entry& entry) {
    if (spec_.what.Find("allowed_states") == nullptr)
      spec_.what.Set("allowed_states", Value(Value::List{Value("success")}));
    std::vector<std::string> seen;
    for (const std::string_view name : {"allowed_states", "failed_states", "skipped_states"}) {
      const Value* states = spec_.what.Find(name);
      if (states == nullptr) continue;
      for (const Value& state : states->list()) {
        if (std::find(seen.begin(), seen.end(), state.string()) != seen.end())
          reporter_.Error(Code::kBadValue, entry.place(),
                          fmt::format("{} cannot be in several lists of states", Quoted(state.string())));
        seen.push_back(state.string());
      }
    }
    const bool named = spec_.what.Find("run_id") != nullptr || spec_.what.Find("logical_date") != nullptr;
    if (offset_ && named)
      reporter_.Error(Code::kBadValue, offset_->key.place(),
                      "offset is counted back from the date of this run: it goes with neither run_id nor logical_date");
  }

  void HostAndPort(const Entry& entry) {
    std::string text;
    if (!ReadWord(entry, reporter_, text)) return;
    const auto colon = text.rfind(':');
    std::int64_t port = 0;
    const bool split = colon != std::string::npos && colon > 0;
    const auto digits = split ? std::from_chars(text.data() + colon + 1, text.data() + text.size(), port)
                              : std::from_chars_result{nullptr, std::errc::invalid_argument};
    if (!split || digits.ec != std::errc() || digits.ptr != text.data() + text.size() || port < 1 || port > 65535) {
      reporter_.Error(Code::kBadValue, entry.place(), fmt::format("{} is no host:port", Quoted(text)),
                      "for example db.example.org:5432; a template goes into {host: …, port: …}");
      return;
    }
    spec_.what = Value::Map{{"host", text.substr(0, colon)}, {"port", port}};
  }

  void Require(const Entry& entry, std::string_view name, const std::string& message, const std::string& hint) {
    if (spec_.what.Find(name) == nullptr && reporter_.errors() == errors_)
      reporter_.Error(Code::kMissingKey, entry.place(), message, hint);
  }

  Reporter& reporter_;
  SensorSpec& spec_;
  const std::size_t errors_ = reporter_.errors();
  std::optional<Entry> offset_;
};

struct KindRow {
  Key key;
  SensorKind kind;
};
constexpr std::array kKindRows{
    KindRow{Key::kSensorTime, SensorKind::kTime}, KindRow{Key::kSensorDelta, SensorKind::kDelta},
    KindRow{Key::kSensorFile, SensorKind::kFile}, KindRow{Key::kSensorGlob, SensorKind::kGlob},
    KindRow{Key::kSensorTask, SensorKind::kTask}, KindRow{Key::kSensorDag, SensorKind::kDag},
    KindRow{Key::kSensorPort, SensorKind::kPort}, KindRow{Key::kSensorHttp, SensorKind::kHttp},
    KindRow{Key::kSensorSql, SensorKind::kSql},
};

void ReadWhat(const Entry& entry, Reporter& reporter, SensorSpec& spec) {
  WhatReader reader(reporter, spec);
  switch (spec.kind) {
    case SensorKind::kTime:
      return reader.Time(entry);
    case SensorKind::kDelta:
      return reader.Delta(entry);
    case SensorKind::kFile:
      return reader.File(entry);
    case SensorKind::kGlob:
      return reader.Glob(entry);
    case SensorKind::kTask:
      return reader.OfTask(entry);
    case SensorKind::kDag:
      return reader.OfDag(entry);
    case SensorKind::kPort:
      return reader.Port(entry);
    case SensorKind::kHttp:
      return reader.Probe(entry, "url");
    case SensorKind::kSql:
      return reader.Probe(entry, "query");
  }
}

void ReadHow(Key key, const Entry& part, Reporter& reporter, SensorSpec& spec) {
  if (key == Key::kPokeInterval) ReadDuration(part, reporter, spec.poke.interval);
  if (key == Key::kSensorTimeout) ReadDuration(part, reporter, spec.poke.timeout);
  if (key == Key::kSensorBackoff) ReadBool(part, reporter, spec.poke.exponential_backoff);
  if (key == Key::kSoftFail) ReadBool(part, reporter, spec.soft_fail);
  if (key == Key::kSilentFail) ReadBool(part, reporter, spec.silent_fail);
  if (key != Key::kMaxWait) return;
  Micros longest{};
  if (ReadDuration(part, reporter, longest)) spec.poke.max_wait = longest;
}

}  // namespace

void ReadSensor(const Entry& entry, bool probes, Reporter& reporter, Task& task) {
  SensorSpec spec;
  task.action.kind = ActionKind::kSensor;
  task.action.words.clear();
  const std::size_t errors = reporter.errors();
  std::optional<Entry> what;
  if (RequireMap(entry, reporter, "a mapping with what is waited for")) {
    EachKey(entry.value, kSensorKeys, "sensor", reporter, [&](Key key, const Entry& part) {
      const auto row = std::find_if(kKindRows.begin(), kKindRows.end(), [&](const KindRow& r) { return r.key == key; });
      if (row == kKindRows.end()) return ReadHow(key, part, reporter, spec);
      if (what) {
        reporter.Error(Code::kManyActions, part.key.place(),
                       fmt::format("a sensor waits for one thing, and {} is there already", what->name()),
                       "make two tasks of it");
        return;
      }
      what = part;
      spec.kind = row->kind;
      ReadWhat(part, reporter, spec);
    });
    if (!what && reporter.errors() == errors)
      reporter.Error(Code::kMissingKey, entry.place(), "sensor waits for nothing",
                     fmt::format("give it one of {}", kKinds));
  }
  if (what && NeedsProber(spec.kind) && !probes && reporter.errors() == errors)
    reporter.Error(Code::kNotAvailable, what->key.place(),
                   fmt::format("a sensor cannot wait for {} in this version", what->name()),
                   "a task with bash and retries can ask again and again");
  task.sensor = std::make_shared<const SensorSpec>(std::move(spec));
}

}  // namespace pipelined::dagfile
