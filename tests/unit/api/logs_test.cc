// Logs in pieces, while a try runs and afterwards, and nothing from outside of the logs folder.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "api/logs/log_file.h"
#include "unit/api/api_test.h"

namespace pipelined::api {
namespace {

using ::testing::Contains;
using ::testing::Pair;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "pipelined-logs-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  void Write(const std::string& relative, const std::string& text) const {
    const std::filesystem::path file = std::filesystem::path(path_) / relative;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }

 private:
  std::string path_;
};

const std::string kLog = "dag_id=sales/run_id=manual__2026-01-01T00:00:00+00:00/task_id=load/attempt=1.log";
const std::string kTarget = "/api/v2/dags/sales/dagRuns/manual__2026-01-01T00:00:00+00:00/taskInstances/load/logs/1";

class LogsTest : public TemporaryFolder, public ApiTest {
 protected:
  LogsTest() : ApiTest(Options(path())) {
    catalog_.AddTask("sales", "manual__2026-01-01T00:00:00+00:00", "load", TaskState::kSuccess,
                     [](TaskInstanceRow& row) { row.try_number = 1; });
  }
  static ApiOptions Options(const std::string& folder) {
    ApiOptions options;
    options.logs_dir = folder;
    return options;
  }
  Response Ask(const std::string& query = "", const std::string& accept = "") {
    return Send("GET", kTarget + query, "", "viewer-token", accept);
  }
  // What is sent until the end.
  static std::string All(const Response& response) {
    std::string all = response.body;
    if (response.feed == nullptr) return all;
    response.feed->Begin([] {});
    return Rest(response);
  }
  static std::string Rest(const Response& response) {
    std::string all;
    for (int patience = 0; patience < 30'000; ++patience) {
      const Feed::Piece piece = response.feed->Take(1 << 16);
      all += piece.bytes;
      if (piece.last) return all;
      if (piece.bytes.empty()) std::this_thread::sleep_for(Millis(1));
    }
    ADD_FAILURE() << "it never ends";
    return all;
  }
  void HasEnded(const std::string& task) {
    EventRow event;
    event.id = catalog_.events.empty() ? 1 : catalog_.events.back().id + 1;
    event.kind = "task";
    event.dag_id = "sales";
    event.run_id = "manual__2026-01-01T00:00:00+00:00";
    event.task_id = task;
    event.old_state = "running";
    event.new_state = "success";
    catalog_.End(task, std::move(event));
  }
  void StillRuns() { catalog_.instances.front().state = TaskState::kRunning; }
};

TEST_F(LogsTest, LinesComeAsEvents) {
  Write(kLog, "one\n2026-01-01T00:00:00.5Z two\r\nthree");
  const Response response = Ask();
  EXPECT_THAT(response.headers, Contains(Pair("Cache-Control", "no-store")));
  EXPECT_EQ(Field(response, "content"),
            R"([{"event":"one"},{"timestamp":"2026-01-01T00:00:00.500000Z","event":"two"},{"event":"three"}])");
  EXPECT_EQ(Field(response, "continuation_token"), "null");
}

TEST_F(LogsTest, TextIsWhatTheCommandWrote) {
  const std::string text("<b>\x1b[31mred\0\n", 12);
  Write(kLog, text);
  const Response response = Ask("", "text/plain");
  EXPECT_EQ(response.content_type, "text/plain; charset=utf-8");
  EXPECT_EQ(response.body, text);
}

TEST_F(LogsTest, NdjsonHasALineForALine) {
  Write(kLog, "a\nb\n");
  EXPECT_EQ(All(Ask("", "application/x-ndjson")), "{\"event\":\"a\"}\n{\"event\":\"b\"}\n");
  EXPECT_EQ(Ask("?token=2", "application/x-ndjson").body, "{\"event\":\"b\"}\n") << "a token asks for one piece";
}

TEST_F(LogsTest, NdjsonIsAllOfALongLog) {
  std::string text, expected;
  for (int line = 0; line < 30'000; ++line) {
    text += "line " + std::to_string(line) + "\n";
    expected += "{\"event\":\"line " + std::to_string(line) + "\"}\n";
  }
  Write(kLog, text);
  EXPECT_EQ(All(Ask("", "application/x-ndjson")), expected);
}

TEST_F(LogsTest, NdjsonFollowsATryToItsEnd) {
  StillRuns();
  Write(kLog, "one\ntw");
  const Response response = Ask("", "application/x-ndjson");
  ASSERT_NE(response.feed, nullptr) << response.body;
  EXPECT_FALSE(response.feed->MayEndEarly());
  response.feed->Begin([] {});
  Feed::Piece piece = response.feed->Take(1 << 16);
  EXPECT_EQ(piece.bytes, "{\"event\":\"one\"}\n") << "the second line is not whole yet";
  EXPECT_FALSE(piece.last);
  Write(kLog, "one\ntwo");
  HasEnded("other");
  EXPECT_FALSE(response.feed->Take(1 << 16).last) << "another task's end";
  HasEnded("load");
  EXPECT_EQ(Rest(response), "{\"event\":\"two\"}\n");
}

