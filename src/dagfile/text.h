// The bytes of a file before YAML sees them.
#pragma once

#include <string_view>
#include <vector>

#include "dagfile/reporter.h"
#include "pipelined/dagfile/load.h"

namespace pipelined::dagfile {

// Reports a text that is too large, holds a NUL or is not UTF-8; then false.
bool CheckBytes(const SourceText& source, const LoadLimits& limits, Reporter& reporter);

// The documents of a file, cut at its `---` and `...` lines, so that a mistake in one leaves the others readable.
// Pieces that hold nothing but comments are left out.
std::vector<SourceText> SplitDocuments(const SourceText& file);

}  // namespace pipelined::dagfile
