// Sessions of browsers and users of a provider, over a real server.
#include "pipelined/ports/user_sessions.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <functional>
#include <future>

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
    const Status opened = Sessions().Open(
        {hash, IdOf(user), "password", "127.0.0.1", "a browser", std::nullopt, SystemClock().Now() + life});
    ASSERT_TRUE(opened.ok()) << opened.error().message;
  }
  // The name; "nobody".
  std::string WhoIs(const std::string& hash) {
    const auto user = Sessions().UserOf(hash, kIdle);
    EXPECT_TRUE(user.ok()) << user.error().message;
    return user.ok() && user->has_value() ? (*user)->name : "nobody";
  }
  std::string SignIn(const std::string& subject, const std::string& name, const std::string& role) {
    const Result<AdmittedUser> in = Sessions().SignIn({"https://id.example.com", subject, name, role});
    return in.ok() ? in->user.name + " " + RoleOf(in->user.name) : in.error().message;
  }
  // Who he was and what he had; "nobody".
  std::string Dismiss(const std::string& subject) {
    const Result<std::optional<AdmittedUser>> gone = Sessions().Dismiss("https://id.example.com", subject);
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

// What a sign-in is made from changes while it is made.
class SignInRaceTest : public PgUserSessionsTest {
 protected:
  SignInRaceTest() : other_(PostgresFixture::Shared().url()) {
    pqxx::nontransaction(other_).exec("set search_path to " + options_.schema);
  }
  UserRow User(const std::string& name) { return **catalog_->FindUser(name); }
  Status LogIn(const UserRow& user) {
    return catalog_->AddToken("token of " + user.name, user, SystemClock().Now() + std::chrono::hours(1));
  }
  Status OpenFor(const UserRow& user) {
    return Sessions().Open({"session of " + user.name, user.id, "password", "127.0.0.1", "a browser",
                            user.password_hash, SystemClock().Now() + std::chrono::hours(1)});
  }
  int Left(const std::string& table) { return Sql("select count(*) from " + table)[0][0].as<int>(); }
  // What `change` does is committed when somebody waits for it; what `wait` then answers.
  Status While(const std::string& change, const std::function<Status()>& wait) {
    pqxx::work work(other_);
    work.exec(change);
    std::future<Status> waiting = std::async(std::launch::async, wait);
    while (Sql("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and " +
               fmt::format("{} = any (pg_blocking_pids(pid))", other_.backendpid()))[0][0]
               .as<int>() == 0) {
      if (waiting.wait_for(std::chrono::milliseconds(5)) == std::future_status::ready) break;  // it does not wait
    }
    work.commit();
    return waiting.get();
  }

  pqxx::connection other_;
};

TEST_F(SignInRaceTest, AnotherPasswordOrADisabledUserOpensNothing) {
  for (const char* change : {"password_hash = 'another'", "disabled = true"}) {
    const UserRow vera = User("vera");
    EXPECT_TRUE(OpenFor(vera).ok());
    Sql("delete from user_session");
    Sql(fmt::format("update app_user set {} where name = 'vera'", change));
    EXPECT_EQ(OpenFor(vera).error().code, ErrorCode::kNotAllowed) << change;
    EXPECT_EQ(LogIn(vera).error().code, ErrorCode::kNotAllowed) << change;
  }
  EXPECT_EQ(Left("user_session") + Left("token"), 0);
}

TEST_F(SignInRaceTest, APasswordThatIsBeingChangedIsWaitedFor) {
  const UserRow vera = User("vera"), uma = User("uma");
  const std::string change = "update app_user set password_hash = 'another' where name = ";
  EXPECT_EQ(While(change + "'vera'", [&] { return LogIn(vera); }).error().code, ErrorCode::kNotAllowed);
  EXPECT_EQ(While(change + "'uma'", [&] { return OpenFor(uma); }).error().code, ErrorCode::kNotAllowed);
  EXPECT_EQ(Left("user_session") + Left("token"), 0);
}

// Whoever was a moment quicker than the new password is put out by it.
TEST_F(SignInRaceTest, ALogInThatIsBeingMadeEndsWithTheOldPassword) {
  for (const char* made : {"insert into token (sha256, user_id, expires_at) select 't', id, 'infinity' from u",
                           "insert into user_session (sha256, user_id, sign_in, remote, user_agent, expires_at) select "
                           "'s', id, 'password', '', '', 'infinity' from u"}) {
    const std::string insert = std::string("with u as (select id from app_user where name = 'vera' for share) ") + made;
    const Status set = While(insert, [&] { return catalog_->accounts().SetPassword("vera", made, std::nullopt); });
    EXPECT_TRUE(set.ok()) << set.error().message;
    EXPECT_EQ(Left("user_session") + Left("token"), 0) << made;
  }
}

TEST_F(SignInRaceTest, APasswordIsOnlyChangedInsteadOfTheOneThatWasShown) {
  const UserRow vera = User("vera");
  Accounts& accounts = catalog_->accounts();
  EXPECT_TRUE(accounts.SetPassword("vera", "second", vera.password_hash).ok());
  EXPECT_EQ(accounts.SetPassword("vera", "third", vera.password_hash).error().code, ErrorCode::kNotAllowed);
  EXPECT_EQ(User("vera").password_hash, "second");
}

TEST_F(SignInRaceTest, ARoleThatIsBeingDeletedTakesTheGrantsAlong) {
  Accounts& accounts = catalog_->accounts();
  const GrantRow grant{0, "vera", "starter", GrantScope::kAll, ""};
  ASSERT_TRUE(accounts.PutRole(RoleRow{"starter", "", {"runs.read"}}, true).ok());
  const Status given = While("delete from access_role where name = 'starter'", [&]() -> Status {
    const Result<GrantRow> added = accounts.AddGrant(grant);
    return added.ok() ? Ok() : Status(added.error());
  });
  EXPECT_EQ(given.error().code, ErrorCode::kInvalid);
  ASSERT_TRUE(accounts.PutRole(RoleRow{"starter", "", {"runs.read"}}, true).ok());
  const std::string insert =
      "insert into access_grant (account_id, role, scope) select id, 'starter', 'all' from "
      "app_user where name = 'vera'";
  EXPECT_TRUE(While(insert, [&] { return accounts.DeleteRole("starter"); }).ok());
  EXPECT_EQ(Sql("select count(*) from access_grant where role = 'starter'")[0][0].as<int>(), 0);
}

// The way down leaves the role "none" where an earlier program knows nothing of what somebody may do.
TEST_F(PgUserSessionsTest, WhatAWayDownLeavesIsNoGrantOnTheWayUp) {
  Sql("update access_grant set scope = 'dag', object = 'sales' where account_id = (select id from app_user where name "
      "= "
      "'vera')");
  ASSERT_TRUE(Downgrade(options_, 14).ok());
  EXPECT_EQ(Sql("select string_agg(name || ' ' || role, ', ' order by name) from app_user")[0][0].as<std::string>(),
            "uma viewer, vera none");
  ASSERT_TRUE(Migrate(options_).ok());
  EXPECT_EQ(RoleOf("vera"), "none") << "that: no grant";
  EXPECT_EQ(RoleOf("uma"), "viewer");
  EXPECT_EQ(Sql("select count(*) from access_grant where role = 'none'")[0][0].as<int>(), 0);
}

TEST_F(PgUserSessionsTest, AGrantOfARoleThatWasGoneBeforeTheGuardIsTakenAway) {
  ASSERT_TRUE(Downgrade(options_, 19).ok());
  Sql("insert into access_grant (account_id, role, scope) select id, 'gone', 'all' from app_user");
  ASSERT_TRUE(Migrate(options_).ok());
  EXPECT_EQ(RoleOf("vera"), "viewer");
}

TEST_F(PgUserSessionsTest, WhomAProviderGivesANameThatIsNoneHereIsNotMade) {
  for (const char* name : {"a/b", "a b", "", ".", "..", "ann\x1b[2J", "\xd0\xb0nn", "a\u202enn", "~"}) {
    const Result<AdmittedUser> user = Sessions().SignIn({"https://id.example.com", "1", name, "viewer"});
    ASSERT_FALSE(user.ok()) << name;
    EXPECT_EQ(user.error().code, ErrorCode::kNotAllowed) << name;
    EXPECT_EQ(user.error().message.find_first_of("\x1b\xd0\xe2"), std::string::npos) << "what is shown does no harm";
  }
  EXPECT_THAT(SignIn("2", "VERA", "viewer"), ::testing::HasSubstr("there is another user VERA here already"));
  EXPECT_EQ(Sql("select count(*) from app_user")[0][0].as<int>(), 2);
  EXPECT_EQ(SignIn("3", "ann@example.com", "viewer"), "ann@example.com viewer");
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
