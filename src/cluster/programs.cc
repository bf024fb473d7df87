#include "cluster/programs.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <vector>

namespace pipelined::cluster {
namespace {

namespace fs = std::filesystem;

struct Installed {
  int major = 0;
  std::string bin;
};

bool HasPrograms(const std::string& bin) {
  return access((bin + "/initdb").c_str(), X_OK) == 0 && access((bin + "/postgres").c_str(), X_OK) == 0;
}

int Number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// The output of a fixed command line: no text from outside comes in here.
std::string OutputOf(const std::string& command) {
  std::string text;
  FILE* out = popen((command + " 2>/dev/null").c_str(), "re");
  if (out == nullptr) return text;
  char buffer[256];
  while (std::fgets(buffer, sizeof buffer, out) != nullptr) text += buffer;
  pclose(out);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// Debian's and PGDG's layout, by version.
std::vector<Installed> PackagedVersions() {
  std::vector<Installed> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    const std::string bin = entry.path().string() + "/bin";
    if (const int major = Number(entry.path().filename().string()); major > 0 && HasPrograms(bin))
      found.push_back({major, bin});
  }
  std::sort(found.begin(), found.end(), [](const Installed& a, const Installed& b) { return a.major > b.major; });
  return found;
}

// Any other layout: what pg_config, if there is one, was built for.
std::vector<Installed> ConfiguredVersion() {
  const std::string bin = OutputOf("pg_config --bindir");
  if (bin.empty() || !HasPrograms(bin)) return {};
  const std::string version = OutputOf("pg_config --version");  // "PostgreSQL 15.4 (Debian …)"
  const std::size_t digit = version.find_first_of("0123456789");
  return {{digit == version.npos ? 0 : Number(std::string_view(version).substr(digit)), bin}};
}

}  // namespace

Result<std::string> ServerPrograms(const std::string& data) {
  int wanted = 0;
  std::ifstream(data + "/PG_VERSION") >> wanted;
  const auto fits = [&](const Installed& version) { return wanted == 0 || version.major == wanted; };
  for (const auto& versions : {PackagedVersions(), ConfiguredVersion()}) {
    const auto found = std::find_if(versions.begin(), versions.end(), fits);
    if (found != versions.end()) return found->bin;
  }
  if (wanted == 0) {
    return Error{ErrorCode::kUnavailable, "PostgreSQL's server programs (initdb, postgres) are not installed",
                 "apt-get install postgresql-15, or set database.url to a server of your own"};
  }
  return Error{ErrorCode::kUnavailable,
               fmt::format("the database in {} needs PostgreSQL {}, which is not installed", data, wanted),
               fmt::format("apt-get install postgresql-{}", wanted)};
}

}  // namespace pipelined::cluster
