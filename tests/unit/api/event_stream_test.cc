// Live events over a history in memory: what one client is sent, from where on, and what it is not sent.
#include <gmock/gmock.h>

#include <condition_variable>
#include <mutex>

#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A client that reads as fast as it is sent.
class Reader {
 public:
  explicit Reader(std::shared_ptr<Feed> feed) : feed_(std::move(feed)) {
    feed_->Begin([told = told_] {
      const std::scoped_lock lock(told->mutex);
      told->more = true;
      told->changed.notify_all();
    });
  }
  // All that has come, once `text` is in it.
  const std::string& Until(const std::string& text) {
    while (all_.find(text) == std::string::npos) {
      const std::string bytes = feed_->Take(1 << 16).bytes;
      all_ += bytes;
      if (!bytes.empty()) continue;
      std::unique_lock lock(told_->mutex);
      if (!told_->changed.wait_for(lock, Seconds(30), [this] { return told_->more; })) {
        ADD_FAILURE() << "never came: " << text << "\nbut: " << all_;
        break;
      }
      told_->more = false;
    }
    return all_;
  }
  // Whether it does, within half a minute.
  bool Ends() {
    const auto until = std::chrono::steady_clock::now() + Seconds(30);
    while (!feed_->Take(1 << 16).last) {
      std::unique_lock lock(told_->mutex);
      if (!told_->changed.wait_until(lock, until, [this] { return told_->more; })) return false;
      told_->more = false;
    }
    return true;
  }
  // The ids of what has come until the event `last`.
  std::vector<int> Ids(int last) {
    Until("id: " + std::to_string(last) + "\nevent: ");
    std::vector<int> ids;
    for (std::size_t at = all_.find("\nevent: "); at != std::string::npos; at = all_.find("\nevent: ", at + 1))
      ids.push_back(std::stoi(all_.substr(all_.rfind("id: ", at) + 4)));
    return ids;
  }

 private:
  struct Told {
    std::mutex mutex;
    std::condition_variable changed;
    bool more = false;
  };
  const std::shared_ptr<Feed> feed_;
  const std::shared_ptr<Told> told_ = std::make_shared<Told>();
  std::string all_;
};

class EventStreamTest : public ApiTest {
 protected:
  ~EventStreamTest() override { service_.events.Stop(); }
  void Happens(int id, const std::string& kind = "task", const std::string& dag = "d", const std::string& run = "r") {
    EventRow event;
    event.id = id;
    event.at = At("2026-02-01T12:00:00Z");
    event.who = "scheduler";
    event.kind = kind;
    event.dag_id = dag;
    event.run_id = run;
    event.new_state = "running";
    catalog_.AddEvent(std::move(event));
  }
  std::shared_ptr<Feed> Open(const std::string& query = "") {
    const Response response = Send("GET", "/api/ext/v1/events/stream" + query, "", "viewer-token");
    EXPECT_EQ(response.status, 200) << response.body;
    return response.feed;
  }
};

TEST_F(EventStreamTest, TellsWhatHappensFromNowOn) {
  Happens(1);
  Reader reader(Open());
  EXPECT_EQ(reader.Until("id: 1\n\n"), "retry: 1000\nid: 1\n\n");
  Happens(2, "run");
  EXPECT_THAT(reader.Until("id: 2\n"),
              HasSubstr("id: 2\nevent: run\ndata: {\"event_log_id\":2,\"when\":\"2026-02-01T12"));
  EXPECT_THAT(reader.Ids(2), ElementsAre(2));
}

TEST_F(EventStreamTest, GoesOnWhereAClientLeftOff) {
  for (int id = 1; id <= 5; ++id) Happens(id);
  Reader reader(Open("?last_event_id=2"));
  EXPECT_THAT(reader.Ids(5), ElementsAre(3, 4, 5));
  Happens(7);
  EXPECT_THAT(reader.Ids(7), ElementsAre(3, 4, 5, 7));
}

TEST_F(EventStreamTest, AllFollowersAreToldTheSameInTheSameOrder) {
  Reader first(Open()), second(Open());
  first.Until("id: 0\n"), second.Until("id: 0\n");
  std::vector<int> all;
  for (int id = 1; id <= 3000; ++id) {
    Happens(id);
    all.push_back(id);
  }
  EXPECT_EQ(first.Ids(3000), all);
  EXPECT_EQ(second.Ids(3000), all);
}

TEST_F(EventStreamTest, SaysWhenEventsAreGone) {
  for (int id = 10; id <= 12; ++id) Happens(id);
  Reader late(Open("?last_event_id=3"));
  EXPECT_THAT(late.Until("reset"), HasSubstr("id: 12\nevent: reset\ndata: {\"reason\":\"history_gone\"}"));
  Reader stranger(Open("?last_event_id=99"));
  EXPECT_THAT(stranger.Until("reset"), HasSubstr("unknown_position"));
  Reader just(Open("?last_event_id=9"));  // nothing between is missing
  EXPECT_THAT(just.Ids(12), ElementsAre(10, 11, 12));
}

