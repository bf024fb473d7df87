#include "dagfile/sensor_keys.h"

#include <array>

namespace pipelined::dagfile {
namespace {

constexpr std::array kSensorTable{
    KeyRow{"time", Key::kSensorTime},
    KeyRow{"delta", Key::kSensorDelta},
    KeyRow{"file", Key::kSensorFile},
    KeyRow{"glob", Key::kSensorGlob},
    KeyRow{"task", Key::kSensorTask},
    KeyRow{"dag", Key::kSensorDag},
    KeyRow{"port", Key::kSensorPort},
    KeyRow{"http", Key::kSensorHttp},
    KeyRow{"sql", Key::kSensorSql},
    KeyRow{"asset"},
    KeyRow{"command"},
    KeyRow{"poke_interval", Key::kPokeInterval},
    KeyRow{"timeout", Key::kSensorTimeout},
    KeyRow{"exponential_backoff", Key::kSensorBackoff},
    KeyRow{"max_wait", Key::kMaxWait, true},
    KeyRow{"soft_fail", Key::kSoftFail},
    KeyRow{"silent_fail", Key::kSilentFail},
};
constexpr std::array kFileSensorTable{
    KeyRow{"path", Key::kPath},
    KeyRow{"min_size", Key::kMinSize},
    KeyRow{"stable_for", Key::kStableFor},
};
constexpr std::array kGlobSensorTable{
    KeyRow{"pattern", Key::kPattern},
    KeyRow{"min_count", Key::kMinCount},
    KeyRow{"min_size", Key::kMinSize},
    KeyRow{"stable_for", Key::kStableFor},
};
// Short forms beside Airflow's words.
constexpr std::array kTaskSensorTable{
    KeyRow{"dag_id", Key::kId},
    KeyRow{"external_dag_id", Key::kId},
    KeyRow{"task_id", Key::kTaskIds},
    KeyRow{"task_ids", Key::kTaskIds},
    KeyRow{"external_task_id", Key::kTaskIds},
    KeyRow{"external_task_ids", Key::kTaskIds},
    KeyRow{"run_id", Key::kRunId, true},
    KeyRow{"logical_date", Key::kLogicalDate, true},
    KeyRow{"offset", Key::kOffset},
    KeyRow{"execution_delta", Key::kOffset},
    KeyRow{"allowed_states", Key::kAllowedStates},
    KeyRow{"failed_states", Key::kFailedStates},
    KeyRow{"skipped_states", Key::kSkippedStates},
};
constexpr std::array kDagSensorTable{
    KeyRow{"dag_id", Key::kId},
    KeyRow{"external_dag_id", Key::kId},
    KeyRow{"run_id", Key::kRunId, true},
    KeyRow{"logical_date", Key::kLogicalDate, true},
    KeyRow{"offset", Key::kOffset},
    KeyRow{"execution_delta", Key::kOffset},
    KeyRow{"allowed_states", Key::kAllowedStates},
    KeyRow{"failed_states", Key::kFailedStates},
    KeyRow{"skipped_states", Key::kSkippedStates},
};
constexpr std::array kPortSensorTable{KeyRow{"host", Key::kHost}, KeyRow{"port", Key::kPort}};

}  // namespace

const std::span<const KeyRow> kSensorKeys = kSensorTable;
const std::span<const KeyRow> kFileSensorKeys = kFileSensorTable;
const std::span<const KeyRow> kGlobSensorKeys = kGlobSensorTable;
const std::span<const KeyRow> kTaskSensorKeys = kTaskSensorTable;
const std::span<const KeyRow> kDagSensorKeys = kDagSensorTable;
const std::span<const KeyRow> kPortSensorKeys = kPortSensorTable;

}  // namespace pipelined::dagfile
