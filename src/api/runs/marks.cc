// Marking tasks and runs by hand, and their notes.
#include <fmt/format.h>

#include <charconv>
#include <functional>

#include "api/http/body.h"
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"
#include "api/runs/steering.h"

namespace pipelined::api {
namespace {

bool MaskHas(const Request& request, std::string_view field) {
  bool any = false;
  for (const auto& [name, value] : request.query) {
    if (name != "update_mask") continue;
    any = true;
    if (value == field) return true;
  }
  return !any;
}

struct Asked {
  std::optional<MarkTasks> mark;
  std::optional<std::string> note;
};

std::optional<std::int32_t> IndexFrom(const std::string& text) {
  std::int32_t index = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), index);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return index;
}

// What `call` asks of the task, the instance or the group.
Asked Read(Body& body, const Call& call, const std::string& id) {
  Asked asked;
  const auto word = body.String("new_state");
  const auto state = word ? TaskStateFromString(*word) : std::nullopt;
  const bool known = state == TaskState::kSuccess || state == TaskState::kFailed || state == TaskState::kSkipped;
  if (word && !known) body.RefuseEnum("new_state", "'success', 'failed' or 'skipped'");
  if (body.Has("new_state") && !word) body.Refuse("new_state may not be null");
  MarkTasks mark;
  const std::string& index = call.Arg("map_index");
  if (index.empty() || index == "-1") {
    mark.tasks.ids = {id};
  } else if (const auto number = IndexFrom(index)) {  // else no instance is found
    mark.tasks.instances = {{id, *number}};
  }
  mark.state = state.value_or(TaskState::kSuccess);
  mark.tasks.upstream = body.Bool("include_upstream").value_or(false);
  mark.tasks.downstream = body.Bool("include_downstream").value_or(false);
  mark.runs.past = body.Bool("include_past").value_or(false);
  mark.runs.future = body.Bool("include_future").value_or(false);
  const auto note = ReadNote(body);
  if (word && MaskHas(call.request, "new_state")) asked.mark = std::move(mark);
  if (MaskHas(call.request, "note")) asked.note = note;
  return asked;
}

// All instances of these tasks of the run that the path names.
Result<std::vector<TaskInstanceRow>> AllOf(const Call& call,
                                           const std::function<Result<std::vector<TaskNo>>(const Dag&)>& choose) {
  const Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return run.error();
  const Result<DagPtr> dag = call.service.LoadDag(run->info.version);
  if (!dag.ok()) return dag.error();
  const Result<std::vector<TaskNo>> members = choose(**dag);
  if (!members.ok()) return members.error();
  std::vector<SelectedTask> tasks;
  for (const TaskNo member : *members) tasks.push_back(SelectedTask{member});
  return WouldConcern(call, RunChoice{run->info.dag_id, run->info.id}, run->info.run_id, {},
                      Choose{[&](const Dag&) { return tasks; }, [](const TaskInstanceRow&) { return true; }});
}

// The instances that the path names: one, all of a mapped task, or those of a group.
Result<std::vector<TaskInstanceRow>> Named(const Call& call, const std::string& id, bool group) {
  if (group) {
    return AllOf(call, [&](const Dag& dag) -> Result<std::vector<TaskNo>> {
      std::vector<TaskNo> members = dag.TasksOf(id);
      if (members.empty()) return Error{ErrorCode::kNotFound, fmt::format("Task group {} was not found", id), ""};
      return members;
    });
  }
  auto row = FindInstance(call);
  if (row.ok()) return std::vector<TaskInstanceRow>{*std::move(row)};
  if (row.error().code != ErrorCode::kNotFound || !call.Arg("map_index").empty()) return row.error();
  auto all = AllOf(call, [&](const Dag& dag) -> Result<std::vector<TaskNo>> {
    const auto task = dag.Find(id);
    if (!task || dag.tasks[*task].mapped == 0) return row.error();
    return std::vector<TaskNo>{*task};
  });
  if (!all.ok() || all->empty()) return row.error();
  return all;
}

