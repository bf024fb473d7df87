// How much and how long a client of the API server may ask for. Sizes are bytes.
#pragma once

#include <cstddef>

#include "pipelined/base/time.h"

namespace pipelined::api {

struct Limits {
  std::size_t max_url = 8 << 10;       // more: 414
  std::size_t max_header = 16 << 10;   // request line and all fields; more: 431
  std::size_t max_body = 1 << 20;      // as decoded; more: 413
  std::size_t max_bodies = 256 << 20;  // of all requests that are received or wait, and of all answers; more: 503

  std::size_t connections = 10'000;             // of all addresses
  std::size_t connections_per_address = 2'000;  // in IPv6 per /64; beyond it its own idle ones are dropped first

  Micros idle_timeout = Seconds(60);      // a connection on which no request has begun
  Micros header_timeout = Seconds(10);    // from the first byte of a request to the end of its header; TLS handshake
  Micros body_timeout = Seconds(30);      // for the whole body
  Micros write_timeout = Seconds(30);     // for a whole answer, and as much more as its size takes at this rate:
  std::size_t slowest_reader = 32 << 10;  // per second
  Micros drain_timeout = Seconds(5);      // what a stop gives to requests that are half received or half answered
};

}  // namespace pipelined::api
