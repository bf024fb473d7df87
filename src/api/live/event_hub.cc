#include "api/live/event_hub.h"

#include <algorithm>

#include "pipelined/base/clock.h"
#include "pipelined/base/log.h"

namespace pipelined::api {
namespace {

constexpr std::size_t kMostKept = 20'000;      // events
constexpr std::size_t kMostBytes = 16 << 20;   // of their texts
constexpr int kPage = 1000;                    // events of one query
constexpr std::int64_t kMostBehind = 100'000;  // numbers; beyond it a client has to look anew
constexpr Micros kShortest = Millis(5);        // between two looks, so that many turns come in one
constexpr Micros kTick = Seconds(5);
constexpr Micros kRestAfter = Seconds(30);  // without a follower
constexpr Micros kTryAgain = Seconds(1);

constexpr std::string_view kUnknown = "unknown_position", kGone = "history_gone", kFar = "too_far_behind";

}  // namespace

// With the mutex held: somebody is new.
void EventHub::StartReading() {
  if (!thread_.joinable()) {
    reader_ = catalog_.Events();
    thread_ = std::thread([this] { Run(); });
  }
  reader_->Interrupt();
  changed_.notify_all();
}

std::uint64_t EventHub::Join(std::optional<std::int64_t> after, Wake wake) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) return 0;
  Follower follower;
  follower.wake = std::move(wake);
  follower.place = after;
  followers_.emplace(++last_follower_, std::move(follower));
  StartReading();
  return last_follower_;
}

void EventHub::Leave(std::uint64_t follower) {
  const std::scoped_lock lock(mutex_);
  followers_.erase(follower);
}

std::uint64_t EventHub::Watch(const std::string& dag_id, const std::string& run_id, Wake wake) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) return 0;
  const RunKey run{dag_id, run_id};
  watched_.emplace(++last_follower_, run);
  watchers_.emplace(run, std::pair(last_follower_, std::move(wake)));
  StartReading();
  return last_follower_;
}

void EventHub::Unwatch(std::uint64_t watcher) {
  const std::scoped_lock lock(mutex_);
  const auto watched = watched_.find(watcher);
  if (watched == watched_.end()) return;
  const auto [begin, end] = watchers_.equal_range(watched->second);
  const auto found = std::find_if(begin, end, [&](const auto& entry) { return entry.second.first == watcher; });
  if (found != end) watchers_.erase(found);
  watched_.erase(watched);
}

EventHub::Batch EventHub::Take(std::uint64_t id, std::size_t most) {
  const std::scoped_lock lock(mutex_);
  Batch batch;
  const auto found = followers_.find(id);
  if (found == followers_.end() || !found->second.checked) return batch;
  Follower& follower = found->second;
  batch.placed = true;
  batch.lost = std::exchange(follower.lost, {});
  if (!follower.loaded.empty()) {
    batch.events = std::exchange(follower.loaded, {});
  } else if (*follower.place >= before_) {
    auto next = std::upper_bound(ring_.begin(), ring_.end(), *follower.place,
                                 [](std::int64_t place, const LiveEventPtr& event) { return place < event->row.id; });
    for (; next != ring_.end() && batch.events.size() < most; ++next) batch.events.push_back(*next);
    // Another server may have told it more than is known here yet.
    follower.place = next == ring_.end() ? std::max(*follower.place, until_) : batch.events.back()->row.id;
  }
  if (*follower.place < before_) reader_->Interrupt();
  batch.until = *follower.place;
  return batch;
}

std::size_t EventHub::size() const {
  const std::scoped_lock lock(mutex_);
  return followers_.size();
}

std::int64_t EventHub::delivered() const {
  const std::scoped_lock lock(mutex_);
  return delivered_;
}

void EventHub::Stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    if (reader_ != nullptr) reader_->Interrupt();
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void EventHub::Run() {
  while (AwaitFollowers()) {
    if (!reads_ && !Begin()) {
      WakeFollowers();
      WakeWatchers();
      Pause(kTryAgain);
      continue;
    }
    if (ReadOn()) continue;
    reads_ = false;
    log::Warning("the live events pause: the database does not answer");
  }
  reader_->Rest();
}

// False: the hub stops.
bool EventHub::AwaitFollowers() {
  std::unique_lock lock(mutex_);
  const auto wanted = [this] { return stopping_ || !followers_.empty() || !watchers_.empty(); };
  if (!changed_.wait_for(lock, kRestAfter, wanted)) {
    lock.unlock();
    reader_->Rest();
    lock.lock();
    reads_ = known_ = false;
    ring_.clear();
    bytes_ = 0;
    changed_.wait(lock, wanted);
  }
  return !stopping_;
}

bool EventHub::Begin() {
  const Result<std::int64_t> settled = reader_->Start();
  if (!settled.ok()) return false;
  {
    const std::scoped_lock lock(mutex_);
    if (!known_ || until_ > *settled) {  // the first time; or it is another history than before
      ring_.clear();
      bytes_ = 0;
      before_ = until_ = *settled;
      for (auto& [_, follower] : followers_) follower.noticed = follower.checked = false;
    }
    known_ = true;
  }
  NoticeNew();
  const Result<EventReader::Extent> numbers = reader_->Numbers();
  if (!numbers.ok()) return false;
  PlaceNoticed(*numbers);
  WakeWatchers();  // of what happened until now they are not told
  reads_ = true;
  return true;
}

