#include "dagfile/canonical.h"

#include "dagfile/values.h"
#include "pipelined/base/hash.h"

namespace pipelined::dagfile {
namespace {

// Hashes a long stream in pieces, each digest carried into the next piece, so that expanded aliases need no memory.
class Stream {
 public:
  void Put(char tag, std::string_view text) {
    buffer_ += tag;
    buffer_ += std::to_string(text.size());
    buffer_ += ':';
    buffer_ += text;
    if (buffer_.size() > kPiece) buffer_ = Sha256Hex(buffer_);
  }
  std::string Finish() const { return Sha256Hex(buffer_); }

 private:
  static constexpr std::size_t kPiece = 1 << 20;
  std::string buffer_;
};

void Walk(NodeRef node, Stream& stream) {
  switch (node.kind()) {
    case NodeKind::kList:
      stream.Put('[', {});
      for (const NodeRef item : ItemsOf(node)) Walk(item, stream);
      return stream.Put(']', {});
    case NodeKind::kMap:
      stream.Put('{', {});
      for (const Entry entry : EntriesOf(node)) {
        if (entry.name() == "<<" && entry.key.is_plain()) continue;  // its keys stand in the mapping
        stream.Put('k', entry.name());
        Walk(entry.value, stream);
      }
      return stream.Put('}', {});
    case NodeKind::kNull:
      return stream.Put('n', {});
    default:
      return stream.Put(KindOf(node) == ScalarKind::kText ? 's' : 'p', node.text());
  }
}

}  // namespace

std::string ContentHash(const std::vector<NodeRef>& documents, const std::vector<std::string>& context) {
  Stream stream;
  for (const std::string& text : context) stream.Put('c', text);
  for (const NodeRef& document : documents) {
    stream.Put('d', {});
    Walk(document, stream);
  }
  return stream.Finish();
}

}  // namespace pipelined::dagfile
