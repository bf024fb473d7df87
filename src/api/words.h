// The words that Airflow's clients know for what this engine calls otherwise.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "pipelined/base/value.h"
#include "pipelined/model/dag.h"

namespace pipelined::api {

std::string OperatorClass(ActionKind kind);  // "BashOperator"
std::string_view OperatorModule(
    ActionKind kind);  // where Airflow's class of that name lives, for clients that tell by it
Value OperatorClass(std::string_view operator_name);          // "bash" -> "BashOperator"; null for an empty name
std::string OperatorWord(const std::string& operator_class);  // "BashOperator" -> "bash"; others stay
Value TemplateFields(ActionKind kind);
std::string_view WeightRuleWord(WeightRule rule);
Value TriggeredByWord(const std::string& stored);  // null for what Airflow's enum does not know

std::span<const std::string_view> RunStateWords();
std::span<const std::string_view> RunTypeWords();
std::span<const std::string_view> TaskStateWords();  // those of filters: "none" and "no_status" too

}  // namespace pipelined::api
