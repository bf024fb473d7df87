#include "pipelined/secrets/key_ring.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include <vector>

#include "pipelined/secrets/home_keys.h"
#include "support/memory_vault.h"

namespace pipelined::secrets {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kVariable = VaultKind::kVariable;

KeyRing Ring(const std::string& text) {
  return *KeyRing::Parse(text);
}

TEST(KeyRing, OpensWhatItHasSealed) {
  const KeyRing keys = Ring(NewKey());
  for (const char* plain : {"", "hunter2", "gr\xc3\xbc\xc3\x9f", "{\"a\": 1}"})
    EXPECT_EQ(*keys.Open(*keys.Seal(plain, kVariable, "v"), kVariable, "v"), plain);
  const std::string large(1 << 20, 'x');
  EXPECT_EQ(*keys.Open(*keys.Seal(large, kVariable, "v"), kVariable, "v"), large);
}

TEST(KeyRing, AMarkIsOfTheKeysThePurposeAndTheText) {
  const std::string old_key = NewKey(), new_key = NewKey();
  const KeyRing keys = Ring(old_key);
  const std::string mark = keys.Mark("tickets", "one");
  EXPECT_TRUE(keys.IsMark(mark, "tickets", "one"));
  EXPECT_TRUE(Ring(new_key + "," + old_key).IsMark(mark, "tickets", "one")) << "of a key of before";
  EXPECT_FALSE(Ring(new_key).IsMark(mark, "tickets", "one"));
  EXPECT_FALSE(keys.IsMark(mark, "tickets", "two"));
  EXPECT_FALSE(keys.IsMark(mark, "other", "one"));
  EXPECT_FALSE(keys.IsMark("", "tickets", "one"));
  EXPECT_FALSE(keys.IsMark(mark.substr(1), "tickets", "one"));
}

TEST(KeyRing, NeverSealsTwiceTheSame) {
  const KeyRing keys = Ring(NewKey());
  EXPECT_NE(keys.Seal("hunter2", kVariable, "v")->box, keys.Seal("hunter2", kVariable, "v")->box);
}

TEST(KeyRing, ABoxIsBoundToItsRow) {
  const KeyRing keys = Ring(NewKey());
  const Sealed sealed = *keys.Seal("hunter2", kVariable, "v");
  EXPECT_EQ(keys.Open(sealed, kVariable, "w").error().code, ErrorCode::kFailed);
  EXPECT_EQ(keys.Open(sealed, VaultKind::kConnection, "v").error().code, ErrorCode::kFailed);
}

TEST(KeyRing, WhatWasChangedIsNotOpened) {
  const KeyRing keys = Ring(NewKey());
  const Sealed sealed = *keys.Seal("hunter2", kVariable, "v");
  for (std::size_t i = 0; i < sealed.box.size(); ++i) {
    Sealed changed = sealed;
    changed.box[i] = changed.box[i] == 'A' ? 'B' : 'A';
    if (changed == sealed) continue;
    EXPECT_FALSE(keys.Open(changed, kVariable, "v").ok()) << i;
  }
  for (const char* box : {"", "AAAA", "not base64!"})
    EXPECT_EQ(keys.Open({keys.first(), box}, kVariable, "v").error().code, ErrorCode::kFailed) << box;
}

TEST(KeyRing, TheFirstSealsAndAllOpen) {
  const std::string old_key = NewKey(), new_key = NewKey();
  const Sealed sealed = *Ring(old_key).Seal("hunter2", kVariable, "v");
  const KeyRing both = Ring(new_key + "," + old_key);
  EXPECT_EQ(*both.Open(sealed, kVariable, "v"), "hunter2");
  EXPECT_EQ(both.Seal("x", kVariable, "v")->key_id, Ring(new_key).first());
  const Result<std::string> closed = Ring(new_key).Open(sealed, kVariable, "v");
  EXPECT_EQ(closed.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(closed.error().message, HasSubstr(sealed.key_id));
}

TEST(KeyRing, ReadsKeysWithRemarksAndWithPadding) {
  const std::string a = NewKey(), b = NewKey();
  EXPECT_EQ(Ring(a + "=\n# the old one\n" + b + " # until May\n").ids(), Ring(a + "," + b).ids());
  EXPECT_EQ(Ring(a + " " + a).ids().size(), 1U);
  EXPECT_EQ(Ring(a).first().size(), 16U);
}

TEST(KeyRing, DoesNotRepeatWhatIsNoKey) {
  for (const char* text : {"", "# nothing\n", "letmein", "letmein,letmein"}) {
    const Result<KeyRing> keys = KeyRing::Parse(text);
    ASSERT_FALSE(keys.ok()) << text;
    EXPECT_EQ(keys.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(keys.error().message, Not(HasSubstr("letmein")));
  }
}

class HomeKeys : public ::testing::Test {
 protected:
  HomeKeys() {
    std::string name = std::filesystem::temp_directory_path() / "pipelined-keys-XXXXXX";
    home_ = mkdtemp(name.data());
  }
  ~HomeKeys() override { std::filesystem::remove_all(home_); }

  void Put(const KeyRing& keys, const std::string& key, const std::string& plain) {
    VariableRow row;
    row.key = key;
    row.secret = *keys.Seal(plain, kVariable, key);
    ASSERT_TRUE(vault_.Write({VaultPut{row}}).ok());
  }
  std::string Value(const KeyRing& keys, const std::string& key) {
    return *keys.Open(vault_.Variable(key)->secret, kVariable, key);
  }

  std::string home_;
  testing::MemoryVault vault_;
};

TEST_F(HomeKeys, AreMadeOnceAndPrivate) {
  const Result<KeyRing> first = EnsureKeys(home_, "", vault_);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(EnsureKeys(home_, "", vault_)->ids(), first->ids());
  struct stat st {};
  ASSERT_EQ(stat(KeyFile(home_).c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 07777, 0600U);
  const std::filesystem::directory_iterator files(home_ + "/secrets");
  EXPECT_EQ(std::distance(begin(files), end(files)), 1) << "a temporary file stayed";
}

TEST_F(HomeKeys, ASettingGoesBeforeTheFile) {
  const std::string key = NewKey();
  EXPECT_EQ(EnsureKeys(home_, key, vault_)->ids(), Ring(key).ids());
  EXPECT_FALSE(std::filesystem::exists(KeyFile(home_)));
}

TEST_F(HomeKeys, ANewKeyNeverHidesWhatIsThere) {
  Put(Ring(NewKey()), "v", "one");
  EXPECT_EQ(EnsureKeys(home_, "", vault_).error().code, ErrorCode::kConflict);
  EXPECT_FALSE(std::filesystem::exists(KeyFile(home_)));
}

TEST_F(HomeKeys, AFileThatHoldsNoKeysIsNamedAndNeverAddedTo) {
  ASSERT_TRUE(EnsureKeys(home_, "", vault_).ok());
  for (const char* text : {"", "\n", "tooshort", "\x01\x02\x03"}) {
    std::ofstream(KeyFile(home_)) << text;
    const auto read = EnsureKeys(home_, "", vault_);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.error().message, HasSubstr(KeyFile(home_)));
    EXPECT_FALSE(read.error().hint.empty());
    EXPECT_FALSE(AddKey(home_).ok()) << text;
  }
}

TEST_F(HomeKeys, AFileOfManyKeysIsReadWholeAndATooLongOneNotAtAll) {
  std::string first = NewKey(), text = first + "\n";
  for (int i = 0; i < 300; ++i) text += NewKey() + "\n";
  ASSERT_TRUE(EnsureKeys(home_, "", vault_).ok());
  std::ofstream(KeyFile(home_)) << text;
  ASSERT_TRUE(AddKey(home_).ok());
  EXPECT_EQ(ReadKeys(home_, "")->ids().size(), 302U);
  std::ofstream(KeyFile(home_)) << std::string(100'000, '#');
  EXPECT_FALSE(ReadKeys(home_, "").ok());
}

TEST_F(HomeKeys, KeysThatAreAddedAtOnceAreAllKept) {
  ASSERT_TRUE(EnsureKeys(home_, "", vault_).ok());
  std::vector<std::thread> others;
  for (int i = 0; i < 8; ++i) {
    others.emplace_back([this] {
      for (int n = 0; n < 5; ++n) EXPECT_TRUE(AddKey(home_).ok());
    });
  }
  for (std::thread& other : others) other.join();
  EXPECT_EQ(ReadKeys(home_, "")->ids().size(), 41U);
}

TEST_F(HomeKeys, RotationSealsEverythingAnewAndLosesNothing) {
  const KeyRing old_keys = *EnsureKeys(home_, "", vault_);
  for (int i = 0; i < 500; ++i) Put(old_keys, "v" + std::to_string(i), "value " + std::to_string(i));
  ASSERT_TRUE(AddKey(home_).ok());
  const KeyRing keys = *ReadKeys(home_, "");
  EXPECT_EQ(keys.ids().size(), 2U);
  EXPECT_EQ(Rotate(vault_, keys)->resealed, 500);
  EXPECT_EQ(vault_.KeysInUse()->size(), 1U);
  for (int i = 0; i < 500; ++i) EXPECT_EQ(Value(keys, "v" + std::to_string(i)), "value " + std::to_string(i));
  EXPECT_EQ(Rotate(vault_, keys)->resealed, 0);
}

// Ends the rotation after some rows, as a kill would.
class Interrupted : public testing::MemoryVault {
 public:
  int left = 0;
  Result<bool> Reseal(const SealedRow& row, const Sealed& fresh) override {
    if (left-- <= 0) return Error{ErrorCode::kInDoubt, "the connection broke", ""};
    return MemoryVault::Reseal(row, fresh);
  }
};

TEST_F(HomeKeys, ARotationThatIsInterruptedGoesOn) {
  Interrupted vault;
  const std::string old_key = NewKey();
  const KeyRing old_keys = Ring(old_key), keys = Ring(NewKey() + " " + old_key);
  for (int i = 0; i < 10; ++i) {
    VariableRow row;
    row.key = "v" + std::to_string(i);
    row.secret = *old_keys.Seal(row.key, kVariable, row.key);
    ASSERT_TRUE(vault.Write({VaultPut{row}}).ok());
  }
  vault.left = 4;
  EXPECT_EQ(Rotate(vault, keys).error().code, ErrorCode::kInDoubt);
  for (int i = 0; i < 10; ++i) {
    const std::string key = "v" + std::to_string(i);
    EXPECT_EQ(*keys.Open(vault.Variable(key)->secret, kVariable, key), key);
  }
  vault.left = 100;
  EXPECT_EQ(Rotate(vault, keys)->resealed, 6);
}

TEST_F(HomeKeys, RotationSaysWhatItCannotOpenAndGoesOn) {
  const std::string old_key = NewKey();
  Put(Ring(NewKey()), "a_lost", "x");
  Put(Ring(old_key), "kept", "y");
  const KeyRing keys = Ring(NewKey() + " " + old_key);
  const Result<Rotation> rotation = Rotate(vault_, keys);
  ASSERT_TRUE(rotation.ok());
  EXPECT_EQ(rotation->resealed, 1);
  ASSERT_EQ(rotation->closed.size(), 1U);
  EXPECT_THAT(rotation->closed[0], HasSubstr("a_lost"));
  EXPECT_EQ(Value(keys, "kept"), "y");
}

}  // namespace
}  // namespace pipelined::secrets
