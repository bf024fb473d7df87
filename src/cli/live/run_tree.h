// A run under way as lines on a screen: its tasks by groups, with states, bars and what is left.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "pipelined/base/time.h"
#include "pipelined/base/value.h"

namespace pipelined::cli {

struct TreeOptions {
  std::size_t width = 80;   // no line is longer
  std::size_t height = 24;  // no more lines
  bool colour = false;
  Instant now{};
};

// The end of the log of a task that went wrong.
struct LogTail {
  std::string task;  // "load (try 2)"
  std::vector<std::string> lines;
};

// `progress`: an answer of /api/ext/v1/…/progress; `previous`: seconds of each task in the last successful run, and
// `previous_duration` those of that run, or null. Dots in ids make groups; the instances of a mapped task stand below
// it. What there is no room for is left out from what has ended well, then from what has not begun.
std::vector<std::string> RunTree(const Value& progress, const Value& previous, const Value& previous_duration,
                                 const LogTail& tail, const TreeOptions& options);

// How long it will still take if it goes as last time; below zero: not known.
double SecondsLeft(const Value::List& tasks, const Value& previous, const Value& previous_duration, Instant now);

}  // namespace pipelined::cli
