#include "pipelined/model/shared_limits.h"

namespace pipelined {

std::string_view ToString(OnConflict on_conflict) {
  switch (on_conflict) {
    case OnConflict::kQueue:
      return "queue";
    case OnConflict::kSkip:
      return "skip";
    case OnConflict::kCancelRunning:
      return "cancel_running";
  }
  return "";
}

}  // namespace pipelined
