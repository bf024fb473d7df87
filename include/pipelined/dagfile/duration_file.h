// A file of durations by name, in YAML or JSON:
//
//   sales.load: 30s
//   sales.*: 5s
//   *: 1m
//
// What the names mean is the reader's matter. A `*` that begins a line needs no quotes here, although YAML wants them.
#pragma once

#include <string>
#include <vector>

#include "pipelined/base/time.h"
#include "pipelined/model/diagnostic.h"

namespace pipelined {

struct NamedDuration {
  std::string name;
  Micros duration{0};
  int line = 0;  // in the file, from 1
};

struct DurationFile {
  std::vector<NamedDuration> entries;   // in the order of the file; those that are right
  std::vector<Diagnostic> diagnostics;  // everything that is wrong, a file that cannot be read included
};

DurationFile LoadDurationFile(const std::string& path);
DurationFile ParseDurations(std::string_view text, const std::string& shown_as);

}  // namespace pipelined
