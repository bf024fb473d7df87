// What a template puts into Python code. Nothing is quoted there: no rule of ours could know whether a place is code, a
// text or the inside of an f-string. So what may go wrong is told before it runs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "pipelined/template/template.h"

namespace pipelined {

struct PastedValue {
  TemplatePlace where;  // of the expression
  int length = 1;
  bool is_json = false;  // it ends in tojson, but stands within quotes that JSON does not fit into
};

// The values from outside that Python may read as code: those that end neither in `tojson` nor in `raw` nor in a filter
// that gives a number, and JSON within quotes other than r'…' and r'''…'''. What tojson writes has no `'` in it, so it
// stays within these; with no quotes around it, it is a literal of Python. `is_outside` is asked of a name that is read
// with the constant path that follows it. An approximation: branches are read one after the other.
std::vector<PastedValue> PastedIntoPython(const Template& code,
                                          const std::function<bool(const std::vector<std::string>& path)>& is_outside);

}  // namespace pipelined
