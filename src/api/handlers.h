// One function per operation. All are plain functions of a Call: no sockets, no threads.
#pragma once

#include <optional>

#include "api/http/http.h"
#include "api/service.h"

namespace pipelined::api {

// system.cc
Response GetHealth(const Call& call);
Response GetVersion(const Call& call);

// metrics.cc
Response GetMetrics(const Call& call);

// openapi.cc
Response GetOpenApi(const Call& call);
Response GetDocs(const Call& call);

// dags.cc
Response GetDags(const Call& call);
Response GetDag(const Call& call);
Response GetDagDetails(const Call& call);
Response PatchDag(const Call& call);
Response DeleteDag(const Call& call);
Response PatchDags(const Call& call);
Response ReparseFile(const Call& call);
Response FavorDag(const Call& call);
Response UnfavorDag(const Call& call);
Response GetDagSource(const Call& call);

// simulate.cc
Response PostSimulate(const Call& call);

// tasks.cc
Response GetTasks(const Call& call);
Response GetTask(const Call& call);

// runs.cc
Response GetRuns(const Call& call);
Response GetRun(const Call& call);

Response RunsAnswer(const Result<Listing<RunRow>>& listing, bool by_cursor = false);

// wait.cc
Response WaitForRun(const Call& call);

// batches.cc
Response PostRunsList(const Call& call);
Response PostInstancesList(const Call& call);

// removals.cc
Response RemoveRun(const Call& call);
Response RemoveTaskInstance(const Call& call);
Response PostXComEntry(const Call& call);
Response PatchXComEntry(const Call& call);
Response RemoveXComEntry(const Call& call);

// bulk_requests.cc
Response PatchPools(const Call& call);
Response PatchRuns(const Call& call);
Response PatchInstances(const Call& call);
Response ClearRuns(const Call& call);

// assets.cc
Response GetAssets(const Call& call);
Response GetAsset(const Call& call);
Response GetAssetAliases(const Call& call);
Response GetAssetAlias(const Call& call);
Response GetAssetQueuedEvents(const Call& call);
Response DeleteAssetQueuedEvents(const Call& call);
Response GetDagQueuedEvents(const Call& call);
Response DeleteDagQueuedEvents(const Call& call);
Response NoDagQueuedEvent(const Call& call);
Response GetAssetState(const Call& call);
Response NoAssetState(const Call& call);
Response ClearAssetState(const Call& call);

// asset_events.cc
Response GetAssetEvents(const Call& call);
Response PostAssetEvent(const Call& call);
Response MaterializeAsset(const Call& call);
Response GetUpstreamAssetEvents(const Call& call);

// absent.cc
Response GetPlugins(const Call& call);
Response GetPluginImportErrors(const Call& call);
Response GetProviders(const Call& call);
Response GetExtraLinks(const Call& call);
Response GetExternalLogUrl(const Call& call);
Response GetTaskState(const Call& call);
Response NoTaskState(const Call& call);
Response ClearTaskState(const Call& call);
Response GetHitlDetails(const Call& call);
Response NoHitlDetail(const Call& call);
Response ClearPartitions(const Call& call);

// sign_in.cc
Response GetLoginPage(const Call& call);
Response PostLogin(const Call& call);
Response GetLogoutPage(const Call& call);
Response PostLogout(const Call& call);
Response GetLogin(const Call& call);
Response GetLogout(const Call& call);

// sign_in_oidc.cc
Response GetOidcLogin(const Call& call);
Response GetOidcCallback(const Call& call);

// user_sessions.cc
Response GetSessions(const Call& call);
Response DeleteSession(const Call& call);
Response DeleteSessions(const Call& call);

// server_facts.cc
Response GetConfig(const Call& call);
Response GetConfigValue(const Call& call);
Response GetJobs(const Call& call);

// overview.cc
Response GetEventLogs(const Call& call);
Response GetEventLog(const Call& call);
Response GetDagVersions(const Call& call);
Response GetDagVersion(const Call& call);
Response GetDagTags(const Call& call);
Response GetDagStats(const Call& call);
Response GetDagWarnings(const Call& call);

// clears.cc
Response ClearTaskInstances(const Call& call);
Response ClearRun(const Call& call);

// marks.cc
Response PatchRun(const Call& call);
Response PatchTaskInstance(const Call& call);
Response PatchTaskInstanceDryRun(const Call& call);
Response PatchTaskGroup(const Call& call);
Response PatchTaskGroupDryRun(const Call& call);

// reruns.cc
Response PostRerun(const Call& call);
Response CancelRun(const Call& call);
Response GetRunWithLinks(const Call& call);
Response GetRunEvents(const Call& call);

// trigger.cc
Response TriggerRun(const Call& call);

// instances.cc
Response GetTaskInstances(const Call& call);
Response GetTaskInstance(const Call& call);
Response GetMappedTaskInstances(const Call& call);
Response GetTries(const Call& call);
Response GetTry(const Call& call);
Response GetXComEntries(const Call& call);
Response GetXComEntry(const Call& call);
// Where the path has no index of a mapped task, the query may name it: `call` with that as if it stood in the path.
Call WithIndex(const Call& call);
std::optional<Response> RefuseIndex(const Call& call);  // of the query, when it is none
Response ListedInstances(const Result<Listing<TaskInstanceRow>>& listing, bool by_cursor = false);
// Only tasks of these classes ("BashOperator"); empty: all.
void ChooseOperators(TaskFilter& filter, const std::vector<std::string>& classes);
// There is one queue, and no executor has a name.
void ChooseQueue(TaskFilter& filter, const std::vector<std::string>& queues, const std::vector<std::string>& executors);
// The instance that dag_id, dag_run_id and task_id name.
// That of the path; a mapped task needs an index, in the path or as `map_index`.
Result<TaskInstanceRow> FindInstance(const Call& call);
Result<TaskInstanceRow> FindInstance(const Call& call, std::int64_t map_index);

// event_stream.cc
Response GetEventStream(const Call& call);
std::string EventText(const EventRow& event);  // as a server-sent event

// logs.cc
Response GetLog(const Call& call);

// pools.cc
Response GetPools(const Call& call);
Response GetPool(const Call& call);
Response PostPool(const Call& call);
Response PatchPool(const Call& call);
Response DeletePool(const Call& call);

// users.cc
Response GetUsers(const Call& call);
Response GetUser(const Call& call);
Response PostUser(const Call& call);
Response PatchUser(const Call& call);
Response DeleteUser(const Call& call);
Response GetServiceAccounts(const Call& call);
Response GetServiceAccount(const Call& call);
Response PostServiceAccount(const Call& call);
Response PatchServiceAccount(const Call& call);
Response DeleteServiceAccount(const Call& call);
Response GetMe(const Call& call);
Response PostMyPassword(const Call& call);

// roles.cc
Response GetRoles(const Call& call);
Response GetRole(const Call& call);
Response PostRole(const Call& call);
Response PatchRole(const Call& call);
Response DeleteRole(const Call& call);
Response GetGrants(const Call& call);
Response PostGrant(const Call& call);
Response DeleteGrant(const Call& call);

// tokens.cc
Response GetTokens(const Call& call);
Response PostApiToken(const Call& call);
Response DeleteToken(const Call& call);

// variables.cc
Response GetVariables(const Call& call);
Response GetVariable(const Call& call);
Response PostVariable(const Call& call);
Response PatchVariable(const Call& call);
Response DeleteVariable(const Call& call);
Response BulkVariables(const Call& call);

// connections.cc
Response GetConnections(const Call& call);
Response GetConnection(const Call& call);
Response PostConnection(const Call& call);
Response PatchConnection(const Call& call);
Response DeleteConnection(const Call& call);
Response BulkConnections(const Call& call);
Response TestConnection(const Call& call);

// backfills.cc
Response GetBackfills(const Call& call);
Response PostBackfill(const Call& call);
Response PostBackfillDryRun(const Call& call);
Response GetBackfill(const Call& call);
Response PauseBackfill(const Call& call);
Response UnpauseBackfill(const Call& call);
Response CancelBackfill(const Call& call);
Response GetBackfillProgress(const Call& call);

// import_errors.cc
Response GetImportErrors(const Call& call);
Response GetImportError(const Call& call);

// ext.cc
Response GetWhy(const Call& call);
Response GetDependencies(const Call& call);
Response GetInstancesWithOutcomes(const Call& call);
Response GetTriesWithOutcomes(const Call& call);

// trail.cc
Response GetAudit(const Call& call);

// queue.cc
Response GetQueue(const Call& call);

// progress.cc
Response GetDeadlines(const Call& call);
Response GetDagHistory(const Call& call);
Response GetProgress(const Call& call);

// travel.cc
Response GetRunAt(const Call& call);
Response GetRunLinks(const Call& call);
Response GetRunDiff(const Call& call);

// Files a command and waits; nothing: done.
std::optional<Response> Carry(const Call& call, Command command, Value* result = nullptr);

}  // namespace pipelined::api
