// Every mistake: the text, and the code, line and column that it must give. `⟦` stands in front of the place.
#include <gmock/gmock.h>

#include <fstream>
#include <iterator>
#include <set>

#include "pipelined/dagfile/codes.h"
#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

constexpr std::string_view kMark = "⟦";

struct Mistake {
  std::string_view name;
  Code code;
  std::string_view yaml;  // with the mark where the diagnostic must point
  std::string_view says;  // must be in message or hint
};

void PrintTo(const Mistake& mistake, std::ostream* out) {
  *out << mistake.name;
}

const std::vector<Mistake> kMistakes{
    {"Nul", Code::kBadBytes, "tasks:\n  a: {bash: \"x⟦\\0y\"}\n", "NUL"},
    {"Utf8", Code::kBadBytes, "tasks:\n  a: {bash: ⟦\xff}\n", "0xff"},
    {"OverlongUtf8", Code::kBadBytes, "tasks:\n  a: {bash: ⟦\xc0\xaf}\n", "UTF-8"},
    {"UnterminatedDouble", Code::kUnterminatedQuote, "tasks:\n  a:\n    bash: ⟦\"echo hello\n", "never closed"},
    {"UnterminatedSingle", Code::kUnterminatedQuote, "tasks:\n  a:\n    bash: ⟦'it''s\n", "never closed"},
    {"UnterminatedEscape", Code::kUnterminatedQuote, "tasks:\n  a:\n    bash: ⟦\"echo \\\"\n", "never closed"},
    {"AliasOfItself", Code::kAliasCycle, "tasks: &x\n  a: ⟦*x\n", "never end"},
    {"DuplicateKey", Code::kDuplicateKey, "tasks:\n  a:\n    bash: x\n    pool: p\n    ⟦bash: y\n", "line 3"},
    {"DuplicateTask", Code::kDuplicateKey, "tasks:\n  a: {bash: x}\n  ⟦a: {bash: y}\n", "twice"},
    {"ListAsKey", Code::kBadKey, "tasks:\n  ? ⟦[a, b]\n  : {bash: x}\n", "word"},
    {"UnquotedTemplate", Code::kUnquotedTemplate, "tasks:\n  a:\n    bash: ⟦{{ ds }}\n", "\"{{ ds }}\""},
    {"TemplateThenText", Code::kUnquotedTemplate, "tasks:\n  a:\n    bash: ⟦{{ ds }}/x\n", "in quotes"},
    {"TemplateInFlow", Code::kSyntax, "tasks:\n  a: {bash: echo {{ ⟦ds }}}\n", "in quotes"},
    {"TabIndent", Code::kSyntax, "tasks:\n  a:\n\t⟦bash: x\n", "spaces"},
    {"ColonInText", Code::kSyntax, "tasks:\n  a:\n    bash: echo a⟦: b\n", "quotes"},
    {"UnclosedBracket", Code::kSyntax, "tasks:\n  a: {exec: [x, y}⟦\n", ""},
    {"UnknownAlias", Code::kSyntax, "tasks:\n  a: ⟦*nobody\n", "anchor"},
    {"CronWithoutQuotes", Code::kSyntax, "schedule: ⟦*/5 * * * *\ntasks: {a: {bash: x}}\n", "in quotes"},
    {"StarsWithoutQuotes", Code::kSyntax, "schedule: ⟦* * * * *\ntasks: {a: {bash: x}}\n", "in quotes"},
    {"Tag", Code::kTag, "tasks:\n  a: {bash: ⟦!shell x}\n", "tags"},
    {"MergeOfText", Code::kBadMerge, "tasks:\n  a: {bash: x, <<: ⟦text}\n", "mapping"},
    {"NotAMapping", Code::kWrongType, "⟦- a\n- b\n", "mapping"},
    {"UnknownDagKey", Code::kUnknownKey, "⟦descripton: x\ntasks: {a: {bash: x}}\n", "\"description\""},
    {"UnknownTaskKey", Code::kUnknownKey, "tasks:\n  a:\n    bash: x\n    ⟦depend_on: b\n", "\"depends_on\""},
    {"UnknownPythonKey", Code::kUnknownKey, "tasks:\n  a: {python: {⟦script: x.py}}\n", "file, code"},
    {"SensorOfNothing", Code::kMissingKey, "tasks:\n  a: {sensor: ⟦{timeout: 1h}}\n", "time, delta, file"},
    {"SensorOfTwo", Code::kManyActions, "tasks:\n  a: {sensor: {file: x, ⟦glob: y}}\n", "file is there already"},
    {"SensorIsAWord", Code::kWrongType, "tasks:\n  a: {sensor: ⟦file}\n", "mapping"},
    {"SensorKey", Code::kUnknownKey, "tasks:\n  a: {sensor: {file: x, ⟦poke: 5s}}\n", "sensor has no key"},
    {"SensorFilePart", Code::kUnknownKey, "tasks:\n  a: {sensor: {file: {path: x, ⟦size: 5}}}\n", "min_size"},
    {"SensorWithoutPath", Code::kMissingKey, "tasks:\n  a: {sensor: {file: ⟦{min_size: 5}}}\n", "path"},
    {"SensorTime", Code::kBadDate, "tasks:\n  a: {sensor: {time: ⟦noon}}\n", "08:30"},
    {"SensorDelta", Code::kBadDuration, "tasks:\n  a: {sensor: {delta: ⟦soon}}\n", ""},
    {"SensorInterval", Code::kBadDuration, "tasks:\n  a: {sensor: {file: x, poke_interval: ⟦often}}\n", ""},
    {"SensorState", Code::kBadValue, "tasks:\n  a: {sensor: {dag: {dag_id: d, allowed_states: ⟦done}}}\n", "success"},
    {"SensorStateTwice", Code::kBadValue, "tasks:\n  a: {sensor: {dag: ⟦{dag_id: d, failed_states: success}}}\n",
     "several"},
    {"SensorTaskOfNoDag", Code::kMissingKey, "tasks:\n  a: {sensor: {task: ⟦{task_id: t}}}\n", "dag_id"},
    {"SensorTaskOfAll", Code::kMissingKey, "tasks:\n  a: {sensor: {task: ⟦{dag_id: d}}}\n", "task_id"},
    {"SensorOffset", Code::kBadValue, "tasks:\n  a: {sensor: {dag: {dag_id: d, run_id: r, ⟦offset: 1h}}}\n", "run_id"},
    {"SensorPort", Code::kBadValue, "tasks:\n  a: {sensor: {port: ⟦db}}\n", "host:port"},
    {"SensorAsset", Code::kBadAsset, "tasks:\n  a: {sensor: {asset: ⟦'s3://{{ ds }}'}}\n", "no template"},
    {"SensorAssetOfNothing", Code::kMissingKey, "tasks:\n  a: {sensor: {asset: ⟦{since: x}}}\n", "uri"},
    {"SensorCommand", Code::kMissingKey, "tasks:\n  a: {sensor: {command: ⟦{timeout: 5s}}}\n", "bash and exec"},
    {"SensorTwoCommands", Code::kManyActions, "tasks:\n  a: {sensor: {command: ⟦{bash: a, exec: [b]}}}\n", "one of"},
    {"SensorHttp", Code::kBadValue, "tasks:\n  a: {sensor: {http: ⟦'ftp://x/'}}\n", "URL of http"},
    {"SensorHttpOfTasks", Code::kMisplacedKey,
     "tasks:\n  a: {sensor: {http: {url: 'http://x/', ⟦retry_status: 5xx}}}\n", "has no retry_status"},
    {"SensorSql", Code::kMissingKey, "tasks:\n  a: {sensor: {sql: ⟦{query: select 1}}}\n", "connection"},
    {"SensorSqlQuoted", Code::kSqlText,
     "tasks:\n  a: {sensor: {sql: {connection: c, query: \"select '⟦{{ ds }}'\"}}}\n", "quotes"},
    {"SensorSqlOfTasks", Code::kMisplacedKey,
     "tasks:\n  a: {sensor: {sql: {connection: c, query: select 1, ⟦output: row}}}\n", "has no output"},
    {"SensorTemplate", Code::kTemplateName, "tasks:\n  a: {sensor: {file: '{{ ⟦dss }}'}}\n", "ds"},
    {"SensorRepeated", Code::kRepeat, "tasks:\n  a: {sensor: {file: x}, ⟦repeat: {until: true}}\n", "no command"},
    {"LaterAction", Code::kNotAvailable, "tasks:\n  a: {⟦spark: {file: x.py}}\n", "not available yet"},
    {"OverlapWord", Code::kBadValue, "schedule: '@daily'\noverlap: ⟦skp\ntasks: {a: {bash: x}}\n", "\"skip\""},
    {"OverlapUnscheduled", Code::kNeedsSchedule, "⟦overlap: skip\ntasks: {a: {bash: x}}\n", "schedule"},
    {"OverlapCatchup", Code::kScheduleConflict,
     "schedule: '@daily'\ncatchup: true\noverlap: ⟦skip\ntasks: {a: {bash: x}}\n", "catchup"},
    {"OverlapContinuous", Code::kScheduleConflict,
     "schedule: '@continuous'\noverlap: ⟦cancel_running\ntasks: {a: {bash: x}}\n", "ended"},
    {"DeadlineReference", Code::kBadValue, "deadline: {reference: ⟦queud_at, interval: 1m}\ntasks: {a: {bash: x}}\n",
     "\"queued_at\""},
    {"DeadlineNoInterval", Code::kMissingKey, "deadline: ⟦{reference: queued_at}\ntasks: {a: {bash: x}}\n", "30m"},
    {"DeadlineFixed", Code::kMissingKey, "deadline: ⟦{reference: fixed}\ntasks: {a: {bash: x}}\n", "at:"},
    {"DeadlineAt", Code::kMisplacedKey,
     "deadline: {reference: logical_date, interval: 1m, ⟦at: 2026-01-01}\ntasks: {a: {bash: x}}\n", "fixed"},
    {"DeadlineAtDate", Code::kBadDate, "deadline: {at: ⟦tomorrow}\ntasks: {a: {bash: x}}\n", "2026-01-01"},
    {"DeadlineRuns", Code::kMisplacedKey, "deadline: {interval: 1m, ⟦max_runs: 3}\ntasks: {a: {bash: x}}\n",
     "average_runtime"},
    {"DeadlineMinRuns", Code::kBadValue,
     "deadline: {reference: average_runtime, interval: 1m, max_runs: 3, min_runs: ⟦4}\ntasks: {a: {bash: x}}\n",
     "more than max_runs"},
    {"DeadlineKey", Code::kUnknownKey, "deadline: {⟦intervall: 1m}\ntasks: {a: {bash: x}}\n", "\"interval\""},
    {"DeadlineDuration", Code::kBadDuration, "deadline: ⟦soon\ntasks: {a: {bash: x}}\n", "30s"},
    {"FailuresInARow", Code::kBadValue, "max_consecutive_failed_dag_runs: ⟦-1\ntasks: {a: {bash: x}}\n", "at least 0"},
    {"PastWord", Code::kWrongType, "tasks:\n  a: {bash: x, depends_on_past: ⟦maybe}\n", "true or false"},
    {"NotificationWithoutChannel", Code::kMissingKey, "on_failure: ⟦{subject: x}\ntasks: {a: {bash: x}}\n", "channel"},
    {"LaterSchedule", Code::kNotAvailable, "schedule: {⟦kafka: topic}\ntasks: {a: {bash: x}}\n", "not available yet"},
    {"CronBesideAssets", Code::kNotAvailable, "schedule: {⟦cron: '0 0 * * *', assets: [a]}\ntasks: {a: {bash: x}}\n",
     "assets"},
    {"TextForBool", Code::kWrongType, "catchup: ⟦maybe\ntasks: {a: {bash: x}}\n", "true or false"},
    {"QuotedBool", Code::kWrongType, "fail_fast: ⟦'true'\ntasks: {a: {bash: x}}\n", "quotes away"},
    {"Octal", Code::kWrongType, "tasks:\n  a: {bash: x, retries: ⟦0755}\n", "0o755"},
    {"TextForInt", Code::kWrongType, "tasks:\n  a: {bash: x, retries: ⟦three}\n", "whole number"},
    {"NullForInt", Code::kWrongType, "tasks:\n  a:\n    bash: x\n    ⟦retries:\n", "nothing"},
    {"ListForText", Code::kWrongType, "tasks:\n  a: {bash: ⟦[x]}\n", "a list"},
    {"TextForExec", Code::kWrongType, "tasks:\n  a: {exec: ⟦/bin/true}\n", "bash"},
    {"TextForPython", Code::kWrongType, "tasks:\n  a: {python: ⟦report.py}\n", "{file: report.py}"},
    {"TasksAsList", Code::kWrongType, "tasks:\n  ⟦- {id: a}\n", "mapping"},
    {"TaskAsText", Code::kWrongType, "tasks:\n  a: ⟦echo\n", "action"},
    {"NegativeRetries", Code::kBadValue, "tasks:\n  a: {bash: x, retries: ⟦-1}\n", "at least 0"},
    {"HugeInt", Code::kBadValue, "tasks:\n  a: {bash: x, pool_slots: ⟦3000000000}\n", "between"},
    {"TriggerRule", Code::kBadValue, "tasks:\n  a: {bash: x, trigger_rule: ⟦all_sucess}\n", "\"all_success\""},
    {"WeightRule", Code::kBadValue, "tasks:\n  a: {bash: x, weight_rule: ⟦down}\n", "downstream"},
    {"MaxActiveTis", Code::kBadValue, "tasks:\n  a: {bash: x, max_active_tis_per_dag: ⟦0}\n", "at least 1"},
    {"ConcurrencyAsText", Code::kWrongType, "tasks:\n  a: {bash: x, concurrency: ⟦acme}\n", "key, max"},
    {"ConcurrencyWithoutKey", Code::kMissingKey, "tasks:\n  a: {bash: x, concurrency: ⟦{max: 1}}\n", "params.customer"},
    {"ConcurrencyMax", Code::kBadValue, "tasks:\n  a: {bash: x, concurrency: {key: k, max: ⟦0}}\n", "at least 1"},
    {"OnConflict", Code::kBadValue, "tasks:\n  a: {bash: x, concurrency: {key: k, on_conflict: ⟦cancel}}\n",
     "cancel_running"},
    {"RateWithoutKey", Code::kMissingKey, "tasks:\n  a: {bash: x, rate: ⟦{per_minute: 1}}\n", "needs a key"},
    {"RateWithoutNumber", Code::kMissingKey, "tasks:\n  a: {bash: x, rate: ⟦{key: k}}\n", "per_minute: 60"},
    {"TwoRates", Code::kBadValue, "tasks:\n  a: {bash: x, rate: {key: k, per_minute: 1, ⟦per_hour: 9}}\n", "stricter"},
    {"KeyOfOutputs", Code::kLimitKey,
     "tasks:\n  b: {bash: x}\n  a: {bash: x, depends_on: b, concurrency: {key: \"{{ ⟦tasks.b.who }}\"}}\n", "params"},
    {"KeyOfTheTry", Code::kLimitKey, "tasks:\n  a: {bash: x, rate: {key: \"{{ ⟦ti.try_number }}\", per_hour: 1}}\n",
     "created"},
    {"KeyOfTheStart", Code::kLimitKey, "tasks:\n  a: {bash: x, concurrency: {key: \"{{ ⟦dag_run.start_date }}\"}}\n",
     "created"},
    {"KeyInDefaults", Code::kLimitKey,
     "default_args: {rate: {key: \"{{ ⟦prev_start_date_success }}\", per_hour: 1}}\ntasks: {a: {bash: x}}\n",
     "created"},
    {"OnLost", Code::kBadValue, "tasks:\n  a: {bash: x, on_lost: ⟦ignore}\n", "fail"},
    {"EmptyPool", Code::kBadValue, "tasks:\n  a: {bash: x, pool: ⟦''}\n", "empty"},
    {"ExitCodeOfAQuery", Code::kBadValue,
     "tasks:\n  a: {sqlite: {path: x, query: select 1}, ⟦retry_on: {exit_codes: [1]}}\n", "bash, exec, python and ssh"},
    {"SensorOfItself", Code::kSelfDependency,
     "dag_id: d\ntasks:\n  a: {sensor: {task: ⟦{dag_id: d, task_id: a, run_id: \"{{ run_id }}\"}}}\n", "itself"},
    {"SensorOfNoTask", Code::kUnknownTask,
     "dag_id: d\ntasks:\n  load: {bash: x}\n  a: {sensor: {task: ⟦{dag_id: d, task_id: laod, offset: 1d}}}\n",
     "\"load\""},
    {"SkipOfSensor", Code::kBadValue, "tasks:\n  a: {sensor: {command: x}, ⟦skip_on_exit_code: 99}\n",
     "bash, exec, python and ssh"},
    {"ExitCode", Code::kBadValue, "tasks:\n  a: {bash: x, retry_on: {exit_codes: [1, ⟦300]}}\n", "255"},
    {"EmptyFalse", Code::kBadValue, "tasks:\n  a: {empty: ⟦false}\n", "empty: true"},
    {"EnvName", Code::kBadValue, "tasks:\n  a: {bash: x, env: {⟦\"A=B\": c}}\n", "environment"},
    {"NoTasks", Code::kMissingKey, "⟦dag_id: a\n", "tasks"},
    {"EmptyTasks", Code::kMissingKey, "tasks: ⟦{}\n", "at least one"},
    {"EmptyPython", Code::kMissingKey, "tasks:\n  a: {python: ⟦{}}\n", "file or code"},
    {"EmptySchedule", Code::kMissingKey, "schedule: ⟦{}\ntasks: {a: {bash: x}}\n", "every, cron, at and assets"},
    {"ActionInDefaults", Code::kMisplacedKey, "default_args: {⟦bash: x}\ntasks: {a: {bash: x}}\n", "each task"},
    {"UnknownTask", Code::kUnknownTask, "tasks:\n  extract: {bash: x}\n  load: {bash: x, depends_on: [⟦extarct]}\n",
     "\"extract\" (line 2)"},
    {"SelfDependency", Code::kSelfDependency, "tasks:\n  a: {bash: x, depends_on: ⟦a}\n", "itself"},
    {"Cycle", Code::kCycle,
     "tasks:\n  a: {bash: x, depends_on: [c]}\n  b: {bash: x, depends_on: [⟦a]}\n  c: {bash: x, depends_on: [b]}\n",
     "a -> b -> c -> a"},
    {"DagId", Code::kBadId, "dag_id: ⟦a/b\ntasks: {a: {bash: x}}\n", "letters"},
    {"DagIdDots", Code::kBadId, "dag_id: ⟦..\ntasks: {a: {bash: x}}\n", "letters"},
    {"TaskId", Code::kBadId, "tasks:\n  ⟦a b: {bash: x}\n", "letters"},
    {"ParamName", Code::kBadId, "params: {⟦a-b: 1}\ntasks: {a: {bash: x}}\n", "letters"},
    {"NoAction", Code::kNoAction, "tasks:\n  ⟦a: {pool: p}\n", "bash, exec"},
    {"ActionAndSensor", Code::kManyActions, "tasks:\n  a: {bash: x, ⟦sensor: {task: {dag_id: x, task_id: y}}}\n",
     "two tasks"},
    {"TwoActions", Code::kManyActions, "tasks:\n  a: {bash: x, ⟦exec: [y]}\n", "two tasks"},
    {"FileAndCode", Code::kManyActions, "tasks:\n  a: {python: ⟦{file: x, code: y}}\n", "not both"},
    {"Duration", Code::kBadDuration, "tasks:\n  a: {bash: x, retry_delay: ⟦5 parsecs}\n", "1h30m"},
    {"EveryNothing", Code::kBadLength, "schedule: {every: ⟦0s}\ntasks: {a: {bash: x}}\n", "longer"},
    {"Timezone", Code::kBadTimezone, "timezone: ⟦Mars/Olympus\ntasks: {a: {bash: x}}\n", "UTC"},
    {"StartDate", Code::kBadDate, "start_date: ⟦yesterday\ntasks: {a: {bash: x}}\n", "2026-01-01"},
    {"EndBeforeStart", Code::kDatesReversed, "start_date: 2026-01-02\nend_date: ⟦2026-01-01\ntasks: {a: {bash: x}}\n",
     "before"},
    {"Cron", Code::kBadCron, "schedule: 0 ⟦99 * * *\ntasks: {a: {bash: x}}\n", ""},
    {"Preset", Code::kBadCron, "schedule: ⟦\"@dayly\"\ntasks: {a: {bash: x}}\n", "@daily"},
    {"TwoForms", Code::kBadSchedule, "schedule: ⟦{every: 1h, cron: '0 0 * * *'}\ntasks: {a: {bash: x}}\n", "only one"},
    {"ParamType", Code::kBadParam, "params: {n: {type: ⟦integr}}\ntasks: {a: {bash: x}}\n", "\"integer\""},
    {"ParamIsNoDefault", Code::kBadParam, "params: {⟦limits: {rows: 100, cols: 3}}\ntasks: {a: {bash: x}}\n",
     "{default: {rows: …}}"},
    {"ParamDefault", Code::kBadParam, "params: {n: {type: integer, default: ⟦many}}\ntasks: {a: {bash: x}}\n", "n"},
    {"TemplateSyntax", Code::kTemplateSyntax, "tasks:\n  a:\n    bash: echo {{ ds⟦ + }}\n", ""},
    {"TemplateSyntaxInEnv", Code::kTemplateSyntax, "env: {A: \"x {{ ⟦}}\"}\ntasks:\n  a: {bash: x}\n", ""},
    {"TemplateName", Code::kTemplateName, "tasks:\n  a:\n    bash: echo {{ ⟦dss }}\n", "\"ds\""},
    {"TemplateNameQuoted", Code::kTemplateName, "tasks:\n  a: {exec: [x, \"y {{ ⟦dss }}\"]}\n", "\"ds\""},
    {"TemplateNameInBlock", Code::kTemplateName, "tasks:\n  a:\n    bash: |\n      set -e\n        echo {{ ⟦dss }}\n",
     "\"ds\""},
    {"TemplateTask", Code::kTemplateName, "tasks:\n  a: {bash: x}\n  b: {bash: 'echo {{ ⟦tasks.a.rows }}'}\n",
     "upstream"},
    {"RequiredParam", Code::kBadParam, "schedule: {every: 1h}\n⟦params: {n: {type: integer}}\ntasks: {a: {bash: x}}\n",
     "default"},
    {"Raw", Code::kRawFilter, "params: {p: x}\ntasks:\n  a: {bash: 'echo {{ params.p | ⟦raw }}'}\n", "quoting"},
    {"BashFromOutside", Code::kRawFilter, "params: {p: []}\ntasks:\n  a: {expand: {bash: '{{ ⟦params.p }}'}}\n",
     "chooses the command"},
    {"ExecFromOutside", Code::kRawFilter,
     "tasks:\n  a: {bash: x}\n  b: {expand_zip: {exec: '{{ ds }}{{ ⟦tasks.a.list }}'}}\n", "chooses the command"},
    {"RawInKwargs", Code::kRawFilter,
     "params: {p: x}\ntasks:\n  a: {bash: x, expand_kwargs: [{bash: 'echo {{ params.p | ⟦raw }}'}]}\n", "quoting"},
    {"PythonValue", Code::kPythonValue, "params: {p: x}\ntasks:\n  a: {python: {code: 'print(\"{{ ⟦params.p }}\")'}}\n",
     "os.environ"},
    {"PythonValueInBlock", Code::kPythonValue,
     "params: {p: x}\ntasks:\n  a:\n    python:\n      code: |\n        if True:\n          x = {{ ⟦params.p | upper "
     "}}\n",
     "tojson"},
    {"PythonJsonInQuotes", Code::kPythonValue,
     "params: {p: x}\ntasks:\n  a: {python: {code: 'print(\"{{ ⟦params.p | tojson }}\")'}}\n", "r'''"},
    {"WhenWithoutBraces", Code::kBadValue, "tasks:\n  a: {bash: x, when: ⟦params.n > 1}\n", "{{ params.size > 10 }}"},
    {"WhenQuotedBool", Code::kBadValue, "tasks:\n  a: {bash: x, when: ⟦'false'}\n", "true or false"},
    {"WhenTemplateName", Code::kTemplateName, "tasks:\n  a: {bash: x, when: \"{{ ⟦dss }}\"}\n", "\"ds\""},
    {"WhenTemplateSyntax", Code::kTemplateSyntax, "default_args: {when: \"{{ ⟦}}\"}\ntasks:\n  a: {bash: x}\n", ""},
    {"BranchTemplateName", Code::kTemplateName, "tasks:\n  a: {branch: [\"{{ ⟦dss }}\", \"{{ ds }}\"]}\n", "\"ds\""},
    {"ShortCircuitTemplateName", Code::kTemplateName, "tasks:\n  a: {short_circuit: {condition: \"{{ ⟦dss }}\"}}\n",
     "\"ds\""},
    {"ShortCircuitOfNothing", Code::kMissingKey,
     "tasks:\n  a: {short_circuit: ⟦{ignore_downstream_trigger_rules: false}}\n", "condition"},
    {"ShortCircuitKey", Code::kUnknownKey, "tasks:\n  a: {short_circuit: {⟦conditon: true, condition: true}}\n",
     "\"condition\""},
    {"LatestOnlyFalse", Code::kBadValue, "tasks:\n  a: {latest_only: ⟦false}\n", "latest_only: true"},
    {"BranchOfNothing", Code::kBadValue, "tasks:\n  a: {branch: ⟦[]}\n", "follow"},
    {"BranchAndBash", Code::kManyActions, "tasks:\n  a: {bash: x, ⟦branch: \"{{ ds }}\"}\n", "two tasks"},
    {"BranchInDefaults", Code::kMisplacedKey, "default_args: {⟦branch: b}\ntasks: {a: {bash: x}}\n", "each task"},
    {"BranchUnknown", Code::kUnknownTask,
     "tasks:\n  a: {branch: [left, ⟦rihgt]}\n  left: {bash: x, depends_on: a}\n  right: {bash: x, depends_on: a}\n",
     "\"right\""},
    {"BranchBeside", Code::kBranchTarget, "tasks:\n  a: {branch: ⟦b}\n  b: {bash: x}\n", "depends_on of \"b\""},
    {"BranchUpwards", Code::kBranchTarget, "tasks:\n  b: {bash: x}\n  a: {branch: ⟦b, depends_on: b}\n", "below"},
    {"BranchGroupBeside", Code::kBranchTarget,
     "task_groups: {g: {}}\ntasks:\n  a: {branch: ⟦g}\n  b: {bash: x, group: g}\n", "depends_on of \"g\""},
    {"SkipOnSuccess", Code::kBadValue, "tasks:\n  a: {bash: x, skip_on_exit_code: ⟦0}\n", "between 1 and 255"},
    {"SkipOnText", Code::kWrongType, "tasks:\n  a: {bash: x, skip_on_exit_code: [99, ⟦none]}\n", "whole number"},
    {"SetupAndTeardown", Code::kSetupAndTeardown, "tasks:\n  a: {bash: x, setup: true, ⟦teardown: true}\n", "both"},
    {"TeardownRule", Code::kTeardownRule, "tasks:\n  a: {bash: x, teardown: true, trigger_rule: ⟦all_done}\n",
     "all_done_setup_success, not all_done"},
    {"FailDagrunOfAnyTask", Code::kNotATeardown, "tasks:\n  a: {bash: x, ⟦on_failure_fail_dagrun: true}\n",
     "teardown: true"},
    {"SetupInDefaults", Code::kMisplacedKey, "default_args: {⟦setup: true}\ntasks: {a: {bash: x}}\n", "each task"},
    {"TeardownInDefaults", Code::kMisplacedKey,
     "task_groups: {g: {default_args: {⟦teardown: true}}}\ntasks: {a: {bash: x, group: g}}\n", "each task"},
    {"GroupInDefaults", Code::kMisplacedKey, "default_args: {⟦group: g}\ntasks: {a: {bash: x}}\n", "each task"},
    {"UnknownGroup", Code::kUnknownGroup, "task_groups: {load: {}}\ntasks:\n  a: {bash: x, group: ⟦laod}\n",
     "\"load\""},
    {"GroupWithoutGroups", Code::kUnknownGroup, "tasks:\n  a: {bash: x, group: ⟦load}\n", "task_groups"},
    {"UnknownParent", Code::kUnknownGroup,
     "task_groups: {load: {}, fine: {parent: ⟦laod}}\ntasks: {a: {bash: x, group: load}}\n", "\"load\""},
    {"GroupCycle", Code::kGroupCycle,
     "task_groups: {a: {parent: b}, b: {parent: c}, c: {parent: ⟦a}}\ntasks: {x: {bash: x, group: a}}\n",
     "a -> b -> c -> a"},
    {"GroupAndTask", Code::kGroupAndTask, "task_groups: {⟦a: {}}\ntasks: {b: {bash: x}, a: {bash: x}}\n", "line 2"},
    {"GroupTwice", Code::kDuplicateKey, "task_groups: {a: {}, ⟦a: {}}\ntasks: {b: {bash: x, group: a}}\n", "twice"},
    {"GroupId", Code::kBadId, "task_groups: {⟦\"a b\": {}}\ntasks: {a: {bash: x}}\n", "letters"},
    {"GroupKey", Code::kUnknownKey, "task_groups: {g: {⟦tooltop: x}}\ntasks: {a: {bash: x}}\n", "\"tooltip\""},
    {"GroupsInDefaults", Code::kMisplacedKey,
     "task_groups: {g: {default_args: {⟦depends_on: a}}}\ntasks: {a: {bash: x}}\n", "each task"},
    {"EmptyGroupAbove", Code::kEmptyGroup, "task_groups: {g: {}}\ntasks:\n  a: {bash: x, depends_on: ⟦g}\n",
     "group \"g\" holds no tasks"},
    {"EmptyGroupBelow", Code::kEmptyGroup, "task_groups: {g: {depends_on: ⟦a}}\ntasks:\n  a: {bash: x}\n",
     "group \"g\" holds no tasks"},
    {"GroupUnknownTask", Code::kUnknownTask,
     "task_groups: {g: {depends_on: [⟦extarct]}}\ntasks:\n  extract: {bash: x}\n  a: {bash: x, group: g}\n",
     "\"extract\" (line 3)"},
    {"UnknownTaskNearGroup", Code::kUnknownTask,
     "task_groups: {load: {}}\ntasks:\n  a: {bash: x, group: load}\n  b: {bash: x, depends_on: ⟦laod}\n",
     "\"load\" (line 1)"},
    {"GroupOnItself", Code::kSelfDependency, "task_groups: {g: {depends_on: ⟦g}}\ntasks: {a: {bash: x, group: g}}\n",
     "group \"g\" depends on itself"},
    {"TaskOnItsGroup", Code::kSelfDependency,
     "task_groups: {g: {}}\ntasks:\n  a: {bash: x, group: g, depends_on: ⟦g}\n", "which it stands in"},
    {"GroupOnItsTask", Code::kSelfDependency,
     "task_groups: {g: {}, h: {parent: g}, i: {depends_on: ⟦h, parent: h}}\ntasks:\n  a: {bash: x, group: i}\n",
     "which it stands in"},
    {"GroupOnItsOwnTask", Code::kSelfDependency,
     "task_groups: {g: {depends_on: ⟦a}}\ntasks: {a: {bash: x, group: g}}\n", "which stands in it"},
    {"CycleThroughGroups", Code::kCycle,
     "task_groups: {g: {}, h: {depends_on: [⟦g]}}\ntasks:\n  a: {bash: x, group: g, depends_on: h}\n  b: {bash: x, "
     "group: h}\n",
     "a -> group g -> group h -> b -> group h -> a"},
    {"EmptyAsset", Code::kBadAsset, "tasks:\n  a: {bash: x, outlets: [s3://a, ⟦'']}\n", "s3://bucket/orders"},
    {"BlankAsset", Code::kBadAsset, "tasks:\n  a: {bash: x, inlets: ⟦'  '}\n", "needs a name"},
    {"AssetTwice", Code::kBadAsset, "tasks:\n  a: {bash: x, outlets: [s3://a, s3://b, ⟦s3://a]}\n",
     "outlets names \"s3://a\" twice"},
    {"AssetTemplate", Code::kBadAsset, "tasks:\n  a: {bash: x, outlets: [⟦\"s3://a/{{ ds }}\"]}\n", "outlet_events"},
    {"AssetBeyondAscii", Code::kBadAsset, "tasks:\n  a: {bash: x, outlets: [⟦s3://café]}\n", "%C3%A9"},
    {"AssetScheme", Code::kBadAsset, "tasks:\n  a: {bash: x, outlets: [⟦'airflow://x']}\n", "reserved"},
    {"AssetPassword", Code::kBadAsset, "tasks:\n  a: {bash: x, inlets: [⟦'postgres://u:s3cret@db/orders']}\n",
     "connection"},
    {"AssetAsMapping", Code::kWrongType, "tasks:\n  a: {bash: x, outlets: [⟦{uri: s3://a}]}\n", "texts"},
    {"AssetOfASchedule", Code::kBadAsset, "schedule: {assets: {any: [a, ⟦'']}}\ntasks: {a: {bash: x}}\n", "name"},
    {"AssetInDefaults", Code::kBadAsset, "default_args: {outlets: [a, ⟦a]}\ntasks: {a: {bash: x}}\n", "twice"},
    {"TwoDagsOneId", Code::kDuplicateDag, "dag_id: x\ntasks: {a: {bash: x}}\n---\n⟦dag_id: x\ntasks: {a: {bash: x}}\n",
     "own"},
};

