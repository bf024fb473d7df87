#include "dagfile/asset_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <unordered_set>

#include "dagfile/values.h"

namespace pipelined::dagfile {
namespace {

// What a URI carries between "//" and "@"; empty: nothing.
std::string_view UserInfo(std::string_view uri) {
  const std::size_t begin = uri.find("://");
  if (begin == std::string_view::npos) return {};
  const std::string_view authority = uri.substr(begin + 3, uri.find_first_of("/?#", begin + 3) - begin - 3);
  const std::size_t end = authority.rfind('@');
  return end == std::string_view::npos ? std::string_view() : authority.substr(0, end);
}

struct Mistake {
  std::string message, hint;
};

std::optional<Mistake> MistakeIn(std::string_view name) {
  if (name.find_first_not_of(' ') == std::string_view::npos)
    return Mistake{"an asset needs a name", "a URI such as s3://bucket/orders, or any name"};
  if (name.size() > kMaxAsset)
    return Mistake{fmt::format("the name of an asset has {} characters", name.size()),
                   fmt::format("at most {}", kMaxAsset)};
  if (std::any_of(name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }))
    return Mistake{fmt::format("the asset {} has characters beyond printable ASCII", Quoted(name)),
                   "in a URI write them as %C3%A9"};
  if (name.find("{{") != std::string_view::npos)
    return Mistake{fmt::format("the asset {} is no template: it is one and the same for every run", Quoted(name)),
                   "name what stays the same; what differs belongs into the output outlet_events"};
  if (name.starts_with("airflow:"))
    return Mistake{fmt::format("the asset {} has the scheme airflow, which is reserved", Quoted(name)), ""};
  if (UserInfo(name).find(':') != std::string_view::npos)
    return Mistake{"the URI of an asset carries a password, and everybody sees it who may see the DAG",
                   "leave user and password away: they belong into a connection"};
  return std::nullopt;
}

}  // namespace

bool IsAsset(NodeRef scalar, Reporter& reporter) {
  const std::optional<Mistake> mistake = MistakeIn(scalar.text());
  if (mistake) reporter.Error(Code::kBadAsset, scalar.place(), mistake->message, mistake->hint);
  return !mistake;
}

bool ReadAssets(const Entry& entry, Reporter& reporter, std::vector<std::string>& out) {
  std::vector<std::string> names;
  if (!ReadTexts(entry, reporter, names)) return false;
  bool good = true;
  if (entry.value.is_scalar()) good = IsAsset(entry.value, reporter);
  std::unordered_set<std::string_view> seen;
  for (const NodeRef item : ItemsOf(entry.value)) {
    good = IsAsset(item, reporter) && good;
    if (seen.insert(item.text()).second) continue;
    reporter.Error(Code::kBadAsset, item.place(), fmt::format("{} names {} twice", entry.name(), Quoted(item.text())));
    good = false;
  }
  if (good) out = std::move(names);
  return good;
}

}  // namespace pipelined::dagfile
