// The database as `standalone` and `pipelined db` need it.
#pragma once

#include <string>
#include <vector>

#include "pipelined/base/result.h"

namespace pipelined::apps {

// Brings the schema up to date, and makes the home's local token and the user `admin` where they are missing.
Status PrepareDatabase(const std::string& url, const std::string& home);

// `pipelined db VERB`; each answers the exit code.
int DbMigrate(const std::string& url);
int DbCheck(const std::string& url);
int DbDowngrade(const std::string& url, int to_version);
// Removes nothing without `yes`.
struct DbCleanWords {
  std::string before;
  std::vector<std::string> tables;  // empty: all but the audit trail
  bool dry_run = false, yes = false, audit = false, skip_archive = false;
};
int DbClean(const std::string& url, const DbCleanWords& words);
int DbDropArchived(const std::string& url, bool dry_run, bool yes);

}  // namespace pipelined::apps
