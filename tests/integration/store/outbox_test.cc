// The outbox: rows come with the change that they are about, are claimed once, tried, folded, given back and ended.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <pqxx/pqxx>

#include "pipelined/store/clean.h"
#include "pipelined/store/migrations.h"
#include "pipelined/store/pg_store.h"
#include "support/postgres_fixture.h"
#include "support/store_samples.h"

namespace pipelined::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

const ClaimTerms kTerms{60s, 0, 1min, false};
const ClaimTerms kAlerts{60s, 0, 1min, true};

class OutboxTest : public ::testing::Test {
 protected:
  OutboxTest() : sql_(PostgresFixture::Shared().url()) {
    options_.url = PostgresFixture::Shared().url();
    options_.schema = PostgresFixture::Shared().NewSchema();
    EXPECT_TRUE(Migrate(options_).ok());
    Sql("set search_path to " + options_.schema);
    store_ = MakePgStore(options_, SystemClock());
    catalog_ = MakePgCatalog(options_);
    outbox_ = MakePgOutbox(options_);
    lease_ = **store_->Acquire("me", 30s);
    EXPECT_TRUE(store_->Load(lease_).ok());
    EXPECT_TRUE(MakePgPublisher(options_)->Publish(Publication{{SampleDag("d")}, {}, {}, {}}, lease_.epoch).ok());
  }
  pqxx::result Sql(const std::string& text) { return pqxx::nontransaction(sql_).exec(text); }
  // "1 queued", …
  std::vector<std::string> Rows() {
    std::vector<std::string> rows;
    for (const pqxx::row& row : Sql("select id, state from notification order by id"))
      rows.push_back(std::string(row[0].c_str()) + " " + row[1].c_str());
    return rows;
  }
  RunInfo Triggered(const std::string& run_id, std::int64_t after = 0) {
    TriggerRequest request;
    request.dag_id = "d";
    request.run_id = run_id;
    request.run_after = At(after);
    auto run = catalog_->Trigger(request);
    EXPECT_TRUE(run.ok()) << run.error().message;
    return run->info;
  }
  static Notice About(const RunInfo& run, NotifyOn on, std::vector<std::string> channels, std::int64_t after = 0) {
    Notice notice;
    notice.on = on;
    notice.run = run.id;
    notice.dag_id = "d";
    notice.run_id = run.run_id;
    notice.run_after = At(after);
    notice.state = on == NotifyOn::kRecovered ? "success" : "failed";
    notice.why = "exit code 7";
    for (std::string& channel : channels) notice.uses.push_back(NotifyUse{std::move(channel), {}, {}, {}, {}});
    return notice;
  }
  Status Commit(std::vector<Notice> notices) {
    Plan plan;
    plan.now = At(10);
    plan.notices = std::move(notices);
    const auto committed = store_->Commit(plan, lease_, ExecutorIdentity{"i", "b"});
    return committed ? Ok() : Status(committed.error());
  }
  Notification Claimed(const std::string& channel = "ops", const ClaimTerms& terms = kTerms) {
    const auto claimed = outbox_->Claim(channel, terms);
    EXPECT_TRUE(claimed.ok()) << claimed.error().message;
    EXPECT_TRUE(claimed->notification.has_value());
    return claimed->notification.value_or(Notification());
  }
  Notification Begun(const std::string& channel = "ops", const std::string& key = "",
                     const ClaimTerms& terms = kTerms) {
    Notification row = Claimed(channel, terms);
    const auto begun = outbox_->Begin(row, key, 5min);
    EXPECT_TRUE(begun.ok()) << begun.error().message;
    EXPECT_TRUE(*begun);
    return row;
  }
  // All runs have ended, and everything is of long ago.
  void EndAll() {
    Sql("update dag_run set state = 'success', start_date = '2026-01-01', end_date = '2026-01-02'");
    Sql("update notification set created_at = '2026-01-01'");
  }
  std::vector<std::string> Due() {
    const auto due = outbox_->Due();
    EXPECT_TRUE(due.ok()) << due.error().message;
    return due->channels;
  }

  StoreOptions options_;
  pqxx::connection sql_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Catalog> catalog_;
  std::unique_ptr<Outbox> outbox_;
  Lease lease_;
};

