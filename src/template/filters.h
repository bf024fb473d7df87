// Filters that have a file of their own. Each as `Filter` in filters.cc; ApplyFilter adds where the value and the
// arguments come from.
#pragma once

#include "template/machine.h"

namespace pipelined::tmpl {

// layout_filters.cc: of texts.
Val Indent(Machine& machine, const Val& self, Args& args);
Val Center(Machine& machine, const Val& self, Args& args);
Val WordCount(Machine& machine, const Val& self, Args& args);
Val WordWrap(Machine& machine, const Val& self, Args& args);
Val FileSizeFormat(Machine& machine, const Val& self, Args& args);

// markup_filters.cc: for URLs, HTML and XML.
Val Escape(Machine& machine, const Val& self, Args& args);
Val Safe(Machine& machine, const Val& self, Args& args);
Val StripTags(Machine& machine, const Val& self, Args& args);
Val UrlEncode(Machine& machine, const Val& self, Args& args);
Val XmlAttr(Machine& machine, const Val& self, Args& args);

// group_filters.cc: of lists.
Val Batch(Machine& machine, const Val& self, Args& args);
Val GroupBy(Machine& machine, const Val& self, Args& args);
Val RandomItem(Machine& machine, const Val& self, Args& args);
Val SliceList(Machine& machine, const Val& self, Args& args);

// A member as Jinja's filters name it: "a.b.0" reaches through its steps. `otherwise`, when given, stands for what is
// missing.
Val Reach(Machine& machine, const Val& item, const Val& attribute, const Val* otherwise = nullptr);

// What a filter compares by: an attribute when one is named; texts without their case unless that matters.
Val SortKey(Machine& machine, const Val& item, const Val* attribute, bool case_matters, const Val* otherwise = nullptr);

std::optional<double> ReadFloat(std::string_view text);  // as Python's float()

}  // namespace pipelined::tmpl
