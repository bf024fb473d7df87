// The history of a FakeCatalog as it grows, and its requests that are carried out once.
#include "unit/api/fake_catalog.h"

namespace pipelined::testing {

void FakeCatalog::AddEvent(EventRow event) {
  const std::scoped_lock lock(mutex_);
  events.push_back(std::move(event));
  ++news_;
  told_.notify_all();
}

void FakeCatalog::End(const std::string& task, EventRow event) {
  {
    const std::scoped_lock lock(mutex_);
    for (TaskInstanceRow& row : instances) {
      if (row.task_id == task) row.state = TaskState::kSuccess;
    }
  }
  AddEvent(std::move(event));
}

Result<std::int64_t> FakeCatalog::FakeEvents::Start() {
  const std::scoped_lock lock(catalog_.mutex_);
  return catalog_.events.empty() ? 0 : catalog_.events.back().id;
}

Result<EventReader::Settled> FakeCatalog::FakeEvents::Next(std::int64_t after, int most) {
  Settled settled;
  Result<std::vector<EventRow>> events = Between(after, std::numeric_limits<std::int64_t>::max(), most);
  settled.events = *std::move(events);
  settled.until = settled.events.empty() ? after : settled.events.back().id;
  settled.more = static_cast<int>(settled.events.size()) == most;
  return settled;
}

Result<std::vector<EventRow>> FakeCatalog::FakeEvents::Between(std::int64_t after, std::int64_t until, int most) {
  const std::scoped_lock lock(catalog_.mutex_);
  catalog_.news_ = 0;
  std::vector<EventRow> found;
  for (const EventRow& event : catalog_.events) {
    if (event.id > after && event.id <= until && static_cast<int>(found.size()) < most) found.push_back(event);
  }
  return found;
}

Result<EventReader::Extent> FakeCatalog::FakeEvents::Numbers() {
  const std::scoped_lock lock(catalog_.mutex_);
  Extent extent;
  if (!catalog_.events.empty()) extent.oldest = catalog_.events.front().id;
  extent.latest = catalog_.latest_number != 0 ? catalog_.latest_number
                  : catalog_.events.empty()   ? 0
                                              : catalog_.events.back().id;
  return extent;
}

void FakeCatalog::FakeEvents::Wait(Micros at_most) {
  std::unique_lock lock(catalog_.mutex_);
  catalog_.told_.wait_for(lock, at_most, [this] { return interrupted_ || catalog_.news_ > 0; });
  interrupted_ = false;
}

void FakeCatalog::FakeEvents::Interrupt() {
  const std::scoped_lock lock(catalog_.mutex_);
  interrupted_ = true;
  catalog_.told_.notify_all();
}

Result<std::optional<KeptAnswer>> FakeCatalog::Kept(const OnceKey& key) {
  const auto found = kept.find({key.user, key.key});
  if (found == kept.end()) return std::optional<KeptAnswer>();
  if (found->second.first.request != key.request) return Error{ErrorCode::kInvalid, "another request", "a new key"};
  KeptAnswer answer = found->second.second;
  answer.repeated = true;
  return std::optional(answer);
}

Result<KeptAnswer> FakeCatalog::TriggerOnce(const TriggerRequest& request, const OnceKey& key,
                                            const std::function<KeptAnswer(const RunRow&)>& answer) {
  if (const auto earlier = Kept(key); !earlier.ok() || *earlier)
    return earlier.ok() ? Result<KeptAnswer>(**earlier) : Result<KeptAnswer>(earlier.error());
  const Result<RunRow> row = Trigger(request);
  if (!row.ok()) return row.error();
  KeptAnswer made = answer(*row);
  kept[{key.user, key.key}] = {key, made};
  return made;
}

Result<KeptAnswer> FakeCatalog::ExecuteOnce(const Command& command, Micros patience, const OnceKey& key,
                                            const std::function<KeptAnswer(const CommandDone&)>& answer) {
  const Result<CommandDone> done = Execute(command, patience);
  if (!done.ok()) return done.error();
  if (!done->error.empty()) return Error{done->error_code, done->error, ""};
  KeptAnswer made = answer(*done);
  kept[{key.user, key.key}] = {key, made};
  return made;
}

}  // namespace pipelined::testing
