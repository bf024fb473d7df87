// What every Vault must do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/memory_vault.h"
#include "support/postgres_fixture.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

class PgVaultPlace {
 public:
  PgVaultPlace() {
    StoreOptions options;
    options.url = PostgresFixture::Shared().url();
    options.schema = PostgresFixture::Shared().NewSchema();
    const auto migrated = Migrate(options);
    EXPECT_TRUE(migrated.ok()) << migrated.error().message;
    catalog_ = MakePgCatalog(options);
  }
  Vault& vault() { return catalog_->vault(); }

 private:
  std::unique_ptr<Catalog> catalog_;
};

class VaultContract : public ::testing::TestWithParam<bool> {
 protected:
  VaultContract() {
    if (GetParam()) pg_ = std::make_unique<PgVaultPlace>();
  }
  Vault& vault() { return pg_ ? pg_->vault() : memory_; }

  static VariableRow AVariable(const std::string& key, const std::string& box = "b", const std::string& key_id = "k1") {
    VariableRow row;
    row.key = key;
    row.secret = {key_id, box};
    return row;
  }
  static ConnectionRow AConnection(const std::string& id) {
    ConnectionRow row;
    row.connection_id = id;
    row.conn_type = "postgres";
    row.host = "db";
    row.port = 5432;
    row.secret = {"k1", "b"};
    return row;
  }
  Status Put(std::variant<VariableRow, ConnectionRow> row, Before before = Before::kAbsent) {
    return vault().Write({VaultPut{std::move(row), before}});
  }
  std::vector<std::string> Keys(const TextSearch& search, const Page& page = {}) {
    std::vector<std::string> keys;
    const Result<Listing<VariableRow>> listing = vault().Variables(search, page);
    EXPECT_TRUE(listing.ok()) << listing.error().message;
    for (const VariableRow& row : listing->rows) keys.push_back(row.key);
    return keys;
  }

 private:
  MemoryVault memory_;
  std::unique_ptr<PgVaultPlace> pg_;
};

TEST_P(VaultContract, AVariableIsReadAsItWasWritten) {
  VariableRow row = AVariable("v");
  row.description = "what it is";
  ASSERT_TRUE(Put(row).ok());
  const Result<VariableRow> read = vault().Variable("v");
  ASSERT_TRUE(read.ok());
  EXPECT_GT(read->id, 0);
  EXPECT_EQ(read->description, "what it is");
  EXPECT_EQ(read->secret, (Sealed{"k1", "b"}));
  EXPECT_EQ(vault().Variable("w").error().code, ErrorCode::kNotFound);
}

TEST_P(VaultContract, AConnectionIsReadAsItWasWritten) {
  ASSERT_TRUE(Put(AConnection("wh")).ok());
  const Result<ConnectionRow> read = vault().Connection("wh");
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->conn_type, "postgres");
  EXPECT_EQ(read->host, "db");
  EXPECT_EQ(read->port, 5432);
  EXPECT_EQ(read->login, std::nullopt);
  EXPECT_EQ(read->schema, std::nullopt);
  EXPECT_EQ(vault().Connection("v").error().code, ErrorCode::kNotFound);
}

TEST_P(VaultContract, WhatMustBeAbsentOrPresentIsLookedAt) {
  ASSERT_TRUE(Put(AVariable("v")).ok());
  EXPECT_EQ(Put(AVariable("v")).error().code, ErrorCode::kConflict);
  EXPECT_EQ(Put(AVariable("w"), Before::kPresent).error().code, ErrorCode::kNotFound);
  const std::int64_t id = vault().Variable("v")->id;
  ASSERT_TRUE(Put(AVariable("v", "d"), Before::kPresent).ok());
  EXPECT_EQ(vault().Variable("v")->secret.box, "d");
  EXPECT_EQ(vault().Variable("v")->id, id);
}

