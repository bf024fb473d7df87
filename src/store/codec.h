// What is kept as JSON in columns, and back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelined/engine/event.h"
#include "pipelined/model/dag.h"

namespace pipelined {

std::string EncodeSchedule(const Schedule& schedule);
Result<Schedule> DecodeSchedule(std::string_view json);

std::string EncodeSource(const DagSource& source);
Result<DagSource> DecodeSource(std::string_view json);

std::string EncodeParams(const std::vector<Param>& params);  // name -> {value, schema}

// The column `what` and `payload` of a command.
struct CommandText {
  std::string what, payload;
};
CommandText EncodeCommand(const Command& command);
Result<Command> DecodeCommand(CommandId id, std::string who, std::string_view what, std::string_view payload);

}  // namespace pipelined
