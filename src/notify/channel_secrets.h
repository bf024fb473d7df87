// What of a channel's settings nobody may see in what a receiver has answered.
#pragma once

#include "pipelined/base/secret_mask.h"
#include "pipelined/config/channels.h"

namespace pipelined::notify {

// Its secret, token and password, also as they go over the wire, and what its URL has behind the host.
SecretMask SecretsOf(const ChannelSettings& channel);

}  // namespace pipelined::notify