class Diagnose : public testing::TestWithParam<Mistake> {};

TEST_P(Diagnose, AtItsPlace) {
  std::string yaml(GetParam().yaml);
  const std::size_t at = yaml.find(kMark);
  ASSERT_NE(at, std::string::npos);
  yaml.erase(at, kMark.size());
  const auto line = 1 + std::count(yaml.begin(), yaml.begin() + static_cast<std::ptrdiff_t>(at), '\n');
  const std::size_t column = at - yaml.substr(0, at).rfind('\n');

  const LoadResult result = Load(yaml);
  ASSERT_FALSE(result.diagnostics.empty());
  const Diagnostic& first = result.diagnostics[0];
  EXPECT_EQ(result.diagnostics.size(), 1u) << Format(result.diagnostics);
  EXPECT_EQ(first.code, CodeText(GetParam().code)) << Format(first);
  if (GetParam().code != Code::kSyntax && GetParam().code != Code::kTemplateSyntax &&
      GetParam().name != "Nul") {  // where YAML stops to make sense is not exact
    EXPECT_EQ(first.line, line) << Format(first);
    EXPECT_EQ(first.column, static_cast<int>(column == 0 ? at + 1 : column)) << Format(first);
  }
  EXPECT_THAT(first.message + first.hint, testing::HasSubstr(std::string(GetParam().says))) << Format(first);
}

