// A page of a listing, asked for and answered, and what a listing may be narrowed to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pipelined/base/time.h"

namespace pipelined {

struct Page {
  std::int64_t limit = 50;
  std::int64_t offset = 0;
  std::vector<std::string> order_by;  // column names of the API, "-" in front for descending; unknown ones are kInvalid
  bool counted = true;                // false: the total is only that of the rows
  std::int64_t most_counted = 0;      // counting stops there: nobody waits for a count of the whole history; 0: exact

  // Of lists that have cursors: instead of the offset, Listing::next of the page before; empty: the first page. Nothing
  // is counted.
  std::optional<std::string> cursor = std::nullopt;
  // Only what belongs to one of these DAGs, not what belongs to none; nothing: all. For callers who may see no more.
  std::optional<std::vector<std::string>> dag_ids = std::nullopt;

  // To look one row up.
  static Page One() {
    Page page;
    page.limit = 1;
    page.counted = false;
    return page;
  }
};

// Both ends are included; nothing: open.
struct TimeRange {
  std::optional<Instant> gte, lte;
};
struct LengthRange {
  std::optional<Micros> gte, lte;
};

// Two ways to look for a text. Empty: any.
struct TextSearch {
  std::string pattern = {};  // a part of it, whatever the case; "%" and "_" wild, "|" = or
  std::string prefix = {};   // how it begins, letter for letter; "|" = or
};

template <class Row>
struct Listing {
  std::vector<Row> rows;
  std::int64_t total = 0;  // without the page's bounds
  std::string next = {};   // the cursor of the page after this; empty: none
};

}  // namespace pipelined
