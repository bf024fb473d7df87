// The runs that a backfill makes, as Airflow makes them.
#include "pipelined/engine/backfill.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "pipelined/zoneinfo/system_zones.h"
#include "support/conformance_table.h"

namespace pipelined {
namespace {

using testing::Tally;
using testing::Text;

Instant When(const Value& c, std::string_view key) {
  return *ParseInstant(Text(c, key));
}

bool Flag(const Value& c, std::string_view key) {
  const Value* value = c.Find(key);
  return value != nullptr && value->is_bool() && value->boolean();
}

Schedule ScheduleOf(const Value& given) {
  Schedule schedule;
  if (given.is_string()) schedule.kind = ScheduleKind::kContinuous;
  if (!given.is_map()) return schedule;
  schedule.data_interval =
      Text(given, "data_interval") == "interval" ? DataIntervalMeaning::kInterval : DataIntervalMeaning::kTrigger;
  schedule.timezone = Text(given, "timezone", "UTC");
  if (const Value* every = given.Find("every_s")) {
    schedule.kind = ScheduleKind::kEvery;
    schedule.every = Seconds(every->integer());
  } else {
    schedule.kind = ScheduleKind::kCron;
    const Value& cron = *given.Find("cron");
    if (cron.is_string()) schedule.crons = {cron.string()};
    for (const Value& one : cron.is_list() ? cron.list() : Value::List()) schedule.crons.push_back(one.string());
  }
  return schedule;
}

BackfillPlan Plan(const Value& c, const ZoneSource& zones) {
  const BackfillRange range{When(c, "from"), When(c, "to"), *ReprocessFromString(Text(c, "reprocess_behavior")),
                            Flag(c, "reverse")};
  BackfillFacts facts;
  facts.depends_on_past = Flag(c, "depends_on_past");
  if (const auto schedule = BackfillSchedule(ScheduleOf(*c.Find("schedule")), range.from, range.to))
    facts.slots = *MakeTimetable(*schedule, zones);
  std::int64_t id = 0;
  for (const Value& run : c.Find("existing")->list()) {
    facts.existing.push_back(
        ExistingRun{RunId{++id}, When(run, "logical_date"), *RunStateFromString(Text(run, "state"))});
  }
  return PlanBackfill(range, facts, When(c, "now"));
}

std::string DryRun(const BackfillPlan& plan) {
  if (plan.fault && *plan.fault != BackfillFault::kNothingToDo) return std::string(AirflowName(*plan.fault));
  std::string text;
  for (const BackfillSlot& slot : plan.slots) {
    if (slot.skip == SlotSkip::kNo) text += FormatInstant(slot.due.logical_date) + " ";
  }
  return text;
}

// A new run whose id another run has is refused by the store (tests/contract/store): then its slot is in flight.
bool IsTaken(const std::string& run_id, const Value& c) {
  const Value::List& existing = c.Find("existing")->list();
  return std::any_of(existing.begin(), existing.end(), [&](const Value& run) { return Text(run, "run_id") == run_id; });
}

// What is done with one slot. A run that is set back keeps its id and its data interval.
std::string Done(const BackfillSlot& slot, const Value& c) {
  if (slot.skip != SlotSkip::kNo) return std::string(ToString(slot.skip));
  if (slot.existing) {
    const auto place = static_cast<std::size_t>(slot.existing->run.value) - 1;
    return Text(c.Find("existing")->list()[place], "run_id") + " again " + FormatInstant(slot.due.run_after);
  }
  const std::string run_id = BackfillRunId(slot.due);
  if (IsTaken(run_id, c)) return "in flight";
  return run_id + " new " + FormatInstant(slot.due.interval.start) + " " + FormatInstant(slot.due.interval.end) + " " +
         FormatInstant(slot.due.run_after);
}

std::string Runs(const BackfillPlan& plan, const Value& c) {
  if (plan.fault) return std::string(AirflowName(*plan.fault));
  std::string text;
  for (const BackfillSlot& slot : plan.slots) text += FormatInstant(slot.due.logical_date) + " " + Done(slot, c) + "; ";
  return text;
}

std::string ExpectedDryRun(const Value& c) {
  if (const Value* dates = c.Find("dry_run"); dates != nullptr && dates->is_list()) {
    std::string text;
    for (const Value& date : dates->list()) text += date.string() + " ";
    return text;
  }
  return Text(c, "dry_run_error");
}

std::string ExpectedRuns(const Value& c) {
  const Value* runs = c.Find("runs");
  if (runs == nullptr) return Text(c, "error");
  std::string text;
  for (const Value& run : runs->list()) {
    text += Text(run, "logical_date");
    if (const std::string skipped = Text(run, "skipped"); !skipped.empty()) {
      text += " " + skipped + "; ";
      continue;
    }
    text += " " + Text(run, "run_id");
    if (Flag(run, "reprocessed")) {
      text += " again ";
    } else {
      text += " new " + Text(run, "data_interval_start") + " " + Text(run, "data_interval_end") + " ";
    }
    text += Text(run, "run_after") + "; ";
  }
  return text;
}

TEST(Conformance, Backfills) {
  Tally tally("backfill.jsonl");
  const SystemZones zones;
  for (const testing::Case& c : testing::ReadTable("backfill.jsonl")) {
    const BackfillPlan plan = Plan(c, zones);
    const std::string got = "dry run " + DryRun(plan) + "runs " + Runs(plan, c);
    tally.Add(got == "dry run " + ExpectedDryRun(c) + "runs " + ExpectedRuns(c), c, got);
  }
  tally.Print();
  EXPECT_EQ(tally.failed(), 0);
}

}  // namespace
}  // namespace pipelined
