// The ports on PostgreSQL. None of these calls connects: the first use does, and kUnavailable says when it cannot be
// reached. The schema must be up to date (migrations.h).
#pragma once

#include <memory>

#include "pipelined/base/clock.h"
#include "pipelined/ports/catalog.h"
#include "pipelined/ports/dag_publisher.h"
#include "pipelined/ports/outbox.h"
#include "pipelined/ports/store.h"
#include "pipelined/store/options.h"

namespace pipelined {

// Two connections: one writes, one listens. `clock` must outlive it.
std::unique_ptr<Store> MakePgStore(const StoreOptions& options, const Clock& clock);
// One connection; for one thread.
std::unique_ptr<DagPublisher> MakePgPublisher(const StoreOptions& options);
// One connection; for one thread.
std::unique_ptr<Outbox> MakePgOutbox(const StoreOptions& options);
// Up to options.catalog_connections; thread-safe.
std::unique_ptr<Catalog> MakePgCatalog(const StoreOptions& options);

// The id of the database (a UUID), which an attempts folder remembers.
Result<std::string> InstallationId(const StoreOptions& options);

}  // namespace pipelined
