// Which part of a value is the wrong one, so that the caret stands under it.
#pragma once

#include <string_view>

#include "dagfile/document.h"
#include "pipelined/timetable/cron.h"

namespace pipelined::dagfile {

// The first part of a date, time or offset that is out of range or in the wrong form; all of it when it is nothing like
// a date.
TextSpan DateMistake(std::string_view text);

// The first number and unit that cannot be read. Length 0: each can, so that it is only too long.
TextSpan DurationMistake(std::string_view text);

// Of a name such as Europe/Berln: what follows the region if that is one.
TextSpan ZoneMistake(std::string_view name);

// Where a part of a scalar's text stands in the file; the whole value when its text is not written as it is (escapes,
// an alias, folded lines).
Place PlaceIn(NodeRef scalar, TextSpan part);

}  // namespace pipelined::dagfile
