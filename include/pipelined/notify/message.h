// From a row of the outbox to what is sent. Pure.
#pragma once

#include <string>

#include "pipelined/notify/channel.h"
#include "pipelined/ports/outbox.h"

namespace pipelined::notify {

struct Origin {
  std::string installation;  // id of the database: messages of two must not be taken for one
  std::string base_url;      // what people call the API server: "https://pipelined.example.com"; empty: no links
};

// A template that fails does not keep a message from anybody: the default text is sent instead, and says so.
Message MakeMessage(const Notification& row, const Origin& origin);

// What tells this message from others; empty: nothing is to be taken for the same.
std::string DedupeKey(const Notification& row, const Origin& origin);

// The wait after try number `tries` (from 1): retry_delay, doubled with each further one up to max_retry_delay, and up
// to a tenth more by `seed`, so that many do not come at once.
Micros BackOff(const ChannelSettings& channel, std::int32_t tries, std::uint64_t seed);

}  // namespace pipelined::notify
