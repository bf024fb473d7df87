// What a sensor waits for. Words and meanings are those of Airflow's sensors.
#pragma once

#include <cstdint>
#include <string_view>

#include "pipelined/base/value.h"
#include "pipelined/lifecycle/poke.h"

namespace pipelined {

enum class SensorKind : std::uint8_t {
  kTime,   // {"at"}: an instant, or a time of day
  kDelta,  // {"micros"}: so long after the end of the data interval
  kFile,   // {"path", "min_size", "stable_micros"}
  kGlob,   // {"pattern", "min_count", "min_size", "stable_micros"}
  kTask,   // {"dag_id", "task_ids", "run_id" | "logical_date" | "offset_micros", "allowed_states", …}
  kDag,    // the same without "task_ids"
  kPort,   // {"host", "port"}
  kHttp,   // as the prober takes it
  kSql,    // likewise
};

// "time", "delta", "file" …: the key under `sensor`.
std::string_view ToString(SensorKind kind);

// Whether somebody else than the scheduler has to look: see ports/prober.h.
constexpr bool NeedsProber(SensorKind kind) {
  return kind == SensorKind::kPort || kind == SensorKind::kHttp || kind == SensorKind::kSql;
}

struct SensorSpec {
  SensorKind kind = SensorKind::kTime;
  Value what = {};  // a map, see above; every text in it is a template
  PokePolicy poke;
  bool soft_fail = false;   // a timeout skips the task instead of failing it
  bool silent_fail = true;  // what could not be asked is asked again; false: the try fails
};

}  // namespace pipelined
