// A PostgreSQL server of our own for one machine: made at the first start, kept under the home, reached over a unix
// socket only.
//
// It is durable (fsync, full page writes, checksums), never runs as root, and ends cleanly when its starter dies in any
// way.
#pragma once

#include <memory>
#include <string>

#include "pipelined/base/result.h"

namespace pipelined {

// Owns the server process. Not thread-safe. Start() must be called on a thread that lives as long as the object (the
// main thread): the kernel ends the server when the thread that forked it ends.
class PrivateCluster {
 public:
  // Starts the cluster of `home` (absolute, exists), making it when there is none, and returns when it answers. A
  // server that a killed predecessor left behind is stopped first; what a crash left is recovered, however long that
  // takes.
  //
  // As root the server runs as `postgres` (else `nobody`); where that user cannot enter the home, the cluster lives
  // under /var/lib/pipelined/clusters and <home>/postgres is a link to it.
  //
  // kConflict: another process runs this cluster. kUnavailable: PostgreSQL is not installed. kFailed: it does not
  // start; the message has the end of its log.
  static Result<std::unique_ptr<PrivateCluster>> Start(const std::string& home);

  virtual ~PrivateCluster() = default;  // as Stop()

  // For libpq. Constant.
  virtual const std::string& url() const = 0;
  // The server's process; readable when it has ended. Changes with Revive().
  virtual int pidfd() const = 0;
  // The server's process id, for messages and tests.
  virtual int pid() const = 0;

  // Starts the server again after it ended by itself.
  virtual Status Revive() = 0;

  // A new cluster is written to disk beside its first use, because that wait is long. Returns when it is: nothing may
  // be promised to anybody before. At once when the cluster is not new.
  virtual Status WaitDurable() = 0;

  // Ends the server: open transactions are rolled back, everything is written. Idempotent.
  virtual Status Stop() = 0;
};

}  // namespace pipelined