TEST_F(OutboxTest, ARowForEachChannelComesWithTheTurn) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops", "chat"})}).ok());
  EXPECT_THAT(Rows(), ElementsAre("1 queued", "2 queued"));
  EXPECT_THAT(Due(), ::testing::UnorderedElementsAre("ops", "chat"));
  const Notification row = Claimed();
  EXPECT_EQ(row.id, 1);
  EXPECT_EQ(row.run_id, "r1");
  EXPECT_EQ(row.facts.Find("error")->string(), "exit code 7");
}

TEST_F(OutboxTest, ATurnThatIsStaleLeavesNone) {
  const RunInfo run = Triggered("r1");
  Plan plan;
  plan.now = At(10);
  plan.runs = {RunChange{run.id, "d", RunState::kRunning, RunState::kFailed, ""}};  // it is queued
  plan.notices = {About(run, NotifyOn::kFailure, {"ops"})};
  EXPECT_FALSE(store_->Commit(plan, lease_, ExecutorIdentity{"i", "b"}).ok());
  EXPECT_THAT(Rows(), IsEmpty());
}

TEST_F(OutboxTest, ARowIsClaimedOnce) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"ops"})}).ok());
  Claimed();
  const std::unique_ptr<Outbox> other = MakePgOutbox(options_);
  EXPECT_TRUE(other->Due()->channels.empty());
  EXPECT_FALSE(other->Claim("ops", kTerms)->notification.has_value());
}

TEST_F(OutboxTest, WhatIsTakenIsSentAndWhatIsNotIsTriedAgainLater) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"ops"})}).ok());
  Notification row = Begun();
  ASSERT_TRUE(outbox_->Settle(row, {NotificationState::kQueued, 1h, 503, "HTTP 503"}).ok());
  const auto due = outbox_->Due();
  EXPECT_THAT(due->channels, IsEmpty());
  ASSERT_TRUE(due->next_in.has_value());
  EXPECT_GT(*due->next_in, Micros(59min));
  Sql("update notification set next_try_at = now()");
  row = Begun();
  EXPECT_EQ(row.attempts, 2);
  ASSERT_TRUE(outbox_->Settle(row, {NotificationState::kSent, 0s, 200, ""}).ok());
  EXPECT_THAT(Rows(), ElementsAre("1 sent"));
  const auto attempts = catalog_->notifications().Attempts(1);
  ASSERT_EQ(attempts->size(), 2U);
  EXPECT_EQ((*attempts)[0].error, "HTTP 503");
  EXPECT_EQ((*attempts)[1].status, 200);
}

TEST_F(OutboxTest, WhatAKilledNotifierWasAtIsSentAgainUnderTheSameId) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"ops"})}).ok());
  const std::int64_t id = Begun().id;
  EXPECT_THAT(Rows(), ElementsAre("1 delivering"));
  outbox_ = MakePgOutbox(options_);  // the connection is gone, as after kill -9
  EXPECT_THAT(Due(), ElementsAre("ops"));
  const Notification again = Begun();
  EXPECT_EQ(again.id, id);
  EXPECT_EQ(again.attempts, 2);
  EXPECT_THAT((*catalog_->notifications().Attempts(id))[0].error, HasSubstr("before it knew whether this was sent"));
}

TEST_F(OutboxTest, WhatAStoppedNotifierKeepsTooLongIsTakenFromItAndItsWordComesTooLate) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"ops"})}).ok());
  const Notification stopped = Begun();
  Sql("update notification set claim_until = now() - interval '1 second'");
  const std::unique_ptr<Outbox> stopped_outbox = std::exchange(outbox_, MakePgOutbox(options_));
  EXPECT_THAT(Due(), ElementsAre("ops"));
  const Notification again = Begun();
  ASSERT_TRUE(stopped_outbox->Settle(stopped, {NotificationState::kFailed, 0s, 500, "late"}).ok());
  EXPECT_THAT(Rows(), ElementsAre("1 delivering"));
  ASSERT_TRUE(outbox_->Settle(again, {NotificationState::kSent, 0s, 200, ""}).ok());
  EXPECT_THAT(Rows(), ElementsAre("1 sent"));
}

