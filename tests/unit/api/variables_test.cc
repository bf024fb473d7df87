#include "unit/api/vault_fixture.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class VariablesTest : public VaultTest {
 protected:
  Response Post(const std::string& body) { return Send("POST", "/api/v2/variables", body); }
  Response Patch(const std::string& target, const std::string& body) {
    return Send("PATCH", "/api/v2/variables" + target, body);
  }
  std::string Shown(const std::string& key) { return Field(Get("/api/v2/variables/" + key), "value"); }
  // The type of the first refusal at `place`.
  void Refused(const std::string& body, const std::string& type, const std::string& place) {
    const Response response = Post(body);
    EXPECT_EQ(response.status, 422) << body;
    EXPECT_EQ(Field(response, "detail.0.type"), "\"" + type + "\"") << body;
    EXPECT_EQ(Field(response, "detail.0.loc"), place) << body;
  }
};

TEST_F(VariablesTest, AreMadeShownAndDeleted) {
  const Response made = Post(R"({"key": "v", "value": "one", "description": "d"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(ToJson(BodyOf(made)),
            R"({"key":"v","value":"one","description":"d","is_encrypted":true,"team_name":null})");
  EXPECT_EQ(Get("/api/v2/variables/v").body, made.body);
  EXPECT_EQ(Send("DELETE", "/api/v2/variables/v").status, 204);
  EXPECT_EQ(Get("/api/v2/variables/v").status, 404);
  EXPECT_EQ(Send("DELETE", "/api/v2/variables/v").status, 404);
}

TEST_F(VariablesTest, AreEncryptedInTheVault) {
  ASSERT_EQ(Post(R"({"key": "v", "value": "hunter2"})").status, 201);
  const Result<VariableRow> row = catalog_.memory_vault.Variable("v");
  EXPECT_THAT(row->secret.box, Not(HasSubstr("hunter2")));
  EXPECT_EQ(row->secret.key_id, service_.options.keys->first());
}

TEST_F(VariablesTest, JsonIsShownAsPythonWritesIt) {
  ASSERT_EQ(Post(R"({"key": "v", "value": {"a": [1, null, true, 0.5], "b": "\u00fc\ud83d\ude00"}})").status, 201);
  EXPECT_EQ(BodyOf(Get("/api/v2/variables/v")).Find("value")->string(),
            R"({"a": [1, null, true, 0.5], "b": "\u00fc\ud83d\ude00"})");
  for (const char* value : {"5", "null", "true", "\"text\"", "\"\"", "\"{broken\""}) {
    ASSERT_EQ(Patch("/v", std::string(R"({"key": "v", "value": )") + value + "}").status, 200);
    const std::string plain = value[0] == '"' ? std::string(value) : "\"" + std::string(value) + "\"";
    EXPECT_EQ(Shown("v"), plain);
  }
}

