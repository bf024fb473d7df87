// The history as it grows: every event once, in the order of their numbers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/time.h"

namespace pipelined {

// One entry of the history.
struct EventRow {
  std::int64_t id = 0;  // grows; numbers may be missing
  Instant at{};
  std::string who, kind;                // kind: "task", "run", "dag" …
  std::string dag_id, run_id, task_id;  // each empty: none
  std::optional<std::int32_t> map_index, try_number;
  std::string old_state, new_state, why;  // each may be empty
};

// Numbers are given before transactions commit, so they become visible out of order. What is *settled* does not change
// any more: no event with a number up to there is still to come.
//
// For one thread, but for Interrupt().
class EventReader {
 public:
  virtual ~EventReader() = default;

  // Begins to be told of new events, and answers up to where the history is settled now; kUnavailable while that is not
  // known yet. Again after an error: what came meanwhile is not lost, it follows the last one that is known.
  virtual Result<std::int64_t> Start() = 0;
  // Is told no more, and costs those who write nothing any more.
  virtual void Rest() = 0;

  struct Settled {
    std::vector<EventRow> events;  // at most `most`
    std::int64_t until = 0;        // settled up to here; these are all that follow `after`
    bool more = false;             // there is more to be read at once
  };
  // What follows `after`, which must be settled. kUnavailable: start again.
  virtual Result<Settled> Next(std::int64_t after, int most) = 0;
  // Of what is settled: the first events with after < id <= until.
  virtual Result<std::vector<EventRow>> Between(std::int64_t after, std::int64_t until, int most) = 0;
  struct Extent {
    std::optional<std::int64_t> oldest;  // the first number that is still kept; nothing: no event is
    std::int64_t latest = 0;             // the last one that was given to anybody, settled or not
  };
  virtual Result<Extent> Numbers() = 0;

  // Waits until there may be something new, it was interrupted, or this long.
  virtual void Wait(Micros at_most) = 0;
  virtual void Interrupt() = 0;  // from any thread; also counts for the next Wait
};

}  // namespace pipelined
