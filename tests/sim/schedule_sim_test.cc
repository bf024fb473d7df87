// Schedules through the real scheduler and engine, under clocks that jump: every slot fires once, however the clock got
// there.
#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "pipelined/base/log.h"
#include "pipelined/scheduler/scheduler.h"
#include "pipelined/store/memory_store.h"
#include "pipelined/zoneinfo/system_zones.h"
#include "unit/scheduler/fake_executor.h"

namespace pipelined {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

Instant At(std::string_view text) {
  return *ParseInstant(text);
}

Schedule Cron(std::vector<std::string> crons, std::string zone = "UTC") {
  Schedule schedule;
  schedule.kind = ScheduleKind::kCron;
  schedule.crons = std::move(crons);
  schedule.timezone = std::move(zone);
  return schedule;
}

Schedule CatchingUp(Schedule schedule, std::string_view start_date) {
  schedule.catchup = true;
  schedule.start_date = At(start_date);
  return schedule;
}

// One DAG of one empty task, so that its runs end at once.
class Sim {
 public:
  Sim(const Schedule& schedule, std::string_view now, const std::filesystem::path& zones = "/usr/share/zoneinfo")
      : clock_(At(now)), zones_(zones) {
    log::SetLevel(log::Level::kOff);
    Publish(schedule);
    Restart();
    Settle();
  }

  void Publish(const Schedule& schedule) {
    auto dag = std::make_shared<Dag>();
    dag->id = "d";
    dag->content_hash = "h";
    dag->schedule = schedule;
    Task task;
    task.id = "a";
    dag->tasks.push_back(task);
    EXPECT_TRUE(dag->Link({}).ok());
    dag_ = dag;
    store_.Publish(PublishedDag{dag_, DagSource{}, "/dags"});
  }

  void Restart() {
    scheduler_.reset();
    SchedulerOptions options;
    options.holder = "sim";
    options.lease_ttl = std::chrono::hours(24 * 365 * 30);
    options.on_plan = [this](const Plan& plan) {
      for (const NewRun& run : plan.new_runs) {
        fired_.push_back(FormatInstant(run.due.tick()));
        ids_.push_back(run.run_id);
        due_.push_back(run.due);
      }
    };
    const auto parse = [this](const DagSource&) -> Result<DagPtr> { return DagPtr(dag_); };
    scheduler_ = std::make_unique<Scheduler>(std::move(options), store_, executor_, zones_, parse, clock_);
  }

  // Wall clock and monotonic time go on together, and the scheduler wakes at each of its timers.
  Sim& RunUntil(std::string_view until) {
    for (auto timer = scheduler_->NextTimer(); timer && *timer <= At(until); timer = scheduler_->NextTimer()) {
      clock_.Advance(std::max(Micros(0), *timer - clock_.Now()));
      Settle();
    }
    clock_.Advance(std::max(Micros(0), At(until) - clock_.Now()));
    Settle();
    return *this;
  }
  // The wall clock is set, and the scheduler wakes because of it.
  Sim& JumpTo(std::string_view now) {
    clock_.JumpTo(At(now));
    Settle();
    return *this;
  }
  void Settle() {
    for (int i = 0; i < 4; ++i) scheduler_->Step();
  }

  std::vector<std::string> Fired() { return std::exchange(fired_, {}); }
  const std::vector<std::string>& ids() const { return ids_; }
  const std::vector<DueRun>& due() const { return due_; }