TEST_F(LogsTest, NothingToSayIsSaidNowAndThen) {
  StillRuns();
  const Response response = Ask("", "application/x-ndjson");
  response.feed->Begin([] {});
  EXPECT_EQ(response.feed->Take(1 << 16).bytes, "");
  clock_.Advance(Seconds(15));
  EXPECT_EQ(response.feed->Take(1 << 16).bytes, "\n");
  EXPECT_EQ(response.feed->Take(1 << 16).bytes, "");
}

TEST_F(LogsTest, AnEndThatTheHistoryDoesNotTellIsFoundInTheDatabase) {
  StillRuns();
  Write(kLog, "one\n");
  const Response response = Ask("", "application/x-ndjson");
  catalog_.instances.front().state = TaskState::kSuccess;  // and no event
  EXPECT_EQ(All(response), "{\"event\":\"one\"}\n");
}

TEST_F(LogsTest, ALogThatCannotBeReadAnyMoreIsNotCalledWhole) {
  StillRuns();
  const Response response = Ask("", "application/x-ndjson");
  response.feed->Begin([] {});
  std::filesystem::create_directories(std::filesystem::path(path()) / kLog);  // no file
  const Feed::Piece piece = response.feed->Take(1 << 16);
  EXPECT_TRUE(piece.cut);
  EXPECT_FALSE(piece.last);
}

TEST_F(LogsTest, WhoMayNoLongerReadALogIsCutOff) {
  StillRuns();
  const Response response = Ask("", "application/x-ndjson");
  response.feed->Begin([] {});
  catalog_.tokens.clear();
  service_.premises.AskAll();
  Feed::Piece piece;
  for (int patience = 0; patience < 30'000 && !piece.cut; ++patience) {
    piece = response.feed->Take(1 << 16);
    std::this_thread::sleep_for(Millis(1));
  }
  EXPECT_TRUE(piece.cut);
}

TEST_F(LogsTest, WhileItRunsTheTokenContinues) {
  StillRuns();
  Write(kLog, "one\ntw");
  const Response first = Ask("", "text/plain");
  EXPECT_EQ(first.body, "one\n");
  EXPECT_THAT(first.headers, Contains(Pair("X-Continuation-Token", "4")));
  Write(kLog, "one\ntwo\n");
  EXPECT_EQ(Field(Ask("?token=4"), "content"), R"([{"event":"two"}])");
  EXPECT_EQ(Field(Ask("?token=8"), "continuation_token"), "\"8\"");
  catalog_.instances.front().state = TaskState::kSuccess;
  EXPECT_EQ(Field(Ask("?token=8"), "continuation_token"), "null");
}

TEST_F(LogsTest, WithoutOutputThereIsNoFileAndAnEmptyAnswer) {
  EXPECT_EQ(Field(Ask(), "content"), "[]");
}

TEST_F(LogsTest, OtherTypesAre406) {
  EXPECT_EQ(Ask("", "image/png").status, 406);
}

TEST_F(LogsTest, ALongLogComesInPiecesOfWholeLines) {
  std::string text;
  for (int i = 0; i < 300'000; ++i) text += "line\n";
  Write(kLog, text);
  std::string all, token = "0";
  int pieces = 0;
  for (; !token.empty(); ++pieces) {
    const Response piece = Ask("?token=" + token, "text/plain");
    all += piece.body;
    token.clear();
    for (const auto& [name, value] : piece.headers) {
      if (name == "X-Continuation-Token") token = value;
    }
  }
  EXPECT_EQ(pieces, 2);
  EXPECT_EQ(all, text);
}

// A line takes far more room in JSON than in the file.
TEST_F(LogsTest, AnAnswerInJsonHoldsSoManyLinesAndItsTokenGoesOn) {
  Write(kLog, std::string(250'000, '\n'));
  std::vector<std::size_t> lines;
  Value token = "0";
  while (token.is_string()) {
    const Result<Value> answer = ParseJson(Ask("?full_content=true&token=" + token.string()).body);
    ASSERT_TRUE(answer.ok());
    lines.push_back(answer->Find("content")->list().size());
    token = *answer->Find("continuation_token");
  }
  EXPECT_THAT(lines, ::testing::ElementsAre(100'000, 100'000, 50'000));
}

TEST_F(LogsTest, ALinkIsNotFollowed) {
  std::filesystem::create_directories((std::filesystem::path(path()) / kLog).parent_path());
  std::filesystem::create_symlink("/etc/passwd", std::filesystem::path(path()) / kLog);
  EXPECT_EQ(Ask().status, 403);
}

TEST_F(LogsTest, NoPathLeavesTheFolder) {
  const auto piece = ReadLog(path(), "../../../../etc/passwd", 0, 100, true);
  ASSERT_FALSE(piece.ok());
  EXPECT_EQ(piece.error().code, ErrorCode::kNotAllowed);
}

}  // namespace
}  // namespace pipelined::api
