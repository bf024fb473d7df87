#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "pipelined/secrets/home_secrets.h"
#include "pipelined/secrets/password.h"
#include "pipelined/secrets/token.h"
#include "unit/api/fake_catalog.h"

namespace pipelined::secrets {
namespace {

class Home : public ::testing::Test {
 protected:
  Home() {
    std::string name = std::filesystem::temp_directory_path() / "pipelined-home-XXXXXX";
    home_ = mkdtemp(name.data());
  }
  ~Home() override { std::filesystem::remove_all(home_); }

  mode_t ModeOf(const std::string& relative) const {
    struct stat st {};
    return stat((home_ + "/" + relative).c_str(), &st) == 0 ? st.st_mode & 07777 : 0;
  }
  std::string Text(const std::string& relative) const {
    const std::ifstream file(home_ + "/" + relative);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string home_;
};

TEST(Password, OnlyTheRightOneIsAccepted) {
  const Result<std::string> hash = HashPassword("correct horse");
  ASSERT_TRUE(hash.ok());
  EXPECT_THAT(*hash, ::testing::StartsWith("$argon2id$v=19$m=65536,t=2,p=1$"));
  EXPECT_TRUE(VerifyPassword("correct horse", *hash));
  EXPECT_FALSE(VerifyPassword("correct horsf", *hash));
  EXPECT_FALSE(VerifyPassword("", *hash));
}

TEST(Password, WhatIsNoHashAcceptsNothing) {
  for (const char* text : {"", "plain", "$argon2id$", "$argon2id$v=19$m=65536,t=2,p=1$"})
    EXPECT_FALSE(VerifyPassword("", text)) << text;
  EXPECT_FALSE(VerifyPassword("x", std::string(10'000, '$')));
  EXPECT_FALSE(VerifyNobody("x"));
}

TEST(Token, Has256BitsAndIsNeverTheSame) {
  EXPECT_EQ(NewToken().size(), 43U);
  EXPECT_NE(NewToken(), NewToken());
  EXPECT_EQ(TokenHash("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Token, EqualityLooksAtEveryByte) {
  EXPECT_TRUE(ConstantTimeEqual("abc", "abc"));
  EXPECT_FALSE(ConstantTimeEqual("abc", "abd"));
  EXPECT_FALSE(ConstantTimeEqual("abc", "ab"));
  EXPECT_TRUE(ConstantTimeEqual("", ""));
}

TEST_F(Home, TheLocalTokenIsMadeOnceAndPrivate) {
  const Result<std::string> first = EnsureLocalToken(home_);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(*EnsureLocalToken(home_), *first);
  EXPECT_EQ(*ReadLocalToken(home_), *first);
  EXPECT_EQ(ModeOf("secrets"), 0700U);
  EXPECT_EQ(ModeOf("secrets/local-token"), 0600U);
}

TEST_F(Home, AModeThatLetsOthersReadIsSetRight) {
  ASSERT_TRUE(EnsureLocalToken(home_).ok());
  chmod((home_ + "/secrets").c_str(), 0755);
  chmod((home_ + "/secrets/local-token").c_str(), 0644);
  ASSERT_TRUE(EnsureLocalToken(home_).ok());
  EXPECT_EQ(ModeOf("secrets"), 0700U);
  EXPECT_EQ(ModeOf("secrets/local-token"), 0600U);
}

TEST_F(Home, ATornTokenIsReplaced) {
  ASSERT_TRUE(EnsureLocalToken(home_).ok());
  std::ofstream(home_ + "/secrets/local-token") << "abc";
  EXPECT_EQ(EnsureLocalToken(home_)->size(), 43U);
}

TEST_F(Home, ALinkInTheirPlaceIsRefused) {
  ASSERT_TRUE(EnsureLocalToken(home_).ok());
  std::filesystem::rename(home_ + "/secrets/local-token", home_ + "/elsewhere");
  std::filesystem::create_symlink(home_ + "/elsewhere", home_ + "/secrets/local-token");
  EXPECT_EQ(EnsureLocalToken(home_).error().code, ErrorCode::kNotAllowed);
  std::filesystem::rename(home_ + "/secrets", home_ + "/real");
  std::filesystem::create_directory_symlink(home_ + "/real", home_ + "/secrets");
  EXPECT_FALSE(EnsureLocalToken(home_).ok());
}

TEST_F(Home, WithoutATokenThereIsNothingToRead) {
  EXPECT_EQ(ReadLocalToken(home_).error().code, ErrorCode::kNotFound);
}

TEST_F(Home, TheAdminIsMadeOnceWithAPasswordOnlyTheOwnerReads) {
  testing::FakeCatalog catalog;
  ASSERT_TRUE(*EnsureAdmin(catalog, home_));
  EXPECT_FALSE(*EnsureAdmin(catalog, home_));
  EXPECT_EQ(ModeOf("secrets/admin-password"), 0600U);
  std::string password = Text("secrets/admin-password");
  password.pop_back();  // the end of the line
  ASSERT_EQ(catalog.users.size(), 1U);
  EXPECT_EQ(catalog.users[0].role, "admin");
  EXPECT_TRUE(VerifyPassword(password, catalog.users[0].password_hash));
}

TEST_F(Home, WithoutDatabaseNoAdminIsMade) {
  testing::FakeCatalog catalog;
  catalog.broken = Error{ErrorCode::kUnavailable, "no database", ""};
  EXPECT_EQ(EnsureAdmin(catalog, home_).error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(home_ + "/secrets"));
}

}  // namespace
}  // namespace pipelined::secrets
