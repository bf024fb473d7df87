// How many requests may be answered over time (live events, followed logs, waiting for a run): in all, and for each
// user. Thread-safe.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "pipelined/base/result.h"

namespace pipelined::api {

class Streams {
 public:
  Streams(int most, int most_of_user) : most_(most), most_of_user_(most_of_user) {}

  // One of them, as long as it lives. The places outlive it.
  class Place {
   public:
    Place(Streams& streams, std::string user) : streams_(streams), user_(std::move(user)) {}
    ~Place() { streams_.Leave(user_); }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;

   private:
    Streams& streams_;
    const std::string user_;
  };

  // kUnavailable: there are as many as there may be.
  Result<std::shared_ptr<const Place>> Take(const std::string& user);
  int size() const;

 private:
  void Leave(const std::string& user);

  const int most_, most_of_user_;
  mutable std::mutex mutex_;
  int taken_ = 0;                                  // guarded by mutex_
  std::unordered_map<std::string, int> of_users_;  // guarded by mutex_; none is 0
};

}  // namespace pipelined::api
