// `pipelined secrets VERB`: the keys that variables and connections are encrypted with. Each answers the exit code.
#pragma once

#include <string>

#include "pipelined/config/settings.h"

namespace pipelined::apps {

// Which keys there are, and how much each has encrypted; fails when something is encrypted with another one.
int SecretsCheck(const Settings& settings, const std::string& home, const std::string& url);
// Puts a new key first in the home's file.
int SecretsAddKey(const Settings& settings, const std::string& home);
// Encrypts everything anew with the first key.
int SecretsRotate(const Settings& settings, const std::string& home, const std::string& url, bool dry_run);

}  // namespace pipelined::apps
