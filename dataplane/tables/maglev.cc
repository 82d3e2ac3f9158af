#include "dataplane/tables/maglev.h"

#include <array>
#include <bit>
#include <limits>

#include "dataplane/tables/hash_mix.h"

namespace pollux::tables {
namespace {

// Primes, so that every step width walks all slots. About 100 slots for each backend while tables
// are small; beyond that memory counts more: a share is exact but for one slot of at least six.
struct Rung {
  std::size_t backends;  // at most
  std::uint32_t size;
};
constexpr std::array<Rung, 6> kLadder = {{
    {2, 251},
    {10, 1009},
    {40, 4093},
    {163, 16381},
    {6000, 65537},
    {Maglev::kMaxBackends, 655373},
}};

std::uint32_t SizeFor(std::size_t backends) {
  std::size_t rung = 0;
  while (kLadder[rung].backends < backends) {
    ++rung;
  }
  return kLadder[rung].size;
}

// A backend's way through the slots.
struct Walk {
  Walk(std::uint64_t identity, std::uint32_t size)
      : slot(static_cast<std::uint32_t>(HashMix(identity) % size)),
        skip(static_cast<std::uint32_t>(HashMix(~identity) % (size - 1) + 1)) {}
  void Step(std::uint32_t size) {
    slot += skip;
    slot -= slot >= size ? size : 0;
  }

  std::uint32_t slot;
  std::uint32_t skip;
};

template <typename Index>
std::vector<Index> Fill(std::span<const std::uint64_t> identities, std::uint32_t size) {
  constexpr Index kFree = std::numeric_limits<Index>::max();
  std::vector<Walk> walks;
  walks.reserve(identities.size());
  for (const std::uint64_t identity : identities) {
    walks.emplace_back(identity, size);
  }
  std::vector<Index> slots(size, kFree);
  for (std::size_t filled = 0, turn = 0; filled < size; ++filled) {
    Walk& walk = walks[turn];
    while (slots[walk.slot] != kFree) {
      walk.Step(size);
    }
    slots[walk.slot] = static_cast<Index>(turn);
    turn = turn + 1 == walks.size() ? 0 : turn + 1;
  }
  return slots;
}

}  // namespace

std::uint64_t BackendIdentity(const net::IpAddress& ip, std::uint16_t port,
                              net::IpProtocol protocol) {
  const auto words = std::bit_cast<std::array<std::uint64_t, 2>>(ip.bytes());
  const std::uint64_t rest = std::uint64_t{port} << 16 | static_cast<std::uint64_t>(protocol) << 8 |
                             (ip.is_v6() ? 1U : 0U);
  return HashMix(words[0] ^ HashMix(words[1] ^ HashMix(rest)));
}

Maglev::Maglev(std::span<const std::uint64_t> identities) {
  if (identities.empty()) {
    return;
  }
  const std::uint32_t size = SizeFor(identities.size());
  if (identities.size() < std::numeric_limits<std::uint16_t>::max()) {
    narrow_ = Fill<std::uint16_t>(identities, size);
  } else {
    wide_ = Fill<std::uint32_t>(identities, size);
  }
  size_ = size;
}

}  // namespace pollux::tables