TEST_F(OutboxTest, WhoSentItKnowsBetterThanWhoTookItForLost) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"ops"})}).ok());
  const Notification sent = Begun();
  Sql("update notification set claim_until = now() - interval '1 second'");
  const std::unique_ptr<Outbox> sender = std::exchange(outbox_, MakePgOutbox(options_));
  EXPECT_THAT(Due(), ElementsAre("ops"));
  ASSERT_TRUE(sender->Settle(sent, {NotificationState::kSent, 0s, 200, ""}).ok());
  EXPECT_THAT(Rows(), ElementsAre("1 sent"));
  const auto attempts = catalog_->notifications().Attempts(1);
  ASSERT_EQ(attempts->size(), 1U);
  EXPECT_EQ((*attempts)[0].status, 200);
  EXPECT_EQ((*attempts)[0].error, "");
}

TEST_F(OutboxTest, ARestartOfTheDatabaseIsNoDeathOfTheNotifier) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"ops"})}).ok());
  Begun();
  Sql("update notification set claim_since = pg_postmaster_start_time() - interval '1 hour'");
  outbox_ = MakePgOutbox(options_);
  EXPECT_THAT(Due(), IsEmpty());
  Sql("update notification set claim_until = now() - interval '1 second'");
  EXPECT_THAT(Due(), ElementsAre("ops"));
}

TEST_F(OutboxTest, EachChannelIsDueOnceHoweverMuchWaits) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"a", "b", "a", "c", "b", "a"})}).ok());
  Sql("update notification set next_try_at = now() + interval '1 hour' where channel = 'c' or id = 1");
  EXPECT_THAT(Due(), ElementsAre("a", "b"));
}

TEST_F(OutboxTest, TheSameKeyWithinTheWindowIsSuppressed) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops"}), About(run, NotifyOn::kFailure, {"ops"})}).ok());
  const Notification first = Begun("ops", "k");
  Notification second = Claimed();
  EXPECT_FALSE(*outbox_->Begin(second, "k", 5min));
  EXPECT_THAT(Rows(), ElementsAre("1 delivering", "2 suppressed"));
  EXPECT_EQ((*catalog_->notifications().Find(2))->duplicate_of, 1);
  // A try of its own is no duplicate of itself.
  ASSERT_TRUE(outbox_->Settle(first, {NotificationState::kQueued, 0s, 503, ""}).ok());
  Begun("ops", "k");
}

TEST_F(OutboxTest, AnotherKeyChannelOrTimeIsNoDuplicate) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops", "ops", "chat", "ops"})}).ok());
  Begun("ops", "k");
  Begun("ops", "other");
  Begun("chat", "k");
  Sql("update notification set created_at = created_at - interval '6 minutes' where id < 4");
  Begun("ops", "k");
}

TEST_F(OutboxTest, WhatCameUpTogetherIsADuplicateHoweverLateItIsSent) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops", "ops"})}).ok());
  Sql("update notification set created_at = created_at - interval '1 hour'");
  Begun("ops", "k");
  Notification second = Claimed();
  EXPECT_FALSE(*outbox_->Begin(second, "k", 5min));
}

TEST_F(OutboxTest, WhatAMessageStoodForFailsWithIt) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops", "ops", "chat", "chat"})}).ok());
  for (const char* channel : {"ops", "chat"}) {
    Notification first = Begun(channel, "k");
    Notification second = Claimed(channel);
    ASSERT_FALSE(*outbox_->Begin(second, "k", 5min));
    if (first.id == 1) {
      ASSERT_TRUE(outbox_->Settle(first, {NotificationState::kFailed, 0s, 404, "HTTP 404"}).ok());
    } else {
      ASSERT_TRUE(outbox_->Settle(first, {NotificationState::kQueued, 0s, 503, "HTTP 503"}).ok());
      ASSERT_TRUE(outbox_->Refuse("chat", "there is no such channel").ok());
    }
  }
  EXPECT_THAT(Rows(), ElementsAre("1 failed", "2 failed", "3 failed", "4 failed"));
  EXPECT_EQ((*catalog_->notifications().Find(2))->error,
            "notification 1, which was to tell of this, has failed: HTTP 404");
  ASSERT_TRUE(catalog_->notifications().Retry(2, 1).ok());
}

TEST_F(OutboxTest, WhatHasFailedKeepsNothingElseFromBeingSent) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops", "ops"})}).ok());
  ASSERT_TRUE(outbox_->Settle(Begun("ops", "k"), {NotificationState::kFailed, 0s, 404, "HTTP 404"}).ok());
  Begun("ops", "k");
}

