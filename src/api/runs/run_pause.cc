#include "api/runs/run_pause.h"

#include "api/http/errors.h"

namespace pipelined::api {

std::shared_ptr<RunPause> PauseOf(const Request& request) {
  return std::dynamic_pointer_cast<RunPause>(request.pause);
}

std::optional<Response> WaitFor(const Call& call, Micros longest, std::string seen) {
  if (call.request.answer_now) return std::nullopt;
  std::shared_ptr<RunPause> pause = PauseOf(call.request);
  if (pause == nullptr) {
    Result<std::shared_ptr<const Streams::Place>> place = call.service.streams.Take(call.caller.name);
    if (!place.ok()) return ErrorResponse(place.error());
    pause = std::make_shared<RunPause>(call.service, *std::move(place), call.Arg("dag_id"), call.Arg("dag_run_id"));
    pause->seen = std::move(seen);
  }
  const Micros left = pause->began + longest - call.service.clock.Monotonic();
  if (left <= Micros(0)) return std::nullopt;
  Response later;
  later.pause = std::move(pause);
  later.patience = left;
  return later;
}

}  // namespace pipelined::api
