#include "store/listing.h"

#include <fmt/format.h>

#include <algorithm>

#include "store/arrays.h"

namespace pipelined {

std::string ListingSql::Parameter(std::string value) {
  parameters_.push_back(CleanText(value));
  return fmt::format("${}", parameters_.size());
}

void ListingSql::Where(std::string_view condition, std::string value) {
  Where(fmt::format(fmt::runtime(condition), Parameter(std::move(value))));
}

void ListingSql::Where(std::string_view condition, std::string first, std::string second) {
  const std::string one = Parameter(std::move(first));
  Where(fmt::format(fmt::runtime(condition), one, Parameter(std::move(second))));
}

void ListingSql::Where(std::string_view condition) {
  where_ += fmt::format("{}({})", where_.empty() ? " where " : " and ", condition);
}

void ListingSql::WhereOneOf(std::string_view column, const std::vector<std::string>& words) {
  if (!words.empty()) Where(fmt::format("{} = any ({{}}::text[])", column), TextArray(words));
}

void ListingSql::WhereOneOf(std::string_view column, const std::vector<std::int32_t>& numbers) {
  if (numbers.empty()) return;
  ArrayText array;
  for (const std::int32_t number : numbers) array.Add(std::int64_t{number});
  Where(fmt::format("{} = any ({{}}::integer[])", column), array.text());
}

void ListingSql::WhereAlternatives(std::string_view column, const std::string& text, std::string_view form,
                                   const char* around) {
  std::string alternatives;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find('|', begin), text.size());
    const std::string part = text.substr(begin, end - begin);
    if (!part.empty()) {
      alternatives += alternatives.empty() ? "" : " or ";
      alternatives += fmt::format(fmt::runtime(form), column, Parameter(around + part + around));
    }
    begin = end + 1;
  }
  if (!alternatives.empty()) Where(alternatives);
}

void ListingSql::WhereText(std::string_view column, const TextSearch& search) {
  WhereAlternatives(column, search.pattern, "{} ilike {}", "%");
  WhereAlternatives(column, search.prefix, "starts_with({}, {})", "");
}

void ListingSql::WhereDag(std::string_view column, const Page& page) {
  if (page.dag_ids) Where(fmt::format("{} = any ({{}}::text[])", column), TextArray(*page.dag_ids));
}

void ListingSql::WhereRange(std::string_view instant, const TimeRange& range) {
  const auto bound = [&](std::string_view sign, const std::optional<Instant>& at) {
    if (at) Where(fmt::format("{} {} at_micros({{}}::bigint)", instant, sign), std::to_string(ToMicros(*at)));
  };
  bound(">=", range.gte);
  bound("<=", range.lte);
}

void ListingSql::WhereLength(std::string_view interval, const LengthRange& range) {
  const auto bound = [&](std::string_view sign, const std::optional<Micros>& length) {
    if (length) {
      Where(fmt::format("{} {} {{}}::bigint * interval '1 microsecond'", interval, sign),
            std::to_string(length->count()));
    }
  };
  bound(">=", range.gte);
  bound("<=", range.lte);
}

Status ListingSql::Order(const Page& page, Columns columns, std::string_view last) {
  for (const std::string& wanted : page.order_by) {
    const bool down = wanted.starts_with('-');
    const std::string_view name = std::string_view(wanted).substr(down ? 1 : 0);
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const auto& column) { return column.first == name; });
    if (found == columns.end()) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("Ordering with '{}' is disallowed or the attribute does not exist on the model", name),
                   ""};
    }
    const bool decides = found->second == last;
    order_ += fmt::format("{}{} {}{}", order_.empty() ? " order by " : ", ", found->second, down ? "desc" : "asc",
                          decides ? "" : " nulls last");
    if (decides) return Ok();
  }
  order_ += fmt::format("{}{}", order_.empty() ? " order by " : ", ", last);
  return Ok();
}

std::string ListingSql::Conditions() const {
  return where_;
}

std::string ListingSql::Tail(const Page& page) const {
  return fmt::format("{}{} limit {} offset {}", where_, order_, std::max<std::int64_t>(page.limit, 0),
                     std::max<std::int64_t>(page.offset, 0));
}

}  // namespace pipelined
