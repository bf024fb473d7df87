// What a worker leaves on disk: journals and logs.
#include <gmock/gmock.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "pipelined/executor/worker_protocol.h"
#include "worker/attempt_log.h"
#include "worker/journal.h"
#include "worker/json_pointer.h"
#include "pipelined/schema/json.h"

namespace pipelined::worker {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using std::string_view_literals::operator""sv;

class WorkerFiles : public testing::Test {
 protected:
  WorkerFiles() {
    std::string name = testing::TempDir() + "worker.XXXXXX";
    folder_ = ::mkdtemp(name.data());
    fd_ = open(folder_.c_str(), O_RDONLY | O_DIRECTORY);
  }
  ~WorkerFiles() override {
    close(fd_);
    std::filesystem::remove_all(folder_);
  }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(folder_ / name).rdbuf();
    return text.str();
  }
  std::filesystem::path folder_;
  int fd_ = -1;
};

TEST_F(WorkerFiles, AJournalGoesOnInTheNextOneWhenItIsLarge) {
  Journal journal(fd_, "7.1", "boot", 50);
  ASSERT_TRUE(journal.Open());
  EXPECT_EQ(journal.Append(StartLine(1, Instant{})), Journal::Appended::kAll);
  EXPECT_EQ(journal.Append(StartLine(2, Instant{})), Journal::Appended::kAll);
  EXPECT_EQ(Read("j-7.1-1"), HeaderLine("7.1", "boot") + StartLine(1, Instant{}) + NextLine(2));
  EXPECT_EQ(Read("j-7.1-2"), HeaderLine("7.1", "boot") + StartLine(2, Instant{}) + NextLine(3));
}

TEST_F(WorkerFiles, LinesAreReadAsTheyWereWritten) {
  AttemptEnd end;
  end.attempt = AttemptId{5};
  end.outcome = AttemptOutcome::kTimedOut;
  end.message = "two\nlines";
  end.start = Instant(Micros(10));
  end.outputs = Value(Value::Map{{"a", 1}});
  end.is_final = true;
  const auto read = ReadLine(EndLine(end));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->end.outcome, AttemptOutcome::kTimedOut);
  EXPECT_EQ(read->end.message, "two\nlines");
  EXPECT_EQ(read->end.start, end.start);
  EXPECT_EQ(read->end.outputs, end.outputs);
  EXPECT_TRUE(read->end.is_final);
}

TEST_F(WorkerFiles, TornAndForeignLinesAreNothing) {
  for (const char* line : {"", "{", "{\"end\":5,\"outco", "{\"end\":5}", "{\"end\":5,\"outcome\":\"won\"}", "[1]",
                           "{\"start\":0}", "{\"start\":-1}", "x"})
    EXPECT_FALSE(ReadLine(line)) << line;
}

TEST_F(WorkerFiles, TheFenceLetsInWhoRaisedItLast) {
  auto older = Fence::Open(fd_), newer = Fence::Open(fd_);
  const std::int64_t first = *older->TryRaise();
  EXPECT_EQ(older->TryEnter(first), Fence::Entry::kOpen);
  EXPECT_EQ(newer->TryRaise(), std::nullopt);  // while somebody is within
  older->Leave();
  EXPECT_EQ(newer->TryRaise(), first + 1);
  EXPECT_EQ(older->TryEnter(first), Fence::Entry::kClosed);
  EXPECT_EQ(newer->TryEnter(first + 1), Fence::Entry::kOpen);
}

TEST_F(WorkerFiles, FramesComeOneByOne) {
  std::string buffer = MakeFrame(Value("a")) + MakeFrame(Value(2)) + MakeFrame(Value("rest")).substr(0, 6);
  std::vector<Value> taken;
  EXPECT_TRUE(TakeFrames(buffer, [&](const Value& value) { taken.push_back(value); }));
  EXPECT_EQ(taken, (std::vector<Value>{"a", 2}));
  EXPECT_EQ(buffer.size(), 6u);
  std::string noise = "\xff\xff\xff\xff no frame";
  EXPECT_FALSE(TakeFrames(noise, [](const Value&) {}));
}

TEST_F(WorkerFiles, ALogIsMadeAtItsFirstByteWithItsFolders) {
  const std::string path = folder_ / "a/b/c.log";
  AttemptLog log(path, 1 << 20);
  EXPECT_FALSE(std::filesystem::exists(path));
  log.Line("one\ntwo \x01\xff ü");
  log.Finish();
  EXPECT_EQ(Read("a/b/c.log"), "one\ntwo \\x01\\xff ü\n");
}

TEST_F(WorkerFiles, ALogHidesSecretsAlsoWhereItIsCut) {
  AttemptLog log(folder_ / "l", 1 << 20, {"long\nsecret", "secret"});
  log.Line("a secret, a long\nsecret");
  EXPECT_EQ(log.Shown("12 secret", 6), "12 ***");
  log.Finish();
  EXPECT_EQ(Read("l"), "a ***, a ***\n");
}

TEST_F(WorkerFiles, ALogKeepsHeadAndEnd) {
  AttemptLog log(folder_ / "l", 70'000);
  log.Line("first");
  for (int i = 0; i < 3000; ++i) log.Line(std::string(99, 'x'));
  log.Line("last");
  log.Finish();
  const std::string text = Read("l");
  EXPECT_THAT(text, StartsWith("first\n"));
  EXPECT_THAT(text, HasSubstr("bytes left out here"));
  EXPECT_TRUE(text.ends_with("x\nlast\n"));
  EXPECT_LT(text.size(), 71'000u);
}

TEST(Readable, IsOneShortLine) {
  EXPECT_EQ(Readable("a\r\nb\0c"sv, 100), "a\\r\\nb\\x00c");
  EXPECT_EQ(Readable("äöü", 3), "ä…");
}

TEST(JsonPointer, FindsWhatItNames) {
  const Value document = *ParseJson(R"({"a": [1, {"b/c": 2, "~": 3}], "": 4})");
  EXPECT_EQ(*FindByPointer(document, ""), document);
  EXPECT_EQ(*FindByPointer(document, "/a/0"), Value(1));
  EXPECT_EQ(*FindByPointer(document, "/a/1/b~1c"), Value(2));
  EXPECT_EQ(*FindByPointer(document, "/a/1/~0"), Value(3));
  EXPECT_EQ(*FindByPointer(document, "/"), Value(4));
  for (const char* nothing : {"a", "/b", "/a/2", "/a/01", "/a/-", "/a/0/x", "/a/x"})
    EXPECT_EQ(FindByPointer(document, nothing), nullptr) << nothing;
}

}  // namespace
}  // namespace pipelined::worker
