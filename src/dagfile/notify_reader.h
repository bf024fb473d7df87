// The keys that say who is told of what: on_success, on_failure, on_retry, on_skipped, and on_missed of a deadline.
#pragma once

#include <vector>

#include "dagfile/document.h"
#include "pipelined/model/notify_rules.h"

namespace pipelined::dagfile {

// The name of a channel, a mapping, or a list of them; null is an empty list. What is wrong is reported and left out.
std::vector<NotifyUse> ReadNotifyUses(const Entry& entry, Reporter& reporter);

// Puts it in the place of what `rules` has for `on`.
void ReadNotifyRule(const Entry& entry, NotifyOn on, Reporter& reporter, NotifyRulesPtr& rules);

}  // namespace pipelined::dagfile
