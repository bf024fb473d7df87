// Reading DAG files and the defaults.yaml above them from disk.
#pragma once

#include <string>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/dagfile/load.h"

namespace pipelined::dagfile {

inline constexpr std::string_view kDefaultsName = "defaults.yaml";

// An open file; closed with it.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor();
  int get() const { return fd_; }

 private:
  int fd_;
};

// For reading. kInvalid when it is no regular file, kNotFound, kUnavailable.
Result<Descriptor> OpenRegular(const std::string& path);
// From where it stands to its end. kInvalid when that is more than `most` bytes.
Result<std::string> ReadAll(const Descriptor& file, const std::string& path, std::size_t most);

// The text of a regular file. kInvalid when it is longer than `most` bytes, kNotFound, kUnavailable.
Result<std::string> ReadTextFile(const std::string& path, std::size_t most);

// Paths of the defaults.yaml that may apply to `path`: nearest first, none above `root`.
std::vector<std::string> DefaultsPaths(const std::string& path, const std::string& root);

// `path` without `root` in front of it; `path` itself when it lies elsewhere.
std::string RelativeTo(const std::string& path, const std::string& root);

}  // namespace pipelined::dagfile
