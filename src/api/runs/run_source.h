// What a run's DAG was read from.
#pragma once

#include "api/http/http.h"
#include "api/service.h"

namespace pipelined::api {

// The document, the defaults.yaml that apply and the other files that it names: with them a client renders templates as
// the scheduler does.
Response GetRunSource(const Call& call);

}  // namespace pipelined::api