TEST_F(OutboxTest, TheRateIsThatOfTriesAndSaysWhenTheNextMayBegin) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops", "ops", "ops"})}).ok());
  const ClaimTerms terms{60s, 2, 1h, false};
  Begun("ops", "", terms);
  Begun("ops", "", terms);
  const auto third = outbox_->Claim("ops", terms);
  EXPECT_FALSE(third->notification.has_value());
  ASSERT_TRUE(third->wait.has_value());
  EXPECT_GT(*third->wait, Micros(59min));
  Sql("update notification_attempt set started_at = started_at - interval '2 hours' where notification = 1");
  Begun("ops", "", terms);
}

TEST_F(OutboxTest, TheRateIsThatOfAllNotifiersTogether) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops", "ops", "ops"})}).ok());
  const ClaimTerms terms{60s, 2, 1h, false};
  const std::unique_ptr<Outbox> other = MakePgOutbox(options_);
  Begun("ops", "", terms);
  EXPECT_TRUE(other->Claim("ops", terms)->notification.has_value());  // and has not begun to send it
  const auto third = outbox_->Claim("ops", terms);
  EXPECT_FALSE(third->notification.has_value());
  EXPECT_TRUE(third->wait.has_value());
}

TEST_F(OutboxTest, AChannelThatDoesNotExistFailsVisibly) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"nobody"})}).ok());
  ASSERT_TRUE(outbox_->Refuse("nobody", "there is no such channel").ok());
  EXPECT_THAT(Rows(), ElementsAre("1 failed"));
  EXPECT_EQ((*catalog_->notifications().Find(1))->error, "there is no such channel");
}

TEST_F(OutboxTest, AChannelThatAnotherNotifierMayKnowIsLeftToItForAMinute) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"new"})}).ok());
  const std::unique_ptr<Outbox> other = MakePgOutbox(options_);
  ASSERT_TRUE(other->Due().ok());
  EXPECT_EQ(*outbox_->Refuse("new", "there is no such channel"), 0);
  EXPECT_TRUE(other->Claim("new", kTerms)->notification.has_value());
  ASSERT_TRUE(Commit({About(Triggered("r2"), NotifyOn::kFailure, {"new"})}).ok());
  Sql("update notification set created_at = created_at - interval '2 minutes'");
  EXPECT_EQ(*outbox_->Refuse("new", "there is no such channel"), 1);
}

TEST_F(OutboxTest, WhatHasFailedIsSentAgainOnDemandAndNothingElse) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"ops"})}).ok());
  EXPECT_EQ(catalog_->notifications().Retry(1, 3).error().code, ErrorCode::kConflict);
  EXPECT_EQ(catalog_->notifications().Retry(99, 3).error().code, ErrorCode::kNotFound);
  ASSERT_TRUE(outbox_->Settle(Begun("ops", "k"), {NotificationState::kFailed, 0s, 404, "HTTP 404"}).ok());
  ASSERT_TRUE(catalog_->notifications().Retry(1, 3).ok());
  const Notification again = Begun("ops", "k");
  EXPECT_EQ(again.tries_left, 2);
  ASSERT_TRUE(outbox_->Settle(again, {NotificationState::kQueued, 1h, 503, ""}).ok());
  EXPECT_EQ((*catalog_->notifications().Find(1))->tries_left, 2);
}

TEST_F(OutboxTest, ATryThatTookTheNotifierWithItCounts) {
  ASSERT_TRUE(catalog_->notifications().Test("ops", "").ok());
  Begun();
  outbox_ = MakePgOutbox(options_);
  EXPECT_THAT(Due(), ElementsAre("ops"));
  EXPECT_EQ(Claimed().tries_left, 0);
}

TEST_F(OutboxTest, ASuppressedOneThatIsWantedAllTheSameIsSent) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops", "ops"})}).ok());
  Begun("ops", "k");
  Notification second = Claimed();
  ASSERT_FALSE(*outbox_->Begin(second, "k", 5min));
  ASSERT_TRUE(catalog_->notifications().Retry(2, 1).ok());
  EXPECT_EQ(Begun("ops", "k").id, 2);
}

