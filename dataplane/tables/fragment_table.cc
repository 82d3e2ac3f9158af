#include "dataplane/tables/fragment_table.h"

#include <algorithm>
#include <bit>
#include <mutex>

namespace pollux::tables {
namespace {

constexpr net::Nanos kNone{};

}  // namespace

FragmentTable::FragmentTable(const Options& options)
    : quota_per_port_(options.quota_per_port),
      sets_(std::bit_ceil(std::max(std::size_t{options.capacity}, kWays)) / kWays) {}

FragmentTable::Set& FragmentTable::SetOf(const Key& key) {
  const net::FlowKey6 bytes{
      .source = {key.source.bytes()},
      .destination = {key.destination.bytes()},
      .source_port = net::Be16(static_cast<std::uint16_t>(key.identification >> 16)),
      .destination_port = net::Be16(static_cast<std::uint16_t>(key.identification)),
      .protocol = key.protocol,
      .unused = key.source.is_v6() ? std::uint8_t{6} : std::uint8_t{4},
      .zone = key.zone,
      .padding = key.ingress.value()};
  return sets_[hash_(bytes) & (sets_.size() - 1)];
}

FragmentTable::Datagram* FragmentTable::FindIn(Set& set, const Key& key) {
  const auto found =
      std::find_if(set.datagrams.begin(), set.datagrams.end(),
                   [&](const Datagram& d) { return d.end != kNone && d.key == key; });
  return found == set.datagrams.end() ? nullptr : &*found;
}

FragmentTable::Result FragmentTable::AddFirst(const Key& key, const FragmentPlace& place,
                                              const Owner& owner, net::Nanos now) {
  Set& set = SetOf(key);
  const std::lock_guard guard(set.lock);
  Expire(set, now);
  Datagram* datagram = FindIn(set, key);
  if (datagram == nullptr) {
    const Result result = Begin(set, key, owner, now, datagram);
    if (result != Result::kKnown) {
      return result;
    }
  }
  return Add(*datagram, place);
}

FragmentTable::Found FragmentTable::AddLater(const Key& key, const FragmentPlace& place,
                                             net::Nanos now) {
  Set& set = SetOf(key);
  const std::lock_guard guard(set.lock);
  Expire(set, now);
  Datagram* datagram = FindIn(set, key);
  if (datagram == nullptr) {
    return {Result::kUnknown, {}};
  }
  const Found found{Add(*datagram, place), datagram->owner};
  if (datagram->ranges.complete()) {
    Forget(*datagram);
  }
  return found;
}

FragmentTable::Result FragmentTable::Begin(Set& set, const Key& key, const Owner& owner,
                                           net::Nanos now, Datagram*& datagram) {
  const auto free = std::find_if(set.datagrams.begin(), set.datagrams.end(),
                                 [](const Datagram& d) { return d.end == kNone; });
  if (free == set.datagrams.end()) {
    return Result::kFull;
  }
  if (!TakeQuota(key.ingress)) {
    return Result::kQuota;
  }
  size_.fetch_add(1, std::memory_order_relaxed);
  *free = {.end = net::Nanos(now.value() + kLifetime.value()),
           .key = key,
           .owner = owner,
           .ranges = {},
           .poisoned = false};
  datagram = &*free;
  return Result::kKnown;
}

FragmentTable::Result FragmentTable::Add(Datagram& datagram, const FragmentPlace& place) {
  if (datagram.poisoned) {
    return Result::kPoisoned;
  }
  switch (datagram.ranges.Add(place)) {
    case FragmentRanges::Result::kAdded:
      return Result::kKnown;
    case FragmentRanges::Result::kDuplicate:
      return Result::kDuplicate;
    case FragmentRanges::Result::kScattered:
      return Result::kScattered;
    case FragmentRanges::Result::kOverlap:
      datagram.poisoned = true;
      return Result::kOverlap;
    case FragmentRanges::Result::kContradicts:
      break;
  }
  datagram.poisoned = true;
  return Result::kContradicts;
}

// Workers read their clocks each for themselves: a datagram's life may end a little sooner for one.
void FragmentTable::Expire(Set& set, net::Nanos now) {
  for (Datagram& datagram : set.datagrams) {
    if (datagram.end != kNone && datagram.end <= now) {
      Forget(datagram);
    }
  }
}

void FragmentTable::Forget(Datagram& datagram) {
  size_.fetch_sub(1, std::memory_order_relaxed);
  by_port_[datagram.key.ingress.value()].fetch_sub(1, std::memory_order_relaxed);
  datagram.end = kNone;
}

// Two that meet at the last place never both get it.
bool FragmentTable::TakeQuota(net::PortId port) {
  std::atomic<std::uint32_t>& taken = by_port_[port.value()];
  if (taken.fetch_add(1, std::memory_order_relaxed) < quota_per_port_) {
    return true;
  }
  taken.fetch_sub(1, std::memory_order_relaxed);
  return false;
}

void FragmentTable::Sweep(unsigned budget, net::Nanos now) {
  const std::size_t sets = std::min<std::size_t>(budget, sets_.size());
  const std::size_t first = cursor_.fetch_add(sets, std::memory_order_relaxed);
  for (std::size_t i = first; i < first + sets; ++i) {
    Set& set = sets_[i & (sets_.size() - 1)];
    const std::lock_guard guard(set.lock);
    Expire(set, now);
  }
}

std::string_view Name(FragmentTable::Result result) {
  switch (result) {
    case FragmentTable::Result::kKnown:
      return "known";
    case FragmentTable::Result::kUnknown:
      return "unknown";
    case FragmentTable::Result::kDuplicate:
      return "duplicate";
    case FragmentTable::Result::kOverlap:
      return "overlap";
    case FragmentTable::Result::kContradicts:
      return "contradicts";
    case FragmentTable::Result::kPoisoned:
      return "poisoned";
    case FragmentTable::Result::kScattered:
      return "scattered";
    case FragmentTable::Result::kQuota:
      return "quota";
    case FragmentTable::Result::kFull:
      return "full";
  }
  return "unknown";
}

}  // namespace pollux::tables
