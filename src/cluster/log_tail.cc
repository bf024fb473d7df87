#include "cluster/log_tail.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

namespace pipelined::cluster {

std::string LogTail(const std::string& path) {
  constexpr std::streamoff kMost = 2048;
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  if (!in) return {};
  in.seekg(std::max<std::streamoff>(0, in.tellg() - kMost));
  std::string out;
  for (std::string line; std::getline(in, line);) out += "  " + line + "\n";
  return out;
}

void RotateLog(const std::string& path) {
  constexpr std::uintmax_t kMost = 16 << 20;
  std::error_code error;
  if (std::filesystem::file_size(path, error) > kMost && !error) std::filesystem::rename(path, path + ".1", error);
}

}  // namespace pipelined::cluster
