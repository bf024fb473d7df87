// The launcher's own code, which is in no library.
#include "executor/launcher/log_mask.cc"  // NOLINT(bugprone-suspicious-include)

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <random>

#include "executor/launcher/output_log.cc"  // NOLINT(bugprone-suspicious-include)

namespace pipelined::executor {
namespace {

// What the log holds after the pieces; `secrets` are the longest first.
std::string Logged(const std::vector<std::string>& secrets, const std::vector<std::string>& pieces) {
  char path[] = "/tmp/log-mask-XXXXXX";
  close(mkstemp(path));
  std::string texts;
  for (const std::string& secret : secrets) texts += secret + '\0';
  OutputLog log(path, 1 << 20);
  {
    LogMask mask(texts.data(), static_cast<std::uint32_t>(secrets.size()), log);
    for (const std::string& piece : pieces) mask.Append(piece.data(), piece.size());
    mask.Finish();
  }
  log.Finish();
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  unlink(path);
  return text;
}

TEST(LogMask, WithoutSecretsNothingChanges) {
  EXPECT_EQ(Logged({}, {"a\nb", "", "c"}), "a\nbc");
}

TEST(LogMask, ASecretIsHiddenWhereverItIsCut) {
  const std::string text = "the key is s3cret!\n";
  for (std::size_t cut = 0; cut <= text.size(); ++cut)
    EXPECT_EQ(Logged({"s3cret"}, {text.substr(0, cut), text.substr(cut)}), "the key is ***!\n");
}

TEST(LogMask, WhatOnlyBeginsLikeOneIsKept) {
  EXPECT_EQ(Logged({"s3cret"}, {"s3cre", "d"}), "s3cred");
  EXPECT_EQ(Logged({"s3cret"}, {"s3cre"}), "s3cre");
  EXPECT_EQ(Logged({"aaab"}, {"aa", "aa", "ab"}), "aa***");
}

TEST(LogMask, OfTwoTheLongerOneIsHidden) {
  EXPECT_EQ(Logged({"secret and more", "secret"}, {"secret and", " more; secret and less"}), "***; *** and less");
}

TEST(LogMask, CutAnywhereItIsAsUncut) {
  std::mt19937 random(7);
  const std::vector<std::string> secrets{"abab", "aba", "bb"};
  for (int i = 0; i < 500; ++i) {
    std::string text;
    for (int k = 0; k < 30; ++k) text += "abc"[random() % 3];
    std::vector<std::string> pieces;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + random() % 5;
      pieces.push_back(text.substr(at, size));
      at += size;
    }
    EXPECT_EQ(Logged(secrets, pieces), Logged(secrets, {text})) << text;
  }
}

}  // namespace
}  // namespace pipelined::executor
