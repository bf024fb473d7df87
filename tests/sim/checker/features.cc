#include "sim/checker/features.h"

#include "sim/checker/notices.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace pipelined::sim {
namespace {

const Task kPlain = DagSpec().Add("plain");

bool IsExec(const Task& task) {
  return task.action.kind == ActionKind::kExec;
}

bool IsMapped(const DagSpec& spec, const std::string& id) {
  return std::any_of(spec.mapped.begin(), spec.mapped.end(), [&](const MappedSpec& mapped) {
    return std::count(mapped.tasks.begin(), mapped.tasks.end(), id) > 0;
  });
}

// A mapped task decides nothing here: what each instance of it leaves out would be a promise of its own.
void Decides(DagSpec& spec, std::size_t task, ActionKind kind, std::vector<std::string> words) {
  if (IsMapped(spec, spec.dag.tasks[task].id) && kind != ActionKind::kEmpty) return;
  if (IsExec(spec.dag.tasks[task])) spec.dag.tasks[task].action = Action{kind, std::move(words)};
}

template <ActionKind kind>
bool Is(const Task& task) {
  return task.action.kind == kind;
}

void BackToExec(Task& task) {
  task.action = kPlain.action;
}

std::string ActionCode(std::string_view kind, const Task& task) {
  std::string words;
  for (const std::string& word : task.action.words) words += fmt::format("{}\"{}\"", words.empty() ? "" : ", ", word);
  return fmt::format("action = Action{{ActionKind::{}, {{{}}}}}", kind, words);
}

// all_done -> kAllDone
std::string EnumName(std::string_view word) {
  std::string name = "k";
  bool upper = true;
  for (const char c : word) {
    if (c != '_') name += upper ? static_cast<char>(c - 'a' + 'A') : c;
    upper = c == '_';
  }
  return name;
}

template <TriggerRule rule>
constexpr TaskFeature Rule(std::string_view name, int one_in) {
  return {name,
          one_in,
          [](Random&, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].trigger_rule = rule; },
          [](const Task& task) { return task.trigger_rule == rule && !task.teardown; },
          [](Task& task) { task.trigger_rule = TriggerRule::kAllSuccess; },
          [](const Task& task) {
            return fmt::format("trigger_rule = TriggerRule::{}", EnumName(ToString(task.trigger_rule)));
          }};
}

// Some of what is directly below, or nothing, or a group of it.
void PutBranch(Random& random, DagSpec& spec, std::size_t task) {
  std::vector<std::string> follow;
  for (const std::string& below : spec.Below(spec.dag.tasks[task].id)) {
    if (random.OneIn(2)) follow.push_back(below);
  }
  if (!spec.dag.groups.empty() && random.OneIn(3)) follow = {spec.dag.groups[0].id};
  Decides(spec, task, ActionKind::kBranch, std::move(follow));
}

void PutShortCircuit(Random& random, DagSpec& spec, std::size_t task, bool ignore) {
  Decides(spec, task, ActionKind::kShortCircuit, {random.OneIn(3) ? "true" : "false"});
  spec.dag.tasks[task].ignore_downstream_trigger_rules = ignore;
}

void Connect(DagSpec& spec, const std::string& up, const std::string& down) {
  const std::pair edge{up, down};
  if (std::find(spec.edges.begin(), spec.edges.end(), edge) == spec.edges.end()) spec.edges.push_back(edge);
}

// The task becomes a setup, a later one its teardown, and what is between them sometimes their inside.
void PutSetup(Random& random, DagSpec& spec, std::size_t setup) {
  const std::size_t tasks = spec.dag.tasks.size();
  if (spec.dag.tasks[setup].teardown) return;
  spec.dag.tasks[setup].setup = true;
  if (setup + 1 >= tasks || random.OneIn(4)) return;
  const std::size_t last = setup + 1 + static_cast<std::size_t>(random.Below(static_cast<int>(tasks - setup - 1)));
  Task& teardown = spec.dag.tasks[last];
  if (teardown.setup) return;
  teardown.teardown = true;
  teardown.trigger_rule = TriggerRule::kAllDoneSetupSuccess;
  teardown.on_failure_fail_dagrun = random.OneIn(3);
  const auto connect = [&](std::size_t up, std::size_t down) {
    Connect(spec, spec.dag.tasks[up].id, spec.dag.tasks[down].id);
  };
  connect(setup, last);
  for (std::size_t inside = setup + 1; inside < last; ++inside) {
    if (random.OneIn(2)) connect(setup, inside);
    if (random.OneIn(2)) connect(inside, last);
  }
}

