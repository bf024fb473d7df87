#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/vault/masking.h"
#include "api/vault/reach.h"
#include "unit/api/vault_fixture.h"

namespace pipelined::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const char* const kWarehouse = R"({"connection_id": "wh", "conn_type": "postgres", "host": "db", "login": "ann",
  "password": "s3cret", "port": 5432, "schema": "sales", "extra": "{\"sslmode\": \"require\", \"api_key\": \"abc\"}"})";

class ConnectionsTest : public VaultTest {
 protected:
  using VaultTest::VaultTest;
  Response Post(const std::string& body) { return Send("POST", "/api/v2/connections", body); }
  Response Patch(const std::string& target, const std::string& body) {
    return Send("PATCH", "/api/v2/connections" + target, body);
  }
  // What is sealed, opened.
  std::string Sealed(const std::string& id) {
    const Result<ConnectionRow> row = catalog_.memory_vault.Connection(id);
    return row.ok() ? *service_.options.keys->Open(row->secret, VaultKind::kConnection, id) : "no such connection";
  }
  void Refused(const std::string& fields, const std::string& type, const std::string& key) {
    const Response response = Post("{" + fields + "}");
    EXPECT_EQ(response.status, 422) << fields;
    EXPECT_EQ(Field(response, "detail.0.type"), "\"" + type + "\"") << fields;
    EXPECT_EQ(Field(response, "detail.0.loc"), "[\"body\",\"" + key + "\"]") << fields;
  }
};

TEST_F(ConnectionsTest, AreMadeShownAndDeletedWithoutTheirSecrets) {
  const Response made = Post(kWarehouse);
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(
      made.body,
      R"({"connection_id":"wh","conn_type":"postgres","description":null,"host":"db","login":"ann","schema":"sales",)"
      R"("port":5432,"password":"***","extra":"{\"sslmode\": \"require\", \"api_key\": \"***\"}","team_name":null})");
  EXPECT_EQ(Get("/api/v2/connections/wh").body, made.body);
  EXPECT_EQ(Send("DELETE", "/api/v2/connections/wh").status, 204);
  EXPECT_EQ(Get("/api/v2/connections/wh").status, 404);
  EXPECT_EQ(Send("DELETE", "/api/v2/connections/wh").status, 404);
}

TEST_F(ConnectionsTest, DefaultsAreMadeOnceAndSpareWhatIsThere) {
  ASSERT_EQ(Post(R"({"connection_id": "postgres_default", "conn_type": "postgres", "host": "ours"})").status, 201);
  for (int i = 0; i < 2; ++i) EXPECT_EQ(Send("POST", "/api/v2/connections/defaults").status, 204);
  EXPECT_EQ(Field(Get("/api/v2/connections/postgres_default"), "host"), "\"ours\"");
  const Response redis = Get("/api/v2/connections/redis_default");
  EXPECT_EQ(Field(redis, "port"), "6379");
  EXPECT_EQ(Field(redis, "password"), "null");
}

TEST_F(ConnectionsTest, PasswordAndExtraAreEncryptedInTheVault) {
  ASSERT_EQ(Post(kWarehouse).status, 201);
  EXPECT_THAT(catalog_.memory_vault.Connection("wh")->secret.box, Not(HasSubstr("s3cret")));
  EXPECT_EQ(Sealed("wh"), R"({"password":"s3cret","extra":"{\"sslmode\": \"require\", \"api_key\": \"abc\"}"})");
}

TEST_F(ConnectionsTest, WithoutPasswordAndExtraBothAreNull) {
  const Response made = Post(R"({"connection_id": "fs", "conn_type": "fs", "password": ""})");
  EXPECT_EQ(Field(made, "password"), "null");
  EXPECT_EQ(Field(made, "extra"), "null");
  EXPECT_EQ(Field(Post(R"({"connection_id": "f2", "conn_type": "fs", "extra": ""})"), "extra"), "\"{}\"");
}

TEST_F(ConnectionsTest, ADuplicateIsAConflictWithAnObject) {
  ASSERT_EQ(Post(kWarehouse).status, 201);
  const Response response = Post(kWarehouse);
  EXPECT_EQ(response.status, 409);
  EXPECT_EQ(Field(response, "detail.reason"), "\"Unique constraint violation\"");
}