TEST_F(OutboxTest, ASuccessEndsTheAlertsOfItsDagOnce) {
  const RunInfo first = Triggered("r1", 0), second = Triggered("r2", 100);
  ASSERT_TRUE(Commit({About(first, NotifyOn::kFailure, {"am", "ops"}, 0)}).ok());
  ASSERT_TRUE(outbox_->Settle(Begun("am", "k", kAlerts), {NotificationState::kSent, 0s, 200, ""}).ok());
  ASSERT_TRUE(outbox_->Settle(Begun("ops", "k"), {NotificationState::kSent, 0s, 200, ""}).ok());
  ASSERT_TRUE(Commit({About(second, NotifyOn::kRecovered, {}, 100)}).ok());
  const Notification end = Claimed("am", kAlerts);
  EXPECT_EQ(end.event, NotifyOn::kRecovered);
  EXPECT_EQ(end.run_id, "r2");
  EXPECT_EQ(end.facts.Find("ends")->string(), "failure");
  EXPECT_THAT(Rows(), ElementsAre("1 sent", "2 sent", "3 delivering"));  // the other channel sets off no alerts
  ASSERT_TRUE(Commit({About(second, NotifyOn::kRecovered, {}, 100)}).ok());
  EXPECT_EQ(Rows().size(), 3U);
}

TEST_F(OutboxTest, ATaskThatFailedInTheRunThatSucceedsHasNotRecovered) {
  const RunInfo first = Triggered("r1", 0), second = Triggered("r2", 100);
  const auto of_task = [](Notice notice) {
    notice.task_id = "a";
    notice.task_no = 0;
    return notice;
  };
  const auto task_is = [&](const RunInfo& run, const char* state) {
    Sql(fmt::format(
        "insert into task_instance (run_id, task_no, state, end_date) values ({}, 0, '{}', now()) on conflict (run_id, "
        "task_no, map_index) do update set state = excluded.state",
        run.id.value, state));
  };
  task_is(first, "failed");
  // In one turn, so that nobody could be told before.
  ASSERT_TRUE(
      Commit({of_task(About(first, NotifyOn::kFailure, {"am"}, 0)), About(first, NotifyOn::kRecovered, {}, 0)}).ok());
  Notification row = Begun("am", "k", kAlerts);
  EXPECT_FALSE(row.recovered_at.has_value());
  ASSERT_TRUE(outbox_->Settle(row, {NotificationState::kSent, 0s, 200, ""}).ok());
  ASSERT_TRUE(Commit({About(first, NotifyOn::kRecovered, {}, 0)}).ok());
  EXPECT_THAT(Rows(), ElementsAre("1 sent"));
  task_is(first, "success");  // it was cleared
  ASSERT_TRUE(Commit({About(first, NotifyOn::kRecovered, {}, 0)}).ok());
  EXPECT_THAT(Rows(), ElementsAre("1 sent", "2 queued"));
  ASSERT_TRUE(Commit({About(second, NotifyOn::kRecovered, {}, 100)}).ok());
  EXPECT_EQ(Rows().size(), 2U);
}

TEST_F(OutboxTest, AnEndThatComesWhenTheAlertIsSetOffAnewIsNotSent) {
  const RunInfo first = Triggered("r1", 0), second = Triggered("r2", 100), third = Triggered("r3", 200);
  ASSERT_TRUE(Commit({About(first, NotifyOn::kFailure, {"am"}, 0)}).ok());
  ASSERT_TRUE(outbox_->Settle(Begun("am", "k", kAlerts), {NotificationState::kSent, 0s, 200, ""}).ok());
  ASSERT_TRUE(Commit({About(second, NotifyOn::kRecovered, {}, 100)}).ok());
  Notification end = Begun("am", "", kAlerts);
  ASSERT_EQ(end.event, NotifyOn::kRecovered);
  ASSERT_TRUE(outbox_->Settle(end, {NotificationState::kQueued, 1h, 503, "HTTP 503"}).ok());
  ASSERT_TRUE(Commit({About(third, NotifyOn::kFailure, {"am"}, 200)}).ok());
  ASSERT_TRUE(outbox_->Settle(Begun("am", "k3", kAlerts), {NotificationState::kSent, 0s, 200, ""}).ok());
  Sql("update notification set next_try_at = now() where state = 'queued'");
  end = Claimed("am", kAlerts);
  ASSERT_EQ(end.event, NotifyOn::kRecovered);
  EXPECT_FALSE(*outbox_->Begin(end, "", 5min));
  EXPECT_THAT(Rows(), ElementsAre("1 sent", "2 suppressed", "3 sent"));
}

