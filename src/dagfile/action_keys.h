// The keys of actions that the worker does.
#pragma once

#include <span>

#include "dagfile/keys.h"

namespace pipelined::dagfile {

extern const std::span<const KeyRow> kHttpKeys;
extern const std::span<const KeyRow> kHttpAuthKeys;
extern const std::span<const KeyRow> kHttpExpectKeys;
extern const std::span<const KeyRow> kSqlKeys;
extern const std::span<const KeyRow> kSqliteKeys;
extern const std::span<const KeyRow> kMailKeys;

// Of actions that are processes.
extern const std::span<const KeyRow> kSshKeys;
extern const std::span<const KeyRow> kStdinKeys;

}  // namespace pipelined::dagfile
