// Reads one value of a known type; a wrong one is reported and leaves `out` as it was.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dagfile/document.h"
#include "pipelined/base/time.h"
#include "pipelined/base/value.h"
#include "pipelined/model/dag.h"

namespace pipelined::dagfile {

// Any scalar, as it is written: `description: 2024` is the text "2024".
bool ReadText(const Entry& entry, Reporter& reporter, std::string& out);
// As ReadText, but not empty.
bool ReadWord(const Entry& entry, Reporter& reporter, std::string& out);
// true/false, also yes/no and on/off; never in quotes.
bool ReadBool(const Entry& entry, Reporter& reporter, bool& out);
// What ReadBool makes of a node; nothing when that is no truth value.
std::optional<bool> BoolOf(NodeRef node);
bool ReadInt(const Entry& entry, Reporter& reporter, std::int32_t& out, std::int32_t least,
             std::int32_t most = std::numeric_limits<std::int32_t>::max(), std::string_view hint_beyond = {});
bool ReadDuration(const Entry& entry, Reporter& reporter, Micros& out);
// A list of scalars, or one scalar for a list of one.
bool ReadTexts(const Entry& entry, Reporter& reporter, std::vector<std::string>& out);
// The place of one of a few words; anything else is reported, with the nearest word.
std::optional<std::size_t> ReadChoice(const Entry& entry, std::span<const std::string_view> choices,
                                      Reporter& reporter);
// Puts the variables on top of those in `out`.
void ReadEnv(const Entry& entry, Reporter& reporter, Env& out);

// What YAML 1.2 makes of a node: `true`, `12` and `1.5` are no texts unless quoted; `yes` and `0755` are.
Value ToValue(NodeRef node);

enum class ScalarKind : std::uint8_t { kText, kBool, kInt, kFloat };
ScalarKind KindOf(NodeRef scalar);

void ReportType(const Entry& entry, Reporter& reporter, std::string_view wanted, std::string hint = {});
bool RequireMap(const Entry& entry, Reporter& reporter, std::string_view wanted);

}  // namespace pipelined::dagfile
