#include "cli/session/profiles.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace pipelined::cli {
namespace {

namespace fs = std::filesystem;

class ProfilesFile : public testing::Test {
 protected:
  ProfilesFile() {
    char name[] = "/tmp/profiles.XXXXXX";
    folder_ = mkdtemp(name);
    path_ = folder_ + "/config/pipelined/profiles.json";
  }
  ~ProfilesFile() override { fs::remove_all(folder_); }

  static int ModeOf(const std::string& path) {
    struct stat about {};
    stat(path.c_str(), &about);
    return static_cast<int>(about.st_mode & 0777);
  }

  std::string folder_, path_;
};

TEST_F(ProfilesFile, NoFileIsNoProfiles) {
  const auto profiles = Profiles::Load(path_);
  ASSERT_TRUE(profiles);
  EXPECT_TRUE(profiles->all().empty());
  EXPECT_EQ(profiles->current(), "");
}

TEST_F(ProfilesFile, ComesBackAsItWasAndIsForNobodyElse) {
  Profiles profiles;
  profiles.Put({"one", "http://one", "ann", "secret", ""});
  profiles.Put({"two", "https://two", "", "", "/ca.pem"});
  profiles.Put({"one", "http://one:1", "ann", "other", ""});
  profiles.Use("one");
  ASSERT_TRUE(profiles.Save(path_));
  EXPECT_EQ(ModeOf(path_), 0600);
  EXPECT_EQ(ModeOf(folder_ + "/config/pipelined"), 0700);
  const auto loaded = Profiles::Load(path_);
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->all().size(), 2u);
  EXPECT_EQ(loaded->current(), "one");
  EXPECT_EQ(loaded->Find("one")->token, "other");
  EXPECT_EQ(loaded->WithUrl("https://two")->ca_cert, "/ca.pem");
  EXPECT_EQ(std::distance(fs::directory_iterator(fs::path(path_).parent_path()), {}), 1) << "nothing is left beside it";
}

TEST_F(ProfilesFile, AnUnknownNameGetsTheNearest) {
  Profiles profiles;
  profiles.Put({"production", "http://p", "", "", ""});
  EXPECT_EQ(profiles.Get("prodution").error().hint, "did you mean \"production\"?");
  EXPECT_EQ(profiles.Get("x").error().code, ErrorCode::kNotFound);
  profiles.Use("production");
  profiles.Remove("production");
  EXPECT_EQ(profiles.current(), "");
  EXPECT_EQ(profiles.Get("x").error().hint, "make one with: pipectl login URL");
}

TEST_F(ProfilesFile, ABrokenFileIsSaidAndNotOverlooked) {
  fs::create_directories(fs::path(path_).parent_path());
  for (const char* text : {"{", "[]", R"({"profiles": {"a": {}}})"}) {
    std::ofstream(path_) << text;
    const auto loaded = Profiles::Load(path_);
    ASSERT_FALSE(loaded) << text;
    EXPECT_EQ(loaded.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(loaded.error().message, testing::HasSubstr(path_));
  }
}

TEST_F(ProfilesFile, WhatOthersHaveAddedMeanwhileStays) {
  std::vector<std::thread> logins;
  for (int i = 0; i < 8; ++i) {
    logins.emplace_back([this, i] {
      const std::string name = "p" + std::to_string(i);
      const auto put = [&](Profiles& profiles) {
        profiles.Put({name, "http://" + name, "", "t", ""});
        return Ok();
      };
      EXPECT_TRUE(Profiles::Update(put, path_));
    });
  }
  for (std::thread& login : logins) login.join();
  EXPECT_EQ(Profiles::Load(path_)->all().size(), 8u);
  EXPECT_EQ(std::distance(fs::directory_iterator(fs::path(path_).parent_path()), {}), 1) << "nothing is left beside it";
}

TEST_F(ProfilesFile, AChangeThatFailsSavesNothing) {
  const Error refused{ErrorCode::kNotFound, "no", ""};
  EXPECT_FALSE(Profiles::Update([&](Profiles&) { return Status(refused); }, path_));
  EXPECT_FALSE(fs::exists(path_));
}

}  // namespace
}  // namespace pipelined::cli