// The second DAG is what tasks of the first ask for; when there is none, they fail.
void PutTrigger(Random& random, DagSpec& spec, std::size_t task, bool sub_run) {
  Task& what = spec.dag.tasks[task];
  if (spec.dag.id != "d1" || !IsExec(what) || !what.repeat.until.empty()) return;
  AsksFor asks{"d2", sub_run, random.OneIn(2)};
  if (random.OneIn(3)) asks.run_id = "asked_for";
  asks.reset = random.OneIn(4);
  asks.skip = random.OneIn(6);
  what.action = Action{sub_run ? ActionKind::kSubDag : ActionKind::kTriggerDag, {}};
  what.trigger = ToSpec(asks);
}

void TakeTrigger(Task& task) {
  task.action = kPlain.action;
  task.trigger = nullptr;
}

std::string TriggerCode(const Task& task) {
  const TriggerSpec& spec = *task.trigger;
  return fmt::format("{}; trigger = ToSpec({{\"{}\", {}, {}, \"{}\", {}, {}}})",
                     ActionCode(spec.sub_run ? "kSubDag" : "kTriggerDag", task), spec.dag_id, spec.sub_run,
                     spec.wait_for_completion, spec.run_id, spec.reset_dag_run, spec.skip_when_already_exists);
}

// The instant that it waits for may lie behind its timeout.
void PutSensor(Random& random, DagSpec& spec, std::size_t task) {
  Task& what = spec.dag.tasks[task];
  if (!IsExec(what) || !what.repeat.until.empty()) return;
  what.action = Action{ActionKind::kSensor, {}};
  what.sensor = Waits(random.Below(8) * 30, random.Between(1, 8) * 30, random.OneIn(3));
}

void TakeSensor(Task& task) {
  task.action = kPlain.action;
  task.sensor = nullptr;
}

std::string SensorCode(const Task& task) {
  const SensorSpec& spec = *task.sensor;
  return fmt::format("{}; sensor = Waits({}, {}, {})", ActionCode("kSensor", task),
                     spec.what.Find("micros")->integer() / 1'000'000, spec.poke.timeout / Seconds(1), spec.soft_fail);
}

template <OnConflict on_conflict>
constexpr TaskFeature Concurrency(std::string_view name) {
  return {name,
          20,
          [](Random& random, DagSpec& spec, std::size_t task) {
            spec.dag.tasks[task].concurrency =
                std::make_shared<ConcurrencyLimit>(ConcurrencyLimit{"key", random.Between(1, 2), on_conflict});
          },
          [](const Task& task) { return task.concurrency != nullptr && task.concurrency->on_conflict == on_conflict; },
          [](Task& task) { task.concurrency = nullptr; },
          [](const Task& task) {
            return fmt::format(
                "concurrency = std::make_shared<ConcurrencyLimit>(ConcurrencyLimit{{\"key\", {}, OnConflict::{}}})",
                task.concurrency->max, EnumName(ToString(on_conflict)));
          }};
}

