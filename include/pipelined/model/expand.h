// Dynamic mapping: what a mapped task goes through. Airflow's expand(), zip() and expand_kwargs().
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipelined/base/result.h"
#include "pipelined/base/value.h"

namespace pipelined {

struct ExpandValue {
  std::string name;  // empty: of a list of mappings
  Value literal;     // a list or a map, when there is no text
  std::string text;  // a template that gives one; empty: the literal
};

enum class ExpandForm : std::uint8_t {
  kCross,   // every combination, the last name going fastest
  kZip,     // the first with the first, up to the shortest
  kKwargs,  // one list of mappings, each of which is an instance
};

struct Expand {
  ExpandForm form = ExpandForm::kCross;
  std::vector<ExpandValue> values;

  // How many instances there are, when all values are literals.
  std::optional<std::uint64_t> literal_length() const;
};

// The values of an expansion, evaluated. Immutable.
class Expansion {
 public:
  using Evaluate = std::function<Result<Value>(const std::string& text, const std::string& name)>;

  // kInvalid: a value is not a list or a map, or an element of a list of mappings is not a mapping.
  static Result<std::shared_ptr<const Expansion>> Make(const Expand& expand, const Evaluate& evaluate);

  std::uint64_t size() const { return size_; }  // kept below 2^32 by the limit on mapped instances, not by this

  // What instance `index` has for each name. `index` < size().
  Value::Map ItemsOf(std::uint64_t index) const;

 private:
  Expansion() = default;
  ExpandForm form_ = ExpandForm::kCross;
  std::vector<std::pair<std::string, Value::List>> lists_;
  std::uint64_t size_ = 0;
};

}  // namespace pipelined
