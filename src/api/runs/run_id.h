// What may be the id of a run that is asked for by hand.
#pragma once

#include <string>

namespace pipelined::api {

// Empty: fine (also for an empty id, which asks for one to be made). The id becomes the name of a folder of logs, and
// part of URLs.
std::string RunIdFault(const std::string& id);

}  // namespace pipelined::api