TEST_F(ConnectionsTest, WhatIsWrongIsRefusedWithItsPlace) {
  const std::string id = R"("connection_id": "nx", )";
  const std::string both = id + R"("conn_type": "x", )";
  Refused(R"("conn_type": "x")", "missing", "connection_id");
  Refused(R"("connection_id": "nx")", "missing", "conn_type");
  Refused(id + R"("conn_type": null)", "string_type", "conn_type");
  Refused(R"("connection_id": "a b", "conn_type": "x")", "string_pattern_mismatch", "connection_id");
  Refused(R"("connection_id": "", "conn_type": "x")", "string_pattern_mismatch", "connection_id");
  Refused(R"("connection_id": ")" + std::string(201, 'c') + R"(", "conn_type": "x")", "string_too_long",
          "connection_id");
  Refused(both + R"("extra": "not json")", "value_error", "extra");
  Refused(both + R"("extra": "[1]")", "value_error", "extra");
  Refused(both + R"("port": "many")", "int_parsing", "port");
  Refused(both + R"("port": 99999)", "less_than_equal", "port");
  Refused(both + R"("port": -1)", "greater_than_equal", "port");
  Refused(both + R"("host": 5)", "string_type", "host");
  Refused(both + R"("uri": "postgres://")", "extra_forbidden", "uri");
  EXPECT_EQ(Post("{" + both + R"("team_name": "t"})").status, 422);
  EXPECT_EQ(Names("/api/v2/connections", "connections", "connection_id"), "");
}

TEST_F(ConnectionsTest, ARefusalDoesNotRepeatThePassword) {
  for (const char* body : {R"({"connection_id": "x", "password": "s3cret"})",
                           R"({"connection_id": "x", "conn_type": "y", "passwort": "s3cret"})",
                           R"({"connection_id": "x", "conn_type": "y", "extra": "s3cret"})"})
    EXPECT_THAT(Post(body).body, Not(HasSubstr("s3cret"))) << body;
}

TEST_F(ConnectionsTest, APatchChangesWhatIsGivenAndNamed) {
  ASSERT_EQ(Post(kWarehouse).status, 201);
  const Response masked =
      Patch("/wh?update_mask=host", R"({"connection_id": "wh", "conn_type": "mysql", "host": "db2"})");
  EXPECT_EQ(Field(masked, "host"), "\"db2\"");
  EXPECT_EQ(Field(masked, "conn_type"), "\"postgres\"");
  EXPECT_THAT(Sealed("wh"), HasSubstr("s3cret"));
  const Response whole = Patch("/wh", R"({"connection_id": "wh", "conn_type": "mysql", "port": null})");
  EXPECT_EQ(Field(whole, "conn_type"), "\"mysql\"");
  EXPECT_EQ(Field(whole, "port"), "null");
  EXPECT_EQ(Field(whole, "login"), "\"ann\"");
  EXPECT_EQ(Field(Patch("/wh", R"({"connection_id": "wh", "conn_type": "x", "password": null})"), "password"), "null");
}

TEST_F(ConnectionsTest, APatchThatSendsTheMaskBackKeepsTheSecrets) {
  ASSERT_EQ(Post(kWarehouse).status, 201);
  ASSERT_EQ(Patch("/wh", R"({"connection_id": "wh", "conn_type": "postgres", "password": "***",
                             "extra": "{\"sslmode\": \"off\", \"api_key\": \"***\"}"})")
                .status,
            200);
  EXPECT_EQ(Sealed("wh"), R"({"password":"s3cret","extra":"{\"sslmode\": \"off\", \"api_key\": \"abc\"}"})");
}

TEST_F(ConnectionsTest, APatchIsRefusedForAnotherIdAndForNone) {
  ASSERT_EQ(Post(kWarehouse).status, 201);
  EXPECT_EQ(Patch("/wh", R"({"connection_id": "other", "conn_type": "x"})").status, 400);
  EXPECT_EQ(Patch("/other", R"({"connection_id": "other", "conn_type": "x"})").status, 404);
  EXPECT_EQ(Patch("/wh", R"({"connection_id": "wh"})").status, 422);
}

