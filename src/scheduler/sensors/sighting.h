// What somebody who looked for a sensor has to say, and what that means. Pure.
#pragma once

#include <optional>
#include <string>

#include "pipelined/ports/prober.h"
#include "pipelined/ports/store.h"

namespace pipelined {

struct Sighting {
  enum class Kind : std::uint8_t {
    kNotYet,
    kThere,
    kFails,    // it will not come: the try fails
    kSkips,    // the task is skipped
    kUnknown,  // nobody could look
  };
  Kind kind = Kind::kNotYet;
  Value outputs = {};                             // of kThere: a map
  std::string message = {};                       // of everything but kThere; may be empty
  std::optional<Instant> look_at = std::nullopt;  // of kNotYet: when a look is worth it, before the next one is due
};

// The question that a `task` or `dag` job asks, and what the answer means.
RunQuestion QuestionOf(const Value& job);
Sighting Judge(const Value& job, const std::optional<RunSeen>& seen);

// What a prober answered: true, as templates have it, is there.
Sighting Judge(const ProbeResult& result);

// For people: "file /in/a.csv", "task load of DAG sales at 2026-01-01T00:00:00Z".
std::string NameOfJob(const Value& job);

}  // namespace pipelined
