#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

class NotificationsTest : public ApiTest {
 protected:
  NotificationsTest() {
    Add(1, "sales", NotificationState::kSent);
    Add(2, "sales", NotificationState::kFailed);
    Add(3, "", NotificationState::kQueued);
    catalog_.memory_notifications.attempts[2] = {
        {1, At("2026-02-01T11:00:00Z"), At("2026-02-01T11:00:01Z"), 404, "HTTP 404"}};
  }
  void Add(std::int64_t id, const std::string& dag_id, NotificationState state) {
    Notification row;
    row.id = id;
    row.created_at = At("2026-02-01T11:00:00Z");
    row.use.channel = "ops";
    row.dag_id = dag_id;
    row.facts = Value::Map{{"event", "failure"}};
    row.state = state;
    catalog_.memory_notifications.rows.push_back(row);
  }
};

TEST_F(NotificationsTest, AreListedTheNewestFirstPageByPage) {
  const Response first = Get("/api/ext/v1/notifications?limit=2");
  EXPECT_EQ(Field(first, "notifications.0.id"), "3");
  EXPECT_EQ(Field(first, "notifications.1.id"), "2");
  EXPECT_EQ(Field(first, "next"), "2");
  const Response second = Get("/api/ext/v1/notifications?limit=2&before_id=2");
  EXPECT_EQ(Field(second, "notifications.0.id"), "1");
  EXPECT_EQ(Field(second, "next"), "null");
}

TEST_F(NotificationsTest, AreFoundByState) {
  EXPECT_EQ(Field(Get("/api/ext/v1/notifications?state=failed"), "notifications.0.id"), "2");
  EXPECT_EQ(Get("/api/ext/v1/notifications?state=lost").status, 422);
}

TEST_F(NotificationsTest, OneIsShownWithItsTries) {
  const Response response = Get("/api/ext/v1/notifications/2");
  EXPECT_EQ(Field(response, "tries.0.status"), "404");
  EXPECT_EQ(Field(response, "facts.event"), "\"failure\"");
  EXPECT_EQ(Get("/api/ext/v1/notifications/99").status, 404);
  EXPECT_EQ(Get("/api/ext/v1/notifications/x").status, 422);
}

TEST_F(NotificationsTest, OnlyWhatHasFailedIsSentAgain) {
  EXPECT_EQ(Field(Send("POST", "/api/ext/v1/notifications/2/retry"), "state"), "\"queued\"");
  EXPECT_EQ(Send("POST", "/api/ext/v1/notifications/1/retry").status, 409);
  EXPECT_EQ(Send("POST", "/api/ext/v1/notifications/99/retry").status, 404);
}

TEST_F(NotificationsTest, ATestNamesItsChannel) {
  const Response made = Send("POST", "/api/ext/v1/notifications", R"({"channel": "ops", "message": "hello"})");
  EXPECT_EQ(made.status, 201);
  EXPECT_EQ(Field(made, "event"), "\"test\"");
  EXPECT_EQ(Send("POST", "/api/ext/v1/notifications", "{}").status, 422);
  EXPECT_EQ(Send("POST", "/api/ext/v1/notifications", R"({"channel": ""})").status, 422);
}

TEST_F(NotificationsTest, WhoOnlyLooksSendsNothing) {
  EXPECT_EQ(Send("GET", "/api/ext/v1/notifications", "", "viewer-token").status, 200);
  EXPECT_EQ(Send("POST", "/api/ext/v1/notifications/2/retry", "", "user-token").status, 403);
  EXPECT_EQ(Send("POST", "/api/ext/v1/notifications", R"({"channel": "ops"})", "user-token").status, 403);
}

}  // namespace
}  // namespace pipelined::api
