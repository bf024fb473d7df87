// The end of a server's log, for error messages.
#pragma once

#include <string>

namespace pipelined::cluster {

// The last lines, indented, at most 2 KiB; empty when there is none.
std::string LogTail(const std::string& path);

// A log that has grown past 16 MiB becomes <path>.1, replacing an older one.
void RotateLog(const std::string& path);

}  // namespace pipelined::cluster
