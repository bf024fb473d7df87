#include "dagfile/group_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "dagfile/keys.h"
#include "dagfile/values.h"
#include "pipelined/base/near_match.h"

namespace pipelined::dagfile {
namespace {

constexpr std::size_t kMostCompared = 1'000;  // groups looked at for "did you mean"

void ReadGroupExpand(Key key, const Entry& entry, GroupEntry& group, Reporter& reporter) {
  if (group.expand) return ReportSecondExpand(entry, reporter);
  group.expand = ReadExpand(key, entry, true, reporter);
}

GroupEntry ReadGroup(const Entry& entry, Reporter& reporter) {
  GroupEntry group;
  group.group.id = entry.name();
  group.key = entry.key;
  if (!IsId(entry.name(), kLongestTaskId)) {
    reporter.Error(Code::kBadId, entry.key.place(), fmt::format("{} cannot be the id of a group", Quoted(entry.name())),
                   fmt::format("letters, digits, _, - and ., at most {} of them", kLongestTaskId));
  }
  if (entry.value.is_null() || !RequireMap(entry, reporter, "a mapping, {} when there is nothing to say")) return group;
  EachKey(entry.value, kGroupKeys, "a group", reporter, [&](Key key, const Entry& part) {
    std::string text;
    if (key == Key::kTooltip) ReadText(part, reporter, group.group.tooltip);
    if (key == Key::kDefaultArgs) group.default_args = part;
    if (key == Key::kDependsOn) group.depends_on = ReadDependsOn(part, reporter);
    if (IsExpand(key)) ReadGroupExpand(key, part, group, reporter);
    if (key == Key::kParent && ReadWord(part, reporter, text)) group.parent_name = part.value;
  });
  return group;
}

// Puts each group behind its parents, one chain of them at a time.
class Order {
 public:
  Order(std::vector<GroupEntry> read, std::size_t depth, Reporter& reporter)
      : read_(std::move(read)), most_(depth), reporter_(reporter), place_(read_.size()), depth_(read_.size(), 0) {}

  std::vector<GroupEntry> Take() {
    const GroupNames names(read_);
    for (GroupEntry& group : read_) {
      if (group.parent_name) group.parent = names.Find(*group.parent_name, reporter_);
    }
    for (std::size_t at = 0; at < read_.size(); ++at) PutChain(at);
    return std::move(ordered_);
  }

 private:
  void PutChain(std::size_t at) {
    std::vector<std::size_t> chain;
    std::optional<std::size_t> next = at;
    while (next && !place_[*next]) {
      if (depth_[*next] != 0) {  // met in this chain before
        ReportCycle(chain, *next);
        read_[chain.back()].parent = std::nullopt;
        break;
      }
      depth_[*next] = 1;
      chain.push_back(*next);
      next = read_[*next].parent;
    }
    for (auto group = chain.rbegin(); group != chain.rend(); ++group) Put(*group);
  }

  void Put(std::size_t at) {
    GroupEntry group = std::move(read_[at]);
    if (group.parent) {
      depth_[at] = depth_[*group.parent] + 1;
      group.parent = place_[*group.parent];
      group.group.parent = ordered_[*group.parent].group.id;
    }
    if (depth_[at] > most_) {
      reporter_.Error(Code::kTooDeep, group.key.place(), fmt::format("groups are nested deeper than {} levels", most_));
      group.parent = std::nullopt;
      depth_[at] = 1;
    }
    place_[at] = ordered_.size();
    ordered_.push_back(std::move(group));
  }

  void ReportCycle(const std::vector<std::size_t>& chain, std::size_t first) {
    std::string path;
    for (auto at = std::find(chain.begin(), chain.end(), first); at != chain.end(); ++at)
      path += read_[*at].group.id + " -> ";
    reporter_.Error(Code::kGroupCycle, read_[chain.back()].parent_name->place(),
                    fmt::format("groups stand inside of each other in a circle: {}{}", path, read_[first].group.id),
                    "take one of these parents away");
  }

  std::vector<GroupEntry> read_, ordered_;
  std::size_t most_;
  Reporter& reporter_;
  std::vector<std::optional<std::size_t>> place_;  // in ordered_
  std::vector<std::size_t> depth_;                 // 0: not met
};

}  // namespace

std::vector<GroupEntry> ReadGroups(const Entry& task_groups, std::size_t depth, Reporter& reporter) {
  std::vector<GroupEntry> groups;
  if (!RequireMap(task_groups, reporter, "a mapping of ids to groups")) return groups;
  for (const Entry entry : EntriesOf(task_groups.value)) {
    if (entry.name() != "<<" || !entry.key.is_plain()) groups.push_back(ReadGroup(entry, reporter));
  }
  return Order(std::move(groups), depth, reporter).Take();
}

GroupNames::GroupNames(const std::vector<GroupEntry>& groups) {
  for (std::size_t at = 0; at < groups.size(); ++at) places_.emplace(groups[at].key.text(), at);
}

std::optional<std::size_t> GroupNames::Find(NodeRef name, Reporter& reporter) const {
  if (const auto at = places_.find(name.text()); at != places_.end()) return at->second;
  std::vector<std::string_view> ids;
  for (const auto& [id, place] : places_) {
    if (ids.size() < kMostCompared) ids.push_back(id);
  }
  std::sort(ids.begin(), ids.end());  // so that the hint is the same each time
  const auto near = NearMatch(name.text(), ids);
  reporter.Error(Code::kUnknownGroup, name.place(), fmt::format("there is no group {}", Quoted(name.text())),
                 near          ? fmt::format("did you mean \"{}\"?", *near)
                 : ids.empty() ? "name it under task_groups of the DAG"
                               : "");
  return std::nullopt;
}

}  // namespace pipelined::dagfile
