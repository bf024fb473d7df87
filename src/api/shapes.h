// Rows of the catalog as the objects of Airflow's API v2: every field that its schemas require is there, in their
// order. Pure.
#pragma once

#include <optional>
#include <string>

#include "pipelined/base/value.h"
#include "pipelined/model/dag.h"
#include "pipelined/ports/catalog.h"

namespace pipelined::api {

inline constexpr std::string_view kBundle = "dags-folder";  // Airflow's name of the watched folder

inline constexpr std::string_view kDefaultOwner = "airflow";  // of those that name none, as in Airflow
std::string OwnerOf(const DagRow& row);
std::string FileToken(const DagRow& row);

Value InstantOrNull(const std::optional<Instant>& instant);
Value TextOrNull(const std::string& text);  // empty: null
// A UUID that is always the same for the same words: for ids that are no UUIDs here.
std::string StableUuid(std::string_view kind, std::string_view words);

Value DagShape(const DagRow& row, const std::optional<DueRun>& next);
Value DagDetailsShape(const DagRow& row, const std::optional<DueRun>& next, std::int64_t active_runs);
Value TaskShape(const Dag& dag, TaskNo task);
Value RunShape(const RunRow& row);
Value TaskInstanceShape(const TaskInstanceRow& row);
Value TryShape(const TaskInstanceRow& row);
Value AuditShape(const AuditRow& row);
Value DagVersionShape(const DagVersionRow& row);
Value DagStatsShape(const DagStatsRow& row);
Value DagWarningShape(const DagWarningRow& row);
Value XComShape(const TaskInstanceRow& row, const std::string& key);  // without the value
Value PoolShape(const PoolRow& row);
Value ImportErrorShape(const ImportErrorRow& row);
// name -> {value, schema, description, source}, from what is stored with the version.
Value ParamsShape(const Value& stored, const Value& source);

}  // namespace pipelined::api
