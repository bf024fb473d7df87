// How a run hangs together with others: the task that made it, and the runs that its tasks have made.
#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/shapes.h"

namespace pipelined::api {
namespace {

Value LinkShape(const RunLink& link) {
  return Value::Map{{"dag_id", link.dag_id},
                    {"dag_run_id", link.run_id},
                    {"task_id", link.task_id},
                    {"state", ToString(link.state)},
                    {"is_sub_run", link.sub_run}};
}

}  // namespace

Response GetRunLinks(const Call& call) {
  const Result<RunRow> run = call.catalog().Run(call.Arg("dag_id"), call.Arg("dag_run_id"));
  if (!run.ok()) return ErrorResponse(run.error());
  const Result<RunLinks> links = call.catalog().Links(run->info);
  if (!links.ok()) return ErrorResponse(links.error());
  Value::List made;
  for (const RunLink& link : links->made) made.push_back(LinkShape(link));
  return Json(Value::Map{{"made_by", links->parent ? LinkShape(*links->parent) : Value()}, {"made", std::move(made)}});
}

}  // namespace pipelined::api
