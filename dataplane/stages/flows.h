// What the workers share to know the packets of a connection again.
// Threading: the members say; the struct itself is made before the workers and outlives them.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "dataplane/core/epochs.h"
#include "dataplane/core/keyed_hash.h"
#include "dataplane/net/ids.h"
#include "dataplane/tables/affinity_table.h"
#include "dataplane/tables/connection_table.h"
#include "dataplane/tables/connection_timeouts.h"
#include "dataplane/tables/fragment_table.h"

namespace pollux::stages {

// Session affinity, with the secret that keeps clients from choosing their place in it.
struct Affinity {
  tables::AffinityTable& table;
  core::KeyedHash hash = core::KeyedHash::Random();

  [[nodiscard]] std::uint64_t HashOf(const tables::AffinityTable::Key& key) const {
    const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(key.client.bytes());
    return hash(hash(words[0], words[1]), key.service);
  }
};

struct Flows {
  tables::ConnectionTable& connections;
  core::Epochs& epochs;
  Affinity affinity;
  tables::FragmentTable& fragments;
  tables::ConnectionTimeouts timeouts;
  // Until then TCP connections that this switch never saw open are taken over: it may have been
  // restarted (--pickup-seconds).
  net::Nanos pickup_until;
};

}  // namespace pollux::stages