INSTANTIATE_TEST_SUITE_P(All, Diagnose, testing::ValuesIn(kMistakes),
                         [](const testing::TestParamInfo<Mistake>& mistake) {
                           return std::string(mistake.param.name);
                         });

TEST(Diagnostics, AllMistakesOfAFileComeAtOnce) {
  const LoadResult result = Load(R"(dag_id: "a b"
schedule: "@dayly"
tasks:
  one: {bash: x, retries: many}
  two: {depends_on: [oen], spark: {}}
)");
  std::set<std::string> codes;
  for (const Diagnostic& d : result.diagnostics) codes.insert(d.code);
  EXPECT_EQ(codes, (std::set<std::string>{"DAG015", "DAG017", "DAG021", "DAG024", "DAG038"}))
      << Format(result.diagnostics);
  EXPECT_TRUE(result.dags.empty());
}

TEST(Diagnostics, AMistakeInOneDocumentLeavesTheOthers) {
  const LoadResult result = Load("dag_id: bad\ntasks: {a: {bash: 'x}}\n---\ndag_id: good\ntasks: {a: {bash: x}}\n");
  ASSERT_EQ(result.dags.size(), 1u);
  EXPECT_EQ(result.dags[0].dag->id, "good");
  EXPECT_EQ(result.dags[0].source.first_line, 3);
}

