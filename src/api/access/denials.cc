#include "api/access/denials.h"

#include <algorithm>
#include <utility>

#include "api/http/network.h"
#include "pipelined/base/log.h"

namespace pipelined::api {
namespace {

constexpr Micros kOthersEvery = std::chrono::seconds(60);
constexpr Micros kAgainAfter = std::chrono::seconds(1);

bool Alike(const TrailEntry& a, const TrailEntry& b) {
  return a.who == b.who && a.address == b.address && a.operation == b.operation && a.path == b.path &&
         a.outcome->status == b.outcome->status && a.outcome->reason == b.outcome->reason;
}

}  // namespace

DenialLog::~DenialLog() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (worker_.joinable()) worker_.join();
}

void DenialLog::Add(TrailEntry entry) {
  const std::scoped_lock lock(mutex_);
  if (stopping_) return;
  now_ = clock_.Monotonic();
  const bool first = IsFirst(entry);
  Merge(std::move(entry), first);
  if (!worker_.joinable()) worker_ = std::thread([this] { Work(); });
  changed_.notify_all();
}

// Names count that are known to be right: anybody can try to log in as a thousand others.
bool DenialLog::IsFirst(const TrailEntry& entry) {
  const bool claimed = entry.via == "password" || entry.via == "identity provider";
  const std::string source = NeighbourhoodOf(entry.address) + "\n" + (claimed ? "" : entry.who);
  return sights_.IsNew(source, entry.operation, now_);
}

void DenialLog::Merge(TrailEntry entry, bool is_first) {
  for (std::vector<TrailEntry>* list : {&firsts_, &pending_}) {
    const auto known =
        std::find_if(list->begin(), list->end(), [&](const TrailEntry& other) { return Alike(other, entry); });
    if (known == list->end()) continue;
    known->times += entry.times;
    return;
  }
  if (is_first && firsts_.size() < kFirsts) {
    firsts_.push_back(std::move(entry));
  } else if (pending_.size() < kKinds) {
    pending_.push_back(std::move(entry));
  } else {
    CountOther(entry.times, entry);
  }
}

void DenialLog::CountOther(std::int64_t times, const TrailEntry& example) {
  if (others_.outcome) {
    others_.times += times;
    if (others_.address != example.address) others_.address.clear();
    return;
  }
  others_ = TrailEntry{};
  others_.kind = TrailKind::kDenied;
  others_.address = example.address;
  others_.outcome = TrailOutcome{};
  others_.outcome->status = example.outcome->status;
  others_.outcome->reason = "more refused attempts than are told apart";
  others_.times = times;
}

double DenialLog::Allowance() {
  const double seconds = counted_ == Micros(0) ? 0 : std::chrono::duration<double>(now_ - counted_).count();
  allowance_ = std::min(kBurst, allowance_ + kEntriesPerSecond * seconds);
  counted_ = now_;
  return allowance_;
}

DenialLog::Taken DenialLog::Take(bool others_are_due) {
  const std::scoped_lock lock(mutex_);
  const auto allowed = static_cast<std::size_t>(std::max(0.0, Allowance()));
  while (pending_.size() > allowed) {
    CountOther(pending_.back().times, pending_.back());
    pending_.pop_back();
  }
  allowance_ -= static_cast<double>(pending_.size());
  Taken taken{std::exchange(firsts_, {}), std::exchange(pending_, {})};
  const bool due = others_are_due || stopping_ || !others_ever_ || now_ - others_written_ >= kOthersEvery;
  if (others_.outcome && due) {
    taken.more.push_back(std::exchange(others_, TrailEntry{}));
    others_written_ = now_;
    others_ever_ = true;
  }
  return taken;
}

void DenialLog::PutBack(Taken taken) {
  const std::scoped_lock lock(mutex_);
  for (TrailEntry& entry : taken.firsts) Merge(std::move(entry), true);
  for (TrailEntry& entry : taken.more) Merge(std::move(entry), false);
}

void DenialLog::Write(bool others_are_due) {
  Taken taken = Take(others_are_due);
  std::vector<TrailEntry> entries = taken.firsts;
  entries.insert(entries.end(), taken.more.begin(), taken.more.end());
  if (entries.empty()) return;
  const Status written = trail_.Add(entries);
  if (written.ok()) return;
  log::Warning("refused attempts could not be written to the audit trail yet: {}", written.error().message);
  PutBack(std::move(taken));
}

void DenialLog::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    // Those that are counted together wait for nothing but their time.
    const auto some = [this] { return stopping_ || !firsts_.empty() || !pending_.empty(); };
    const bool due = others_.outcome && !changed_.wait_for(lock, kOthersEvery, some);
    if (!due) changed_.wait(lock, some);
    const bool last = stopping_;
    if (!last) changed_.wait_for(lock, kGather, [this] { return stopping_; });
    lock.unlock();
    Write(due);
    lock.lock();
    if (last) return;
    // What could not be written is tried again, not at once.
    if (!firsts_.empty() || !pending_.empty()) changed_.wait_for(lock, kAgainAfter, [this] { return stopping_; });
  }
}

}  // namespace pipelined::api
