#include "dataplane/stages/find_connection.h"

#include <array>
#include <memory>

#include "dataplane/stages/follow_tcp.h"
#include "dataplane/stages/packet_tuple.h"

namespace pollux::stages {
namespace {

using core::Packet;
using tables::Direction;

bool MayBeKnown(const Context& ctx, Packet& packet) {
  return packet.l4_offset != 0 && !packet.is_fragment &&
         packet.ethernet().destination == ctx.ingress.local_mac &&
         (!IsIcmp(packet.protocol) ||
          IcmpRoleOf(packet.protocol, packet.head[packet.l4_offset]) <= IcmpRole::kReply);
}

void Check(Context& ctx, Packet& packet, Direction& direction) {
  if (direction.ingress != packet.ingress) [[unlikely]] {
    return;
  }
  const core::Epochs::Age age = AgeOf(ctx.worker.flows->epochs, direction);
  if (age != core::Epochs::Age::kFresh) [[unlikely]] {
    if (age == core::Epochs::Age::kClosed || ctx.worker.renewals_left > 0) {
      ctx.worker.renewals_left -= ctx.worker.renewals_left > 0 ? 1U : 0U;
      return;
    }
  }
  if (packet.protocol == net::IpProtocol::kTcp && FollowTcp::OpensAnew(packet, direction))
      [[unlikely]] {
    ctx.worker.flows->connections.Remove(tables::ConnectionOf(direction));
    return;  // the first packet of another
  }
  packet.direction = &direction;
  if (ctx.observers != nullptr) [[unlikely]] {
    ctx.Observe(core::StepId::kFindConnection, packet, core::Verdict::Continue());
  }
}

// The packets of one IP version.
template <typename Key>
class Lookup {
 public:
  void Add(const tables::ConnectionTable& table, Packet& packet, const Key& key) {
    packets_[count_] = &packet;
    pointers_[count_] = std::construct_at(&keys_[count_].key, key);
    hashes_[count_] = table.Hash(key);
    ++count_;
  }
  void Run(Context& ctx) {
    if (count_ == 0) {
      return;
    }
    std::array<Direction*, core::kBurst> found;
    ctx.worker.flows->connections.Find({pointers_.data(), count_}, {hashes_.data(), count_},
                                       {found.data(), count_});
    for (unsigned i = 0; i < count_; ++i) {
      __builtin_prefetch(found[i], 1);
    }
    for (unsigned i = 0; i < count_; ++i) {
      if (found[i] != nullptr) [[likely]] {
        Check(ctx, *packets_[i], *found[i]);
      }
    }
  }

 private:
  union Room {  // not written before it is used
    Room() {}
    Key key;
  };

  unsigned count_ = 0;
  std::array<Packet*, core::kBurst> packets_;
  std::array<Room, core::kBurst> keys_;
  std::array<const Key*, core::kBurst> pointers_;
  std::array<std::uint32_t, core::kBurst> hashes_;
};

}  // namespace

core::Epochs::Age AgeOf(const core::Epochs& epochs, const Direction& direction) {
  return core::Epochs::Compare(direction.freshness.load(std::memory_order_relaxed),
                               epochs.SumOf(direction.objects));
}

void FindConnections(Context& ctx, Burst& burst) {
  if (ctx.worker.flows == nullptr) {
    return;
  }
  const tables::ConnectionTable& table = ctx.worker.flows->connections;
  Lookup<net::FlowKey4> v4;
  Lookup<net::FlowKey6> v6;
  for (Packet* packet : burst.live()) {
    if (!MayBeKnown(ctx, *packet)) {
      continue;
    }
    if (packet->ip == core::IpVersion::k4) {
      v4.Add(table, *packet, Key4Of(*packet, ctx.zone));
    } else {
      v6.Add(table, *packet, Key6Of(*packet, ctx.zone));
    }
  }
  v4.Run(ctx);
  v6.Run(ctx);
}

}  // namespace pollux::stages
