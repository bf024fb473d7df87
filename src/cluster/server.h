// Making a cluster's data folder and running the server on it.
#pragma once

#include "cluster/place.h"
#include "cluster/process.h"
#include "pipelined/base/result.h"

namespace pipelined::cluster {

// Runs initdb; afterwards place.made(). Nothing is promised to be on disk yet: see StartSync().
Status MakeCluster(const Place& place, const std::string& programs);

// A process that writes a new cluster to disk, or none when that was done. It ends with status 0 when all is there.
Result<Process> StartSync(const Place& place, const std::string& programs);
// The new cluster is on disk: remember it.
void SyncDone(const Place& place);

// Starts the server and returns when it accepts connections.
Result<Process> StartServer(const Place& place, const std::string& programs);

}  // namespace pipelined::cluster