constexpr TaskFeature kTaskFeatures[] = {
    Rule<TriggerRule::kAllFailed>("all_failed", 30),
    Rule<TriggerRule::kAllDone>("all_done", 15),
    Rule<TriggerRule::kAllDoneMinOneSuccess>("all_done_min_one_success", 30),
    Rule<TriggerRule::kOneSuccess>("one_success", 20),
    Rule<TriggerRule::kOneFailed>("one_failed", 20),
    Rule<TriggerRule::kOneDone>("one_done", 30),
    Rule<TriggerRule::kNoneFailed>("none_failed", 20),
    Rule<TriggerRule::kNoneFailedMinOneSuccess>("none_failed_min_one_success", 20),
    Rule<TriggerRule::kNoneSkipped>("none_skipped", 30),
    Rule<TriggerRule::kAllSkipped>("all_skipped", 30),
    Rule<TriggerRule::kAlways>("always", 30),
    Rule<TriggerRule::kAllDoneSetupSuccess>("all_done_setup_success", 40),
    {"empty", 10, [](Random&, DagSpec& spec, std::size_t task) { Decides(spec, task, ActionKind::kEmpty, {}); },
     Is<ActionKind::kEmpty>, BackToExec, [](const Task& task) { return ActionCode("kEmpty", task); }},
    {"branch", 12, PutBranch, Is<ActionKind::kBranch>, BackToExec,
     [](const Task& task) { return ActionCode("kBranch", task); }},
    {"short_circuit", 25,
     [](Random& random, DagSpec& spec, std::size_t task) { PutShortCircuit(random, spec, task, true); },
     [](const Task& task) { return Is<ActionKind::kShortCircuit>(task) && task.ignore_downstream_trigger_rules; },
     BackToExec, [](const Task& task) { return ActionCode("kShortCircuit", task); }},
    {"short_circuit (direct)", 25,
     [](Random& random, DagSpec& spec, std::size_t task) { PutShortCircuit(random, spec, task, false); },
     [](const Task& task) { return Is<ActionKind::kShortCircuit>(task) && !task.ignore_downstream_trigger_rules; },
     [](Task& task) {
       BackToExec(task);
       task.ignore_downstream_trigger_rules = true;
     },
     [](const Task& task) { return ActionCode("kShortCircuit", task) + "; ignore_downstream_trigger_rules = false"; }},
    {"latest_only", 30,
     [](Random&, DagSpec& spec, std::size_t task) { Decides(spec, task, ActionKind::kLatestOnly, {}); },
     Is<ActionKind::kLatestOnly>, BackToExec, [](const Task& task) { return ActionCode("kLatestOnly", task); }},
    {"when", 20,
     [](Random& random, DagSpec& spec, std::size_t task) {
       spec.dag.tasks[task].when = random.OneIn(2) ? "true" : "false";
     },
     [](const Task& task) { return !task.when.empty(); }, [](Task& task) { task.when.clear(); },
     [](const Task& task) { return fmt::format("when = \"{}\"", task.when); }},
    {"a template that fails", 100,
     [](Random&, DagSpec& spec, std::size_t task) {
       if (IsExec(spec.dag.tasks[task])) spec.dag.tasks[task].action.words = {"{{ nobody.knows }}"};
     },
     [](const Task& task) { return IsExec(task) && task.action.words != kPlain.action.words; }, BackToExec,
     [](const Task& task) { return ActionCode("kExec", task); }},
    {"retries", 4,
     [](Random& random, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].retry.retries = random.Between(1, 2); },
     [](const Task& task) { return task.retry.retries > 0; }, [](Task& task) { task.retry.retries = 0; },
     [](const Task& task) { return fmt::format("retry.retries = {}", task.retry.retries); }},
    {"retry_delay", 10,
     [](Random& random, DagSpec& spec, std::size_t task) {
       spec.dag.tasks[task].retry.delay = std::chrono::minutes(random.Below(2) * 3);
     },
     [](const Task& task) { return task.retry.delay != kPlain.retry.delay; },
     [](Task& task) { task.retry.delay = kPlain.retry.delay; },
     [](const Task& task) { return fmt::format("retry.delay = Seconds({})", task.retry.delay.count() / 1'000'000); }},
    {"retry_exit_codes", 15,
     [](Random& random, DagSpec& spec, std::size_t task) {
       spec.dag.tasks[task].retry.retries = 1;
       spec.dag.tasks[task].retry.exit_codes = {random.Between(1, 2)};
     },
     [](const Task& task) { return !task.retry.exit_codes.empty(); }, [](Task& task) { task.retry.exit_codes.clear(); },
     [](const Task& task) { return fmt::format("retry.exit_codes = {{{}}}", task.retry.exit_codes[0]); }},
    {"skip_exit_codes", 15,
     [](Random&, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].skip_exit_codes = {1}; },
     [](const Task& task) { return task.skip_exit_codes != kPlain.skip_exit_codes; },
     [](Task& task) { task.skip_exit_codes = kPlain.skip_exit_codes; },
     [](const Task& task) { return fmt::format("skip_exit_codes = {{{}}}", fmt::join(task.skip_exit_codes, ", ")); }},
    {"on_lost: retry", 4,
     [](Random&, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].on_lost = OnLost::kRetry; },
     [](const Task& task) { return task.on_lost == OnLost::kRetry; }, [](Task& task) { task.on_lost = OnLost::kFail; },
     [](const Task&) { return std::string("on_lost = OnLost::kRetry"); }},
    {"notifications", 6,
     [](Random&, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].notify = TellEverything(); },
     [](const Task& task) { return task.notify != nullptr; }, [](Task& task) { task.notify = nullptr; },
     [](const Task&) { return std::string("notify = TellEverything()"); }},
    {"outlets", 6,
     [](Random& random, DagSpec& spec, std::size_t task) {
       spec.dag.tasks[task].outlets = {"s3://x"};
       if (random.OneIn(2)) spec.dag.tasks[task].outlets.push_back("s3://y");
     },
     [](const Task& task) { return !task.outlets.empty(); }, [](Task& task) { task.outlets.clear(); },
     [](const Task& task) { return fmt::format("outlets = {{\"{}\"}}", fmt::join(task.outlets, "\", \"")); }},
    {"pool", 6, [](Random&, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].pool = kSmallPool; },
     [](const Task& task) { return task.pool == kSmallPool; }, [](Task& task) { task.pool = kDefaultPool; },
     [](const Task& task) { return fmt::format("pool = \"{}\"", task.pool); }},
    {"pool_slots", 10,
     [](Random& random, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].pool_slots = random.Between(2, 3); },
     [](const Task& task) { return task.pool_slots > 1; }, [](Task& task) { task.pool_slots = 1; },
     [](const Task& task) { return fmt::format("pool_slots = {}", task.pool_slots); }},
    {"priority_weight", 6,
     [](Random& random, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].priority_weight = random.Below(5); },
     [](const Task& task) { return task.priority_weight != 1; }, [](Task& task) { task.priority_weight = 1; },
     [](const Task& task) { return fmt::format("priority_weight = {}", task.priority_weight); }},
    {"weight_rule: upstream", 10,
     [](Random&, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].weight_rule = WeightRule::kUpstream; },
     [](const Task& task) { return task.weight_rule == WeightRule::kUpstream; },
     [](Task& task) { task.weight_rule = WeightRule::kDownstream; },
     [](const Task&) { return std::string("weight_rule = WeightRule::kUpstream"); }},
    {"weight_rule: absolute", 10,
     [](Random&, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].weight_rule = WeightRule::kAbsolute; },
     [](const Task& task) { return task.weight_rule == WeightRule::kAbsolute; },
     [](Task& task) { task.weight_rule = WeightRule::kDownstream; },
     [](const Task&) { return std::string("weight_rule = WeightRule::kAbsolute"); }},
    {"depends_on_past", 14,
     [](Random&, DagSpec& spec, std::size_t task) { spec.dag.tasks[task].depends_on_past = true; },
     [](const Task& task) { return task.depends_on_past && !task.wait_for_downstream; },
     [](Task& task) { task.depends_on_past = false; },
     [](const Task&) { return std::string("depends_on_past = true"); }},
    {"wait_for_downstream", 30,
     [](Random&, DagSpec& spec, std::size_t task) {
       spec.dag.tasks[task].depends_on_past = spec.dag.tasks[task].wait_for_downstream = true;
     },
     [](const Task& task) { return task.wait_for_downstream; }, [](Task& task) { task.wait_for_downstream = false; },
     [](const Task&) { return std::string("depends_on_past = true; wait_for_downstream = true"); }},
    {"max_active_tis_per_dag", 15,
     [](Random& random, DagSpec& spec, std::size_t task) {
       spec.dag.tasks[task].max_active_tis_per_dag = random.Between(1, 2);
     },
     [](const Task& task) { return task.max_active_tis_per_dag > 0; },
     [](Task& task) { task.max_active_tis_per_dag = 0; },
     [](const Task& task) { return fmt::format("max_active_tis_per_dag = {}", task.max_active_tis_per_dag); }},
    {"max_active_tis_per_dagrun", 15,
     [](Random& random, DagSpec& spec, std::size_t task) {
       spec.dag.tasks[task].max_active_tis_per_dagrun = random.Between(1, 2);
     },
     [](const Task& task) { return task.max_active_tis_per_dagrun > 0; },
     [](Task& task) { task.max_active_tis_per_dagrun = 0; },
     [](const Task& task) { return fmt::format("max_active_tis_per_dagrun = {}", task.max_active_tis_per_dagrun); }},
    Concurrency<OnConflict::kQueue>("concurrency: queue"),
    Concurrency<OnConflict::kSkip>("concurrency: skip"),
    Concurrency<OnConflict::kCancelRunning>("concurrency: cancel_running"),
    {"rate", 15,
     [](Random& random, DagSpec& spec, std::size_t task) {
       spec.dag.tasks[task].rate = std::make_shared<RateLimit>(RateLimit{"rate", random.Between(1, 3), Seconds(60)});
     },
     [](const Task& task) { return task.rate != nullptr; }, [](Task& task) { task.rate = nullptr; },
     [](const Task& task) {
       return fmt::format("rate = std::make_shared<RateLimit>(RateLimit{{\"rate\", {}, Seconds({})}})",
                          task.rate->starts, task.rate->window / Seconds(1));
     }},
    {"repeat", 15,
     [](Random& random, DagSpec& spec, std::size_t task) {
       Task& what = spec.dag.tasks[task];
       if (!IsExec(what)) return;
       what.repeat.until = fmt::format("{{{{ tasks.{}.iteration >= {} }}}}", what.id, random.Between(1, 3));
       what.repeat.delay = Seconds(random.Below(2) * 30);
       what.repeat.max = random.Between(1, 3);
     },
     [](const Task& task) { return !task.repeat.until.empty(); }, [](Task& task) { task.repeat = Repeat(); },
     [](const Task& task) {
       return fmt::format("repeat = Repeat{{\"{}\", Seconds({}), {}}}", task.repeat.until,
                          task.repeat.delay / Seconds(1), task.repeat.max);
     }},
    {"trigger_dag", 15, [](Random& random, DagSpec& spec, std::size_t task) { PutTrigger(random, spec, task, false); },
     [](const Task& task) { return task.trigger != nullptr && !task.trigger->sub_run; }, TakeTrigger, TriggerCode},
    {"dag", 15, [](Random& random, DagSpec& spec, std::size_t task) { PutTrigger(random, spec, task, true); },
     [](const Task& task) { return task.trigger != nullptr && task.trigger->sub_run; }, TakeTrigger, TriggerCode},
    {"sensor", 12, PutSensor, [](const Task& task) { return task.sensor != nullptr; }, TakeSensor, SensorCode},
    {"setup", 25, PutSetup, [](const Task& task) { return task.setup; }, [](Task& task) { task.setup = false; },
     [](const Task&) { return std::string("setup = true"); }},
    {"teardown", 0, nullptr, [](const Task& task) { return task.teardown; },
     [](Task& task) {
       task.teardown = task.on_failure_fail_dagrun = false;
       task.trigger_rule = TriggerRule::kAllSuccess;
     },
     [](const Task&) { return std::string("teardown = true; trigger_rule = TriggerRule::kAllDoneSetupSuccess"); }},
    {"on_failure_fail_dagrun", 0, nullptr, [](const Task& task) { return task.on_failure_fail_dagrun; },
     [](Task& task) { task.on_failure_fail_dagrun = false; },
     [](const Task&) { return std::string("on_failure_fail_dagrun = true"); }},
};

