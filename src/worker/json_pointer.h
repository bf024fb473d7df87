// RFC 6901.
#pragma once

#include <string_view>

#include "pipelined/base/value.h"

namespace pipelined::worker {

// What `pointer` names in `document`; nullptr: nothing, or it is no pointer.
const Value* FindByPointer(const Value& document, std::string_view pointer);

}  // namespace pipelined::worker
