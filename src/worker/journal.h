// Where a worker writes down what it begins and ends, before it does the one and before it tells of the other.
#pragma once

#include <cstdint>
#include <string>

namespace pipelined::worker {

class Journal {
 public:
  // `folder`: of worker/, outlives it. A new journal begins when one has `rotate` bytes.
  Journal(int folder, std::string nonce, std::string boot_id, std::int64_t rotate);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  bool Open();  // the first one
  // Whole lines, in one write.
  enum class Appended : std::uint8_t {
    kAll,
    kNothing,
    kTorn,  // the disk took a part of them, and perhaps some whole lines: a reader may have them already
  };
  Appended Append(const std::string& lines);

 private:
  bool OpenNext();
  int folder_;
  std::string nonce_, boot_id_;
  std::int64_t rotate_, number_ = 0, size_ = 0;
  bool torn_ = false;  // the last line has no end
  int fd_ = -1;
};

}  // namespace pipelined::worker
