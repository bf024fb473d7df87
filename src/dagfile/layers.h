// The defaults.yaml files that a DAG file stands on, parsed once for all the DAG files below them.
#pragma once

#include <memory>
#include <vector>

#include "dagfile/document.h"
#include "pipelined/dagfile/load.h"

namespace pipelined::dagfile {

class Layers {
 public:
  static Layers Parse(const std::vector<DefaultsFile>& files, const LoadLimits& limits);

  std::vector<NodeRef> roots() const;  // nearest first
  bool broken() const;
  // Adds what is wrong with the texts themselves; what is wrong with their keys is found anew with every DAG.
  void Report(Reporter& reporter) const;

 private:
  struct Layer {
    std::string text;
    SourceText source;
    std::unique_ptr<Document> document;
    std::vector<Diagnostic> diagnostics;
  };
  std::vector<std::shared_ptr<const Layer>> layers_;
};

LoadResult LoadWith(std::string_view text, int first_line, const LoadOptions& options, const ZoneSource& zones,
                    const Layers& layers);

}  // namespace pipelined::dagfile
