// A limit that several waiting tasks share and that is no pool: max_active_tis_per_dag, max_active_tis_per_dagrun, a
// concurrency key, a rate. Knows who holds it, or when it was passed; what waits for it is known to the ReadyQueue.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "engine/waiting_order.h"
#include "pipelined/base/ids.h"
#include "pipelined/base/time.h"

namespace pipelined {

enum class GateKind : std::uint8_t { kTisPerDag, kTisPerDagrun, kKey, kRate };

class Gate;
struct Lane;
struct PoolState;

// How much of a gate one task asks for: to be one of `most` (kRate: within any `window`).
struct Demand {
  Gate* gate = nullptr;
  std::int32_t most = 0;
  Micros window{0};
  friend auto operator<=>(const Demand&, const Demand&) = default;
};

class Gate {
 public:
  // `id`: unique. `name`: for people.
  Gate(GateKind kind, std::string id, std::string name) : kind_(kind), id_(std::move(id)), name_(std::move(name)) {}

  GateKind kind() const { return kind_; }
  const std::string& id() const { return id_; }
  const std::string& name() const { return name_; }  // the key, or the task's id

  bool HasRoom(const Demand& demand, Instant now);
  // What counts for this demand: all that hold the gate, or the starts within its window.
  std::int64_t Used(const Demand& demand, Instant now);
  // As `demand.most`, but for keys not more than those that hold it allow.
  std::int32_t Most(const Demand& demand) const;
  // kRate, without room: when there will be some again, if nobody starts.
  Instant OpensAt(const Demand& demand) const;

  void Take(AttemptId attempt, const Demand& demand, Instant now);
  void Give(AttemptId attempt);
  // kRate: a start, also one of before a restart. In the order of time.
  void Started(Instant at, Micros window);
  // Something waits that asks for as much: starts are remembered for so long.
  void Expect(const Demand& demand) { window_ = std::max(window_, demand.window); }

  // Holders that are being stopped: their places come back without further ado.
  void NoteStopping(AttemptId attempt);
  bool EnoughAreStopping(const Demand& demand) const;
  // The one that has held it longest and is not being stopped.
  std::optional<AttemptId> Oldest() const;

  bool IsHeld() const { return !holders_.empty(); }
  const auto& holders() const { return holders_; }
  Micros window() const { return window_; }  // kRate: the longest that anybody asked for
  // kRate: when no start counts any more.
  Instant ForgottenAt() const { return starts_.empty() ? Instant{} : starts_.back() + window_; }

  // What waits for it, as the ReadyQueue keeps it.
  struct Parked {
    std::map<Order, Lane*> by_order;
  };
  using Door = std::tuple<std::int32_t, Micros, PoolState*>;  // demand, and the pool that they need besides
  std::map<Door, Parked> parked;
  std::map<Age, Lane*> waiting;       // all lanes behind it with a task that waits, parked or not
  std::int32_t lanes = 0;             // that name it
  std::int32_t passes = 0;            // starts that passed over the one that has waited longest
  std::optional<Instant> alarm;       // kRate: when its lanes are looked at again
  std::optional<Instant> idle_until;  // kRate without lanes: when it may be forgotten

 private:
  struct Holder {
    std::int32_t most = 0;
    bool stopping = false;
  };
  void Correct(Instant now);

  GateKind kind_;
  std::string id_, name_;
  std::map<AttemptId, Holder> holders_;
  std::map<std::int32_t, std::int32_t> mosts_;  // kKey: of the holders, how many have each
  std::int32_t stopping_ = 0;
  std::deque<Instant> starts_;  // kRate: those within window_
  Micros window_{0};
};

}  // namespace pipelined
