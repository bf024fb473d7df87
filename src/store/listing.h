// The dynamic part of a listing's SQL: conditions, order, page. Every value is a parameter; column names come from a
// whitelist.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/ports/catalog.h"

namespace pipelined {

class ListingSql {
 public:
  using Columns = std::initializer_list<std::pair<std::string_view, std::string_view>>;  // name in the API -> SQL

  // `condition` has {} where the parameter's number goes: "r.dag_id = {}".
  void Where(std::string_view condition, std::string value);
  void Where(std::string_view condition);
  // A case-insensitive part of `column`: % and _ are wild, | separates alternatives.
  void WherePattern(std::string_view column, const std::string& pattern);
  // Nulls come last in both directions, as in Airflow; `last` decides between equals.
  Status Order(const Page& page, Columns columns, std::string_view last);

  // " where … order by … limit … offset …"
  std::string Tail(const Page& page) const;
  std::string Conditions() const;
  const std::vector<std::string>& parameters() const { return parameters_; }

 private:
  std::string Parameter(std::string value);
  std::string where_, order_;
  std::vector<std::string> parameters_;
};

}  // namespace pipelined