TEST(Diagnostics, AreCappedAndTheRestIsCounted) {
  std::string yaml = "tasks:\n";
  for (int i = 0; i < 500; ++i) yaml += "  t" + std::to_string(i) + ": {pool: p}\n";
  const LoadResult result = Load(yaml);
  EXPECT_EQ(result.diagnostics.size(), 101u);
  EXPECT_EQ(result.diagnostics.back().code, "DAG034");
  EXPECT_THAT(result.diagnostics.back().message, testing::HasSubstr("400 more"));
}

TEST(Diagnostics, AnEmptyFileHoldsNoDag) {
  for (const char* yaml : {"", "# nothing\n", "---\n", "---\n...\n"}) {
    const LoadResult result = Load(yaml);
    ASSERT_EQ(result.diagnostics.size(), 1u) << yaml;
    EXPECT_EQ(result.diagnostics[0].code, "DAG014");
  }
}

TEST(Diagnostics, OfDefaultsNameTheDefaultsFile) {
  const LoadResult result = Load("tasks: {a: {bash: x}}\n", {"default_args:\n  retires: 3\n"});
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].file, "team/defaults.yaml");
  EXPECT_EQ(result.diagnostics[0].line, 2);
  EXPECT_EQ(result.diagnostics[0].hint, "did you mean \"retries\"?");
  EXPECT_TRUE(result.dags.empty());
}

