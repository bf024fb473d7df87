// A document and the defaults that it stands on, to a linked DAG.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dagfile/document.h"
#include "pipelined/model/dag.h"
#include "pipelined/timetable/zone.h"

namespace pipelined::dagfile {

struct DagContext {
  std::string file, relative_file;  // as Dag has them
  std::vector<NodeRef> defaults;    // roots of the defaults.yaml documents, nearest first; mappings or null
  const LoadLimits* limits = nullptr;
  const ZoneSource* zones = nullptr;
  bool was_checked = false;  // a stored version: files that its schedule stands on need not be there any more
  std::string root;          // as LoadOptions has it
  ReadOther read_other;      // never empty
  bool probes = false;       // as LoadOptions has it
};

// nullptr when anything of it was reported as an error.
std::shared_ptr<Dag> ReadDag(NodeRef root, const DagContext& context, Reporter& reporter);

}  // namespace pipelined::dagfile
