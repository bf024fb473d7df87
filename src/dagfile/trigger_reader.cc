#include "dagfile/trigger_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "dagfile/keys.h"
#include "dagfile/task_reader.h"
#include "dagfile/template_check.h"
#include "dagfile/values.h"

namespace pipelined::dagfile {
namespace {

void ReadConf(const Entry& entry, Reporter& reporter, Value& out) {
  const Value conf = ToValue(entry.value);
  const bool is_template = conf.is_string() && MayHoldATemplate(conf.string());
  if (!conf.is_map() && !is_template) return ReportType(entry, reporter, "a mapping, or a template that gives one");
  out = conf;
}

void ReadDagId(const Entry& entry, Reporter& reporter, std::string& out) {
  std::string id;
  if (!ReadWord(entry, reporter, id)) return;
  if (!MayHoldATemplate(id) && !IsId(id, kLongestDagId)) {
    reporter.Error(Code::kBadId, entry.place(), fmt::format("{} cannot be a dag_id", Quoted(id)));
    return;
  }
  out = std::move(id);
}

std::vector<RunState> ReadStates(const Entry& entry, Reporter& reporter) {
  std::vector<std::string> words;
  std::vector<RunState> states;
  if (!ReadTexts(entry, reporter, words)) return states;
  for (const std::string& word : words) {
    const auto state = RunStateFromString(word);
    if (state && IsFinished(*state)) {
      states.push_back(*state);
    } else {
      reporter.Error(Code::kBadValue, entry.place(), fmt::format("a run does not end as {}", Quoted(word)),
                     "known are: success, failed");
    }
  }
  return states;
}

void ReadCommon(Key key, const Entry& entry, Reporter& reporter, TriggerSpec& spec) {
  if (key == Key::kId) ReadDagId(entry, reporter, spec.dag_id);
  if (key == Key::kConf) ReadConf(entry, reporter, spec.conf);
  if (key == Key::kRunId) ReadWord(entry, reporter, spec.run_id);
  if (key == Key::kLogicalDate) ReadWord(entry, reporter, spec.logical_date);
}

void Keep(TriggerSpec spec, Task& task) {
  task.action.kind = spec.sub_run ? ActionKind::kSubDag : ActionKind::kTriggerDag;
  task.action.words.clear();
  task.trigger = std::make_shared<const TriggerSpec>(std::move(spec));
}

}  // namespace

void ReadTriggerDag(const Entry& entry, Reporter& reporter, Task& task) {
  TriggerSpec spec;
  const std::size_t errors = reporter.errors();
  std::vector<RunState> failed;
  if (entry.value.is_scalar()) {
    ReadDagId(entry, reporter, spec.dag_id);
  } else if (RequireMap(entry, reporter, "the id of a DAG, or a mapping with dag_id")) {
    EachKey(entry.value, kTriggerDagKeys, "trigger_dag", reporter, [&](Key key, const Entry& part) {
      ReadCommon(key, part, reporter, spec);
      if (key == Key::kWait) ReadBool(part, reporter, spec.wait_for_completion);
      if (key == Key::kReset) ReadBool(part, reporter, spec.reset_dag_run);
      if (key == Key::kSkipExisting) ReadBool(part, reporter, spec.skip_when_already_exists);
      if (key == Key::kAllowedStates) spec.allowed_states = ReadStates(part, reporter);
      if (key == Key::kFailedStates) failed = ReadStates(part, reporter);
    });
  }
  // As Airflow: what is said to be a failure is one, also when it is allowed.
  std::erase_if(spec.allowed_states,
                [&](RunState state) { return std::find(failed.begin(), failed.end(), state) != failed.end(); });
  if (spec.dag_id.empty() && reporter.errors() == errors)
    reporter.Error(Code::kMissingKey, entry.place(), "trigger_dag needs a dag_id", "for example trigger_dag: other");
  Keep(std::move(spec), task);
}

void ReadSubDag(const Entry& entry, const DagOfFile& dag_of_file, Reporter& reporter, Task& task) {
  TriggerSpec spec;
  spec.sub_run = spec.wait_for_completion = true;
  const std::size_t errors = reporter.errors();
  std::optional<Entry> id, file;
  if (entry.value.is_scalar()) {
    ReadDagId(entry, reporter, spec.dag_id);
  } else if (RequireMap(entry, reporter, "the id of a DAG, or a mapping with id or file")) {
    EachKey(entry.value, kSubDagKeys, "dag", reporter, [&](Key key, const Entry& part) {
      ReadCommon(key, part, reporter, spec);
      if (key == Key::kId) id = part;
      if (key == Key::kFile) file = part;
    });
    if (id && file) {
      reporter.Error(Code::kManyActions, file->key.place(), "dag has id or file, not both");
    } else if (file) {
      spec.dag_id = dag_of_file(*file).value_or("");
    }
  }
  if (spec.dag_id.empty() && reporter.errors() == errors)
    reporter.Error(Code::kMissingKey, entry.place(), "dag needs id or file", "for example dag: {file: other.yaml}");
  Keep(std::move(spec), task);
}

std::vector<std::string> CalledDags(const Dag& dag) {
  std::vector<std::string> called;
  for (const Task& task : dag.tasks) {
    if (task.trigger != nullptr && !MayHoldATemplate(task.trigger->dag_id)) called.push_back(task.trigger->dag_id);
  }
  std::sort(called.begin(), called.end());
  called.erase(std::unique(called.begin(), called.end()), called.end());
  return called;
}

}  // namespace pipelined::dagfile
