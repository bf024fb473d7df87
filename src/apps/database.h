// The database as `standalone` and `pipelined db` need it.
#pragma once

#include <string>

#include "pipelined/base/result.h"

namespace pipelined::apps {

// Brings the schema up to date, and makes the home's local token and the user `admin` where they are missing.
Status PrepareDatabase(const std::string& url, const std::string& home);

// `pipelined db VERB`; each answers the exit code.
int DbMigrate(const std::string& url);
int DbCheck(const std::string& url);
int DbDowngrade(const std::string& url, int to_version);
// Removes nothing without `yes`.
int DbClean(const std::string& url, const std::string& before, bool dry_run, bool yes, bool audit);

}  // namespace pipelined::apps
