#include "pipelined/zoneinfo/system_zones.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <thread>
#include <vector>

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A folder of its own with one zone in it.
class SystemZonesTest : public ::testing::Test {
 protected:
  SystemZonesTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "zones-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(folder_ / "Europe");
    Write("CET-1CEST,M3.5.0,M10.5.0/3");
  }
  ~SystemZonesTest() override { std::filesystem::remove_all(folder_); }

  void Write(const std::string& rule) {
    std::string header = "TZif2" + std::string(39, '\0');
    header[39] = 1;
    header[43] = 4;
    const std::string block = header + std::string("\0\0\0\0\0\0LMT\0", 10);
    std::ofstream(folder_ / "Europe/Berlin.new", std::ios::binary) << block << block << "\n" << rule << "\n";
    std::filesystem::rename(folder_ / "Europe/Berlin.new", folder_ / "Europe/Berlin");
  }

  Seconds OffsetInJuly(const SystemZones& zones) const {
    return (*zones.Find("Europe/Berlin"))->OffsetAt(*ParseInstant("2026-07-01T00:00:00Z"));
  }

  std::filesystem::path folder_;
};

TEST_F(SystemZonesTest, AZoneIsReadOnceAndKept) {
  const SystemZones zones(folder_);
  EXPECT_EQ(*zones.Find("Europe/Berlin"), *zones.Find("Europe/Berlin"));
}

TEST_F(SystemZonesTest, AChangedFileIsReadAgainAndOldZonesStayValid) {
  const SystemZones zones(folder_);
  const auto old = *zones.Find("Europe/Berlin");
  EXPECT_EQ(OffsetInJuly(zones), Seconds(7200));
  Write("CET-1");
  EXPECT_EQ(OffsetInJuly(zones), Seconds(3600));
  EXPECT_EQ(old->OffsetAt(*ParseInstant("2026-07-01T00:00:00Z")), Seconds(7200));
}

TEST_F(SystemZonesTest, TellsEachAskerOnceWhichZonesHaveChanged) {
  const SystemZones zones(folder_);
  std::uint64_t seen = 0, other = 0;
  ASSERT_TRUE(zones.Find("Europe/Berlin").ok());
  EXPECT_THAT(zones.Changed(seen), IsEmpty());
  Write("CET-1");
  EXPECT_THAT(zones.Changed(seen), ElementsAre("Europe/Berlin"));
  EXPECT_THAT(zones.Changed(seen), IsEmpty());
  ASSERT_TRUE(zones.Find("Europe/Berlin").ok());
  EXPECT_THAT(zones.Changed(seen), IsEmpty());
  EXPECT_THAT(zones.Changed(other), ElementsAre("Europe/Berlin"));
}

TEST_F(SystemZonesTest, AChangeThatSomebodyElseReadFirstIsToldAllTheSame) {
  const SystemZones zones(folder_);
  std::uint64_t seen = 0;
  ASSERT_TRUE(zones.Find("Europe/Berlin").ok());
  Write("CET-1");
  ASSERT_TRUE(zones.Find("Europe/Berlin").ok());
  EXPECT_THAT(zones.Changed(seen), ElementsAre("Europe/Berlin"));
}

TEST_F(SystemZonesTest, ACalendarIsReadAgainWhenItChanges) {
  const SystemZones zones(folder_);
  const std::string path = folder_ / "days.ics";
  const auto write = [&](const std::string& day) {
    std::ofstream(path + ".new") << "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART;VALUE=DATE:" << day
                                 << "\nEND:VEVENT\nEND:VCALENDAR\n";
    std::filesystem::rename(path + ".new", path);
  };
  write("20260101");
  const auto first = zones.Holidays(path);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(**first, DayList{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)});
  EXPECT_EQ(*zones.Holidays(path), *first);
  write("20260601");
  std::uint64_t seen = 0;
  EXPECT_THAT(zones.Changed(seen), ElementsAre(path));
  EXPECT_EQ(**zones.Holidays(path), DayList{std::chrono::sys_days(std::chrono::year(2026) / 6 / 1)});
}

TEST_F(SystemZonesTest, ACalendarThatCannotBeReadSaysWhy) {
  const SystemZones zones(folder_);
  EXPECT_EQ(zones.Holidays(std::string(folder_ / "none.ics")).error().code, ErrorCode::kNotFound);
  const auto folder = zones.Holidays(std::string(folder_ / "Europe"));
  EXPECT_EQ(folder.error().code, ErrorCode::kInvalid);
  EXPECT_THAT(folder.error().message, HasSubstr("not a regular file"));
  std::ofstream(folder_ / "huge.ics") << std::string(5 << 20, 'x');
  EXPECT_THAT(zones.Holidays(std::string(folder_ / "huge.ics")).error().message, HasSubstr("larger than 4 MiB"));
  EXPECT_THAT(zones.Holidays("/dev/zero").error().message, HasSubstr("not a regular file"));
}

TEST_F(SystemZonesTest, AnUnknownNameComesWithANearOne) {
  const auto zone = SystemZones(folder_).Find("Europe/Berln");
  ASSERT_FALSE(zone.ok());
  EXPECT_EQ(zone.error().code, ErrorCode::kNotFound);
  EXPECT_THAT(zone.error().hint, HasSubstr("Europe/Berlin"));
}

TEST_F(SystemZonesTest, NoNameLeadsOutOfTheFolder) {
  std::ofstream(folder_ / "zone.tab") << "not a zone";
  const SystemZones zones(folder_);
  const std::vector<std::string> names = {"",
                                          "/etc/passwd",
                                          "../Europe/Berlin",
                                          "Europe/../Europe/Berlin",
                                          "Europe//Berlin",
                                          "Europe/",
                                          "Europe",
                                          "zone.tab",
                                          "-x",
                                          std::string(5000, 'a')};
  for (const std::string& name : names) {
    const auto zone = zones.Find(name);
    ASSERT_FALSE(zone.ok()) << name;
    EXPECT_EQ(zone.error().code, ErrorCode::kNotFound) << name;
  }
  EXPECT_FALSE(zones.Find(std::string("Europe/Berlin\0x", 15)).ok());
}

TEST_F(SystemZonesTest, UtcIsThereWithoutAnyFile) {
  EXPECT_TRUE(SystemZones("/nonexistent").Find("UTC").ok());
}

TEST_F(SystemZonesTest, WithoutZoneDataTheHintNamesThePackage) {
  EXPECT_THAT(SystemZones("/nonexistent").Find("Europe/Berlin").error().hint, HasSubstr("tzdata"));
}

TEST_F(SystemZonesTest, ManyThreadsMayAsk) {
  const SystemZones zones(folder_);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&zones] {
      for (int k = 0; k < 200; ++k) EXPECT_TRUE(zones.Find("Europe/Berlin").ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(InstalledZones, EveryOneOfThemIsUnderstood) {
  const std::filesystem::path folder = "/usr/share/zoneinfo";
  if (!std::filesystem::exists(folder / "Europe/Berlin")) GTEST_SKIP() << "no zone data on this machine";
  const SystemZones zones(folder);
  for (const char* part :
       {"Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific", "Etc"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / part)) {
      if (!entry.is_regular_file()) continue;
      const std::string name = entry.path().lexically_relative(folder).string();
      const auto zone = zones.Find(name);
      EXPECT_TRUE(zone.ok()) << name << ": " << (zone.ok() ? "" : zone.error().message);
    }
  }
}

}  // namespace
}  // namespace pipelined
