// The examples of docs/actions load without a complaint.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "pipelined/dagfile/load.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined {
namespace {

// What stands between ```yaml and ``` on a page.
std::vector<std::string> ExamplesOf(const std::filesystem::path& page) {
  std::ifstream file(page);
  std::vector<std::string> examples;
  bool inside = false;
  for (std::string line; std::getline(file, line);) {
    if (line == "```yaml") {
      examples.emplace_back();
      inside = true;
    } else if (line == "```") {
      inside = false;
    } else if (inside) {
      examples.back() += line + "\n";
    }
  }
  return examples;
}

TEST(ActionExamples, Load) {
  std::size_t pages = 0;
  for (const auto& page : std::filesystem::directory_iterator(std::string(PIPELINED_SOURCE_DIR) + "/docs/actions")) {
    const std::vector<std::string> examples = ExamplesOf(page.path());
    EXPECT_FALSE(examples.empty()) << page.path();
    ++pages;
    for (const std::string& example : examples) {
      LoadOptions options{"/dags/example.yaml", "example.yaml", "", {}, {}, false, "/dags"};
      options.read_other = [](const std::string& path) -> Result<std::string> {
        if (path.ends_with(".sql")) return std::string("insert into sales select * from staging where day = {{ ds }}");
        return std::string("tiny == 1.0\n");
      };
      const LoadResult loaded = LoadText(example, options, SystemZones());
      EXPECT_FALSE(HasErrors(loaded.diagnostics)) << page.path() << example << Format(loaded.diagnostics);
      EXPECT_EQ(loaded.dags.size(), 1u);
    }
  }
  EXPECT_EQ(pages, 9u);
}

}  // namespace
}  // namespace pipelined
