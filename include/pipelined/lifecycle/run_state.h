// Run states, their transitions, and how a run began.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pipelined {

enum class RunState : std::uint8_t { kQueued, kRunning, kSuccess, kFailed };

enum class RunEvent : std::uint8_t {
  kStarted,
  kSucceeded,
  kFailed,
  kCleared,  // it is to go on, or to run again
  kMarkedSuccess,
  kMarkedFailed,
};

struct RunTransition {
  RunState from;
  RunEvent event;
  RunState to;
};

inline constexpr std::array kRunTransitions{
    RunTransition{RunState::kQueued, RunEvent::kStarted, RunState::kRunning},
    RunTransition{RunState::kQueued, RunEvent::kFailed, RunState::kFailed},  // cancelled before it began
    RunTransition{RunState::kRunning, RunEvent::kSucceeded, RunState::kSuccess},
    RunTransition{RunState::kRunning, RunEvent::kFailed, RunState::kFailed},
    RunTransition{RunState::kRunning, RunEvent::kCleared, RunState::kQueued},
    RunTransition{RunState::kSuccess, RunEvent::kCleared, RunState::kQueued},
    RunTransition{RunState::kFailed, RunEvent::kCleared, RunState::kQueued},
    RunTransition{RunState::kQueued, RunEvent::kMarkedSuccess, RunState::kSuccess},
    RunTransition{RunState::kRunning, RunEvent::kMarkedSuccess, RunState::kSuccess},
    RunTransition{RunState::kFailed, RunEvent::kMarkedSuccess, RunState::kSuccess},
    RunTransition{RunState::kQueued, RunEvent::kMarkedFailed, RunState::kFailed},
    RunTransition{RunState::kRunning, RunEvent::kMarkedFailed, RunState::kFailed},
    RunTransition{RunState::kSuccess, RunEvent::kMarkedFailed, RunState::kFailed},
};

constexpr std::optional<RunState> Next(RunState from, RunEvent event) {
  for (const RunTransition& t : kRunTransitions) {
    if (t.from == from && t.event == event) return t.to;
  }
  return std::nullopt;
}

constexpr bool IsFinished(RunState state) {
  return state == RunState::kSuccess || state == RunState::kFailed;
}

enum class RunType : std::uint8_t { kScheduled, kManual, kBackfill, kAssetTriggered };

std::string_view ToString(RunState state);  // "queued" …
std::optional<RunState> RunStateFromString(std::string_view text);
std::string_view ToString(RunType type);  // "scheduled", "manual", "backfill", "asset_triggered"
std::optional<RunType> RunTypeFromString(std::string_view text);

}  // namespace pipelined
