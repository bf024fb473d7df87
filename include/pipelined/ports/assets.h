// Assets: what tasks read and write and schedules wait for, and the events that tell of their changes. As the API reads
// them, and the events that it makes; those of tasks come with a Plan. Thread-safe.
//
// Of a page with `dag_ids` only what belongs to those DAGs is seen: an asset that one of them names, of who names it
// only them, and of its events theirs and those that no task has made.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"
#include "pipelined/model/dag.h"
#include "pipelined/ports/listing.h"

namespace pipelined {

// A DAG, or a task of it, that names an asset.
struct AssetUse {
  std::string dag_id;
  std::string task_id;  // empty: the schedule
  Instant since{};
};

struct AssetRow {
  std::int64_t id = 0;  // given once, for ever
  std::string uri;      // also its name
  Instant created{};
  std::vector<AssetUse> schedules, outlets, inlets;  // of DAGs whose files are there; by DAG and task
  struct Latest {
    std::int64_t event = 0;
    Instant at{};
  };
  std::optional<Latest> latest;
};

struct AssetFilter {
  std::optional<std::int64_t> id = std::nullopt;
  TextSearch name = {}, uri = {};
  std::vector<std::string> dag_ids = {};  // named by one of these; empty: by any
  bool only_active = true;                // named by a DAG whose file is there
};

struct AssetEventRow {
  std::int64_t id = 0, asset_id = 0;
  std::string uri;
  Instant at{};
  Value extra;                          // a map
  std::string dag_id, run_id, task_id;  // that made it; all empty: a request
  std::int32_t map_index = kNotMapped;
  std::optional<std::string> partition_key;
};

struct AssetEventFilter {
  std::optional<std::int64_t> asset_id = std::nullopt;
  std::optional<std::string> dag_id = std::nullopt, run_id = std::nullopt, task_id = std::nullopt;
  std::optional<std::int32_t> map_index = std::nullopt;
  TextSearch name = {};
  TimeRange at = {};
};

struct NewAssetEvent {
  std::int64_t asset_id = 0;
  Value extra;  // a map
  std::optional<std::string> partition_key;
};

class Assets {
 public:
  virtual ~Assets() = default;

  virtual Result<Listing<AssetRow>> List(const AssetFilter& filter, const Page& page) = 0;
  virtual Result<Listing<AssetEventRow>> Events(const AssetEventFilter& filter, const Page& page) = 0;
  // An event that no task has made. kNotFound: there is no such asset.
  virtual Result<AssetEventRow> Add(const NewAssetEvent& event) = 0;
};

}  // namespace pipelined