TEST(Diagnostics, ATypoInASchemaIsOnlyAWarning) {
  const LoadResult result = Load("params: {n: {type: integer, minimun: 1}}\ntasks: {a: {bash: x}}\n");
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_EQ(result.diagnostics[0].severity, Severity::kWarning);
  EXPECT_EQ(result.dags.size(), 1u);
}

TEST(Diagnostics, APasswordIsNotRepeated) {
  const LoadResult result = Load("tasks: {a: {bash: x, outlets: ['postgres://u:s3cret@db/orders']}}\n");
  ASSERT_EQ(result.diagnostics.size(), 1u);
  EXPECT_THAT(result.diagnostics[0].message, testing::Not(testing::HasSubstr("s3cret")));
}

TEST(Diagnostics, TheNameOfAnAssetHasALimit) {
  const auto load = [](std::size_t length) {
    return Load("tasks: {a: {bash: x, outlets: [" + std::string(length, 'a') + "]}}\n").diagnostics.size();
  };
  EXPECT_EQ(load(1500), 0u);
  EXPECT_EQ(load(1501), 1u);
}

TEST(Codes, AreDocumented) {
  std::ifstream file(std::string(PIPELINED_SOURCE_DIR) + "/docs/dag-files.md");
  const std::string docs{std::istreambuf_iterator<char>(file), {}};
  for (const CodeInfo& info : AllCodes()) {
    EXPECT_THAT(docs, testing::HasSubstr("| `" + CodeText(info.code) + "` | " + std::string(info.meaning) + " |"));
  }
}

TEST(Codes, AreInOrderAndHaveOneMeaningEach) {
  int expected = 1;
  for (const CodeInfo& info : AllCodes()) EXPECT_EQ(static_cast<int>(info.code), expected++);
  EXPECT_EQ(CodeText(Code::kUnknownTask), "DAG021");
}

}  // namespace
}  // namespace pipelined
