#include "dataplane/core/observer.h"

#include <algorithm>
#include <cstring>

namespace pollux::core {
namespace {

struct Addresses {
  net::IpAddress source;
  net::IpAddress destination;
};

std::optional<Addresses> AddressesOf(const Packet& packet) {
  if (packet.ip == IpVersion::k4) {
    if (const auto* ip = packet.HeaderAt<net::Ipv4Header>(packet.l3_offset)) {
      return Addresses{ip->source, ip->destination};
    }
  } else if (packet.ip == IpVersion::k6) {
    if (const auto* ip = packet.HeaderAt<net::Ipv6Header>(packet.l3_offset)) {
      return Addresses{ip->source, ip->destination};
    }
  }
  return std::nullopt;
}

bool MatchesAddresses(const ObservationFilter& filter, const Packet& packet) {
  if (!filter.source && !filter.destination && !filter.host) {
    return true;
  }
  const auto addresses = AddressesOf(packet);
  if (!addresses) {
    return false;
  }
  return (!filter.source || filter.source->Contains(addresses->source)) &&
         (!filter.destination || filter.destination->Contains(addresses->destination)) &&
         (!filter.host || filter.host->Contains(addresses->source) ||
          filter.host->Contains(addresses->destination));
}

bool HasPorts(const Packet& packet) {
  return packet.l4_offset != 0 &&
         (packet.protocol == net::IpProtocol::kTcp || packet.protocol == net::IpProtocol::kUdp ||
          packet.protocol == net::IpProtocol::kSctp);
}

bool MatchesL4(const ObservationFilter& filter, const Packet& packet) {
  if (filter.protocol && (packet.ip == IpVersion::kNone || packet.protocol != *filter.protocol)) {
    return false;
  }
  if (filter.l4_port == 0) {
    return true;
  }
  // All three begin with the two ports.
  const auto* ports =
      HasPorts(packet) ? packet.HeaderAt<net::UdpHeader>(packet.l4_offset) : nullptr;
  return ports != nullptr && (ports->source_port.value() == filter.l4_port ||
                              ports->destination_port.value() == filter.l4_port);
}

}  // namespace

bool ObservationFilter::Matches(StepId step, const Packet& packet, Verdict verdict) const {
  const bool dropped =
      verdict.kind() == VerdictKind::kDrop || verdict.kind() == VerdictKind::kDropAnswer;
  return (steps == 0 || (steps & (1U << static_cast<unsigned>(step))) != 0) &&
         (port == net::kNoPort || packet.ingress == port || packet.egress == port) &&
         (!drops_only || dropped) && (reason == DropReason::kNone || verdict.reason() == reason) &&
         MatchesL4(*this, packet) && MatchesAddresses(*this, packet);
}

Subscription::Subscription(const ObservationFilter& filter, unsigned worker_count,
                           std::size_t ring_size)
    : filter_(filter) {
  for (unsigned i = 0; i < worker_count; ++i) {
    rings_.push_back(std::make_unique<SpscRing<Observation>>(ring_size));
  }
}

void Subscription::Observe(net::WorkerId worker, std::uint64_t nanos, std::uint64_t sequence,
                           StepId step, const Packet& packet, Verdict verdict) {
  if (!filter_.Matches(step, packet, verdict)) {
    return;
  }
  const bool kept = rings_[worker.value()]->TryPushInPlace([&](Observation& o) {
    o.nanos = nanos;
    o.packet = sequence;
    o.worker = worker;
    o.step = step;
    o.verdict = verdict.kind();
    o.reason = verdict.reason();
    o.ingress = packet.ingress;
    o.egress = packet.egress;
    o.offload = packet.offload;
    o.frame_length = packet.frame_length();
    o.captured_length =
        static_cast<std::uint16_t>(std::min<std::size_t>(packet.head_length, o.bytes.size()));
    std::memcpy(o.bytes.data(), packet.head, o.captured_length);
  });
  if (!kept) {
    missed_.fetch_add(1, std::memory_order_relaxed);
  }
}

bool Subscription::TryPop(Observation& out) {
  for (std::size_t tried = 0; tried < rings_.size(); ++tried) {
    const std::size_t ring = next_ring_;
    next_ring_ = (next_ring_ + 1) % rings_.size();
    if (rings_[ring]->TryPop(out)) {
      return true;
    }
  }
  return false;
}

}  // namespace pollux::core
