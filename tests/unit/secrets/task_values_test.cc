// Where variables and connections of tasks come from, and in which order.
#include "pipelined/secrets/task_values.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "pipelined/schema/json.h"
#include "support/memory_vault.h"

namespace pipelined::secrets {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Values : public ::testing::Test {
 protected:
  Values() {
    char path[] = "/tmp/task-values-XXXXXX";
    close(mkstemp(path));
    file_ = path;
  }
  ~Values() override { std::remove(file_.c_str()); }

  TaskValues& values() {
    if (!values_) {
      TaskValues::Options options;
      options.environment = [this](const std::string& name) -> std::optional<std::string> {
        const auto found = environment_.find(name);
        return found == environment_.end() ? std::nullopt : std::optional(found->second);
      };
      options.keys = [this] { return Result<KeyRing>(keys_); };
      if (with_file_) options.variables_file = options.connections_file = file_;
      values_.emplace(options, &vault_, clock_);
    }
    return *values_;
  }
  void Write(const std::string& text) {
    with_file_ = true;
    std::ofstream(file_) << text;
  }
  void Store(const std::string& key, const std::string& value) {
    VariableRow row;
    row.key = key;
    row.secret = *keys_.Seal(value, VaultKind::kVariable, key);
    const bool known = vault_.Variable(key).ok();
    ASSERT_TRUE(vault_.Write({VaultPut{row, known ? Before::kPresent : Before::kAbsent}}).ok());
  }
  void StoreConnection(const std::string& id, const std::string& password) {
    ConnectionRow row;
    row.connection_id = id;
    row.conn_type = "postgres";
    row.secret = *keys_.Seal(ToJson(Value(Value::Map{{"password", password}})), VaultKind::kConnection, id);
    const bool known = vault_.Connection(id).ok();
    ASSERT_TRUE(vault_.Write({VaultPut{row, known ? Before::kPresent : Before::kAbsent}}).ok());
  }
  std::string Variable(const std::string& key) {
    const auto found = values().Variable(key);
    return found ? *found : found.error().message;
  }
  std::string Host(const std::string& id) {
    const auto found = values().Connection(id);
    return found ? found->Find("host")->string() : found.error().message;
  }

  std::string Password(const std::string& id) {
    const auto found = values().Connection(id);
    return found ? found->Find("password")->string() : found.error().message;
  }

  std::string file_;
  bool with_file_ = false;
  std::map<std::string, std::string> environment_;
  KeyRing keys_ = *KeyRing::Parse(NewKey());
  pipelined::testing::MemoryVault vault_;
  ManualClock clock_{Instant{}};
  std::optional<TaskValues> values_;
};

TEST_F(Values, OfTheEnvironmentComeBeforeTheFileAndThatBeforeTheVault) {
  Store("region", "vault");
  Store("other", "vault");
  Write(R"({"region": "file", "limits": {"rows": 5}, "told": {"value": "x", "description": "d"}, "n": 3})");
  EXPECT_EQ(Variable("region"), "file");
  EXPECT_EQ(Variable("other"), "vault");
  EXPECT_EQ(Variable("limits"), R"({"rows":5})");
  EXPECT_EQ(Variable("told"), "x");
  EXPECT_EQ(Variable("n"), "3");
  environment_["AIRFLOW_VAR_REGION"] = "airflow";
  EXPECT_EQ(Variable("region"), "airflow");
  environment_["PIPELINED_VAR_REGION"] = "";
  EXPECT_EQ(Variable("region"), "");
}

TEST_F(Values, OfTheFileAreReadAgainWhenItHasChanged) {
  Write(R"({"region": "old"})");
  EXPECT_EQ(Variable("region"), "old");
  Write(R"({"region": "newer"})");
  EXPECT_EQ(Variable("region"), "newer");
}

TEST_F(Values, OfABrokenFileAreAnErrorThatRepeatsNothing) {
  Write(R"({"password": s3cret})");
  EXPECT_THAT(Variable("region"), HasSubstr(file_));
  EXPECT_THAT(Variable("region"), Not(HasSubstr("s3cret")));
  EXPECT_EQ(values().Variable("region").error().code, ErrorCode::kFailed);
}

TEST_F(Values, OfAFileThatBreaksLaterStayAsTheyWere) {
  Store("region", "vault");
  Write(R"({"region": "file"})");
  EXPECT_EQ(Variable("region"), "file");
  Write("{");
  EXPECT_EQ(Variable("region"), "file");
  std::remove(file_.c_str());
  EXPECT_EQ(Variable("region"), "file");
  Write(R"({"region": "mended"})");
  EXPECT_EQ(Variable("region"), "mended");
}

TEST_F(Values, OfTheVaultAreRememberedForASecond) {
  Store("region", "old");
  EXPECT_EQ(Variable("region"), "old");
  Store("region", "new");
  EXPECT_EQ(Variable("region"), "old");
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Variable("region"), "new");
}

