// Reads a try's log, in pieces, from below the logs folder and from nowhere else.
#pragma once

#include <cstdint>
#include <string>

#include "pipelined/base/result.h"

namespace pipelined::api {

struct LogPiece {
  std::string text;       // raw bytes; ends at a line's end unless the file does or the line is longer than a piece
  std::int64_t next = 0;  // offset behind it
  bool at_end = true;     // nothing more in the file now
};

// "dag_id=sales/run_id=…/task_id=load/attempt=1.log"; "…/task_id=load/map_index=2/attempt=1.log" of an instance.
std::string LogPath(const std::string& dag_id, const std::string& run_id, const std::string& task_id,
                    std::int64_t try_number, std::int32_t map_index);

// At most `limit` bytes of `logs_dir`/`relative` from `offset`. A file that is not there is empty: it is made at the
// first byte of output. `whole`: an unfinished last line is given too. kNotAllowed: the path would leave the folder or
// passes a link.
Result<LogPiece> ReadLog(const std::string& logs_dir, const std::string& relative, std::int64_t offset,
                         std::int64_t limit, bool whole);

}  // namespace pipelined::api
