// Values that come from elsewhere: `${env:NAME}`, `${file:PATH}` inside a text, `{command: …}` instead of one.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "pipelined/base/result.h"

namespace pipelined::config {

using Variables = std::vector<std::pair<std::string, std::string>>;

// The variable's value, or nullptr.
const std::string* Lookup(const Variables& variables, const std::string& name);

// `text` with every reference replaced; what is put in is not looked at again. The last line break of a file is
// dropped. `used` becomes true when there was one: the result may be a secret.
Result<std::string> Substitute(const std::string& text, const Variables& variables, const std::string& base_dir,
                               bool& used);

// What `command` prints, run by /bin/sh in `base_dir`, without the last line break. kInvalid when it fails, prints more
// than 64 KiB or takes longer than ten seconds (it and what it started are killed then).
Result<std::string> RunForValue(const std::string& command, const std::string& base_dir);

}  // namespace pipelined::config
