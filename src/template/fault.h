// How evaluation stops inside this module; Template turns it into an Error at its edge.
#pragma once

#include <string>

#include "pipelined/template/template.h"

namespace pipelined::tmpl {

struct Fault {
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);
  TemplateFault kind;
  std::string message;
  std::string hint{};
  std::size_t offset = kNowhere;  // set by the innermost node that was being evaluated
  std::size_t length = 1;
};

[[noreturn]] inline void Raise(TemplateFault kind, std::string message, std::string hint = {}) {
  throw Fault{kind, std::move(message), std::move(hint)};
}
[[noreturn]] inline void TypeError(std::string message) {
  Raise(TemplateFault::kType, std::move(message));
}
[[noreturn]] inline void ValueError(std::string message) {
  Raise(TemplateFault::kValue, std::move(message));
}

}  // namespace pipelined::tmpl
