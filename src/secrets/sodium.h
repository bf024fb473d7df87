// libsodium, initialised once.
#pragma once

#include <sodium.h>

namespace pipelined::secrets {

// False when the library cannot find a source of randomness; then nothing here may be used.
bool SodiumReady();

}  // namespace pipelined::secrets
