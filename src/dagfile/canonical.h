// What a document says, without how it is laid out.
#pragma once

#include <string>
#include <vector>

#include "dagfile/document.h"

namespace pipelined::dagfile {

// Hex SHA-256 of the documents and of `context`: comments, blank space, quoting style and aliases make no difference;
// the order of keys does (it is the order of tasks).
std::string ContentHash(const std::vector<NodeRef>& documents, const std::vector<std::string>& context);

}  // namespace pipelined::dagfile