TEST_P(VaultContract, AWriteIsAllOrNothing) {
  ASSERT_TRUE(Put(AVariable("v")).ok());
  const Status done = vault().Write({VaultPut{AVariable("w"), Before::kAbsent}, VaultPut{AConnection("c")},
                                     VaultDrop{VaultKind::kVariable, "v"}, VaultDrop{VaultKind::kVariable, "nope"}});
  EXPECT_EQ(done.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(Keys({}), ElementsAre("v"));
  EXPECT_EQ(vault().Connections({}, {})->total, 0);
}

TEST_P(VaultContract, WhatIsDroppedIsGone) {
  ASSERT_TRUE(vault().Write({VaultPut{AVariable("v")}, VaultPut{AConnection("v")}}).ok());
  ASSERT_TRUE(vault().Write({VaultDrop{VaultKind::kConnection, "v"}}).ok());
  EXPECT_THAT(Keys({}), ElementsAre("v"));
  EXPECT_EQ(vault().Write({VaultDrop{VaultKind::kConnection, "v"}}).error().code, ErrorCode::kNotFound);
}

TEST_P(VaultContract, ListingsAreFilteredOrderedAndCut) {
  for (const char* key : {"v2", "My_b", "v1", "V3"}) ASSERT_TRUE(Put(AVariable(key)).ok());
  EXPECT_THAT(Keys({}), ElementsAre("v2", "My_b", "v1", "V3"));
  EXPECT_THAT(Keys({"V", ""}), ElementsAre("v2", "v1", "V3"));
  EXPECT_THAT(Keys({"v%1|my", ""}), ElementsAre("My_b", "v1"));
  EXPECT_THAT(Keys({"", "v"}), ElementsAre("v2", "v1"));
  EXPECT_THAT(Keys({"", "V|My"}), ElementsAre("My_b", "V3"));
  EXPECT_THAT(Keys({"", "%"}), ElementsAre());
  EXPECT_THAT(Keys({}, {2, 1, {"-key"}}), ElementsAre("v1", "V3"));
  EXPECT_EQ(vault().Variables({"v", ""}, {1, 0, {}})->total, 3);
  EXPECT_EQ(vault().Variables({}, {1, 0, {"nope"}}).error().code, ErrorCode::kInvalid);
}

TEST_P(VaultContract, RowsOfOtherKeysAreFoundAfterAName) {
  ASSERT_TRUE(vault()
                  .Write({VaultPut{AVariable("a")}, VaultPut{AVariable("b", "b", "k2")}, VaultPut{AVariable("c")},
                          VaultPut{AVariable("d")}, VaultPut{AConnection("x")}})
                  .ok());
  const auto names = [&](VaultKind kind, const std::string& after, int most) {
    std::vector<std::string> found;
    const Result<std::vector<SealedRow>> rows = vault().SealedOtherwise(kind, "k2", after, most);
    for (const SealedRow& row : *rows) found.push_back(row.name);
    return found;
  };
  EXPECT_THAT(names(VaultKind::kVariable, "", 2), ElementsAre("a", "c"));
  EXPECT_THAT(names(VaultKind::kVariable, "c", 2), ElementsAre("d"));
  EXPECT_THAT(names(VaultKind::kConnection, "", 2), ElementsAre("x"));
  EXPECT_THAT(*vault().KeysInUse(), ElementsAre(Pair("k1", 4), Pair("k2", 1)));
}

TEST_P(VaultContract, AKeyIsChangedOnlyOfWhatWasRead) {
  ASSERT_TRUE(Put(AVariable("v", "old")).ok());
  const SealedRow seen{VaultKind::kVariable, "v", {"k1", "old"}};
  ASSERT_TRUE(Put(AVariable("v", "newer"), Before::kPresent).ok());
  EXPECT_FALSE(*vault().Reseal(seen, {"k2", "fresh"}));
  EXPECT_EQ(vault().Variable("v")->secret.box, "newer");
  EXPECT_TRUE(*vault().Reseal({VaultKind::kVariable, "v", {"k1", "newer"}}, {"k2", "fresh"}));
  EXPECT_EQ(vault().Variable("v")->secret, (Sealed{"k2", "fresh"}));
  EXPECT_FALSE(*vault().Reseal({VaultKind::kConnection, "v", {"k1", "x"}}, {"k2", "y"}));
}

INSTANTIATE_TEST_SUITE_P(Vaults, VaultContract, ::testing::Bool(),
                         [](const auto& test) { return test.param ? "Postgres" : "Memory"; });

}  // namespace
}  // namespace pipelined::testing