TEST_F(EventStreamTest, TellsOnlyWhatWasAskedFor) {
  Reader by_dag(Open("?last_event_id=0&dag_id=e")), by_run(Open("?last_event_id=0&run_id=r2")),
      by_kind(Open("?last_event_id=0&kind=run&kind=dag"));
  Happens(1, "task", "d", "r");
  Happens(2, "task", "e", "r2");
  Happens(3, "run", "d", "r2");
  Happens(4, "dag", "e", "");
  Happens(5, "run", "e", "r2");
  EXPECT_THAT(by_dag.Ids(5), ElementsAre(2, 4, 5));
  EXPECT_THAT(by_run.Ids(5), ElementsAre(2, 3, 5));
  EXPECT_THAT(by_kind.Ids(5), ElementsAre(3, 4, 5));
}

TEST_F(EventStreamTest, WhatPeopleAskForIsNotTold) {
  Reader reader(Open("?last_event_id=0"));
  Happens(1, "command");
  Happens(2, "pool");
  Happens(3);
  EXPECT_THAT(reader.Ids(3), ElementsAre(3));
}

TEST_F(EventStreamTest, AHeartbeatCarriesThePlace) {
  Reader reader(Open("?dag_id=other"));
  reader.Until("id: 0\n");
  Happens(1);
  clock_.Advance(Seconds(20));
  Happens(2);
  EXPECT_THAT(reader.Until(": still here\n"), HasSubstr(": still here\nid: "));
}

TEST_F(EventStreamTest, EndsAfterAnHour) {
  const std::shared_ptr<Feed> feed = Open();
  feed->Begin([] {});
  EXPECT_FALSE(feed->Take(1000).last);
  clock_.Advance(std::chrono::hours(1));
  EXPECT_TRUE(feed->Take(1000).last);
}

TEST_F(EventStreamTest, EndsWhenTheServerHasStopped) {
  service_.events.Stop();
  const std::shared_ptr<Feed> feed = Open();
  feed->Begin([] {});
  EXPECT_TRUE(feed->Take(1000).last);
}

TEST_F(EventStreamTest, WhatAnotherServerHasToldIsNeitherUnknownNorToldAgain) {
  Happens(1);
  catalog_.latest_number = 5;  // this server has not read so far
  Reader reader(Open("?last_event_id=4"));
  for (int id = 2; id <= 6; ++id) Happens(id);
  EXPECT_THAT(reader.Ids(6), ElementsAre(5, 6));
  EXPECT_THAT(reader.Until("id: 6"), ::testing::Not(HasSubstr("reset")));
}

// Who is looked after: the end is told by another thread.
class GuardedStreamTest : public EventStreamTest {
 protected:
  bool Ends(const std::shared_ptr<Feed>& feed) {
    Reader reader(feed);
    service_.premises.AskAll();
    return reader.Ends();
  }
};

TEST_F(GuardedStreamTest, EndsWhenTheTokenIsRevoked) {
  const std::shared_ptr<Feed> feed = Open();
  catalog_.tokens.clear();
  EXPECT_TRUE(Ends(feed));
}

TEST_F(GuardedStreamTest, EndsWhenTheRightsAreGone) {
  const std::shared_ptr<Feed> feed = Open();
  catalog_.users[0].role = "nobody";
  EXPECT_TRUE(Ends(feed));
}

TEST_F(EventStreamTest, WhoHasGoneIsForgotten) {
  {
    Reader reader(Open());
    reader.Until("id: 0\n");
    EXPECT_EQ(service_.events.size(), 1U);
    EXPECT_EQ(service_.streams.size(), 1);
  }
  EXPECT_EQ(service_.events.size(), 0U);
  EXPECT_EQ(service_.streams.size(), 0);
}

TEST_F(EventStreamTest, RefusesWhatItCannotTell) {
  const std::string path = "/api/ext/v1/events/stream";
  EXPECT_EQ(Send("GET", path, "", "").status, 401);
  EXPECT_EQ(Get(path + "?kind=command").status, 422);
  EXPECT_EQ(Get(path + "?last_event_id=x").status, 400);
  EXPECT_EQ(Get(path + "?last_event_id=-1").status, 400);
  EXPECT_EQ(Send("GET", path, "", "admin-token", "application/json").status, 406);
}

struct OneStream : ApiOptions {
  OneStream() { max_streams = 1; }
};
class FullStreamTest : public ApiTest {
 protected:
  FullStreamTest() : ApiTest(OneStream()) {}
};

struct OneStreamEach : ApiOptions {
  OneStreamEach() { max_streams_per_user = 1; }
};
class CrowdedStreamTest : public ApiTest {
 protected:
  CrowdedStreamTest() : ApiTest(OneStreamEach()) {}
};

TEST_F(CrowdedStreamTest, NobodyTakesAllStreams) {
  const std::string path = "/api/ext/v1/events/stream";
  const Response first = Get(path);
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(Get(path).status, 503);
  EXPECT_EQ(Send("GET", path, "", "viewer-token").status, 200);
}

TEST_F(FullStreamTest, NotMoreStreamsThanMayBe) {
  Response first = Get("/api/ext/v1/events/stream");
  EXPECT_EQ(first.status, 200);
  EXPECT_EQ(Get("/api/ext/v1/events/stream").status, 503);
  first.feed.reset();
  EXPECT_EQ(Get("/api/ext/v1/events/stream").status, 200);
}

}  // namespace
}  // namespace pipelined::api
