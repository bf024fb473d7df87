// The examples of docs/actions.md load without a complaint.
#include <gmock/gmock.h>

#include <fstream>
#include <sstream>
#include <vector>

#include "pipelined/dagfile/load.h"
#include "pipelined/zoneinfo/system_zones.h"

namespace pipelined {
namespace {

// What stands between ```yaml and ```.
std::vector<std::string> Examples() {
  std::ifstream file(std::string(PIPELINED_SOURCE_DIR) + "/docs/actions.md");
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
  const std::vector<std::string> examples = Examples();
  ASSERT_EQ(examples.size(), 4u);
  for (const std::string& example : examples) {
    LoadOptions options{"/dags/example.yaml", "example.yaml", "", {}, {}, false, "/dags"};
    options.read_other = [](const std::string&) -> Result<std::string> {
      return std::string("insert into sales select * from staging where day = {{ ds }}");
    };
    const LoadResult loaded = LoadText("params: {id: 7, region: eu, amount: 3}\n" + example, options, SystemZones());
    EXPECT_FALSE(HasErrors(loaded.diagnostics)) << example << Format(loaded.diagnostics);
    EXPECT_EQ(loaded.dags.size(), 1u);
  }
}

}  // namespace
}  // namespace pipelined
