// Whether something was seen before, for things that strangers choose: bounded in all and for each source, so that one
// source cannot fill the memory and pass unseen after that.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "pipelined/base/time.h"

namespace pipelined::api {

class FirstSights {
 public:
  FirstSights(Micros every, std::size_t in_all, std::size_t of_source)
      : every_(every), in_all_(in_all), of_source_(of_source) {}

  // True once in each interval for each kind of each source; false also where there is no room for one more.
  bool IsNew(const std::string& source, const std::string& kind, Micros now);

 private:
  using Kinds = std::map<std::string, Micros>;  // when each was new

  void DropOld(Micros now);

  const Micros every_;
  const std::size_t in_all_, of_source_;
  std::map<std::string, Kinds> seen_;  // by source
  std::size_t kinds_ = 0;              // of all sources
};

}  // namespace pipelined::api