// For the audit trail.
void NoteInstances(const Call& call, const std::vector<TaskInstanceRow>& rows, const Asked& asked) {
  if (call.note != nullptr && rows.size() > 1) call.note->many = true;
  for (const TaskInstanceRow& row : rows) {
    Value after{Value::Map{}};
    if (asked.mark) after.Set("state", ToString(asked.mark->state));
    if (asked.note) after.Set("note", *asked.note);
    call.Before(InstanceName(row), Value::Map{{"state", ToString(row.state)}, {"note", row.note}});
    call.After(InstanceName(row), std::move(after));
  }
}

void NoteRun(const Call& call, const RunRow& row, const std::optional<std::string>& state,
             const std::optional<std::string>& note) {
  Value after{Value::Map{}};
  if (state) after.Set("state", *state);
  if (note) after.Set("note", *note);
  call.Before(RunName(row), Value::Map{{"state", ToString(row.info.state)}, {"note", row.note}});
  call.After(RunName(row), std::move(after));
}

Response Patch(const Call& call, const std::string& id, bool group, bool dry_run) {
  Body body(call.request,
            {"new_state", "note", "include_upstream", "include_downstream", "include_future", "include_past"});
  Asked asked = Read(body, call, id);
  if (!body.ok()) return body.Refusal();
  const auto named = Named(call, id, group);
  if (!named.ok()) return ErrorResponse(named.error());
  if (!dry_run) NoteInstances(call, *named, asked);
  if (asked.mark) {
    MarkTasks& mark = *asked.mark;
    mark.runs.dag_id = named->front().dag_id;
    mark.runs.run = named->front().run;
    if ((mark.runs.past || mark.runs.future) && !named->front().logical_date)
      return Detail(400, "include_past and include_future need a run with a logical date");
    if (dry_run) {
      return InstancesAnswer(
          WouldConcern(call, mark.runs, named->front().run_id, {},
                       Choose{[&](const Dag& dag) { return TasksMarked(dag, mark.tasks, mark.state); },
                              [&](const TaskInstanceRow& row) { return row.state != mark.state; }}));
    }
    if (auto refusal = Carry(call, Command{{}, {}, std::move(mark)})) return *std::move(refusal);
  }
  if (asked.note && !dry_run) {
    for (const TaskInstanceRow& row : *named) {
      if (auto refusal = Carry(call, Command{{}, {}, SetNote{row.run, row.task_id, *asked.note, row.map_index}}))
        return *std::move(refusal);
    }
  }
  return InstancesAnswer(Named(call, id, group));
}

}  // namespace

Response PatchTaskInstance(const Call& call) {
  if (auto refusal = RefuseIndex(call)) return *std::move(refusal);
  return Patch(WithIndex(call), call.Arg("task_id"), false, false);
}

Response PatchTaskInstanceDryRun(const Call& call) {
  if (auto refusal = RefuseIndex(call)) return *std::move(refusal);
  return Patch(WithIndex(call), call.Arg("task_id"), false, true);
}

Response PatchTaskGroup(const Call& call) {
  return Patch(call, call.Arg("group_id"), true, false);
}

Response PatchTaskGroupDryRun(const Call& call) {
  return Patch(call, call.Arg("group_id"), true, true);
}

Response PatchRun(const Call& call) {
  Body body(call.request, {"state", "note"});
  const std::optional<std::string> word = body.String("state");
  const auto state = word ? RunStateFromString(*word) : std::nullopt;
  if (word && (!state || state == RunState::kRunning)) body.RefuseEnum("state", "'queued', 'success' or 'failed'");
  const std::optional<std::string> note = ReadNote(body);
  if (!body.ok()) return body.Refusal();
  const Result<RunRow> row = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!row.ok()) return ErrorResponse(row.error());
  NoteRun(call, *row, word, note);
  if (state && MaskHas(call.request, "state")) {
    if (auto refusal = Carry(call, Command{{}, {}, MarkRun{row->info.dag_id, row->info.id, *state}}))
      return *std::move(refusal);
  }
  if (note && MaskHas(call.request, "note")) {
    if (auto refusal = Carry(call, Command{{}, {}, SetNote{row->info.id, "", *note}})) return *std::move(refusal);
  }
  return GetRun(call);
}

}  // namespace pipelined::api