TEST_F(Values, ThatAreNotThereAreRememberedToo) {
  EXPECT_THAT(Variable("region"), HasSubstr("no variable \"region\""));
  EXPECT_THAT(Password("warehouse"), HasSubstr("no connection \"warehouse\""));
  Store("region", "new");
  StoreConnection("warehouse", "new");
  EXPECT_THAT(Variable("region"), HasSubstr("no variable \"region\""));
  EXPECT_THAT(Password("warehouse"), HasSubstr("no connection \"warehouse\""));
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Variable("region"), "new");
  EXPECT_EQ(Password("warehouse"), "new");
}

TEST_F(Values, OfAVaultThatIsAwayAreAskedForOnceASecondAllTogether) {
  Store("region", "stored");
  StoreConnection("warehouse", "stored");
  Store("known", "stored");
  EXPECT_EQ(Variable("known"), "stored");
  vault_.broken = Error{ErrorCode::kUnavailable, "away", ""};
  EXPECT_EQ(values().Variable("region").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(Variable("known"), "stored");
  vault_.broken.reset();
  EXPECT_EQ(Variable("region"), "away");
  EXPECT_EQ(Password("warehouse"), "away");
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Variable("region"), "stored");
  EXPECT_EQ(Password("warehouse"), "stored");
}

TEST_F(Values, OfConnectionsInTheEnvironmentComeFirst) {
  StoreConnection("warehouse", "stored");
  EXPECT_EQ(Password("warehouse"), "stored");
  environment_["AIRFLOW_CONN_WAREHOUSE"] = "postgres://a:airflow@h/";
  EXPECT_EQ(Password("warehouse"), "airflow");
  environment_["PIPELINED_CONN_WAREHOUSE"] = "postgres://a:own@h/";
  EXPECT_EQ(Password("warehouse"), "own");
  environment_["PIPELINED_CONN_WAREHOUSE"] = "s3cret";
  EXPECT_THAT(Password("warehouse"), HasSubstr("PIPELINED_CONN_WAREHOUSE: that is no connection"));
  EXPECT_THAT(Password("warehouse"), Not(HasSubstr("s3cret")));
}

TEST_F(Values, ThatAreNotThereAreNamed) {
  EXPECT_EQ(values().Variable("nope").error().code, ErrorCode::kNotFound);
  EXPECT_THAT(Variable("nope"), HasSubstr("\"nope\""));
  EXPECT_EQ(values().Connection("nope").error().code, ErrorCode::kNotFound);
  Store("sealed", "x");
  keys_ = *KeyRing::Parse(NewKey());
  EXPECT_EQ(values().Variable("sealed").error().code, ErrorCode::kFailed);
  StoreConnection("sealed", "x");
  keys_ = *KeyRing::Parse(NewKey());
  EXPECT_EQ(values().Connection("sealed").error().code, ErrorCode::kFailed);
}

TEST_F(Values, OfConnectionsAreAUriOrAnObject) {
  Write(R"({"a": "postgres://h1/x", "b": {"conn_type": "http", "host": "h2"}, "c": {"host": "s3cret"}})");
  EXPECT_EQ(Host("a"), "h1");
  EXPECT_EQ(Host("b"), "h2");
  EXPECT_THAT(Host("c"), HasSubstr("has no conn_type"));
  EXPECT_THAT(Host("c"), Not(HasSubstr("s3cret")));
  environment_["PIPELINED_CONN_A"] = "postgres://h0/x";
  EXPECT_EQ(Host("a"), "h0");
}

}  // namespace
}  // namespace pipelined::secrets