TEST_F(OutboxTest, WhateverAnErrorSaysASuccessCanEndIt) {
  const RunInfo first = Triggered("r1", 0), second = Triggered("r2", 100);
  Notice notice = About(first, NotifyOn::kFailure, {"am"}, 0);
  notice.why = std::string("a\0b \xff \xed\xa0\x80", 9);
  ASSERT_TRUE(Commit({notice}).ok());
  ASSERT_TRUE(outbox_->Settle(Begun("am", "k", kAlerts), {NotificationState::kSent, 0s, 200, ""}).ok());
  ASSERT_TRUE(Commit({About(second, NotifyOn::kRecovered, {}, 100)}).ok());
  EXPECT_EQ(Claimed("am", kAlerts).event, NotifyOn::kRecovered);
}

TEST_F(OutboxTest, ASuccessOfAnEarlierRunEndsNothing) {
  const RunInfo early = Triggered("r1", 0), late = Triggered("r2", 100);
  ASSERT_TRUE(Commit({About(late, NotifyOn::kFailure, {"am"}, 100)}).ok());
  ASSERT_TRUE(outbox_->Settle(Begun("am", "k", kAlerts), {NotificationState::kSent, 0s, 200, ""}).ok());
  ASSERT_TRUE(Commit({About(early, NotifyOn::kRecovered, {}, 0)}).ok());
  EXPECT_THAT(Rows(), ElementsAre("1 sent"));
}

TEST_F(OutboxTest, AFailureThatNobodyWasToldOfYetIsToldAsOver) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"am"})}).ok());
  ASSERT_TRUE(Commit({About(run, NotifyOn::kRecovered, {})}).ok());
  EXPECT_THAT(Rows(), ElementsAre("1 queued"));
  EXPECT_TRUE(Claimed("am", kAlerts).recovered_at.has_value());
}

TEST_F(OutboxTest, NewRowsWakeWhoWaits) {
  EXPECT_THAT(Due(), IsEmpty());
  ASSERT_TRUE(catalog_->notifications().Test("ops", "hello").ok());
  const Micros before = SystemClock().Monotonic();
  outbox_->Wait(60s);
  EXPECT_LT(SystemClock().Monotonic() - before, Micros(30s));
  EXPECT_THAT(Due(), ElementsAre("ops"));
}

TEST_F(OutboxTest, RowsGoWithTheirRunsAndTestsByAge) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops"})}).ok());
  ASSERT_TRUE(catalog_->notifications().Test("ops", "").ok());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(outbox_->Settle(Begun(), {NotificationState::kSent, 0s, 200, ""}).ok());
  EndAll();
  const Instant before = *ParseInstant("2026-02-01T00:00:00Z");
  EXPECT_EQ(CountOld(options_, before)->notifications, 2);
  EXPECT_EQ(CleanOld(options_, before)->notifications, 2);
  EXPECT_THAT(Rows(), IsEmpty());
  EXPECT_EQ(Sql("select count(*) from notification_attempt")[0][0].as<int>(), 0);
}

// `two` is told of by the message of `one`.
TEST_F(OutboxTest, WhatIsStillToBeSentOutlivesItsRunHoweverThatGoes) {
  for (const char* way : {"clean", "delete", "delete_dag"}) {
    const RunInfo one = Triggered("one"), two = Triggered("two");
    ASSERT_TRUE(Commit({About(one, NotifyOn::kFailure, {"ops"}), About(two, NotifyOn::kFailure, {"ops"})}).ok());
    const Notification first = Begun("ops", "k");
    ASSERT_TRUE(outbox_->Settle(first, {NotificationState::kQueued, 0s, 503, "HTTP 503"}).ok());
    Notification second = Claimed();
    ASSERT_FALSE(*outbox_->Begin(second, "k", 5min));
    EndAll();
    if (way == std::string("clean")) {
      const Instant before = *ParseInstant("2026-02-01T00:00:00Z");
      EXPECT_EQ(CountOld(options_, before)->notifications, 1);
      EXPECT_EQ(CleanOld(options_, before)->notifications, 1);
    } else {
      Sql(way == std::string("delete") ? "delete from dag_run" : "select delete_dag('d')");
    }
    EXPECT_EQ(Sql("select count(*) from dag_run")[0][0].as<int>(), 0) << way;
    const Notification kept = Begun("ops", "k");
    EXPECT_EQ(kept.id, first.id) << way;
    EXPECT_EQ(kept.run_id, "one");
    ASSERT_TRUE(outbox_->Settle(kept, {NotificationState::kSent, 0s, 200, ""}).ok());
    Sql("delete from notification");
  }
}

