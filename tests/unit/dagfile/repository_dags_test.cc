// The DAG files that come with the program load without a word; so do files from disk with their defaults.
#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "unit/dagfile/loading.h"

namespace pipelined {
namespace {

namespace fs = std::filesystem;

class AnyZone : public ZoneSource {
 public:
  Result<std::shared_ptr<const Zone>> Find(std::string_view) const override { return Zone::Utc(); }
  Result<std::shared_ptr<const DayList>> Holidays(std::string_view) const override {
    return std::make_shared<const DayList>();
  }
};

TEST(RepositoryDags, LoadWithoutAWord) {
  const std::string root = std::string(PIPELINED_SOURCE_DIR) + "/dags";
  int files = 0;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".yaml") continue;
    if (entry.path().parent_path().filename().string().starts_with("_")) continue;  // task templates
    const LoadResult result = LoadFile(entry.path(), root, AnyZone());
    EXPECT_TRUE(result.diagnostics.empty()) << Format(result.diagnostics);
    EXPECT_FALSE(result.dags.empty()) << entry.path();
    ++files;
  }
  EXPECT_GE(files, 7);
}

TEST(LoadFile, StandsOnTheDefaultsUpToTheRoot) {
  char name[] = "/tmp/loadfile.XXXXXX";
  const std::string top = mkdtemp(name);
  fs::create_directories(top + "/root/team");
  std::ofstream(top + "/defaults.yaml") << "description: not below the root\n";
  std::ofstream(top + "/root/defaults.yaml") << "owner: far\ntags: [far]\n";
  std::ofstream(top + "/root/team/defaults.yaml") << "owner: near\n";
  std::ofstream(top + "/root/team/x.yaml") << "tasks: {a: {empty: true}}\n";
  const LoadResult result = LoadFile(top + "/root/team/x.yaml", top + "/root", AnyZone());
  ASSERT_EQ(result.dags.size(), 1u) << Format(result.diagnostics);
  EXPECT_EQ(result.dags[0].dag->owner, "near");
  EXPECT_EQ(result.dags[0].dag->description, "");
  EXPECT_THAT(result.dags[0].dag->tags, testing::ElementsAre("far"));
  EXPECT_EQ(result.dags[0].dag->relative_file, "team/x.yaml");
  EXPECT_EQ(result.dags[0].source.defaults.size(), 2u);
  fs::remove_all(top);
}

TEST(LoadFile, WhatIsNoFileIsADiagnostic) {
  EXPECT_EQ(LoadFile("/nowhere/x.yaml", "/nowhere", AnyZone()).diagnostics.at(0).code, "DAG001");
  EXPECT_EQ(LoadFile("/tmp", "/", AnyZone()).diagnostics.at(0).code, "DAG001");
}

}  // namespace
}  // namespace pipelined
