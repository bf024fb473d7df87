#include "pipelined/model/expand.h"

#include <gmock/gmock.h>

namespace pipelined {
namespace {

Value Numbers(std::vector<int> numbers) {
  return Value(Value::List(numbers.begin(), numbers.end()));
}

Expand Of(ExpandForm form, std::vector<ExpandValue> values) {
  Expand expand;
  expand.form = form;
  expand.values = std::move(values);
  return expand;
}

Result<std::shared_ptr<const Expansion>> Make(const Expand& expand) {
  return Expansion::Make(expand, [](const std::string& text, const std::string&) -> Result<Value> {
    if (text == "bad") return Error{ErrorCode::kInvalid, "cannot be evaluated", ""};
    return text == "number" ? Value(7) : Numbers({8, 9});
  });
}

TEST(Expand, ACrossProductCountsWithItsLastNameFirst) {
  const Expand expand = Of(ExpandForm::kCross, {{"a", Numbers({1, 2}), ""}, {"b", Numbers({3, 4, 5}), ""}});
  EXPECT_EQ(expand.literal_length(), 6U);
  const auto expansion = *Make(expand);
  ASSERT_EQ(expansion->size(), 6U);
  EXPECT_EQ(expansion->ItemsOf(0), (Value::Map{{"a", 1}, {"b", 3}}));
  EXPECT_EQ(expansion->ItemsOf(2), (Value::Map{{"a", 1}, {"b", 5}}));
  EXPECT_EQ(expansion->ItemsOf(3), (Value::Map{{"a", 2}, {"b", 3}}));
}

TEST(Expand, AZipEndsWithItsShortestList) {
  const Expand expand = Of(ExpandForm::kZip, {{"a", Numbers({1, 2, 3}), ""}, {"b", Numbers({4, 5}), ""}});
  EXPECT_EQ(expand.literal_length(), 2U);
  EXPECT_EQ((*Make(expand))->ItemsOf(1), (Value::Map{{"a", 2}, {"b", 5}}));
}

TEST(Expand, AListOfMappingsIsOneInstanceEach) {
  const Expand expand =
      Of(ExpandForm::kKwargs, {{"", Value(Value::List{Value::Map{{"a", 1}}, Value::Map{{"b", 2}}}), ""}});
  EXPECT_EQ(expand.literal_length(), 2U);
  EXPECT_EQ((*Make(expand))->ItemsOf(1), (Value::Map{{"b", 2}}));
}

TEST(Expand, AMapStandsForItsPairs) {
  const Expand expand = Of(ExpandForm::kCross, {{"a", Value(Value::Map{{"x", 1}, {"y", 2}}), ""}});
  EXPECT_EQ(expand.literal_length(), 2U);
  EXPECT_EQ((*Make(expand))->ItemsOf(1), (Value::Map{{"a", Value(Value::List{"y", 2})}}));
}

TEST(Expand, WhatIsEvaluatedHasNoLengthBefore) {
  const Expand expand = Of(ExpandForm::kCross, {{"a", Numbers({1, 2}), ""}, {"b", {}, "list"}});
  EXPECT_FALSE(expand.literal_length().has_value());
  EXPECT_EQ((*Make(expand))->size(), 4U);
}

TEST(Expand, AnEmptyListIsNoInstance) {
  EXPECT_EQ(Of(ExpandForm::kCross, {{"a", Numbers({}), ""}, {"b", Numbers({1}), ""}}).literal_length(), 0U);
}

TEST(Expand, AProductBeyondAllNumbersStaysTheGreatest) {
  std::vector<ExpandValue> values;
  for (int i = 0; i < 40; ++i) values.push_back({"n" + std::to_string(i), Numbers({1, 2, 3, 4}), ""});
  EXPECT_EQ(Of(ExpandForm::kCross, values).literal_length(), std::numeric_limits<std::uint64_t>::max());
}

TEST(Expand, WhatIsNoListIsNamed) {
  EXPECT_EQ(Make(Of(ExpandForm::kCross, {{"a", {}, "number"}})).error().message,
            "expand.a: a list is needed to map over");
  EXPECT_EQ(Make(Of(ExpandForm::kKwargs, {{"", {}, "list"}})).error().message,
            "expand_kwargs: element 0 is not a mapping");
  EXPECT_EQ(Make(Of(ExpandForm::kCross, {{"a", {}, "bad"}})).error().message, "cannot be evaluated");
}

}  // namespace
}  // namespace pipelined