 private:
  ManualClock clock_;
  MemoryStore store_{clock_};
  SystemZones zones_;
  testing::FakeExecutor executor_{"sim"};
  DagPtr dag_;
  std::unique_ptr<Scheduler> scheduler_;
  std::vector<std::string> fired_, ids_;
  std::vector<DueRun> due_;
};

TEST(ClockJump, ForwardWithoutCatchupRunsOnlyTheLatestSlot) {
  Sim sim(Cron({"0 * * * *"}), "2026-01-01T00:30:00Z");
  EXPECT_THAT(sim.RunUntil("2026-01-01T01:30:00Z").Fired(), ElementsAre("2026-01-01T01:00:00Z"));
  EXPECT_THAT(sim.JumpTo("2026-01-02T01:30:00Z").Fired(), ElementsAre("2026-01-02T01:00:00Z"));
  EXPECT_THAT(sim.RunUntil("2026-01-02T02:30:00Z").Fired(), ElementsAre("2026-01-02T02:00:00Z"));
}

TEST(ClockJump, ForwardWithCatchupRunsEverySlotOnce) {
  Sim sim(CatchingUp(Cron({"0 */6 * * *"}), "2026-01-01T00:00:00Z"), "2026-01-01T00:30:00Z");
  EXPECT_THAT(sim.Fired(), ElementsAre("2026-01-01T00:00:00Z"));
  EXPECT_THAT(sim.JumpTo("2026-01-02T00:30:00Z").Fired(), ElementsAre("2026-01-01T06:00:00Z", "2026-01-01T12:00:00Z",
                                                                      "2026-01-01T18:00:00Z", "2026-01-02T00:00:00Z"));
}

TEST(ClockJump, BackwardFiresNoSlotAgain) {
  Sim sim(Cron({"0 * * * *"}), "2026-01-01T00:30:00Z");
  EXPECT_THAT(sim.RunUntil("2026-01-01T02:30:00Z").Fired(), SizeIs(2));
  EXPECT_THAT(sim.JumpTo("2026-01-01T00:15:00Z").Fired(), IsEmpty());
  EXPECT_THAT(sim.RunUntil("2026-01-01T03:30:00Z").Fired(), ElementsAre("2026-01-01T03:00:00Z"));
}

TEST(ClockJump, BackwardOverARestartFiresNoSlotAgain) {
  Sim sim(CatchingUp(Cron({"0 * * * *"}), "2026-01-01T00:00:00Z"), "2026-01-01T01:30:00Z");
  EXPECT_THAT(sim.Fired(), SizeIs(2));
  sim.JumpTo("2026-01-01T00:10:00Z").Restart();
  EXPECT_THAT(sim.RunUntil("2026-01-01T02:30:00Z").Fired(), ElementsAre("2026-01-01T02:00:00Z"));
}

TEST(ClockJump, SmallCorrectionsOfTheClockNeitherDoubleNorDropASlot) {
  Sim sim(Cron({"*/30 * * * *"}), "2026-01-01T00:10:00Z");
  sim.RunUntil("2026-01-01T00:30:00.2Z");
  for (const char* now : {"2026-01-01T00:29:59.9Z", "2026-01-01T00:30:00.1Z", "2026-01-01T00:29:59.95Z"})
    sim.JumpTo(now);
  EXPECT_THAT(sim.RunUntil("2026-01-01T01:10:00Z").Fired(),
              ElementsAre("2026-01-01T00:30:00Z", "2026-01-01T01:00:00Z"));
}

// A suspended machine wakes with both clocks far ahead, and nobody looked in between.
TEST(ClockJump, ASuspendIsOneDecision) {
  Sim sim(Cron({"0 6 * * *"}, "Europe/Berlin"), "2026-01-01T04:00:00Z");
  EXPECT_THAT(sim.RunUntil("2026-01-01T05:30:00Z").Fired(), ElementsAre("2026-01-01T05:00:00Z"));
  EXPECT_THAT(sim.JumpTo("2026-01-05T12:00:00Z").Fired(), ElementsAre("2026-01-05T05:00:00Z"));
}

TEST(ClockJump, EveryStepsOnFromWhereItWasAndDoesNotDrift) {
  Schedule every;
  every.kind = ScheduleKind::kEvery;
  every.every = std::chrono::minutes(15);
  Sim sim(every, "2026-01-01T00:00:00Z");
  EXPECT_THAT(sim.RunUntil("2026-01-01T00:40:00Z").Fired(),
              ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z", "2026-01-01T00:30:00Z"));
  EXPECT_THAT(sim.JumpTo("2026-01-01T00:45:00.003Z").Fired(), ElementsAre("2026-01-01T00:45:00Z"));  // woken late
  EXPECT_THAT(sim.JumpTo("2026-01-01T09:50:00Z").Fired(), ElementsAre("2026-01-01T09:50:00Z"));
}

struct Change {
  const char* name;
  std::vector<std::string> crons;
  const char* from;
  const char* until;
  std::vector<std::string> fires;
};

void PrintTo(const Change& change, std::ostream* out) {
  *out << change.name;
}

// Berlin: 2026-03-29 02:00 becomes 03:00 (01:00Z), 2026-10-25 03:00 becomes 02:00 (01:00Z).
const std::vector<Change> kChanges{
    {"DailyInTheGap",
     {"30 2 * * *"},
     "2026-03-28T12:00:00Z",
     "2026-03-30T12:00:00Z",
     {"2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"}},
    {"DailyInTheFold",
     {"30 2 * * *"},
     "2026-10-24T12:00:00Z",
     "2026-10-26T12:00:00Z",
     {"2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"}},
    {"HourlyOverTheGap",
     {"0 * * * *"},
     "2026-03-28T23:30:00Z",
     "2026-03-29T02:30:00Z",
     {"2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}},
    {"HourlyOverTheFold",
     {"0 * * * *"},
     "2026-10-24T23:30:00Z",
     "2026-10-25T02:30:00Z",
     {"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}},
    {"HalfHoursOverTheGap",
     {"*/30 * * * *"},
     "2026-03-29T00:15:00Z",
     "2026-03-29T01:45:00Z",
     {"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
    {"HalfHoursOverTheFold",
     {"*/30 * * * *"},
     "2026-10-25T00:15:00Z",
     "2026-10-25T01:45:00Z",
     {"2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"}},
    // As Airflow: 02:30 would move to 03:30, but 03:00 has fired by then, which is later on the wall.
    {"AListOverTheGap",
     {"30 2 * * *", "0 3 * * *"},
     "2026-03-28T12:00:00Z",
     "2026-03-29T12:00:00Z",
     {"2026-03-29T01:00:00Z"}},
    {"AListOverTheFold",
     {"30 2 * * *", "15 2 * * *"},
     "2026-10-24T12:00:00Z",
     "2026-10-25T12:00:00Z",
     {"2026-10-25T01:15:00Z", "2026-10-25T01:30:00Z"}},
};

class SummerTimeSim : public ::testing::TestWithParam<Change> {};

TEST_P(SummerTimeSim, FiresEachSlotOnce) {
  Sim sim(Cron(GetParam().crons, "Europe/Berlin"), GetParam().from);
  sim.Fired();
  EXPECT_EQ(sim.RunUntil(GetParam().until).Fired(), GetParam().fires);
}

// The same with a scheduler that goes down and comes back at every fifth minute.
TEST_P(SummerTimeSim, AndOverRestarts) {
  Sim sim(CatchingUp(Cron(GetParam().crons, "Europe/Berlin"), GetParam().from), GetParam().from);
  for (Instant now = At(GetParam().from); now <= At(GetParam().until); now += std::chrono::minutes(5)) {
    sim.Restart();
    sim.RunUntil(FormatInstant(now));
  }
  EXPECT_EQ(sim.Fired(), GetParam().fires);
}

INSTANTIATE_TEST_SUITE_P(Berlin, SummerTimeSim, ::testing::ValuesIn(kChanges),
                         [](const auto& tested) { return std::string(tested.param.name); });

TEST(JitterSim, MovesTheStartAndNeitherTheSlotNorItsName) {
  Schedule schedule = Cron({"0 6 * * *"});
  schedule.jitter = std::chrono::minutes(10);
  schedule.jitter_offset = std::chrono::minutes(7);
  Sim sim(schedule, "2026-01-01T05:00:00Z");
  sim.Fired();
  EXPECT_THAT(sim.RunUntil("2026-01-01T06:06:59Z").Fired(), IsEmpty());
  EXPECT_THAT(sim.RunUntil("2026-01-01T06:07:00Z").Fired(), ElementsAre("2026-01-01T06:00:00Z"));
  EXPECT_EQ(sim.ids().back(), "scheduled__2026-01-01T06:00:00+00:00");
  const Instant tick = At("2026-01-01T06:00:00Z");
  EXPECT_EQ(sim.due().back(), (DueRun{tick, {tick, tick}, At("2026-01-01T06:07:00Z"), std::chrono::minutes(7)}));
}

TEST(JitterSim, LongerThanTheGapFiresEverySlotOnceAndInOrder) {
  Schedule schedule = CatchingUp(Cron({"*/10 * * * *"}), "2026-01-01T00:00:00Z");
  schedule.jitter = schedule.jitter_offset = std::chrono::minutes(35);
  Sim sim(schedule, "2026-01-01T00:00:00Z");
  EXPECT_THAT(sim.RunUntil("2026-01-01T01:00:00Z").Fired(),
              ElementsAre("2026-01-01T00:00:00Z", "2026-01-01T00:10:00Z", "2026-01-01T00:20:00Z"));
}

TEST(JitterSim, AChangeOfItMakesNoSecondRunOfASlot) {
  Schedule schedule = Cron({"0 6 * * *"});
  schedule.jitter = schedule.jitter_offset = std::chrono::minutes(5);
  Sim sim(schedule, "2026-01-01T05:00:00Z");
  sim.Fired();
  EXPECT_THAT(sim.RunUntil("2026-01-01T06:05:00Z").Fired(), ElementsAre("2026-01-01T06:00:00Z"));
  schedule.jitter = schedule.jitter_offset = std::chrono::minutes(50);
  sim.Publish(schedule);
  sim.Restart();
  EXPECT_THAT(sim.RunUntil("2026-01-02T06:50:00Z").Fired(), ElementsAre("2026-01-02T06:00:00Z"));
}

// A zone folder of its own, in which "Home" is a copy of another zone.
class ZoneUpdateTest : public ::testing::Test {
 protected:
  ZoneUpdateTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "zones-XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
    Update("Europe/Berlin");
  }
  ~ZoneUpdateTest() override { std::filesystem::remove_all(folder_); }

  void Update(const std::string& zone) {
    std::filesystem::copy_file("/usr/share/zoneinfo/" + zone, folder_ / "Home.new");
    std::filesystem::rename(folder_ / "Home.new", folder_ / "Home");
  }
  void WriteCalendar(const std::string& day) {
    std::ofstream(folder_ / "days.new") << "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART;VALUE=DATE:" << day
                                        << "\nEND:VEVENT\nEND:VCALENDAR\n";
    std::filesystem::rename(folder_ / "days.new", folder_ / "days.ics");
  }

  std::filesystem::path folder_;
};

TEST_F(ZoneUpdateTest, AnUpdateOfTheZoneDataIsTakenInWithoutARestart) {
  Sim sim(Cron({"0 6 * * *"}, "Home"), "2026-01-01T12:00:00Z", folder_);
  sim.Fired();
  EXPECT_THAT(sim.RunUntil("2026-01-02T05:00:00Z").Fired(), ElementsAre("2026-01-02T05:00:00Z"));
  Update("America/New_York");
  EXPECT_THAT(sim.RunUntil("2026-01-02T12:00:00Z").Fired(), ElementsAre("2026-01-02T11:00:00Z"));
}

TEST_F(ZoneUpdateTest, ABrokenUpdateLeavesTheScheduleAsItWas) {
  Sim sim(Cron({"0 6 * * *"}, "Home"), "2026-01-01T12:00:00Z", folder_);
  sim.Fired();
  std::ofstream(folder_ / "Home") << "no zone";
  sim.RunUntil("2026-01-01T13:00:00Z");
  EXPECT_THAT(sim.RunUntil("2026-01-02T06:00:00Z").Fired(), ElementsAre("2026-01-02T05:00:00Z"));
}

TEST_F(ZoneUpdateTest, SoIsAnEditedCalendar) {
  WriteCalendar("20260102");
  Schedule schedule = Cron({"0 6 * * *"});
  schedule.calendar.holidays = {folder_ / "days.ics"};
  Sim sim(schedule, "2026-01-01T12:00:00Z", folder_);
  sim.Fired();
  EXPECT_THAT(sim.RunUntil("2026-01-03T12:00:00Z").Fired(), ElementsAre("2026-01-03T06:00:00Z"));
  WriteCalendar("20260104");
  sim.RunUntil("2026-01-03T12:01:00Z");
  EXPECT_THAT(sim.RunUntil("2026-01-05T12:00:00Z").Fired(), ElementsAre("2026-01-05T06:00:00Z"));
}

}  // namespace
}  // namespace pipelined
