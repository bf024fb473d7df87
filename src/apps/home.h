// The home folder: where it is, what is in it, and who runs it.
#pragma once

#include <optional>
#include <string>

#include "pipelined/base/result.h"

namespace pipelined::apps {

// --home, else $PIPELINED_HOME, else ~/.pipelined (root: /var/lib/pipelined). Absolute; it need not exist yet.
Result<std::string> FindHome(const std::string& option);

// Makes the home and its folders where they are missing.
Status PrepareHome(const std::string& home);

// A path of the settings: a relative one starts at the home, an empty one stays so.
std::string InHome(const std::string& home, const std::string& path);

// What a running standalone writes for others of the same user: run/standalone.json, mode 0600.
struct Running {
  int pid = 0;
  std::string url;  // of the API
  std::string database_url;
};
Status WriteRunning(const std::string& home, const Running& running);
void RemoveRunning(const std::string& home);
// Nothing when no standalone runs on this home, whatever a killed one left behind.
std::optional<Running> FindRunning(const std::string& home);

// The right to run a standalone on this home. Waits a moment for a predecessor that is just ending; kConflict names the
// one that runs. The descriptor is inherited by the roles, so that it is held until the last of them has gone.
Result<int> LockHome(const std::string& home);

}  // namespace pipelined::apps
