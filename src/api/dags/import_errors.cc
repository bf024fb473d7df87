#include <fmt/format.h>

#include "api/http/errors.h"
#include "api/handlers.h"
#include "api/http/query.h"
#include "api/shapes.h"

namespace pipelined::api {

Response GetImportErrors(const Call& call) {
  Query query(call.request);
  const Page page = query.ReadPage();
  query.NotYet({"filename_pattern", "filename_prefix_pattern", "filename"});
  if (!query.ok()) return query.Refusal();
  const Result<Listing<ImportErrorRow>> listing = call.catalog().ImportErrors(page);
  if (!listing.ok()) return ErrorResponse(listing.error());
  Value::List errors;
  for (const ImportErrorRow& row : listing->rows) errors.push_back(ImportErrorShape(row));
  return Json(Collection("import_errors", std::move(errors), listing->total));
}

Response GetImportError(const Call& call) {
  std::int64_t id = 0;
  if (auto refusal = ReadPathId("import_error_id", call.Arg("import_error_id"), id)) return *std::move(refusal);
  Page page;
  page.limit = kMaxLimit;
  for (;; page.offset += page.limit) {
    const Result<Listing<ImportErrorRow>> listing = call.catalog().ImportErrors(page);
    if (!listing.ok()) return ErrorResponse(listing.error());
    for (const ImportErrorRow& row : listing->rows) {
      if (row.id == id) return Json(ImportErrorShape(row));
    }
    if (page.offset + page.limit >= listing->total)
      return Detail(404, fmt::format("The ImportError with import_error_id: `{}` was not found", id));
  }
}

}  // namespace pipelined::api
