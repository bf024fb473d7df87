#pragma once

#include "pipelined/ports/assets.h"
#include "store/session_pool.h"

namespace pipelined {

class PgAssets : public Assets {
 public:
  explicit PgAssets(SessionPool& pool) : pool_(pool) {}

  Result<Listing<AssetRow>> List(const AssetFilter& filter, const Page& page) override;
  Result<Listing<AssetEventRow>> Events(const AssetEventFilter& filter, const Page& page) override;
  Result<AssetEventRow> Add(const NewAssetEvent& event) override;

 private:
  SessionPool& pool_;
};

}  // namespace pipelined
