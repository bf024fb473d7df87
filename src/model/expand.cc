#include "pipelined/model/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace pipelined {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

std::uint64_t Product(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > kMost / b ? kMost : a * b;
}

// Of lists of these lengths, put together by `form`.
template <typename Lengths>
std::uint64_t LengthOf(ExpandForm form, const Lengths& lengths) {
  std::uint64_t length = lengths.empty() ? 0 : form == ExpandForm::kCross ? 1 : kMost;
  for (const std::uint64_t one : lengths) length = form == ExpandForm::kCross ? Product(length, one) : std::min(length, one);
  return length;
}

std::string Shown(const ExpandValue& value) {
  return value.name.empty() ? "expand_kwargs" : fmt::format("expand.{}", value.name);
}

// A map stands for its pairs, as in Airflow.
Result<Value::List> ListOf(Value value, const ExpandValue& from) {
  if (value.is_list()) return std::move(value.list());
  if (value.is_map() && !from.name.empty()) {
    Value::List pairs;
    for (auto& [key, element] : value.map()) pairs.emplace_back(Value::List{Value(key), std::move(element)});
    return pairs;
  }
  return Error{ErrorCode::kInvalid, fmt::format("{}: a list is needed to map over", Shown(from)), ""};
}

}  // namespace

std::optional<std::uint64_t> Expand::literal_length() const {
  std::vector<std::uint64_t> lengths;
  for (const ExpandValue& value : values) {
    if (!value.text.empty()) return std::nullopt;
    lengths.push_back(value.literal.is_map() ? value.literal.map().size() : value.literal.list().size());
  }
  return LengthOf(form, lengths);
}

Result<std::shared_ptr<const Expansion>> Expansion::Make(const Expand& expand, const Evaluate& evaluate) {
  std::shared_ptr<Expansion> made(new Expansion());
  made->form_ = expand.form;
  std::vector<std::uint64_t> lengths;
  for (const ExpandValue& from : expand.values) {
    Value value = from.literal;
    if (!from.text.empty()) {
      auto evaluated = evaluate(from.text, Shown(from));
      if (!evaluated) return evaluated.error();
      value = std::move(*evaluated);
    }
    auto list = ListOf(std::move(value), from);
    if (!list) return list.error();
    if (expand.form == ExpandForm::kKwargs) {
      const auto bad = std::find_if(list->begin(), list->end(), [](const Value& one) { return !one.is_map(); });
      if (bad != list->end())
        return Error{ErrorCode::kInvalid, fmt::format("expand_kwargs: element {} is not a mapping", bad - list->begin()), ""};
    }
    lengths.push_back(list->size());
    made->lists_.emplace_back(from.name, std::move(*list));
  }
  made->size_ = LengthOf(expand.form, lengths);
  return std::shared_ptr<const Expansion>(std::move(made));
}

Value::Map Expansion::ItemsOf(std::uint64_t index) const {
  if (form_ == ExpandForm::kKwargs) return lists_.front().second[index].map();
  Value::Map items;
  for (auto list = lists_.rbegin(); list != lists_.rend(); ++list) {
    const std::uint64_t at = form_ == ExpandForm::kZip ? index : index % list->second.size();
    if (form_ == ExpandForm::kCross) index /= list->second.size();
    items.emplace_back(list->first, list->second[at]);
  }
  std::reverse(items.begin(), items.end());
  return items;
}

}  // namespace pipelined
