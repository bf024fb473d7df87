// Assets as the API shows them.
#pragma once

#include <optional>

#include "api/http/http.h"
#include "api/service.h"

namespace pipelined::api {

// All of them have one group here, Airflow's default.
inline constexpr std::string_view kAssetGroup = "asset";

// The asset with this number, whether a DAG still names it or not; kNotFound when the caller may see none.
Result<AssetRow> FindAsset(const Call& call, std::int64_t id);
// The refusal of a path whose asset_id is no number or names none; nothing: `asset` has it.
std::optional<Response> FindAssetInPath(const Call& call, AssetRow& asset);

}  // namespace pipelined::api
