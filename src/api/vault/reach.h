// Whether somebody listens at an address: what a connection can be tested for without a client of its kind.
#pragma once

#include <string>
#include <string_view>

#include "pipelined/base/time.h"

namespace pipelined::api {

struct Reach {
  bool reached = false;
  std::string message;
};

// Opens a TCP connection and closes it. Blocks for at most `patience`, apart from the name's look-up.
Reach TryAddress(const std::string& host, std::uint16_t port, Micros patience);

// The port that services of this type have when none is given; 0: not known.
std::uint16_t UsualPort(std::string_view conn_type);

}  // namespace pipelined::api
