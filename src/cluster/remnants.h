// What a killed predecessor left behind: a server without its starter, servers' children without their server, lock
// files.
#pragma once

#include "cluster/place.h"
#include "pipelined/base/result.h"

namespace pipelined::cluster {

// Ends what still runs of this cluster and removes lock files that PostgreSQL would mistake for a running server's (a
// pid that another process has now, a zombie that nobody reaps). The caller holds the cluster's lock: nobody else
// starts one meanwhile. kFailed: something cannot be ended.
Status ClearRemnants(const Place& place);

}  // namespace pipelined::cluster
