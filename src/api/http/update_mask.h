// The fields that a PATCH changes: all that its body has, or those of `update_mask`.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/http/http.h"

namespace pipelined::api {

class UpdateMask {
 public:
  UpdateMask() = default;  // everything
  explicit UpdateMask(std::vector<std::string> fields) : fields_(std::move(fields)) {}
  explicit UpdateMask(const Request& request) {
    for (const auto& [name, value] : request.query) {
      if (name == "update_mask") fields_.push_back(value);
    }
  }
  bool Has(std::string_view field) const {
    return fields_.empty() || std::find(fields_.begin(), fields_.end(), field) != fields_.end();
  }

 private:
  std::vector<std::string> fields_;
};

}  // namespace pipelined::api
