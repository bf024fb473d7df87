#include "store/listing.h"

#include <fmt/format.h>

#include <algorithm>

#include "pipelined/base/clock.h"
#include "pipelined/base/hash.h"
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

constexpr std::string_view kDown = " desc";

Status ListingSql::Order(const Page& page, Columns columns, std::string_view last) {
  for (const std::string& wanted : page.order_by) {
    const bool down = wanted.starts_with('-');
    const std::string_view name = std::string_view(wanted).substr(down ? 1 : 0);
    const auto found =
        std::find_if(columns.begin(), columns.end(), [&](const Column& column) { return column.name == name; });
    if (found == columns.end()) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("Ordering with '{}' is disallowed or the attribute does not exist on the model", name),
                   ""};
    }
    const bool decides = found->sql == last;
    OrderBy(Key{std::string(found->sql), down, found->nullable && !decides});
    if (decides) return Ok();
  }
  for (std::size_t begin = 0; begin < last.size();) {
    const std::size_t end = std::min(last.find(", ", begin), last.size());
    std::string_view column = last.substr(begin, end - begin);
    const bool down = column.ends_with(kDown);
    if (down) column.remove_suffix(kDown.size());
    OrderBy(Key{std::string(column), down, false});
    begin = end + 2;
  }
  return Ok();
}

void ListingSql::OrderBy(Key key) {
  order_ += fmt::format("{}{} {}{}", order_.empty() ? " order by " : ", ", key.sql, key.down ? "desc" : "asc",
                        key.nullable ? " nulls last" : "");
  keys_.push_back(std::move(key));
}

Status ListingSql::After(const Page& page) {
  if (!page.cursor || page.cursor->empty()) return Ok();
  const Result<std::vector<std::optional<std::string>>> values = DecodeCursor(*page.cursor, OrderName(), keys_.size());
  if (!values.ok()) return values.error();
  // Beyond the first value, or equal in it and beyond the second, or …; nulls are last.
  std::string condition = "false", first;
  for (std::size_t i = keys_.size(); i-- > 0;) {
    const Key& key = keys_[i];
    const std::optional<std::string>& value = (*values)[i];
    const std::string parameter = value ? Parameter(*value) : "";
    const std::string equal = value ? fmt::format("{} = {}", key.sql, parameter) : key.sql + " is null";
    const std::string beyond = !value ? "false"
                                      : fmt::format("{0} {1} {2}{3}", key.sql, key.down ? "<" : ">", parameter,
                                                    key.nullable ? " or " + key.sql + " is null" : "");
    condition = fmt::format("{} or ({} and ({}))", beyond, equal, condition);
    // What an index understands.
    if (i == 0 && value && !key.nullable) first = fmt::format("{} {} {}", key.sql, key.down ? "<=" : ">=", parameter);
  }
  Where(condition);
  if (!first.empty()) Where(first);
  return Ok();
}

std::string ListingSql::Keys(const Page& page) const {
  if (!page.cursor) return "";
  std::string keys = fmt::format("'{}'", OrderName());
  for (const Key& key : keys_) keys += fmt::format(", ({})::text", key.sql);
  return fmt::format(", json_build_array({})::text as keys", keys);
}

std::string ListingSql::OrderName() const {
  std::string order;
  for (const Key& key : keys_) order += fmt::format("{} {}\n", key.sql, key.down ? "desc" : "asc");
  return Sha256Hex(order).substr(0, 8);
}

namespace {

// A page ends at this many rows or before. Of a limit that is a parameter the planner knows nothing and takes a tenth
// of all rows for its answer; of one in the text it does, and powers of two are few texts.
constexpr std::int64_t kMostRows = std::int64_t{1} << 40;  // no list is as long

std::int64_t RoundedUp(std::int64_t rows) {
  std::int64_t bound = 64;
  while (bound < rows) bound *= 2;
  return bound;
}

std::int64_t LimitOf(const Page& page) {
  return std::clamp<std::int64_t>(page.limit, 0, kMostRows) + (page.cursor ? 1 : 0);
}
std::int64_t OffsetOf(const Page& page) {
  return page.cursor ? 0 : std::clamp<std::int64_t>(page.offset, 0, kMostRows);
}

}  // namespace

std::string ListingSql::Cut(const std::string& select, const Page& page) const {
  return fmt::format("select * from ({}{}{} limit {}) as cut limit ${}::bigint offset ${}::bigint", select, where_,
                     order_, RoundedUp(LimitOf(page) + OffsetOf(page)), parameters_.size() + 1, parameters_.size() + 2);
}

std::vector<std::string> ListingSql::PageParameters(const Page& page) const {
  std::vector<std::string> all = parameters_;
  all.push_back(std::to_string(LimitOf(page)));
  all.push_back(std::to_string(OffsetOf(page)));
  return all;
}

std::string CountOf(const std::string& from, const ListingSql& sql, const Page& page) {
  if (page.most_counted <= 0) return "select count(*)" + from + sql.Conditions();
  return fmt::format("select count(*) from (select{}{} limit {}) as counted", from, sql.Conditions(),
                     page.most_counted);
}

std::int64_t CountRows(Session& session, const std::string& counting, const ListingSql& sql, const Page& page) {
  std::string key = counting;
  for (const std::string& value : sql.parameters()) key.append(1, '\0').append(value);
  if (const auto known = session.counts().Find(key, SystemClock().Monotonic())) return *known;
  return session.counts().Shared(key)->Ask([&] {
    const Micros start = SystemClock().Monotonic();
    const std::int64_t total = session.RunListing(counting, sql.parameters())[0][0].as<std::int64_t>();
    const Micros now = SystemClock().Monotonic();
    if (page.most_counted > 0) session.counts().Learn(key, total, total >= page.most_counted, now - start, now);
    return total;
  });
}

}  // namespace pipelined
