// A catalog as one caller may see it: what belongs to other DAGs is not listed, and asking for it by name is refused.
//
// This is the one place where permissions for single DAGs are enforced. Handlers need not think of them: whether a DAG
// is named in the path, in a body, in one of many entities or by the id of a backfill, it is looked up or changed
// through here. A method that Catalog gets later does not compile until it is said here what of it may be seen.
// Numbers of runs and of versions are let through: they come from rows that were read through here.
#pragma once

#include <memory>

#include "pipelined/access/rights.h"
#include "pipelined/ports/catalog.h"

namespace pipelined::api {

// `catalog` must outlive what is made. Thread-safe if `catalog` is.
std::shared_ptr<Catalog> Scoped(Catalog& catalog, access::DagScope scope);

}  // namespace pipelined::api