// One look at what is new and at who is behind, then waits for news. False: the connection to the database is lost.
bool EventHub::ReadOn() {
  const Micros began = SystemClock().Monotonic();
  if (NoticeNew()) {
    const Result<EventReader::Extent> numbers = reader_->Numbers();
    if (!numbers.ok()) return false;
    PlaceNoticed(*numbers);
  }
  Result<EventReader::Settled> news = reader_->Next(until_, kPage);
  if (!news.ok()) return false;
  const bool more = news->more;
  WakeWatchers(news->events);
  Append(std::move(news->events), news->until);
  const bool behind = CatchUp();
  WakeFollowers();
  if (more || behind) return true;
  reader_->Wait(kTick);
  const Micros took = SystemClock().Monotonic() - began;
  if (took < kShortest) Pause(kShortest - took);
  return true;
}

// Whether somebody is. Whoever comes later is checked with numbers that are read later: what he says that he has was
// given to somebody before.
bool EventHub::NoticeNew() {
  const std::scoped_lock lock(mutex_);
  bool found = false;
  for (auto& [_, follower] : followers_) {
    if (follower.checked) continue;
    follower.noticed = found = true;
  }
  return found;
}

void EventHub::PlaceNoticed(const EventReader::Extent& numbers) {
  const std::scoped_lock lock(mutex_);
  for (auto& [_, follower] : followers_) {
    if (follower.noticed && !follower.checked) Check(follower, numbers);
  }
}

void EventHub::Check(Follower& follower, const EventReader::Extent& numbers) const {
  follower.checked = true;
  follower.loaded.clear();
  if (!follower.place) follower.place = until_;
  const std::int64_t place = *follower.place;
  if (place > std::max(until_, numbers.latest)) follower.lost = kUnknown;
  if (place < until_ && (!numbers.oldest || place + 1 < *numbers.oldest)) follower.lost = kGone;
  if (follower.lost.empty() && until_ - place > kMostBehind) follower.lost = kFar;
  if (!follower.lost.empty()) follower.place = until_;
}

// A page for each who is behind what is kept here and has taken the one before. Whether somebody is still behind.
bool EventHub::CatchUp() {
  struct Behind {
    std::uint64_t follower;
    std::int64_t place;
  };
  std::vector<Behind> behind;
  std::int64_t until = 0;
  {
    const std::scoped_lock lock(mutex_);
    until = before_;
    for (const auto& [id, follower] : followers_) {
      if (follower.checked && *follower.place < before_ && follower.loaded.empty())
        behind.push_back({id, *follower.place});
    }
  }
  for (const Behind& one : behind) {
    Result<std::vector<EventRow>> rows = reader_->Between(one.place, until, kPage);
    if (!rows.ok()) return false;  // the next look shows why
    const bool all = rows->size() < static_cast<std::size_t>(kPage);
    const std::int64_t place = all ? until : rows->back().id;
    std::vector<LiveEventPtr> events;
    for (EventRow& row : *rows) events.push_back(Live(std::move(row)));
    Load(one.follower, std::move(events), place);
  }
  return !behind.empty();
}

void EventHub::Load(std::uint64_t id, std::vector<LiveEventPtr> events, std::int64_t until) {
  const std::scoped_lock lock(mutex_);
  const auto found = followers_.find(id);
  if (found == followers_.end()) return;
  found->second.loaded = std::move(events);
  found->second.place = until;
}

void EventHub::Append(std::vector<EventRow> rows, std::int64_t until) {
  std::vector<LiveEventPtr> events;
  for (EventRow& row : rows) events.push_back(Live(std::move(row)));
  const std::scoped_lock lock(mutex_);
  for (LiveEventPtr& event : events) {
    bytes_ += event->text.size();
    ring_.push_back(std::move(event));
  }
  delivered_ += static_cast<std::int64_t>(events.size());
  until_ = std::max(until_, until);
  while (ring_.size() > kMostKept || bytes_ > kMostBytes) {
    before_ = ring_.front()->row.id;
    bytes_ -= ring_.front()->text.size();
    ring_.pop_front();
  }
}

void EventHub::WakeFollowers() {
  std::vector<Wake> wakes;
  {
    const std::scoped_lock lock(mutex_);
    wakes.reserve(followers_.size());
    for (const auto& [_, follower] : followers_) wakes.push_back(follower.wake);
  }
  for (const Wake& wake : wakes) (*wake)();
}

void EventHub::WakeWatchers() {
  std::vector<Wake> wakes;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [_, watcher] : watchers_) wakes.push_back(watcher.second);
  }
  for (const Wake& wake : wakes) (*wake)();
}

// What belongs to a DAG and to no run may be about any of its runs.
void EventHub::WakeWatchers(const std::vector<EventRow>& of_rows) {
  std::map<std::uint64_t, Wake> wakes;
  {
    const std::scoped_lock lock(mutex_);
    if (watchers_.empty()) return;
    for (const EventRow& row : of_rows) {
      for (auto at = watchers_.lower_bound({row.dag_id, row.run_id});
           at != watchers_.end() && at->first.first == row.dag_id &&
           (row.run_id.empty() || at->first.second == row.run_id);
           ++at)
        wakes.insert(at->second);
    }
  }
  for (const auto& [_, wake] : wakes) (*wake)();
}

void EventHub::Pause(Micros time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [this] { return stopping_; });
}

LiveEventPtr EventHub::Live(EventRow row) const {
  std::string text = format_(row);
  return std::make_shared<const LiveEvent>(LiveEvent{std::move(row), std::move(text)});
}

}  // namespace pipelined::api
