#include "scheduler/template_names.h"

#include <algorithm>
#include <unordered_set>
#include <vector>

#include "pipelined/scheduler/launch.h"
#include "scheduler/try_templates.h"

namespace pipelined {
namespace {

struct Text {
  std::string_view text;
  const Inclusion* where;
};

void AddTexts(const Value& value, const Inclusion* where, std::vector<Text>& texts) {
  if (value.is_string()) texts.push_back({value.string(), where});
  if (value.is_list()) {
    for (const Value& item : value.list()) AddTexts(item, where, texts);
  }
  if (value.is_map()) {
    for (const auto& [name, part] : value.map()) AddTexts(part, where, texts);
  }
}

// Every template of a task itself.
std::vector<Text> TextsOf(const Task& task) {
  const Inclusion* own = task.inclusion.get();
  std::vector<Text> texts;
  for (const std::string& word : task.action.words) texts.push_back({word, own});
  if (task.action.spec != nullptr) AddTexts(*task.action.spec, own, texts);
  for (const auto& [name, value] : task.env) texts.push_back({value, own});
  for (const auto& [name, value] : task.outer_env) texts.push_back({value, nullptr});
  texts.push_back({task.working_dir, task.outer_working_dir ? nullptr : own});
  texts.push_back({task.when, task.outer_when ? nullptr : own});
  texts.push_back({task.repeat.until, own});
  if (const TriggerSpec* spec = task.trigger.get()) {
    for (const std::string* text : {&spec->dag_id, &spec->run_id, &spec->logical_date}) texts.push_back({*text, own});
    AddTexts(spec->conf, own, texts);
  }
  if (task.sensor != nullptr) AddTexts(task.sensor->what, own, texts);
  if (task.invocation != nullptr) {
    texts.push_back({task.invocation->stdin_text ? *task.invocation->stdin_text : std::string_view(), own});
    texts.push_back({task.invocation->stdin_file, own});
  }
  return texts;
}

// Their references, and those of the values that they ask for.
IncludedNames Walk(const Task& task, const VisitReference& visit) {
  IncludedNames names;
  std::vector<Text> texts = TextsOf(task);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const Text at = texts[i];
    const std::string text(at.text);
    if (!MayHoldExpressions(text)) continue;
    const auto parsed = Template::Parse(text);
    if (!parsed) continue;
    for (const TemplateReference& reference : parsed->references()) {
      if (reference.path.empty()) continue;
      visit(reference, at.where);
      if (at.where == nullptr || reference.path[0] != "params") continue;
      for (const Inclusion::Param& param : at.where->params) {
        if (reference.path.size() > 1 && reference.path[1] != param.name) continue;
        if (names.Add(*at.where, param.name) && param.is_template) AddTexts(param.value, at.where->outer.get(), texts);
      }
    }
  }
  return names;
}

std::string In(const Inclusion* where, const std::string& id) {
  return where == nullptr ? id : where->prefix + id;
}

// So many tasks above are asked for their outputs when a template does not say which it reads: the nearest first.
constexpr std::size_t kMostAbove = 1000;

std::vector<TaskNo> TasksAbove(const Dag& dag, TaskNo task) {
  std::vector<TaskNo> above;
  std::unordered_set<TaskNo> seen;
  const auto add = [&](TaskNo below) {
    for (const TaskNo up : dag.upstream.Of(below)) {
      if (above.size() < kMostAbove && seen.insert(up).second) above.push_back(up);
    }
  };
  add(task);
  for (std::size_t i = 0; i < above.size(); ++i) add(above[i]);
  return above;
}

// tasks[…] with a name that is computed, and ti.xcom_pull, which names tasks in its arguments: known only when it is
// rendered.
bool NamesNoTask(const Dag& dag, const TemplateReference& reference, const Inclusion* where) {
  const std::string& root = reference.path[0];
  if (root == "ti" || root == "task_instance") return reference.path.size() < 2 || reference.path[1] == "xcom_pull";
  return root == "tasks" && (reference.path.size() < 2 || !dag.Find(In(where, reference.path[1])));
}

}  // namespace

void ForEachReference(const Task& task, const VisitReference& visit) {
  Walk(task, visit);
}

IncludedNames IncludedNamesOf(const Task& task) {
  return Walk(task, [](const TemplateReference&, const Inclusion*) {});
}

std::vector<std::string> OutputsNeeded(const Dag& dag, TaskNo task) {
  std::vector<std::string> ids;
  bool all = false;
  ForEachReference(dag.tasks[task], [&](const TemplateReference& reference, const Inclusion* where) {
    if (NamesNoTask(dag, reference, where)) {
      all = true;
    } else if (reference.path[0] == "tasks") {
      ids.push_back(In(where, reference.path[1]));
    }
  });
  if (all) {
    for (const TaskNo up : TasksAbove(dag, task)) ids.push_back(dag.tasks[up].id);
  }
  // Iterations are counted on from what the last one left.
  if (!dag.tasks[task].repeat.until.empty()) ids.push_back(dag.tasks[task].id);
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

std::vector<std::string> OutputsNeeded(const Dag& dag, const Mapping& mapping) {
  const Inclusion* where = dag.tasks[mapping.tasks.front()].inclusion.get();
  std::vector<std::string> ids;
  for (const TaskNo source : mapping.sources) ids.push_back(dag.tasks[source].id);
  for (const ExpandValue& value : mapping.expand.values) {
    if (!MayHoldExpressions(value.text)) continue;
    const auto parsed = Template::Parse(value.text);
    const auto names_none = [&](const TemplateReference& reference) {
      return reference.path[0] != "tasks" && NamesNoTask(dag, reference, where);
    };
    if (!parsed || std::none_of(parsed->references().begin(), parsed->references().end(), names_none)) continue;
    for (const TaskNo up : TasksAbove(dag, mapping.tasks.front())) ids.push_back(dag.tasks[up].id);
  }
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  return ids;
}

bool NeedsPrevious(const Dag& dag, TaskNo task) {
  bool needs = false;
  ForEachReference(dag.tasks[task], [&](const TemplateReference& reference, const Inclusion*) {
    needs = needs || reference.path[0].starts_with("prev_");
  });
  return needs;
}

}  // namespace pipelined
