// Assets without a database, for tests of what shows them: lists are narrowed by DAGs and by the filters that the tests
// use; the store's own tests are about the rest.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "pipelined/ports/assets.h"

namespace pipelined::testing {

class MemoryAssets : public Assets {
 public:
  std::vector<AssetRow> assets;  // by id
  std::vector<AssetEventRow> events;
  std::optional<Error> broken;  // what every call answers
  AssetFilter asked;            // the last ones
  AssetEventFilter events_asked;
  Page page_asked;

  AssetRow& Of(const std::string& uri) {
    const auto found = std::find_if(assets.begin(), assets.end(), [&](const AssetRow& row) { return row.uri == uri; });
    if (found != assets.end()) return *found;
    AssetRow row;
    row.id = static_cast<std::int64_t>(assets.size()) + 1;
    row.uri = uri;
    assets.push_back(std::move(row));
    return assets.back();
  }

  Result<Listing<AssetRow>> List(const AssetFilter& filter, const Page& page) override {
    if (broken) return *broken;
    asked = filter;
    page_asked = page;
    Listing<AssetRow> listing;
    for (const AssetRow& row : assets) {
      const bool seen = !page.dag_ids || std::any_of(page.dag_ids->begin(), page.dag_ids->end(),
                                                     [&](const std::string& dag) { return Names(row, dag); });
      if (!seen || (filter.id && *filter.id != row.id)) continue;
      if (listing.total++ < page.offset || static_cast<std::int64_t>(listing.rows.size()) == page.limit) continue;
      listing.rows.push_back(row);
    }
    return listing;
  }
  Result<Listing<AssetEventRow>> Events(const AssetEventFilter& filter, const Page& page) override {
    if (broken) return *broken;
    events_asked = filter;
    page_asked = page;
    Listing<AssetEventRow> listing;
    listing.rows = events;
    std::erase_if(listing.rows,
                  [&](const AssetEventRow& row) { return filter.asset_id && *filter.asset_id != row.asset_id; });
    listing.total = static_cast<std::int64_t>(listing.rows.size());
    return listing;
  }
  Result<AssetEventRow> Add(const NewAssetEvent& event) override {
    if (broken) return *broken;
    const auto asset =
        std::find_if(assets.begin(), assets.end(), [&](const AssetRow& row) { return row.id == event.asset_id; });
    if (asset == assets.end()) return Error{ErrorCode::kNotFound, "there is no such asset", ""};
    AssetEventRow row;
    row.id = static_cast<std::int64_t>(events.size()) + 1;
    row.asset_id = asset->id;
    row.uri = asset->uri;
    row.extra = event.extra;
    row.partition_key = event.partition_key;
    events.push_back(row);
    return row;
  }

 private:
  static bool Names(const AssetRow& row, const std::string& dag) {
    const auto in = [&](const std::vector<AssetUse>& uses) {
      return std::any_of(uses.begin(), uses.end(), [&](const AssetUse& use) { return use.dag_id == dag; });
    };
    return in(row.schedules) || in(row.outlets) || in(row.inlets);
  }
};

}  // namespace pipelined::testing
