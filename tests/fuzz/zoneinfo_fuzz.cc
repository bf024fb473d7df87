// Any bytes as the name of a time zone: only what lies in the folder of zones is found, and a name that is not there is
// answered with a hint.
#include <stdlib.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "pipelined/zoneinfo/system_zones.h"
#include "unit/timetable/zones_by_rule.h"

namespace {

// zones/A/Zone, zones/Zone-1, and beside the folder what no name may lead to.
class Zones {
 public:
  Zones() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fuzz-zones-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    root_ = pattern;
    std::filesystem::create_directories(root_ / "zones" / "A");
    for (const char* name : {"zones/A/Zone", "zones/Zone-1", "outside"})
      std::ofstream(root_ / name, std::ios::binary) << pipelined::testing::TzifOf("CET-1CEST,M3.5.0,M10.5.0/3");
    std::ofstream(root_ / "zones" / "zone.tab") << "no zone";
  }
  ~Zones() {
    std::error_code ignored;
    std::filesystem::remove_all(root_, ignored);
  }
  std::filesystem::path folder() const { return root_ / "zones"; }

 private:
  std::filesystem::path root_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Zones files;
  static const pipelined::SystemZones zones(files.folder());
  const std::string_view name(reinterpret_cast<const char*>(data), size);
  const auto found = zones.Find(name);
  if (found) {
    if (name != "UTC" && name != "A/Zone" && name != "Zone-1") std::abort();
    if ((*found)->name() != name) std::abort();
  } else if (found.error().hint.empty() || found.error().message.size() > 200) {
    std::abort();
  }
  return 0;
}
