// Requests that wait until something happens to a run. They hold a connection and a place among the streams, and no
// thread: each time the history says that something has happened the request is asked anew.
#pragma once

#include <optional>
#include <string>

#include "api/service.h"

namespace pipelined::api {

class RunPause final : public Pause {
 public:
  RunPause(Service& service, std::shared_ptr<const Streams::Place> place, std::string dag_id, std::string run_id)
      : began(service.clock.Monotonic()),
        service_(service),
        place_(std::move(place)),
        dag_id_(std::move(dag_id)),
        run_id_(std::move(run_id)) {}
  ~RunPause() override { service_.events.Unwatch(watcher_); }

  void Begin(std::function<void()> more) override {
    watcher_ = service_.events.Watch(dag_id_, run_id_, std::make_shared<const std::function<void()>>(more));
    more();  // what happened before it was watched
  }

  const Micros began;  // monotonic
  std::string seen;    // by the first look

 private:
  Service& service_;
  const std::shared_ptr<const Streams::Place> place_;
  const std::string dag_id_, run_id_;
  std::uint64_t watcher_ = 0;
};

// What the request has waited with so far; nullptr: it has not.
std::shared_ptr<RunPause> PauseOf(const Request& request);

// Lets the request wait for the run in the path, at most `longest` since it came; nothing: its time is over. `seen` is
// kept of the first look.
std::optional<Response> WaitFor(const Call& call, Micros longest, std::string seen = {});

}  // namespace pipelined::api
