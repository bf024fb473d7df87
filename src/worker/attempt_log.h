// The log of one attempt, as the supervisors of commands write it: made at the first byte, and past the cap only its
// end is kept. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace pipelined::worker {

class AttemptLog {
 public:
  AttemptLog(std::string path, std::int64_t cap) : path_(std::move(path)), cap_(cap) {}
  ~AttemptLog();
  AttemptLog(const AttemptLog&) = delete;
  AttemptLog& operator=(const AttemptLog&) = delete;

  // A line of ours. What is not UTF-8 or not to be seen becomes \xNN.
  void Line(std::string_view text);
  void Finish();  // writes the kept end; once

 private:
  void Append(std::string_view text);
  void Write(std::string_view text);
  bool Open();

  static constexpr std::size_t kTail = 64 * 1024;
  std::string path_;
  std::int64_t cap_, taken_ = 0, beyond_ = 0, refused_ = 0;
  std::string tail_;
  int fd_ = -1;
};

// `text` in one line of at most `most` bytes, readable whatever it holds.
std::string Readable(std::string_view text, std::size_t most);

}  // namespace pipelined::worker