TEST_F(OutboxTest, AnAlertIsEndedAlsoWhenTheRunThatSetItOffIsGone) {
  const RunInfo failed = Triggered("r1");
  ASSERT_TRUE(Commit({About(failed, NotifyOn::kFailure, {"am", "am"})}).ok());
  for (const char* key : {"a", "b"})
    ASSERT_TRUE(outbox_->Settle(Begun("am", key, kAlerts), {NotificationState::kSent, 0s, 200, ""}).ok());
  EndAll();
  ASSERT_TRUE(CleanOld(options_, *ParseInstant("2026-02-01T00:00:00Z")).ok());
  EXPECT_EQ(Sql("select count(*) from dag_run")[0][0].as<int>(), 0);
  EXPECT_THAT(Rows(), ElementsAre("2 sent"));  // one is enough to end it
  ASSERT_TRUE(Commit({About(Triggered("r2", 100), NotifyOn::kRecovered, {}, 100)}).ok());
  EXPECT_EQ(Claimed("am", kAlerts).event, NotifyOn::kRecovered);
  Sql("update notification set created_at = '2026-01-01'");
  ASSERT_TRUE(CleanOld(options_, *ParseInstant("2026-02-01T00:00:00Z")).ok());
  EXPECT_THAT(Rows(), ElementsAre("3 delivering"));
}

TEST_F(OutboxTest, AlertsOfADagEndWhenItIsDeleted) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"am", "am", "late"})}).ok());
  for (const char* key : {"a", "b"})
    ASSERT_TRUE(outbox_->Settle(Begun("am", key, kAlerts), {NotificationState::kSent, 0s, 200, ""}).ok());
  Sql("select delete_dag('d')");
  EXPECT_THAT(Rows(), ElementsAre("3 queued", "4 queued"));
  EXPECT_TRUE(Claimed("late", kAlerts).recovered_at.has_value());
  const Notification end = Claimed("am", kAlerts);
  EXPECT_EQ(end.event, NotifyOn::kRecovered);
  EXPECT_EQ(end.facts.Find("ends")->string(), "failure");
  EXPECT_EQ(end.facts.Find("state")->string(), "deleted");
}

TEST_F(OutboxTest, ItIsCounted) {
  ASSERT_TRUE(Commit({About(Triggered("r1"), NotifyOn::kFailure, {"ops", "ops", "ops", "ops"})}).ok());
  ASSERT_TRUE(outbox_->Settle(Begun(), {NotificationState::kFailed, 0s, 404, "HTTP 404"}).ok());
  Begun();
  Sql("update notification set created_at = now() - interval '1 hour' where id = 4");
  const auto counts = catalog_->notifications().Counts();
  EXPECT_EQ(counts->queued, 2);
  EXPECT_EQ(counts->delivering, 1);
  EXPECT_EQ(counts->failed, 1);
  EXPECT_GE(counts->oldest, Micros(1h));
  EXPECT_LT(counts->oldest, Micros(2h));
}

TEST_F(OutboxTest, ListingsAreFilteredAndPaged) {
  const RunInfo run = Triggered("r1");
  ASSERT_TRUE(Commit({About(run, NotifyOn::kFailure, {"ops", "chat", "ops"})}).ok());
  const auto ids = [&](NotificationFilter filter, std::int64_t most = 10) {
    std::vector<std::int64_t> found;
    const auto rows = catalog_->notifications().List(filter, most);
    for (const Notification& row : *rows) found.push_back(row.id);
    return found;
  };
  EXPECT_THAT(ids({}), ElementsAre(3, 2, 1));
  EXPECT_THAT(ids({}, 2), ElementsAre(3, 2));
  NotificationFilter filter;
  filter.channel = "ops";
  filter.before_id = 3;
  EXPECT_THAT(ids(filter), ElementsAre(1));
  NotificationFilter scoped;
  scoped.dags = std::vector<std::string>{"other"};
  EXPECT_THAT(ids(scoped), IsEmpty());
  NotificationFilter state;
  state.state = NotificationState::kSent;
  EXPECT_THAT(ids(state), IsEmpty());
}

}  // namespace
}  // namespace pipelined::testing
