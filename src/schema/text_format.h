// `format` of JSON Schema.
#pragma once

#include <string>

namespace pipelined::schema {

// True for formats that are not known: they are notes for whoever fills in a form.
bool HasFormat(const std::string& format, const std::string& text);

}  // namespace pipelined::schema
