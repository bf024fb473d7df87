// DAG files to DAGs. Everything that is wrong with a file is reported at once; nothing here throws.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/model/dag.h"
#include "pipelined/model/diagnostic.h"
#include "pipelined/timetable/zone.h"

namespace pipelined {

struct LoadLimits {
  std::size_t bytes = 32u << 20;  // of one file
  std::size_t depth = 64;         // of nested values, aliases expanded
  std::size_t nodes = 5'000'000;  // of one document, aliases expanded
  std::size_t text = 256u << 20;  // bytes of one document's values, aliases and defaults expanded
  std::size_t diagnostics = 100;  // per file; more are counted, not shown
  std::size_t inclusions = 8;     // of task templates within each other
};

// The text of another file that a DAG file names, by its absolute path.
using ReadOther = std::function<Result<std::string>(const std::string& path)>;

// A defaults.yaml that applies to a DAG file.
struct DefaultsFile {
  std::string shown_as;  // in diagnostics
  std::string text;
};

struct LoadOptions {
  std::string file;                    // absolute path of the DAG file; its folder is the default working directory
  std::string relative_file;           // to its watched folder
  std::string shown_as;                // in diagnostics; empty: relative_file
  std::vector<DefaultsFile> defaults;  // nearest first
  LoadLimits limits{};
  bool was_checked = false;        // a version that was loaded before: calendar files are not looked at
  std::string root = {};           // absolute; other files that it names lie below it. Empty: anywhere
  ReadOther read_other = nullptr;  // nullptr: there are none
  bool probes = false;             // whether there is a Prober: without one no sensor can wait for what it asks
};

struct LoadedDag {
  DagPtr dag;
  DagSource source;
};

struct LoadResult {
  std::vector<LoadedDag> dags;          // of the documents without errors
  std::vector<Diagnostic> diagnostics;  // errors and warnings, in the order of the file
};

// One DAG per document of `text`. Thread-safe.
LoadResult LoadText(std::string_view text, const LoadOptions& options, const ZoneSource& zones);

// Reads `path` and every defaults.yaml beside and above it, up to the folder `root`. Both absolute; a file that cannot
// be read is a diagnostic. `shown_as` as in LoadOptions.
LoadResult LoadFile(const std::string& path, const std::string& root, const ZoneSource& zones,
                    const std::string& shown_as = "", const LoadLimits& limits = {});

// A stored version back into its DAG: the same source gives the same DAG. kInvalid carries the diagnostics: the version
// was stored by a program that allowed more.
Result<DagPtr> ParseSource(const DagSource& source, const ZoneSource& zones);

}  // namespace pipelined
