// Where loaded DAG files go: versions, heads, import errors. Called from the thread that loads files, with a connection
// of its own. Versions are addressed by their content, so that publishing one twice is harmless.
#pragma once

#include <string>
#include <vector>

#include "pipelined/model/dag.h"
#include "pipelined/ports/store.h"

namespace pipelined {

// What a file looked like when it was last read; equal fingerprints need no reading.
struct KnownFile {
  std::string root;  // the watched folder, absolute
  std::string relative_file;
  std::string fingerprint;
  std::vector<std::string> dag_ids;  // what it holds
};

struct PublishedDag {
  DagPtr dag;
  DagSource source;
  std::string root;
};

struct ImportError {
  std::string root;
  std::string relative_file;
  std::string text;  // all diagnostics, formatted
};

struct Publication {
  std::vector<PublishedDag> dags;
  std::vector<KnownFile> files;    // read just now; replaces what was known of them. A DAG that one of them held before
                                   // and holds no more is stale
  std::vector<KnownFile> removed;  // gone: their DAGs become stale, their import errors go
  std::vector<ImportError> errors;  // of these files; a file of `files` without one has none any more
};

class DagPublisher {
 public:
  virtual ~DagPublisher() = default;
  virtual Result<std::vector<KnownFile>> KnownFiles() = 0;
  // Stores all of it; answers the heads that changed. `lease_epoch` fences it: kStale when another leads.
  virtual Result<std::vector<StoredDag>> Publish(const Publication& publication, std::int64_t lease_epoch) = 0;
};

}  // namespace pipelined
