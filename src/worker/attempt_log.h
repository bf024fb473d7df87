// The log of one attempt, as the supervisors of commands write it: made at the first byte, and past the cap only its
// end is kept. One thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/base/secret_mask.h"

namespace pipelined::worker {

class AttemptLog {
 public:
  // `secrets`: what nobody may see, as of SecretMask::Forms().
  AttemptLog(std::string path, std::int64_t cap, std::vector<std::string> secrets = {})
      : path_(std::move(path)), cap_(cap), secrets_(std::move(secrets)) {}
  ~AttemptLog();
  AttemptLog(const AttemptLog&) = delete;
  AttemptLog& operator=(const AttemptLog&) = delete;

  // A line of ours, without secrets. What is not UTF-8 or not to be seen becomes \xNN.
  void Line(std::string_view text);
  void Finish();  // writes the kept end; once

  bool HasSecrets() const { return !secrets_.empty(); }
  std::string Hide(std::string text) const { return Masked(std::move(text), secrets_); }
  // In one line of at most `most` bytes. What is cut cannot be hidden any more: hence the two at once.
  std::string Shown(std::string text, std::size_t most) const;

 private:
  void Append(std::string_view text);
  void Write(std::string_view text);
  bool Open();

  static constexpr std::size_t kTail = 64 * 1024;
  std::string path_;
  std::int64_t cap_, taken_ = 0, beyond_ = 0, refused_ = 0;
  std::string tail_;
  const std::vector<std::string> secrets_;
  int fd_ = -1;
};

// Of a text within a message: long enough for it to be cut only where its secrets have been hidden.
inline constexpr std::size_t kUncut = 64 << 10;

// `text` in one line of at most `most` bytes, readable whatever it holds.
std::string Readable(std::string_view text, std::size_t most);

}  // namespace pipelined::worker
