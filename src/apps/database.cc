#include "apps/database.h"

namespace pipelined::apps {

Status PrepareDatabase(const std::string&, const std::string&) { return Ok(); }
int DbMigrate(const std::string&) { return 70; }
int DbCheck(const std::string&) { return 70; }
int DbDowngrade(const std::string&, int) { return 70; }
int DbClean(const std::string&, const std::string&) { return 70; }

}  // namespace pipelined::apps
