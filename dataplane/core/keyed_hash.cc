#include "dataplane/core/keyed_hash.h"

#include <glog/logging.h>
#include <sys/random.h>

namespace pollux::core {

KeyedHash KeyedHash::Random() {
  Seed seed;
  PCHECK(getrandom(seed.data(), seed.size(), 0) == static_cast<ssize_t>(seed.size()));
  return KeyedHash(seed);
}

}  // namespace pollux::core
