// The dynamic part of a listing's SQL: conditions, order, page. Every value is a parameter; column names come from a
// whitelist.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pipelined/ports/listing.h"
#include "store/cursor.h"
#include "store/session.h"

namespace pipelined {

class ListingSql {
 public:
  struct Column {
    std::string_view name;  // in the API
    std::string_view sql;
    bool nullable = true;  // false: an index gives the order in both directions
  };
  using Columns = std::initializer_list<Column>;

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

  // With page.cursor only what comes after it; to be called after Order(). kInvalid: it is no cursor of this order.
  Status After(const Page& page);
  // With page.cursor the column that cursors are made from, to be the last one: ", … as keys"; else nothing.
  std::string Keys(const Page& page) const;

  // The page's rows of "select … from …": `select` narrowed, ordered and cut. With a cursor one row more, by which it
  // is known that there are more. For PageParameters().
  std::string Cut(const std::string& select, const Page& page) const;
  std::vector<std::string> PageParameters(const Page& page) const;  // parameters(), then limit and offset
  const std::string& Conditions() const { return where_; }          // " where …"
  const std::string& Ordering() const { return order_; }            // " order by …"
  const std::vector<std::string>& parameters() const { return parameters_; }

 private:
  std::string Parameter(std::string value);
  // One of the alternatives of `text`, each as the condition `form` with {} for column and parameter.
  void WhereAlternatives(std::string_view column, const std::string& text, std::string_view form, const char* around);
  struct Key {
    std::string sql;
    bool down, nullable;
  };
  void OrderBy(Key key);
  std::string OrderName() const;  // short; another one for any other order
  std::vector<Key> keys_;         // what order_ says
  std::string where_, order_;
  std::vector<std::string> parameters_;
};

// The statement that counts what `from` and the conditions give, up to page.most_counted.
std::string CountOf(const std::string& from, const ListingSql& sql, const Page& page);
// What `counting` answers. A count that is dear is not made anew each time: KnownCounts.
std::int64_t CountRows(Session& session, const std::string& counting, const ListingSql& sql, const Page& page);

// One page, and the total without its bounds: what the two statements give; `select` holds what Cut() has made.
template <class Row, class Read>
Listing<Row> FetchPage(Session& session, const std::string& select, const std::string& counting, const ListingSql& sql,
                       const Page& page, Read read) {
  Listing<Row> listing;
  std::string keys;  // of the last row
  if (page.limit > 0) {
    for (const pqxx::row& row : session.RunListing(select, sql.PageParameters(page))) {
      if (page.cursor && static_cast<std::int64_t>(listing.rows.size()) == page.limit) {
        listing.next = EncodeCursor(keys);
        break;
      }
      listing.rows.push_back(read(row));
      if (page.cursor) keys = row[row.size() - 1].c_str();
    }
  }
  if (page.cursor) return listing;
  const auto fetched = static_cast<std::int64_t>(listing.rows.size());
  const bool is_all = fetched > 0 && fetched < page.limit;
  listing.total = is_all || !page.counted ? page.offset + fetched : CountRows(session, counting, sql, page);
  return listing;
}

template <class Row, class Read>
Listing<Row> Fetch(Session& session, const std::string& columns, const std::string& from, const ListingSql& sql,
                   const Page& page, Read read) {
  return FetchPage<Row>(session, sql.Cut("select " + columns + from, page), CountOf(from, sql, page), sql, page, read);
}

}  // namespace pipelined
