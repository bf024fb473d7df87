// Sessions of browsers and users of a provider, over a real server.
#include "pipelined/ports/user_sessions.h"

#include <gmock/gmock.h>

#include <pqxx/pqxx>

#include "pipelined/base/clock.h"
#include "pipelined/ports/catalog.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"

namespace pipelined::testing {
namespace {

constexpr Micros kIdle = std::chrono::hours(2);

class PgUserSessionsTest : public ::testing::Test {
 protected:
  PgUserSessionsTest() : sql_(PostgresFixture::Shared().url()) {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    Sql("set search_path to " + options_.schema);
    catalog_ = MakePgCatalog(options_);
    AddUser("vera");
    AddUser("uma");
  }
  pqxx::result Sql(const std::string& text) { return pqxx::nontransaction(sql_).exec(text); }
  void AddUser(const std::string& name) {
    UserRow user;
    user.name = name;
    user.password_hash = "$argon2id$of " + name;
    user.role = "viewer";
    EXPECT_TRUE(catalog_->AddUser(user).ok());
  }
  std::int64_t IdOf(const std::string& name) { return (*catalog_->FindUser(name))->id; }
  UserSessions& Sessions() { return catalog_->user_sessions(); }
  void Open(const std::string& hash, const std::string& user, Micros life = std::chrono::hours(1)) {
    const Status opened =
        Sessions().Open({hash, IdOf(user), "password", "127.0.0.1", "a browser", SystemClock().Now() + life});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
  }
  // The name; "nobody".
  std::string WhoIs(const std::string& hash) {
    const auto user = Sessions().UserOf(hash, kIdle);
    EXPECT_TRUE(user.ok()) << user.error().message;
    return user.ok() && user->has_value() ? (*user)->name : "nobody";
  }
  std::string SignIn(const std::string& subject, const std::string& name, const std::string& role) {
    const Result<SignedIn> in = Sessions().SignIn({"https://id.example.com", subject, name, role});
    return in.ok() ? in->user.name + " " + RoleOf(in->user.name) : in.error().message;
  }
  // Who he was and what he had; "nobody".
  std::string Dismiss(const std::string& subject) {
    const Result<std::optional<SignedIn>> gone = Sessions().Dismiss("https://id.example.com", subject);
    EXPECT_TRUE(gone.ok()) << gone.error().message;
    return *gone ? (*gone)->user.name + " " + (*gone)->role_before : "nobody";
  }

