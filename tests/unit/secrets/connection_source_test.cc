// Where a connection comes from, and how it is written in the environment.
#include "pipelined/secrets/connection_source.h"

#include <gmock/gmock.h>

#include <map>

#include "pipelined/schema/json.h"
#include "support/memory_vault.h"

namespace pipelined::secrets {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

struct Written {
  std::string_view text, means;
};

TEST(Connection, IsReadAsAirflowWritesIt) {
  for (
      const Written& one : std::vector<Written>{
          {"postgres://ann:p%40ss@db:5432/sales?sslmode=require",
           R"({"conn_type": "postgres", "schema": "sales", "login": "ann", "password": "p@ss", "port": 5432, "host": "db", "extra": "{\"sslmode\":\"require\"}"})"},
          {"postgresql://db/", R"({"conn_type": "postgres", "host": "db"})"},
          {"http://https%3A%2F%2Fexample.org", R"({"conn_type": "http", "host": "https://example.org"})"},
          {"google-cloud://", R"({"conn_type": "google_cloud"})"},
          {"http://[::1]:80/", R"({"conn_type": "http", "port": 80, "host": "::1"})"},
          {"smtp://u:a:b@h", R"({"conn_type": "smtp", "login": "u", "password": "a:b", "host": "h"})"},
          {"x://h?__extra__=%7B%22a%22%3A+1%7D", R"({"conn_type": "x", "host": "h", "extra": "{\"a\":1}"})"},
          {R"({"conn_type": "http", "host": "h", "port": "80", "extra": {"a": 1}})",
           R"({"conn_type": "http", "host": "h", "port": 80, "extra": "{\"a\":1}"})"}}) {
    const auto read = ParseConnection(one.text);
    ASSERT_TRUE(read.ok()) << one.text << read.error().message;
    EXPECT_EQ(ToJson(*read), ToJson(*ParseJson(one.means))) << one.text;
  }
}

TEST(Connection, WhatIsNoneIsRefusedAndNotRepeated) {
  for (const char* text :
       {"", "s3cret", "://h", "{", R"({"host": "s3cret"})", "http://s3cret:99999", "http://h:s3cret"}) {
    const auto read = ParseConnection(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_THAT(read.error().message, Not(HasSubstr("s3cret")));
  }
}

class Source : public ::testing::Test {
 protected:
  Source() {
    options_.environment = [this](const std::string& name) -> std::optional<std::string> {
      const auto found = environment_.find(name);
      return found == environment_.end() ? std::nullopt : std::optional(found->second);
    };
    options_.keys = [this] { return Result<KeyRing>(keys_); };
  }
  void Store(const std::string& id, const std::string& password) {
    ConnectionRow row;
    row.connection_id = id;
    row.conn_type = "postgres";
    row.host = "db";
    row.port = 5433;
    row.secret = *keys_.Seal(ToJson(Value(Value::Map{{"password", password}})), VaultKind::kConnection, id);
    const bool known = vault_.Connection(id).ok();
    ASSERT_TRUE(vault_.Write({VaultPut{row, known ? Before::kPresent : Before::kAbsent}}).ok());
  }
  std::string Password(const std::string& id) {
    const auto found = source_.Find(id);
    return found ? found->Find("password")->string() : found.error().message;
  }

  std::map<std::string, std::string> environment_;
  KeyRing keys_ = *KeyRing::Parse(NewKey());
  pipelined::testing::MemoryVault vault_;
  ManualClock clock_{Instant{}};
  ConnectionSource::Options options_;
  ConnectionSource source_{options_, &vault_, clock_};
};

TEST_F(Source, TheEnvironmentComesFirst) {
  Store("warehouse", "stored");
  EXPECT_EQ(Password("warehouse"), "stored");
  environment_["AIRFLOW_CONN_WAREHOUSE"] = "postgres://a:airflow@h/";
  EXPECT_EQ(Password("warehouse"), "airflow");
  environment_["PIPELINED_CONN_WAREHOUSE"] = "postgres://a:own@h/";
  EXPECT_EQ(Password("warehouse"), "own");
}

TEST_F(Source, AChangeCountsAfterASecond) {
  Store("warehouse", "old");
  EXPECT_EQ(Password("warehouse"), "old");
  Store("warehouse", "new");
  EXPECT_EQ(Password("warehouse"), "old");
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Password("warehouse"), "new");
}

TEST_F(Source, SaysWhatIsMissing) {
  EXPECT_THAT(Password("nowhere"), HasSubstr("there is no connection \"nowhere\""));
  Store("warehouse", "sealed");
  keys_ = *KeyRing::Parse(NewKey());
  EXPECT_EQ(source_.Find("warehouse").error().code, ErrorCode::kFailed);
}

}  // namespace
}  // namespace pipelined::secrets
