// Refused attempts on their way to the audit trail. They come from anybody, as fast as anybody likes: so nobody waits
// for the database, alike ones become one entry with their number, and how many entries a minute holds is limited.
//
// A flood must not be a place to hide in: what a user, or somebody unknown, from one neighbourhood of addresses is
// refused for the first time in ten minutes has an entry of its own, whatever else comes.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "api/access/first_sights.h"
#include "pipelined/base/clock.h"
#include "pipelined/ports/audit_trail.h"

namespace pipelined::api {

// Thread-safe. What is pending at its end is written then.
class DenialLog {
 public:
  static constexpr std::size_t kKinds = 200;      // told apart at a time; all others are counted together
  static constexpr double kBurst = 300;           // entries at once
  static constexpr double kEntriesPerSecond = 2;  // over time
  static constexpr Micros kGather{200'000};       // how long alike ones are waited for
  static constexpr Micros kFirstsEvery = std::chrono::minutes(10);
  static constexpr std::size_t kFirsts = 1000;        // in that time: 1.7 entries a second at most
  static constexpr std::size_t kFirstsOfSource = 50;  // of one user or unknown in one neighbourhood

  DenialLog(AuditTrail& trail, const Clock& clock) : trail_(trail), clock_(clock) {}
  ~DenialLog();

  // Never waits for the trail.
  void Add(TrailEntry entry);

 private:
  void Work();
  void Write(bool others_are_due);
  struct Taken {
    std::vector<TrailEntry> firsts, more;
  };
  Taken Take(bool others_are_due);
  void PutBack(Taken taken);
  bool IsFirst(const TrailEntry& entry);        // with the mutex held
  void Merge(TrailEntry entry, bool is_first);  // with the mutex held
  double Allowance();                           // with the mutex held: entries that may be written now
  void CountOther(std::int64_t times, const TrailEntry& example);

  AuditTrail& trail_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  FirstSights sights_{kFirstsEvery, kFirsts, kFirstsOfSource};  // guarded by mutex_
  std::vector<TrailEntry> firsts_;   // guarded by mutex_; as pending_, and written whatever the allowance is
  std::vector<TrailEntry> pending_;  // guarded by mutex_
  TrailEntry others_;                // guarded by mutex_; without an outcome: none
  bool stopping_ = false;            // guarded by mutex_
  double allowance_ = kBurst;        // guarded by mutex_
  Micros now_{0};                    // guarded by mutex_; as of the last one that came
  Micros counted_{0};                // guarded by mutex_; when the allowance was last counted
  Micros others_written_{0};         // guarded by mutex_
  bool others_ever_ = false;         // guarded by mutex_
  std::thread worker_;               // started by the first one
};

}  // namespace pipelined::api
