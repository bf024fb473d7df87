// Filters that divide lists: Jinja's batch, slice, groupby; and random.
#include <fmt/format.h>

#include <algorithm>

#include "template/filters.h"

namespace pipelined::tmpl {
namespace {

const Val* Filler(Args& args) {
  const Val* given = args.Optional("fill_with");
  return given == nullptr || given->is(Kind::kNone) ? nullptr : given;
}

}  // namespace

Val Batch(Machine& machine, const Val& self, Args& args) {
  const std::int64_t size = args.RequiredInteger("linecount");
  const Val* fill = Filler(args);
  Vals batches, batch;
  const auto close = [&] {
    machine.Memory(sizeof(Val));
    batches.push_back(Val::List(std::move(batch)));
    batch = {};
  };
  for (Val& item : Iterate(machine, self)) {
    if (static_cast<std::int64_t>(batch.size()) == size) close();
    batch.push_back(std::move(item));
  }
  if (batch.empty()) return Val::List(std::move(batches));
  if (fill != nullptr && static_cast<std::int64_t>(batch.size()) < size) {
    machine.Memory(static_cast<std::size_t>(size) - batch.size(), sizeof(Val));
    batch.resize(static_cast<std::size_t>(size), *fill);
  }
  close();
  return Val::List(std::move(batches));
}

Val SliceList(Machine& machine, const Val& self, Args& args) {
  const std::int64_t slices = args.RequiredInteger("slices");
  const Val* fill = Filler(args);
  const Vals items = Iterate(machine, self);
  if (slices == 0) Raise(TemplateFault::kZeroDivision, "a list cannot be cut into 0 slices");
  if (slices < 0) return Val::List({});
  const auto count = static_cast<std::size_t>(slices);
  machine.Memory(count, 2 * sizeof(Val) + sizeof(Vals));
  const std::size_t each = items.size() / count, longer = items.size() % count;
  Vals parts;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t size = each + (i < longer ? 1 : 0);
    const auto first = items.begin() + static_cast<std::ptrdiff_t>(begin);
    Vals part(first, first + static_cast<std::ptrdiff_t>(size));
    if (fill != nullptr && i >= longer) part.push_back(*fill);  // as Jinja, though all are of one length
    begin += size;
    parts.push_back(Val::List(std::move(part)));
  }
  return Val::List(std::move(parts));
}

Val GroupBy(Machine& machine, const Val& self, Args& args) {
  const Val attribute = args.Required("attribute");
  const Val* otherwise = args.Optional("default");
  if (otherwise != nullptr && otherwise->is(Kind::kNone)) otherwise = nullptr;
  const bool case_matters = args.Flag("case_sensitive", false);
  Vals items = Iterate(machine, self);
  machine.Memory(items.size(), 3 * sizeof(Val));
  std::vector<std::pair<Val, Val>> keyed;
  for (Val& item : items) {
    Val key = SortKey(machine, item, &attribute, case_matters, otherwise);
    keyed.emplace_back(std::move(key), std::move(item));
  }
  std::stable_sort(keyed.begin(), keyed.end(),
                   [&](const auto& a, const auto& b) { return Compare(machine, a.first, b.first, "<") < 0; });
  Vals groups;
  for (std::size_t begin = 0, end = 0; begin < keyed.size(); begin = end) {
    Vals group;
    for (end = begin; end < keyed.size() && Equal(machine, keyed[begin].first, keyed[end].first); ++end)
      group.push_back(keyed[end].second);
    if (end == begin) group.push_back(keyed[end++].second);             // what is not equal to itself: not a number
    Val key = SortKey(machine, group[0], &attribute, true, otherwise);  // as it is written
    machine.Memory(4 * sizeof(Val));
    groups.push_back(Val::Group(std::move(key), Val::List(std::move(group))));
  }
  return Val::List(std::move(groups));
}

Val RandomItem(Machine& machine, const Val& self, Args&) {
  if (!self.is_sequence() && !self.is(Kind::kString))
    TypeError(fmt::format("random takes a list or a text, not {}", TypeName(self)));
  const Vals items = Iterate(machine, self);
  if (items.empty()) return Val::Undefined("there is no random item: it is empty");
  const auto bytes = machine.Random();
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 8; ++i) bits = bits << 8 | bytes[i];
  return items[bits % items.size()];
}

}  // namespace pipelined::tmpl
