// All who follow the history, over one reader of the database.
//
// The last events are kept here, and each follower has only a place among them. Who is behind them (it resumes, or
// reads slowly) is brought up from the database page by page, by the same reader. While nobody follows, nothing is
// read.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "pipelined/ports/catalog.h"

namespace pipelined::api {

// An event, and what servers send of it; made once, whoever follows.
struct LiveEvent {
  EventRow row;
  std::string text;  // as a server-sent event
};
using LiveEventPtr = std::shared_ptr<const LiveEvent>;

// Thread-safe.
class EventHub {
 public:
  using Wake = std::shared_ptr<const std::function<void()>>;
  using Format = std::string (*)(const EventRow&);

  EventHub(Catalog& catalog, Format format) : catalog_(catalog), format_(format) {}
  ~EventHub() { Stop(); }

  // One more follower, of what comes after the event `after`; nothing: of what comes from now on. `wake` is called, by
  // the hub's thread and with no lock held, when there may be something to take, and every few seconds; it must not
  // block. 0: the hub has stopped.
  std::uint64_t Join(std::optional<std::int64_t> after, Wake wake);
  void Leave(std::uint64_t follower);
  // Somebody who only wants to know when to look at a run: `wake`, called as that of a follower, says that something
  // may have happened to it, or that it cannot be told now. 0: the hub has stopped.
  std::uint64_t Watch(const std::string& dag_id, const std::string& run_id, Wake wake);
  void Unwatch(std::uint64_t watcher);

  struct Batch {
    bool placed = false;               // it is known where the follower is
    std::string_view lost;             // not empty: why events before these are missing
    std::vector<LiveEventPtr> events;  // in the order of their numbers
    std::int64_t until = 0;            // of all up to here nothing more will come
  };
  // What the follower has not taken yet, at most `most`; nothing: wait to be woken.
  Batch Take(std::uint64_t follower, std::size_t most);

  std::size_t size() const;
  std::int64_t delivered() const;  // events that were read for followers since the start
  void Stop();                     // harmless when repeated

 private:
  struct Follower {
    Wake wake;
    std::optional<std::int64_t> place;  // the last event that it has, or that waits in `loaded`
    bool noticed = false;               // by the thread, which will check its place
    bool checked = false;               // that its place is one
    std::string_view lost;
    std::vector<LiveEventPtr> loaded;  // from the database
  };

  void Run();
  bool AwaitFollowers();
  bool Begin();
  bool ReadOn();
  void StartReading();
  bool NoticeNew();
  void PlaceNoticed(const EventReader::Extent& numbers);
  void Check(Follower& follower, const EventReader::Extent& numbers) const;
  bool CatchUp();
  void Append(std::vector<EventRow> rows, std::int64_t until);
  void Load(std::uint64_t follower, std::vector<LiveEventPtr> events, std::int64_t until);
  void WakeFollowers();
  void WakeWatchers();                                      // all of them
  void WakeWatchers(const std::vector<EventRow>& of_rows);  // of what the events are about
  void Pause(Micros time);
  LiveEventPtr Live(EventRow row) const;

  Catalog& catalog_;
  const Format format_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::uint64_t, Follower> followers_;
  using RunKey = std::pair<std::string, std::string>;  // dag_id, run_id
  std::multimap<RunKey, std::pair<std::uint64_t, Wake>> watchers_;
  std::map<std::uint64_t, RunKey> watched_;  // by watcher
  std::uint64_t last_follower_ = 0;          // or watcher
  bool stopping_ = false, reads_ = false;
  bool known_ = false;       // where the ring is
  std::int64_t before_ = 0;  // the ring holds all that follows this …
  std::int64_t until_ = 0;   // … up to this
  std::deque<LiveEventPtr> ring_;
  std::size_t bytes_ = 0;  // of the texts in it
  std::int64_t delivered_ = 0;
  std::unique_ptr<EventReader> reader_;  // of the thread, but for Interrupt()
  std::thread thread_;
};

}  // namespace pipelined::api