// Half of the tasks, as one that branches may follow.
void PutGroup(Random& random, DagSpec& spec) {
  spec.dag.groups = {TaskGroup{"group", "", ""}, TaskGroup{"group.inner", "group", ""}};
  for (Task& task : spec.dag.tasks) {
    if (random.OneIn(2)) task.group = spec.dag.groups[static_cast<std::size_t>(random.Below(2))].id;
  }
}

void TakeGroup(DagSpec& spec) {
  spec.dag.groups.clear();
  for (Task& task : spec.dag.tasks) task.group.clear();
}

std::string GroupCode(const DagSpec& spec) {
  const Dag& dag = spec.dag;
  std::string code;
  for (const TaskGroup& group : dag.groups)
    code += fmt::format("{}dag.groups.push_back(TaskGroup{{\"{}\", \"{}\", \"\"}})", code.empty() ? "" : "; ", group.id,
                        group.parent);
  for (std::size_t no = 0; no < dag.tasks.size(); ++no) {
    if (!dag.tasks[no].group.empty()) code += fmt::format("; dag.tasks[{}].group = \"{}\"", no, dag.tasks[no].group);
  }
  return code;
}

// One task, or two that are mapped together. None that decides.
void PutMapped(Random& random, DagSpec& spec) {
  MappedSpec mapped;
  mapped.length = random.Below(4);
  mapped.evaluated = random.OneIn(2);
  const int tasks = static_cast<int>(spec.dag.tasks.size());
  const int source = random.OneIn(2) ? random.Below(tasks) : -1;
  for (int more = random.Between(1, 2); more > 0 && source + 1 < tasks; --more) {
    const std::string& id = spec.dag.tasks[static_cast<std::size_t>(random.Between(source + 1, tasks - 1))].id;
    if (IsMapped(spec, id) || std::count(mapped.tasks.begin(), mapped.tasks.end(), id) > 0) continue;
    mapped.tasks.push_back(id);
  }
  if (mapped.tasks.empty()) return;
  if (source >= 0 && !IsMapped(spec, spec.dag.tasks[static_cast<std::size_t>(source)].id)) {
    mapped.source = spec.dag.tasks[static_cast<std::size_t>(source)].id;
    for (const std::string& id : mapped.tasks) Connect(spec, mapped.source, id);
  }
  spec.mapped.push_back(std::move(mapped));
}

