// What each key of a DAG file holds: its type as JSON Schema, and a sentence about it.
#pragma once

#include <span>
#include <string_view>

#include "dagfile/keys.h"

namespace pipelined::dagfile {

struct KeyDescription {
  std::string_view place;  // of which table; "" of every one that has the key
  std::string_view name;
  std::string_view schema;   // JSON; "@name" is a reference to a definition of that name
  std::string_view meaning;  // ends with no full stop
};

extern const std::span<const KeyDescription> kKeyDescriptions;

// A place where keys stand.
struct KeyPlace {
  std::string_view name;  // of the definition in the schema
  std::string_view what;  // for people
  std::span<const KeyRow> keys;
};
std::span<const KeyPlace> KeyPlaces();

// The description that fits best, or nullptr.
const KeyDescription* Describe(std::string_view place, std::string_view name);

}  // namespace pipelined::dagfile
