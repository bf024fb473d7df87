// Marking tasks and runs by hand, and their notes.
#include <fmt/format.h>

#include "api/body.h"
#include "api/errors.h"
#include "api/handlers.h"
#include "api/query.h"
#include "api/shapes.h"
#include "api/steering.h"

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

Asked Read(Body& body, const Request& request, const std::string& id) {
  Asked asked;
  const auto word = body.String("new_state");
  const auto state = word ? TaskStateFromString(*word) : std::nullopt;
  const bool known = state == TaskState::kSuccess || state == TaskState::kFailed || state == TaskState::kSkipped;
  if (word && !known) body.RefuseEnum("new_state", "'success', 'failed' or 'skipped'");
  if (body.Has("new_state") && !word) body.Refuse("new_state may not be null");
  MarkTasks mark;
  mark.tasks.ids = {id};
  mark.state = state.value_or(TaskState::kSuccess);
  mark.tasks.upstream = body.Bool("include_upstream").value_or(false);
  mark.tasks.downstream = body.Bool("include_downstream").value_or(false);
  mark.runs.past = body.Bool("include_past").value_or(false);
  mark.runs.future = body.Bool("include_future").value_or(false);
  const auto note = ReadNote(body);
  if (word && MaskHas(request, "new_state")) asked.mark = std::move(mark);
  if (MaskHas(request, "note")) asked.note = note;
  return asked;
}

// The instances that the path names: one task, or those of a group.
Result<std::vector<TaskInstanceRow>> Named(const Call& call, const std::string& id, bool group) {
  if (!group) {
    auto row = FindInstance(call);
    if (!row.ok()) return row.error();
    return std::vector<TaskInstanceRow>{*std::move(row)};
  }
  const Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return run.error();
  const Result<DagPtr> dag = call.service.LoadDag(run->info.version);
  if (!dag.ok()) return dag.error();
  const std::vector<TaskNo> members = (*dag)->TasksOf(id);
  if (members.empty()) return Error{ErrorCode::kNotFound, fmt::format("Task group {} was not found", id), ""};
  return WouldConcern(call, RunChoice{run->info.dag_id, run->info.id}, run->info.run_id, {},
                      Choose{[&](const Dag&) { return members; }, [](TaskState) { return true; }});
}

Response Patch(const Call& call, const std::string& id, bool group, bool dry_run) {
  Body body(call.request,
            {"new_state", "note", "include_upstream", "include_downstream", "include_future", "include_past"});
  Asked asked = Read(body, call.request, id);
  if (!body.ok()) return body.Refusal();
  const auto named = Named(call, id, group);
  if (!named.ok()) return ErrorResponse(named.error());
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
                              [&](TaskState state) { return state != mark.state; }}));
    }
    if (auto refusal = Carry(call, Command{{}, {}, std::move(mark)})) return *std::move(refusal);
  }
  if (asked.note && !dry_run) {
    for (const TaskInstanceRow& row : *named) {
      if (auto refusal = Carry(call, Command{{}, {}, SetNote{row.run, row.task_id, *asked.note}}))
        return *std::move(refusal);
    }
  }
  return InstancesAnswer(Named(call, id, group));
}

Response NoIndex(const Call& call) {
  return Detail(404, fmt::format("Task instance {} has no map index {}", call.Arg("task_id"), call.Arg("map_index")));
}

}  // namespace

Response PatchTaskInstance(const Call& call) {
  return Patch(call, call.Arg("task_id"), false, false);
}

Response PatchTaskInstanceDryRun(const Call& call) {
  return Patch(call, call.Arg("task_id"), false, true);
}

Response PatchMappedTaskInstance(const Call& call) {
  return call.Arg("map_index") == "-1" ? PatchTaskInstance(call) : NoIndex(call);
}

Response PatchMappedTaskInstanceDryRun(const Call& call) {
  return call.Arg("map_index") == "-1" ? PatchTaskInstanceDryRun(call) : NoIndex(call);
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