std::string MappedCode(const DagSpec& spec) {
  std::string code;
  for (const MappedSpec& mapped : spec.mapped) {
    code += fmt::format("{}mapped.push_back(MappedSpec{{{{\"{}\"}}, {}, {}, \"{}\"}})", code.empty() ? "" : "; ",
                        fmt::join(mapped.tasks, "\", \""), mapped.length, mapped.evaluated, mapped.source);
  }
  return code;
}

constexpr DagFeature kDagFeatures[] = {
    {"mapped", 5, PutMapped, [](const DagSpec& spec) { return !spec.mapped.empty(); },
     [](DagSpec& spec) { spec.mapped.clear(); }, MappedCode},
    {"mapped twice", 12, PutMapped, [](const DagSpec& spec) { return spec.mapped.size() > 1; },
     [](DagSpec& spec) { spec.mapped.pop_back(); }, [](const DagSpec&) { return std::string(); }},
    {"group", 4, PutGroup, [](const DagSpec& spec) { return !spec.dag.groups.empty(); }, TakeGroup, GroupCode},
    {"max_active_tasks", 4, [](Random& random, DagSpec& spec) { spec.dag.max_active_tasks = random.Between(1, 3); },
     [](const DagSpec& spec) { return spec.dag.max_active_tasks != 16; },
     [](DagSpec& spec) { spec.dag.max_active_tasks = 16; },
     [](const DagSpec& spec) { return fmt::format("dag.max_active_tasks = {}", spec.dag.max_active_tasks); }},
    {"max_active_runs", 3, [](Random& random, DagSpec& spec) { spec.dag.max_active_runs = random.Between(1, 2); },
     [](const DagSpec& spec) { return spec.dag.max_active_runs != 16; },
     [](DagSpec& spec) { spec.dag.max_active_runs = 16; },
     [](const DagSpec& spec) { return fmt::format("dag.max_active_runs = {}", spec.dag.max_active_runs); }},
    {"dagrun_timeout", 12,
     [](Random& random, DagSpec& spec) { spec.dag.dagrun_timeout = std::chrono::minutes(random.Between(1, 8)); },
     [](const DagSpec& spec) { return spec.dag.dagrun_timeout > Micros(0); },
     [](DagSpec& spec) { spec.dag.dagrun_timeout = Micros(0); },
     [](const DagSpec& spec) {
       return fmt::format("dag.dagrun_timeout = Seconds({})", spec.dag.dagrun_timeout.count() / 1'000'000);
     }},
    {"fail_fast", 8, [](Random&, DagSpec& spec) { spec.dag.fail_fast = true; },
     [](const DagSpec& spec) { return spec.dag.fail_fast; }, [](DagSpec& spec) { spec.dag.fail_fast = false; },
     [](const DagSpec&) { return std::string("dag.fail_fast = true"); }},
    {"is_paused_upon_creation", 10, [](Random&, DagSpec& spec) { spec.dag.is_paused_upon_creation = true; },
     [](const DagSpec& spec) { return spec.dag.is_paused_upon_creation; },
     [](DagSpec& spec) { spec.dag.is_paused_upon_creation = false; },
     [](const DagSpec&) { return std::string("dag.is_paused_upon_creation = true"); }},
    {"max_consecutive_failed_dag_runs", 10,
     [](Random& random, DagSpec& spec) { spec.dag.max_consecutive_failed_dag_runs = random.Between(1, 2); },
     [](const DagSpec& spec) { return spec.dag.max_consecutive_failed_dag_runs > 0; },
     [](DagSpec& spec) { spec.dag.max_consecutive_failed_dag_runs = 0; },
     [](const DagSpec& spec) {
       return fmt::format("dag.max_consecutive_failed_dag_runs = {}", spec.dag.max_consecutive_failed_dag_runs);
     }},
    {"deadline", 8,
     [](Random& random, DagSpec& spec) {
       spec.dag.deadlines = {Deadline{DeadlineReference::kQueuedAt, Seconds(random.Between(0, 8) * 30)}};
     },
     [](const DagSpec& spec) { return !spec.dag.deadlines.empty(); }, [](DagSpec& spec) { spec.dag.deadlines.clear(); },
     [](const DagSpec& spec) {
       return fmt::format("dag.deadlines.push_back(Deadline{{DeadlineReference::kQueuedAt, Seconds({})}})",
                          spec.dag.deadlines[0].interval / Seconds(1));
     }},
    {"notifications", 6, [](Random&, DagSpec& spec) { spec.dag.notify = TellEverything(); },
     [](const DagSpec& spec) { return spec.dag.notify != nullptr; }, [](DagSpec& spec) { spec.dag.notify = nullptr; },
     [](const DagSpec&) { return std::string("dag.notify = TellEverything()"); }},
    {"overlap: skip", 8, [](Random&, DagSpec& spec) { spec.dag.overlap = Overlap::kSkip; },
     [](const DagSpec& spec) { return spec.dag.overlap == Overlap::kSkip; },
     [](DagSpec& spec) { spec.dag.overlap = Overlap::kQueue; },
     [](const DagSpec&) { return std::string("dag.overlap = Overlap::kSkip"); }},
    {"overlap: cancel_running", 8, [](Random&, DagSpec& spec) { spec.dag.overlap = Overlap::kCancelRunning; },
     [](const DagSpec& spec) { return spec.dag.overlap == Overlap::kCancelRunning; },
     [](DagSpec& spec) { spec.dag.overlap = Overlap::kQueue; },
     [](const DagSpec&) { return std::string("dag.overlap = Overlap::kCancelRunning"); }},
    {"schedule", 3, [](Random&, DagSpec& spec) { spec.dag.schedule = Hourly(); },
     [](const DagSpec& spec) { return spec.dag.schedule.kind == ScheduleKind::kCron; },
     [](DagSpec& spec) { spec.dag.schedule = Schedule(); },
     [](const DagSpec&) { return std::string("dag.schedule = Hourly()"); }},
    {"catchup", 4, [](Random&, DagSpec& spec) { spec.dag.schedule.catchup = true; },
     [](const DagSpec& spec) { return spec.dag.schedule.catchup; },
     [](DagSpec& spec) { spec.dag.schedule.catchup = false; },
     [](const DagSpec&) { return std::string("dag.schedule.catchup = true"); }},
};

}  // namespace

std::span<const TaskFeature> TaskFeatures() {
  return kTaskFeatures;
}

std::span<const DagFeature> DagFeatures() {
  return kDagFeatures;
}

}  // namespace pipelined::sim
