#include "dagfile/layers.h"

#include "dagfile/text.h"

namespace pipelined::dagfile {

Layers Layers::Parse(const std::vector<DefaultsFile>& files, const LoadLimits& limits) {
  Layers layers;
  for (const DefaultsFile& file : files) {
    auto layer = std::make_shared<Layer>();
    layer->text = file.text;
    layer->source = {file.shown_as, layer->text, 1};
    if (layer->source.text.starts_with("\xEF\xBB\xBF")) layer->source.text.remove_prefix(3);
    Reporter reporter(file.shown_as, limits.diagnostics);
    if (CheckBytes(layer->source, limits, reporter)) {
      const std::vector<SourceText> documents = SplitDocuments(layer->source);
      if (documents.size() == 1) {
        layer->source = documents[0];
        layer->document = Document::Parse(layer->source, limits, reporter);
        if (layer->document && !layer->document->root().is_map()) {
          reporter.Error(Code::kWrongType, layer->document->root().place(), "defaults.yaml is a mapping of DAG keys");
        }
      } else if (documents.size() > 1) {
        reporter.Error(Code::kSyntax, {&documents[1], 0, 0, 1}, "defaults.yaml is one document");
      }
    }
    layer->diagnostics = reporter.Take();
    layers.layers_.push_back(std::move(layer));
  }
  return layers;
}

std::vector<NodeRef> Layers::roots() const {
  std::vector<NodeRef> roots;
  for (const auto& layer : layers_) {
    if (layer->document && layer->document->root().is_map()) roots.push_back(layer->document->root());
  }
  return roots;
}

bool Layers::broken() const {
  for (const auto& layer : layers_) {
    if (HasErrors(layer->diagnostics)) return true;
  }
  return false;
}

void Layers::Report(Reporter& reporter) const {
  for (const auto& layer : layers_) {
    for (const Diagnostic& diagnostic : layer->diagnostics) reporter.Add(diagnostic);
  }
}

}  // namespace pipelined::dagfile