TEST_F(VariablesTest, WhatHasASecretNameIsMasked) {
  for (const char* key : {"my_password", "API_KEY", "aws_secret_x", "the_token"}) {
    ASSERT_EQ(Post(std::string(R"({"key": ")") + key + R"(", "value": "hunter2"})").status, 201);
    EXPECT_EQ(Shown(key), "\"***\"");
  }
  ASSERT_EQ(Post(R"({"key": "pin_secret", "value": 12345})").status, 201);
  EXPECT_EQ(Shown("pin_secret"), "\"***\"");
  ASSERT_EQ(Post(R"({"key": "v", "value": {"user": "ann", "inner": [{"password": "hunter2", "n": 1}]}})").status, 201);
  EXPECT_EQ(BodyOf(Get("/api/v2/variables/v")).Find("value")->string(),
            R"({"user": "ann", "inner": [{"password": "***", "n": 1}]})");
  EXPECT_THAT(Get("/api/v2/variables").body, Not(HasSubstr("hunter2")));
}

TEST_F(VariablesTest, AListingIsFilteredOrderedAndCut) {
  for (const char* key : {"v2", "b", "v1"}) Post(std::string(R"({"key": ")") + key + R"(", "value": "x"})");
  const auto keys = [&](const std::string& query) { return Names("/api/v2/variables" + query, "variables", "key"); };
  EXPECT_EQ(keys(""), "v2 b v1");
  EXPECT_EQ(keys("?order_by=key"), "b v1 v2");
  EXPECT_EQ(keys("?order_by=-key&limit=1&offset=1"), "v1");
  EXPECT_EQ(keys("?variable_key_pattern=V%25"), "v2 v1");
  EXPECT_EQ(keys("?variable_key_prefix_pattern=b%7Cv1"), "b v1");
  EXPECT_EQ(keys("?limit=0"), "");
  EXPECT_EQ(Field(Get("/api/v2/variables?limit=1"), "total_entries"), "3");
  EXPECT_EQ(Get("/api/v2/variables?order_by=nope").status, 400);
  EXPECT_EQ(Get("/api/v2/variables?limit=x").status, 422);
  EXPECT_EQ(Get("/api/v2/variables?offset=-1").status, 422);
}

TEST_F(VariablesTest, ADuplicateIsAConflict) {
  ASSERT_EQ(Post(R"({"key": "v", "value": "one"})").status, 201);
  EXPECT_EQ(Post(R"({"key": "v", "value": "two"})").status, 409);
  EXPECT_EQ(Shown("v"), "\"one\"");
}

TEST_F(VariablesTest, WhatIsWrongIsRefusedWithItsPlace) {
  Refused(R"({"value": 1})", "missing", R"(["body","key"])");
  Refused(R"({"key": "v"})", "missing", R"(["body","value"])");
  Refused(R"({"key": 5, "value": 1})", "string_type", R"(["body","key"])");
  Refused(R"({"key": null, "value": 1})", "string_type", R"(["body","key"])");
  Refused(R"({"key": "", "value": 1})", "string_too_short", R"(["body","key"])");
  Refused(R"({"key": ")" + std::string(251, 'k') + R"(", "value": 1})", "string_too_long", R"(["body","key"])");
  Refused(R"({"key": "v", "value": 1, "colour": 2})", "extra_forbidden", R"(["body","colour"])");
  Refused(R"({"key": "v", "value": 1, "description": 2})", "string_type", R"(["body","description"])");
  Refused(R"({"key": "v", "value": 1, "team_name": "t"})", "value_error", R"(["body"])");
  EXPECT_EQ(Post("{").status, 422);
  EXPECT_EQ(Post("[]").status, 422);
}

TEST_F(VariablesTest, ARefusalDoesNotRepeatTheValue) {
  for (const char* body : {R"({"value": "hunter2"})", R"({"key": "v", "value": "hunter2", "team_name": "t"})",
                           R"({"key": "v", "hunter": "hunter2"})"})
    EXPECT_THAT(Post(body).body, Not(HasSubstr("hunter2"))) << body;
}

TEST_F(VariablesTest, APatchChangesWhatIsGivenAndNamed) {
  ASSERT_EQ(Post(R"({"key": "v", "value": "one", "description": "d"})").status, 201);
  EXPECT_EQ(Patch("/v", R"({"key": "v", "value": "two"})").status, 200);
  EXPECT_EQ(Shown("v"), "\"two\"");
  EXPECT_EQ(Field(Get("/api/v2/variables/v"), "description"), "\"d\"");
  EXPECT_EQ(Patch("/v?update_mask=description", R"({"key": "v", "value": "three", "description": "e"})").status, 200);
  EXPECT_EQ(Shown("v"), "\"two\"");
  EXPECT_EQ(Field(Get("/api/v2/variables/v"), "description"), "\"e\"");
  EXPECT_EQ(Patch("/v", R"({"key": "v", "value": "four", "description": null})").status, 200);
  EXPECT_EQ(Field(Get("/api/v2/variables/v"), "description"), "null");
}

TEST_F(VariablesTest, APatchThatSendsTheMaskBackKeepsTheSecret) {
  ASSERT_EQ(Post(R"({"key": "my_password", "value": "hunter2"})").status, 201);
  ASSERT_EQ(Patch("/my_password", R"({"key": "my_password", "value": "***", "description": "d"})").status, 200);
  const Result<VariableRow> row = catalog_.memory_vault.Variable("my_password");
  EXPECT_EQ(*service_.options.keys->Open(row->secret, VaultKind::kVariable, "my_password"), "hunter2");
}

TEST_F(VariablesTest, APatchIsRefusedForAnotherKeyAndForNone) {
  ASSERT_EQ(Post(R"({"key": "v", "value": "one"})").status, 201);
  EXPECT_EQ(Patch("/v", R"({"key": "w", "value": "two"})").status, 400);
  EXPECT_EQ(Patch("/w", R"({"key": "w", "value": "two"})").status, 404);
  EXPECT_EQ(Patch("/v", R"({"key": "v"})").status, 422);
}

TEST_F(VariablesTest, OnlyOperatorsMaySeeAndChangeThem) {
  const auto status = [&](const char* method, const char* target, const char* body, const std::string& token) {
    return Send(method, target, body, token).status;
  };
  const char* const kBody = R"({"key": "v", "value": "one"})";
  for (const char* token : {"viewer-token", "user-token"}) {
    EXPECT_EQ(status("GET", "/api/v2/variables", "", token), 403);
    EXPECT_EQ(status("GET", "/api/v2/variables/v", "", token), 403);
    EXPECT_EQ(status("POST", "/api/v2/variables", kBody, token), 403);
    EXPECT_EQ(status("PATCH", "/api/v2/variables/v", kBody, token), 403);
    EXPECT_EQ(status("DELETE", "/api/v2/variables/v", "", token), 403);
    EXPECT_EQ(status("PATCH", "/api/v2/variables", R"({"actions": []})", token), 403);
  }
  EXPECT_EQ(status("GET", "/api/v2/variables", "", ""), 401);
  EXPECT_EQ(status("POST", "/api/v2/variables", kBody, "op-token"), 201);
}

TEST_F(VariablesTest, BulkDoesEachActionWholeOrNotAtAll) {
  const Response response = Patch("", R"({"actions": [
    {"action": "create", "entities": [{"key": "a", "value": 1}, {"key": "b", "value": {"x": 2}}]},
    {"action": "create", "entities": [{"key": "c", "value": 1}, {"key": "a", "value": 9}]},
    {"action": "create", "action_on_existence": "skip",
     "entities": [{"key": "a", "value": 9}, {"key": "d", "value": 4}]},
    {"action": "create", "action_on_existence": "overwrite", "entities": [{"key": "b", "value": "new"}]},
    {"action": "update", "update_mask": ["description"], "entities": [{"key": "a", "value": 7, "description": "A"}]},
    {"action": "update", "entities": [{"key": "nope", "value": 7}]},
    {"action": "delete", "entities": ["d", "nope"]},
    {"action": "delete", "action_on_non_existence": "skip", "entities": ["d", "nope"]}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(Field(response, "create.success"), R"(["a","b","d","b"])");
  EXPECT_EQ(Field(response, "create.errors.0.status_code"), "409");
  EXPECT_THAT(Field(response, "create.errors.0.error"), HasSubstr("['a']"));
  EXPECT_EQ(Field(response, "update.success"), R"(["a"])");
  EXPECT_EQ(Field(response, "update.errors.0.status_code"), "404");
  EXPECT_EQ(Field(response, "delete.success"), R"(["d"])");
  EXPECT_EQ(Field(response, "delete.errors.0.status_code"), "404");
  EXPECT_EQ(Names("/api/v2/variables?order_by=key", "variables", "key"), "a b");
  EXPECT_EQ(Shown("a"), "\"1\"");
  EXPECT_EQ(Shown("b"), "\"new\"");
}

TEST_F(VariablesTest, BulkSaysNullOfWhatWasNotAsked) {
  const Response response = Patch("", R"({"actions": [{"action": "create", "entities": []}]})");
  EXPECT_EQ(response.body, R"({"create":{"success":[],"errors":[]},"update":null,"delete":null})");
}

TEST_F(VariablesTest, BulkRefusesWhatItDoesNotUnderstandAndDoesNothing) {
  for (const char* body : {
           R"({})",
           R"({"actions": 1})",
           R"({"actions": [{"action": "upsert", "entities": []}]})",
           R"({"actions": [{"entities": []}]})",
           R"({"actions": [{"action": "create"}]})",
           R"({"actions": [7]})",
           R"({"actions": [{"action": "create", "entities": [{"key": "a"}]}]})",
           R"({"actions": [{"action": "create", "entities": ["a"]}]})",
           R"({"actions": [{"action": "create", "entities": 5}]})",
           R"({"actions": [{"action": "update", "action_on_non_existence": "overwrite", "entities": []}]})",
           R"({"actions": [{"action": "create", "entities": [{"key": "a", "value": 1}], "when": 1}]})",
           R"({"actions": [{"action": "create", "entities": [{"key": "a", "value": 1}]}, {"action": "x"}]})",
       })
    EXPECT_EQ(Patch("", body).status, 422) << body;
  EXPECT_EQ(Names("/api/v2/variables", "variables", "key"), "");
  EXPECT_EQ(Field(Patch("", R"({"actions": [{"action": "create", "entities": [{"key": "a"}]}]})"), "detail.0.loc"),
            R"(["body","actions",0,"create","entities",0,"value"])");
}

TEST_F(VariablesTest, WhatCannotBeOpenedHidesNothingElse) {
  ASSERT_EQ(Post(R"({"key": "mine", "value": "one"})").status, 201);
  VariableRow row;
  row.key = "others";
  row.secret = *secrets::KeyRing::Parse(secrets::NewKey())->Seal("x", VaultKind::kVariable, "others");
  ASSERT_TRUE(catalog_.memory_vault.Write({VaultPut{row}}).ok());
  EXPECT_EQ(Get("/api/v2/variables/others").status, 503);
  EXPECT_EQ(Field(Get("/api/v2/variables"), "variables.1.value"), "null");
  EXPECT_EQ(Field(Get("/api/v2/variables"), "variables.0.value"), "\"one\"");
  EXPECT_EQ(Patch("/others?update_mask=description", R"({"key": "others", "value": 1, "description": "d"})").status,
            503);
  EXPECT_EQ(Patch("/others", R"({"key": "others", "value": "anew"})").status, 200);
}

TEST_F(VariablesTest, ABoxThatWasChangedIsNoValue) {
  ASSERT_EQ(Post(R"({"key": "v", "value": "one"})").status, 201);
  VariableRow row = *catalog_.memory_vault.Variable("v");
  row.key = "w";  // another's box under this name
  ASSERT_TRUE(catalog_.memory_vault.Write({VaultPut{row}}).ok());
  EXPECT_EQ(Get("/api/v2/variables/w").status, 500);
  EXPECT_EQ(Get("/api/v2/variables").status, 200);
}

TEST_F(VariablesTest, WithoutDatabaseTheAnswerIs503) {
  catalog_.memory_vault.broken = Error{ErrorCode::kUnavailable, "no database", ""};
  EXPECT_EQ(Get("/api/v2/variables").status, 503);
  EXPECT_EQ(Post(R"({"key": "v", "value": "one"})").status, 503);
  EXPECT_EQ(Patch("", R"({"actions": [{"action": "delete", "entities": ["v"]}]})").status, 503);
}

class NoKeysTest : public ApiTest {};

TEST_F(NoKeysTest, NothingIsStoredInClear) {
  EXPECT_EQ(Send("POST", "/api/v2/variables", R"({"key": "v", "value": "one"})").status, 503);
  EXPECT_EQ(catalog_.memory_vault.Variable("v").error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace pipelined::api
