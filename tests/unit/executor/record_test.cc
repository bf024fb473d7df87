#include "executor/record.h"

#include <gtest/gtest.h>

#include <string>

namespace pipelined::executor {
namespace {

std::string Bytes(const Record& record) {
  return {reinterpret_cast<const char*>(&record), sizeof record};
}

struct Step {
  std::size_t size;
  bool valid;
  std::int64_t attempt;
};
Step Take(const std::string& data) {
  Record record{};
  bool valid = false;
  const std::size_t size = NextRecord(data.data(), data.size(), &record, &valid);
  return {size, valid, record.attempt};
}

TEST(Crc32c, IsCastagnolis) {
  EXPECT_EQ(Crc32c("123456789", 9), 0xe3069283u);
}

TEST(Record, ComesBackAsItWasMade) {
  const Record record = MakeRecord(RecordType::kEpoch, 7, EpochBody{42});
  EXPECT_TRUE(IsValid(record));
  EXPECT_EQ(BodyOf<EpochBody>(record).epoch, 42);
  const Step step = Take(Bytes(record));
  EXPECT_EQ(step.size, kRecordSize);
  EXPECT_TRUE(step.valid);
  EXPECT_EQ(step.attempt, 7);
}

TEST(Record, WithAnyBitTurnedIsInvalid) {
  const Record record = MakeRecord(RecordType::kEpoch, 7, EpochBody{42});
  for (std::size_t bit = 0; bit < kRecordSize * 8; ++bit) {
    std::string bytes = Bytes(record);
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(Take(bytes).valid) << bit;
  }
}

TEST(Record, NotYetWholeIsWaitedFor) {
  EXPECT_EQ(Take(Bytes(MakeRecord(RecordType::kEpoch, 7, EpochBody{42})).substr(0, 127)).size, 0u);
  EXPECT_EQ(Take("").size, 0u);
}

TEST(Record, BehindATornStretchIsFound) {
  const std::string good = Bytes(MakeRecord(RecordType::kEpoch, 7, EpochBody{42}));
  const Step torn = Take(good.substr(0, 50) + good);
  EXPECT_EQ(torn.size, 50u);
  EXPECT_FALSE(torn.valid);
}

}  // namespace
}  // namespace pipelined::executor
