// What waits for a slot, in the order of the queue: asked of the scheduler that leads, which alone knows.
#include <algorithm>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"

namespace pipelined::api {

Response GetQueue(const Call& call) {
  Query query(call.request);
  ListQueue list;
  list.pool = query.String("pool");
  list.dag_id = query.String("dag_id");
  list.limit = static_cast<std::int32_t>(std::min(query.Int("limit", list.limit, 1), kMaxLimit));
  if (!query.ok()) return query.Refusal();
  Value result;
  if (auto refusal = Carry(call, Command{{}, {}, std::move(list)}, &result)) return *std::move(refusal);
  return Json(result);
}

}  // namespace pipelined::api
