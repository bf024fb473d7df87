// The params of a task template: declared there, given by `with` where it is included.
#pragma once

#include <optional>
#include <vector>

#include "dagfile/document_copy.h"
#include "pipelined/model/inclusion.h"

namespace pipelined::dagfile {

struct GivenParams {
  std::vector<Inclusion::Param> params;
  DocumentCopy::Values values;  // those that are known now: neither they nor a part of them is a template
};

// `declared`: the template's params, if it has any; `place`: of the inclusion. What is missing, unknown or does not fit
// is reported.
GivenParams ReadGivenParams(const std::optional<Entry>& declared, const std::optional<Entry>& with, const Entry& place,
                            Reporter& reporter);

// Whether `value`, or a part of it, is the text of a template.
bool HoldsTemplate(const Value& value);

}  // namespace pipelined::dagfile