TEST_F(ConnectionsTest, AListingIsFilteredOrderedAndCut) {
  for (const char* id : {"wh2", "ftp", "wh1"})
    Post(std::string(R"({"connection_id": ")") + id + R"(", "conn_type": "x"})");
  const auto ids = [&](const std::string& query) {
    return Names("/api/v2/connections" + query, "connections", "connection_id");
  };
  EXPECT_EQ(ids(""), "wh2 ftp wh1");
  EXPECT_EQ(ids("?order_by=connection_id"), "ftp wh1 wh2");
  EXPECT_EQ(ids("?order_by=-conn_id&limit=1"), "wh2");
  EXPECT_EQ(ids("?connection_id_pattern=H1"), "wh1");
  EXPECT_EQ(ids("?connection_id_prefix_pattern=wh"), "wh2 wh1");
  EXPECT_EQ(Get("/api/v2/connections?order_by=nope").status, 400);
}

TEST_F(ConnectionsTest, OnlyOperatorsMaySeeAndChangeThem) {
  for (const char* token : {"viewer-token", "user-token"}) {
    EXPECT_EQ(Send("GET", "/api/v2/connections", "", token).status, 403);
    EXPECT_EQ(Send("GET", "/api/v2/connections/wh", "", token).status, 403);
    EXPECT_EQ(Send("POST", "/api/v2/connections", kWarehouse, token).status, 403);
    EXPECT_EQ(Send("PATCH", "/api/v2/connections/wh", kWarehouse, token).status, 403);
    EXPECT_EQ(Send("DELETE", "/api/v2/connections/wh", "", token).status, 403);
    EXPECT_EQ(Send("PATCH", "/api/v2/connections", "{}", token).status, 403);
    EXPECT_EQ(Send("POST", "/api/v2/connections/test", kWarehouse, token).status, 403);
  }
  EXPECT_EQ(Send("GET", "/api/v2/connections", "", "").status, 401);
  EXPECT_EQ(Send("POST", "/api/v2/connections", kWarehouse, "op-token").status, 201);
}

TEST_F(ConnectionsTest, BulkCreatesUpdatesAndDeletes) {
  const Response response = Patch("", R"({"actions": [
    {"action": "create", "entities": [{"connection_id": "a", "conn_type": "x", "password": "p1"}]},
    {"action": "create", "entities": [{"connection_id": "a", "conn_type": "x"}]},
    {"action": "update", "entities": [{"connection_id": "a", "conn_type": "y"}]},
    {"action": "update", "action_on_non_existence": "skip", "entities": [{"connection_id": "b", "conn_type": "y"}]},
    {"action": "delete", "entities": [{"connection_id": "a", "conn_type": "y"}]},
    {"action": "delete", "entities": ["a"]}]})");
  ASSERT_EQ(response.status, 200) << response.body;
  EXPECT_EQ(Field(response, "create.success"), R"(["a"])");
  EXPECT_EQ(Field(response, "create.errors.0.status_code"), "409");
  EXPECT_EQ(Field(response, "update.success"), R"(["a"])");
  EXPECT_EQ(Field(response, "delete.success"), R"(["a"])");
  EXPECT_EQ(Field(response, "delete.errors.0.status_code"), "404");
}

TEST_F(ConnectionsTest, TestingIsDisabledByDefault) {
  EXPECT_EQ(Send("POST", "/api/v2/connections/test", kWarehouse).status, 403);
  EXPECT_EQ(Send("POST", "/api/v2/connections/test", R"({"connection_id": "wh"})").status, 422);
}

// Somebody who listens on a port of the loopback.
class Listener {
 public:
  Listener() : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(listen(fd_, 4), 0);
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port = ntohs(address.sin_port);
  }
  ~Listener() { Close(); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  std::uint16_t port = 0;

 private:
  int fd_;
};

class TestingTest : public ConnectionsTest {
 protected:
  TestingTest() : ConnectionsTest(Enabled()) {}
  static ApiOptions Enabled() {
    ApiOptions options;
    options.test_connections = true;
    return options;
  }
  Response Test(const std::string& fields) {
    return Send("POST", "/api/v2/connections/test", R"({"connection_id": "t", "conn_type": "x")" + fields + "}");
  }
};

TEST_F(TestingTest, SaysWhetherSomebodyListens) {
  Listener listener;
  const std::string there = R"(, "host": "127.0.0.1", "port": )" + std::to_string(listener.port);
  EXPECT_EQ(Field(Test(there), "status"), "true");
  EXPECT_EQ(Field(Test(R"(, "host": "http://127.0.0.1/x", "port": )" + std::to_string(listener.port)), "status"),
            "true");
  listener.Close();
  const Response gone = Test(there);
  EXPECT_EQ(gone.status, 200);
  EXPECT_EQ(Field(gone, "status"), "false");
  EXPECT_THAT(Field(gone, "message"), HasSubstr("refused"));
}

TEST_F(TestingTest, UsesWhatIsStoredOfTheConnection) {
  const Listener listener;
  ASSERT_EQ(Post(R"({"connection_id": "t", "conn_type": "x", "host": "127.0.0.1", "port": )" +
                 std::to_string(listener.port) + "}")
                .status,
            201);
  EXPECT_EQ(Field(Test(""), "status"), "true");
}

TEST_F(TestingTest, SaysWhyThereIsNothingToTest) {
  EXPECT_THAT(Field(Test(""), "message"), HasSubstr("no host"));
  EXPECT_THAT(Field(Test(R"(, "host": "127.0.0.1")"), "message"), HasSubstr("usual port of x"));
  EXPECT_EQ(UsualPort("postgres"), 5432);
}

TEST(Masking, GoesByNameAtEveryDepth) {
  EXPECT_TRUE(IsSecretName("DB_PassWord"));
  EXPECT_FALSE(IsSecretName("user"));
  EXPECT_EQ(ShowValue("x", R"({"a": {"b": {"c": {"d": {"e": {"f": {"token": 5}}}}}}})"),
            R"({"a": {"b": {"c": {"d": {"e": {"f": {"token": "***"}}}}}}})");
  EXPECT_EQ(ShowValue("x", R"({"secret": ["a", {"b": 1}], "n": null})"),
            R"({"secret": ["***", {"b": "***"}], "n": null})");
}

}  // namespace
}  // namespace pipelined::api
