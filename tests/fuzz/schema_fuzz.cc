// A JSON Schema, a NUL, and a value: judging ends soon, gives the same each time, and its places are places.
#include "pipelined/schema/json_schema.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pipelined/schema/json.h"

namespace {

// Whether a pointer is one: empty, or "/" before each step.
bool IsPointer(std::string_view pointer) {
  return pointer.empty() || pointer.front() == '/';
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pipelined;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos) return 0;
  const auto schema = ParseJson(text.substr(0, end)), value = ParseJson(text.substr(end + 1));
  if (!schema || !value) return 0;
  const std::string fault = SchemaFault(*schema);
  const auto found = ValidateSchema(*schema, *value);
  if (!fault.empty() && found.size() != 1 && !schema->is_null()) std::abort();  // a broken schema judges nothing
  for (const SchemaViolation& violation : found) {
    if (violation.message.empty() || !IsPointer(violation.pointer)) std::abort();
  }
  const auto again = ValidateSchema(*schema, *value);
  if (again.size() != found.size()) std::abort();
  return 0;
}
