// The dynamic part of a listing's SQL: conditions, order, page. Every value is a parameter; column names come from a
// whitelist.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/ports/listing.h"
#include "store/session.h"

namespace pipelined {

class ListingSql {
 public:
  using Columns = std::initializer_list<std::pair<std::string_view, std::string_view>>;  // name in the API -> SQL

  // `condition` has {} where the parameter's number goes: "r.dag_id = {}".
  void Where(std::string_view condition, std::string value);
  void Where(std::string_view condition, std::string first, std::string second);  // {0} and {1}
  void Where(std::string_view condition);
  // Of what a filter may leave open; an empty one adds no condition. `column` is any expression.
  void WhereOneOf(std::string_view column, const std::vector<std::string>& words);
  void WhereOneOf(std::string_view column, const std::vector<std::int32_t>& numbers);
  void WhereText(std::string_view column, const TextSearch& search);
  // What belongs to the DAGs that the page is for; `column` is null for what belongs to none.
  void WhereDag(std::string_view column, const Page& page);
  void WhereRange(std::string_view instant, const TimeRange& range);
  void WhereLength(std::string_view interval, const LengthRange& range);
  // Nulls come last in both directions, as in Airflow; `last` decides between equals. It is unique and never null:
  // where it is asked for itself nothing follows it, and its index gives the order in both directions.
  Status Order(const Page& page, Columns columns, std::string_view last);

  // " where … order by … limit … offset …"
  std::string Tail(const Page& page) const;
  std::string Conditions() const;
  const std::vector<std::string>& parameters() const { return parameters_; }

 private:
  std::string Parameter(std::string value);
  // One of the alternatives of `text`, each as the condition `form` with {} for column and parameter.
  void WhereAlternatives(std::string_view column, const std::string& text, std::string_view form, const char* around);
  std::string where_, order_;
  std::vector<std::string> parameters_;
};

// One page, and the total without its bounds.
template <class Row, class Read>
Listing<Row> Fetch(Session& session, const std::string& columns, const std::string& from, const ListingSql& sql,
                   const Page& page, Read read) {
  Listing<Row> listing;
  pqxx::nontransaction transaction(session.raw());
  const auto parameters = pqxx::prepare::make_dynamic_params(sql.parameters());
  if (page.limit > 0) {
    for (const pqxx::row& row : transaction.exec_params("select " + columns + from + sql.Tail(page), parameters))
      listing.rows.push_back(read(row));
  }
  const auto fetched = static_cast<std::int64_t>(listing.rows.size());
  const bool is_all = fetched > 0 && fetched < page.limit;
  if (is_all || !page.counted) {
    listing.total = page.offset + fetched;
    return listing;
  }
  const std::string counted = page.most_counted <= 0
                                  ? "select count(*)" + from + sql.Conditions()
                                  : "select count(*) from (select" + from + sql.Conditions() + " limit " +
                                        std::to_string(page.most_counted) + ") as counted";
  listing.total = transaction.exec_params1(counted, parameters)[0].as<std::int64_t>();
  return listing;
}

}  // namespace pipelined
