// A run that a body asks for by hand, of the DAG that the path or something else names.
#pragma once

#include <optional>
#include <string>

#include "api/http/body.h"
#include "api/http/http.h"
#include "api/service.h"

namespace pipelined::api {

struct AskedRun {
  std::string run_id, note;
  std::optional<GivenDate> logical_date, run_after, start, end;
  Value conf{Value::Map{}};
};

// `may_lack`: no body at all asks for nothing special.
Body BodyOfRun(const Request& request, bool may_lack = false);
AskedRun ReadAskedRun(Body& body);  // what is wrong is noted in `body`
// The refusals are those of trigger_dag_run.
Response MakeRun(const Call& call, const AskedRun& asked, const std::string& dag_id);

}  // namespace pipelined::api
