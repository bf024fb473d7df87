// What an answer means: did it succeed, is another try worth it, what are the outputs?
#pragma once

#include <string>

#include "pipelined/base/value.h"
#include "worker/job.h"

namespace pipelined::worker {

// `body`: decoded. A probe is answered {"status": …, "ok": whether it is as expected, "why": why not, "outputs": …}.
JobEnd Judge(const Value& spec, long status, const std::string& body);

}  // namespace pipelined::worker
