#include "secrets/sodium.h"

namespace pipelined::secrets {

bool SodiumReady() {
  static const bool ready = sodium_init() >= 0;
  return ready;
}

}  // namespace pipelined::secrets
