// What can be known of a template's names before any run.
#include <fmt/format.h>

#include <algorithm>

#include "pipelined/base/near_match.h"
#include "pipelined/template/task_context.h"
#include "template/machine.h"
#include "template/task_names.h"

namespace pipelined {
namespace {

constexpr std::string_view kVariables[] = {"value", "json"};
constexpr std::size_t kMostVisits = 2'000;  // upstream tasks looked at before the benefit of the doubt is given

std::string Near(std::string_view word, std::span<const std::string_view> candidates) {
  const auto near = NearMatch(word, candidates);
  return near ? fmt::format("did you mean \"{}\"?", *near) : "";
}

bool Has(std::span<const std::string_view> words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool IsUpstream(const Dag& dag, TaskNo task, TaskNo wanted) {
  std::vector<TaskNo> open{task};
  for (std::size_t i = 0; i < open.size(); ++i) {
    if (i > kMostVisits) return true;
    for (const TaskNo up : dag.upstream.Of(open[i])) {
      if (up == wanted) return true;
      if (open.size() <= kMostVisits + 1 && std::find(open.begin(), open.end(), up) == open.end()) open.push_back(up);
    }
  }
  return false;
}

class Checker {
 public:
  Checker(const Dag& dag, std::optional<TaskNo> task, bool has_ended, const Inclusion* where)
      : dag_(dag), task_(task), has_ended_(has_ended), where_(where) {}

  void Check(const TemplateReference& reference) {
    const std::string& root = reference.path[0];
    if (!Has(KnownNames(), root)) {
      if (reference.guarded) return;
      const std::string_view removed = RemovedNameHint(root);
      return Problem(reference, fmt::format("there is no name \"{}\"", root),
                     removed.empty() ? Near(root, KnownNames()) : std::string(removed));
    }
    if (root == "macros") return Macro(reference);
    if (reference.path.size() < 2 && reference.called.empty()) return;
    if (root == "dag") return Member(reference, DagMembers());
    if (root == "task") return Member(reference, TaskMembers());
    if (root == "dag_run") return Member(reference, RunMembers());
    if (root == "ti" || root == "task_instance") return Member(reference, InstanceMembers());
    if (root == "var") return Member(reference, kVariables);
    if (reference.path.size() < 2) return;
    if (root == "params") return Parameter(reference);
    if (root == "tasks") return Outputs(reference);
    if (root == "item") return Item(reference);
  }

  std::vector<NameProblem> Take() { return std::move(problems_); }

 private:
  void Problem(const TemplateReference& where, std::string message, std::string hint, bool warning = false) {
    problems_.push_back(NameProblem{where, warning, std::move(message), std::move(hint)});
  }

  void Member(const TemplateReference& reference, std::span<const std::string_view> members) {
    const std::string& name = reference.path.size() > 1 ? reference.path[1] : reference.called;
    if (reference.guarded || Has(members, name)) return;
    Problem(reference, fmt::format("there is no \"{}\" in {}", name, reference.path[0]), Near(name, members));
  }

  // The engine's own modules, at every depth, with what is called at the end.
  void Macro(const TemplateReference& reference) {
    if (reference.guarded) return;
    std::vector<std::string> steps(reference.path.begin() + 1, reference.path.end());
    if (!reference.called.empty()) steps.push_back(reference.called);
    tmpl::Val at = tmpl::Macros();
    for (const std::string& step : steps) {
      if (!at.is(tmpl::Kind::kObject)) return;
      const tmpl::Val member = at.object().Get(step);
      if (member.is(tmpl::Kind::kUndefined)) {
        const std::string hint = tmpl::NearHint(step, at.object().Names());
        return Problem(reference, member.missing_what(), hint.empty() ? member.missing_hint() : hint);
      }
      at = member;
    }
  }

  void Parameter(const TemplateReference& reference) {
    if (reference.guarded) return;
    std::vector<std::string_view> names;
    const std::string& name = reference.path[1];
    if (where_ != nullptr) {
      for (const Inclusion::Param& param : where_->params) names.push_back(param.name);
      if (Has(names, name)) return;
      return Problem(reference, fmt::format("the template has no parameter \"{}\"", name),
                     names.empty() ? "declare it under its params" : Near(name, names));
    }
    for (const Param& param : dag_.params) names.push_back(param.name);
    if (Has(names, name)) return;
    const std::string hint = Near(name, names);
    Problem(reference, fmt::format("the parameter \"{}\" is not declared", name),
            hint.empty() ? "declare it under params, or give it with every run" : hint, true);
  }

  void Item(const TemplateReference& reference) {
    const Mapping* mapping = task_ ? dag_.MappingOf(*task_) : nullptr;
    if (mapping == nullptr) {
      return Problem(
          reference,
          fmt::format("\"{}\" is not mapped, so it has no items", task_ ? dag_.tasks[*task_].id : "a value of with"),
          "give it an expand, or name something else");
    }
    if (reference.guarded || mapping->expand.form == ExpandForm::kKwargs) return;  // each mapping has keys of its own
    std::vector<std::string_view> names;
    for (const ExpandValue& value : mapping->expand.values) names.push_back(value.name);
    if (Has(names, reference.path[1])) return;
    Problem(reference, fmt::format("there is no \"{}\" in what is mapped over", reference.path[1]),
            Near(reference.path[1], names));
  }

  void Outputs(const TemplateReference& reference) {
    std::string id = where_ == nullptr ? "" : where_->prefix;
    std::optional<TaskNo> found;
    for (std::size_t i = 1; i < reference.path.size() && !found; ++i) {
      id += (i > 1 ? "." : "") + reference.path[i];
      found = dag_.Find(id);
    }
    if (!found) {
      std::vector<std::string_view> ids;
      for (const Task& task : dag_.tasks) {
        if (ids.size() < 1'000) ids.push_back(task.id);
      }
      const std::string wanted = (where_ == nullptr ? "" : where_->prefix) + reference.path[1];
      return Problem(reference, fmt::format("there is no task \"{}\"", wanted), Near(wanted, ids));
    }
    if (!task_ || (has_ended_ && *found == *task_) || (*found != *task_ && IsUpstream(dag_, *task_, *found))) return;
    Problem(
        reference,
        fmt::format("\"{}\" is not upstream of \"{}\", so its outputs may not be there yet", id, dag_.tasks[*task_].id),
        fmt::format("add \"{}\" to depends_on", id));
  }

  const Dag& dag_;
  std::optional<TaskNo> task_;
  bool has_ended_;
  const Inclusion* where_;
  std::vector<NameProblem> problems_;
};

}  // namespace

bool IsFromOutside(const std::vector<std::string>& path, const Dag& dag, TaskNo task) {
  static constexpr std::string_view kForeign[] = {
      "params", "tasks", "var", "conn", "run_id", "task_instance_key_str", "triggering_asset_events"};
  const std::string& root = path[0];
  if (Has(kForeign, root)) return true;
  const std::string_view member = path.size() > 1 ? std::string_view(path[1]) : std::string_view();
  if (root == "dag_run") return member.empty() || member == "conf" || member == "run_id";
  if (root == "ti" || root == "task_instance") return member.empty() || member == "xcom_pull" || member == "run_id";
  if (root != "item") return false;
  const Mapping* mapping = dag.MappingOf(task);
  if (mapping == nullptr) return true;
  return std::any_of(mapping->expand.values.begin(), mapping->expand.values.end(), [&](const ExpandValue& value) {
    return !value.text.empty() && (value.name.empty() || member.empty() || value.name == member);
  });
}

std::vector<NameProblem> CheckNames(const Template& parsed, const Dag& dag, TaskNo task, bool has_ended) {
  Checker checker(dag, task, has_ended, dag.tasks[task].inclusion.get());
  for (const TemplateReference& reference : parsed.references()) checker.Check(reference);
  return checker.Take();
}

std::vector<NameProblem> CheckNames(const Template& parsed, const Dag& dag, const Inclusion* where) {
  Checker checker(dag, std::nullopt, false, where);
  for (const TemplateReference& reference : parsed.references()) checker.Check(reference);
  return checker.Take();
}

}  // namespace pipelined