  // What he was granted everywhere.
  std::string RoleOf(const std::string& name) {
    return Sql("select coalesce(string_agg(g.role, ' ' order by g.role), 'none') from access_grant g join app_user u "
               "on "
               "u.id = g.account_id where u.name = '" +
               name + "' and g.scope = 'all'")[0][0]
        .c_str();
  }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Catalog> catalog_;
};

TEST_F(PgUserSessionsTest, ASessionIsItsUsersUntilItEnds) {
  Open("s1", "vera");
  Open("s2", "vera");
  Open("s3", "uma");
  EXPECT_EQ(WhoIs("s1"), "vera");
  EXPECT_EQ(WhoIs("s3"), "uma");
  EXPECT_EQ(WhoIs("s4"), "nobody");
  EXPECT_EQ(*Sessions().End("s1"), 1);
  EXPECT_EQ(*Sessions().End("s1"), 0);
  EXPECT_EQ(WhoIs("s1"), "nobody");
  EXPECT_EQ(WhoIs("s2"), "vera");
  EXPECT_EQ(*Sessions().EndAll(IdOf("vera")), 1);
  EXPECT_EQ(WhoIs("s2"), "nobody");
  EXPECT_EQ(WhoIs("s3"), "uma");
}

TEST_F(PgUserSessionsTest, OnesOwnAreListedAndNobodyElseEndsThem) {
  Open("s1", "vera");
  Open("s2", "vera");
  const auto rows = Sessions().Of(IdOf("vera"), kIdle);
  ASSERT_EQ(rows->size(), 2U);
  EXPECT_EQ(rows->at(0).sha256, "s2");
  EXPECT_EQ(rows->at(0).user_agent, "a browser");
  EXPECT_LE(rows->at(0).created, rows->at(0).last_seen);
  EXPECT_LT(rows->at(0).last_seen, rows->at(0).expires);
  EXPECT_EQ(*Sessions().EndOne(IdOf("uma"), rows->at(0).id), 0);
  EXPECT_EQ(WhoIs("s2"), "vera");
  EXPECT_EQ(*Sessions().EndOne(IdOf("vera"), rows->at(0).id), 1);
  EXPECT_EQ(WhoIs("s2"), "nobody");
}

TEST_F(PgUserSessionsTest, ItExpiresWhateverHappensAndWhenItIsNotUsed) {
  Open("old", "vera", Micros(-1));
  EXPECT_EQ(WhoIs("old"), "nobody");
  Open("new", "vera");
  EXPECT_EQ(Sql("select count(*) from user_session")[0][0].as<int>(), 1) << "what has expired is forgotten";
  Sql("update user_session set last_seen_at = last_seen_at - interval '1 hour'");
  EXPECT_EQ(WhoIs("new"), "vera");
  EXPECT_TRUE(Sql("select last_seen_at > now() - interval '1 minute' from user_session")[0][0].as<bool>())
      << "use keeps it open";
  Sql("update user_session set last_seen_at = last_seen_at - interval '121 minutes'");
  EXPECT_EQ(WhoIs("new"), "nobody");
  EXPECT_TRUE(Sessions().Of(IdOf("vera"), kIdle)->empty());
}

TEST_F(PgUserSessionsTest, ANewPasswordEndsThoseOfItsUserAlone) {
  Open("s1", "vera");
  Open("s2", "uma");
  Sql("update app_user set disabled = false where name = 'vera'");
  EXPECT_EQ(WhoIs("s1"), "vera");
  Sql("update app_user set password_hash = '$argon2id$new' where name = 'vera'");
  EXPECT_EQ(WhoIs("s1"), "nobody");
  EXPECT_EQ(WhoIs("s2"), "uma");
  Sql("delete from app_user where name = 'uma'");
  EXPECT_EQ(WhoIs("s2"), "nobody");
}

TEST_F(PgUserSessionsTest, WhoComesAgainIsTheSameUserWithTheRoleOfToday) {
  EXPECT_EQ(SignIn("1", "root", "admin"), "root admin") << "one is left when alice is none any more";
  EXPECT_EQ(SignIn("4711", "alice", "viewer"), "alice viewer");
  const std::int64_t id = IdOf("alice");
  EXPECT_EQ(SignIn("4711", "alice", "admin"), "alice admin");
  EXPECT_EQ(SignIn("4711", "alice renamed", "op"), "alice op") << "the name of before stays";
  EXPECT_EQ(IdOf("alice"), id);
  EXPECT_EQ((*catalog_->FindUser("alice"))->password_hash, "") << "no password opens this";
}

TEST_F(PgUserSessionsTest, WhoHasNoRoleAnyMoreLosesTheOneOfBeforeAndHisSessions) {
  EXPECT_EQ(SignIn("4711", "alice", "op"), "alice op");
  Open("s1", "alice");
  Open("s2", "vera");
  EXPECT_EQ(Dismiss("4711"), "alice op");
  EXPECT_EQ(WhoIs("s1"), "nobody");
  EXPECT_EQ(WhoIs("s2"), "vera");
  EXPECT_EQ(RoleOf("alice"), "none");
  EXPECT_EQ(Dismiss("4712"), "nobody");
  EXPECT_FALSE(catalog_->FindUser("stranger")->has_value()) << "nobody is made for him";
  EXPECT_EQ(SignIn("4711", "alice", "user"), "alice user") << "and may come again";
}

TEST_F(PgUserSessionsTest, WhatElseHeWasGrantedStays) {
  EXPECT_EQ(SignIn("4711", "alice", "viewer"), "alice viewer");
  Sql("insert into access_grant (account_id, role, scope, object) select id, 'op', 'dag', 'sales' from app_user where "
      "name = 'alice'");
  EXPECT_EQ(SignIn("4711", "alice", "user"), "alice user");
  EXPECT_EQ(Sql("select object from access_grant where role = 'op'")[0][0].as<std::string>(), "sales");
}

TEST_F(PgUserSessionsTest, WhoIsDisabledHasNoSessionAndGetsNone) {
  EXPECT_EQ(SignIn("4711", "alice", "viewer"), "alice viewer");
  Open("s1", "alice");
  Open("s2", "vera");
  Sql("update app_user set disabled = true where name = 'alice'");
  EXPECT_EQ(WhoIs("s1"), "nobody");
  EXPECT_EQ(WhoIs("s2"), "vera");
  EXPECT_EQ(SignIn("4711", "alice", "viewer"), "the user alice is disabled here");
  Sql("update app_user set disabled = false where name = 'alice'");
  EXPECT_EQ(WhoIs("s1"), "nobody") << "what has ended stays so";
  EXPECT_EQ(SignIn("4711", "alice", "viewer"), "alice viewer");
}

TEST_F(PgUserSessionsTest, NobodyBecomesSomebodyElseByName) {
  EXPECT_THAT(SignIn("1", "vera", "admin"), ::testing::HasSubstr("there is another user vera here already"));
  EXPECT_EQ(RoleOf("vera"), "viewer");
  EXPECT_EQ(SignIn("2", "alice", "viewer"), "alice viewer");
  EXPECT_THAT(SignIn("3", "alice", "admin"), ::testing::HasSubstr("there is another user alice here already"));
  EXPECT_EQ(RoleOf("alice"), "viewer");
  EXPECT_EQ(Sql("select count(*) from user_identity")[0][0].as<int>(), 1);
}

}  // namespace
}  // namespace pipelined::testing
