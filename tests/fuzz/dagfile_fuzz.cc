// Any text as a DAG file and as the defaults above one: it ends soon, and what loads can be stored and loaded again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "pipelined/dagfile/load.h"

namespace {

class UtcOnly : public pipelined::ZoneSource {
 public:
  pipelined::Result<std::shared_ptr<const pipelined::Zone>> Find(std::string_view name) const override {
    if (name == "UTC") return pipelined::Zone::Utc();
    return pipelined::Error{pipelined::ErrorCode::kNotFound, "no such zone", ""};
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pipelined;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  LoadOptions options;
  options.file = "/dags/x.yaml";
  options.relative_file = "x.yaml";
  options.limits.nodes = 100'000;
  options.limits.text = 1 << 20;
  const UtcOnly zones;
  const LoadResult loaded = LoadText(text, options, zones);
  if (Format(loaded.diagnostics).size() > (1 << 20)) std::abort();
  if (loaded.dags.empty() && !HasErrors(loaded.diagnostics)) std::abort();
  for (const LoadedDag& one : loaded.dags) {
    const auto again = ParseSource(one.source, zones);
    if (!again || (*again)->content_hash != one.dag->content_hash) std::abort();
  }
  options.defaults.push_back({"defaults.yaml", std::string(text)});
  (void)LoadText("tasks: {a: {bash: x}}\n", options, zones);
  return 0;
}
