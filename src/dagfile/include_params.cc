#include "dagfile/include_params.h"

#include <fmt/format.h>

#include <algorithm>

#include "dagfile/params_reader.h"
#include "dagfile/template_check.h"
#include "dagfile/values.h"
#include "pipelined/base/near_match.h"
#include "pipelined/schema/json_schema.h"

namespace pipelined::dagfile {
namespace {

std::optional<Entry> FindEntry(const std::optional<Entry>& map, std::string_view name) {
  if (!map) return std::nullopt;
  for (const Entry entry : EntriesOf(map->value)) {
    if (entry.name() == name) return entry;
  }
  return std::nullopt;
}

NodeRef DefaultOf(const std::optional<Entry>& declared, std::string_view name) {
  const auto entry = FindEntry(declared, name);
  if (!entry || !entry->value.is_map()) return entry ? entry->value : NodeRef();
  const auto given = FindEntry(entry, "default");
  return given ? given->value : NodeRef();
}

void ReportUnknown(const std::optional<Entry>& with, const std::vector<Param>& known, Reporter& reporter) {
  std::vector<std::string_view> names;
  for (const Param& param : known) names.push_back(param.name);
  for (const Entry entry : EntriesOf(with->value)) {
    if (std::find(names.begin(), names.end(), entry.name()) != names.end()) continue;
    if (entry.name() == "<<" && entry.key.is_plain()) continue;
    const auto near = NearMatch(entry.name(), names);
    reporter.Error(Code::kIncludeParam, entry.key.place(),
                   fmt::format("the template has no param {}", Quoted(entry.name())),
                   near            ? fmt::format("did you mean \"{}\"?", *near)
                   : names.empty() ? "it has none at all"
                                   : fmt::format("it has: {}", fmt::join(names, ", ")));
  }
}

void CheckFits(const Inclusion::Param& param, const Entry& given, Reporter& reporter) {
  for (const SchemaViolation& violation : ValidateSchema(param.schema, param.value)) {
    reporter.Error(Code::kIncludeParam, given.place(),
                   fmt::format("{}{}{} does not fit the template: {}", param.name, violation.path.empty() ? "" : ".",
                               violation.path, violation.message));
  }
}

}  // namespace

bool HoldsTemplate(const Value& value) {
  if (value.is_string()) return MayHoldATemplate(value.string());
  if (value.is_list()) return std::any_of(value.list().begin(), value.list().end(), HoldsTemplate);
  if (!value.is_map()) return false;
  return std::any_of(value.map().begin(), value.map().end(),
                     [](const auto& part) { return HoldsTemplate(part.second); });
}

GivenParams ReadGivenParams(const std::optional<Entry>& declared, const std::optional<Entry>& with, const Entry& place,
                            Reporter& reporter) {
  GivenParams given;
  const std::vector<Param> known = declared ? ReadParams(*declared, reporter) : std::vector<Param>();
  if (with && RequireMap(*with, reporter, "a mapping of the template's params to values"))
    ReportUnknown(with, known, reporter);
  for (const Param& param : known) {
    Inclusion::Param made{param.name, param.schema, {}, false};
    NodeRef node;
    if (const auto entry = FindEntry(with, param.name)) {
      node = entry->value;
      made.value = ToValue(node);
      made.is_template = HoldsTemplate(made.value);
      if (!made.is_template) CheckFits(made, *entry, reporter);
    } else if (param.default_value) {
      node = DefaultOf(declared, param.name);
      made.value = *param.default_value;
    } else {
      reporter.Error(Code::kIncludeParam, place.place(),
                     fmt::format("the template needs a value for its param {}", Quoted(param.name)),
                     fmt::format("for example with: {{{}: …}}", param.name));
    }
    if (node && !HoldsTemplate(made.value)) given.values[param.name] = node;
    given.params.push_back(std::move(made));
  }
  return given;
}

}  // namespace pipelined::dagfile
