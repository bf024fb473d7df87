// Requests that name an Idempotency-Key: carried out once, answered alike each time.
#pragma once

#include <optional>

#include "api/http/http.h"
#include "api/service.h"

namespace pipelined::api {

class Once {
 public:
  // Of the request. Without the header all is as ever.
  explicit Once(const Call& call);

  // The answer that is kept, or why there is none for this key; nothing: go on.
  std::optional<Response> Earlier() const;
  // Makes the run, and the answer from it.
  Response Trigger(const TriggerRequest& request, const std::function<Response(const RunRow&)>& answer) const;
  // Has the leader carry the command out, and makes the answer from its result.
  Response Carry(Command command, const std::function<Response(const Value& result)>& answer) const;

 private:
  const Call& call_;
  std::optional<OnceKey> key_;
  bool malformed_ = false;
};

}  // namespace pipelined::api
