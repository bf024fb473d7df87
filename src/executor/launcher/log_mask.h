// Between a command's output and its log: secrets become "***". What is the beginning of one at the end of a piece is
// held back until more comes, or the end. Without secrets it costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>

#include "executor/launcher/output_log.h"

namespace pipelined::executor {

class LogMask {
 public:
  // `texts`: so many NUL-terminated secrets, none of them empty, the longest first; outlive this.
  LogMask(const char* texts, std::uint32_t count, OutputLog& log) : texts_(texts), count_(count), log_(log) {}
  ~LogMask();
  LogMask(const LogMask&) = delete;
  LogMask& operator=(const LogMask&) = delete;

  void Append(const char* data, std::size_t size);
  void Finish();  // before the log's; once

 private:
  enum class Match { kNone, kWhole, kBegun };

  // A secret, and the next one (longest first) that begins with the same byte.
  struct Form {
    const char* text;
    std::size_t size;
    const Form* next;
  };

  bool Prepare();
  bool Reserve(std::size_t size);
  std::size_t Pass(bool last);
  Match At(const char* data, std::size_t size, bool last, std::size_t* length) const;

  const char* texts_;
  const std::uint32_t count_;
  OutputLog& log_;
  const Form* first_[256] = {};  // by the byte that a secret begins with
  Form* forms_ = nullptr;        // count_ of them, once there is output
  char* held_ = nullptr;         // what is not written yet
  std::size_t size_ = 0, room_ = 0;
};

}  // namespace pipelined::executor
