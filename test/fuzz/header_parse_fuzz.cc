// A frame of any bytes through every step of the journey, on a small switch of two pods, a host and
// an uplink. What must hold, whatever the bytes:
//  - after each step, head and payload lie inside what was received, and after parse so do the
//    headers that its offsets name; a verdict that ends the journey has a reason with a name;
//  - the fast paths of parse and source_guard decide as the complete ones do;
//  - bytes that were loaded are never read again (they are overwritten at once);
//  - whatever leaves parses, in its turn, without a fault: lengths and header checksums are right;
//  - received + generated = sent + answered + dropped.
//
// Input: ingress and destination (1 byte), cuts (1), stretch (1), offload (8 bytes, only if asked
// for), then the frame.
#include <glog/logging.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "dataplane/core/test_eal.h"
#include "dataplane/pipeline.h"
#include "dataplane/stages/step_test_support.h"
#include "test/fuzz/input.h"
#include "vhost/fake_port.h"

namespace pollux::stages {
namespace {

using core::Packet;
using core::Verdict;
using core::VerdictKind;

// Where the head of the one packet began, once it is loaded.
const std::uint8_t* g_home = nullptr;

void CheckBounds(const Packet& packet) {
  CHECK_GE(packet.head, g_home - core::kHeadroomBytes);
  CHECK_LE(packet.head + packet.head_length, g_home + core::kHeaderBytes);
  std::uint64_t foreign = 0;
  for (unsigned i = 0; i < packet.segment_count; ++i) {
    foreign += packet.segments[i].length;
  }
  CHECK(packet.payload_length == 0 ||
        packet.payload_offset + std::uint64_t{packet.payload_length} <= foreign);
}

void CheckVerdict(Verdict verdict, const Packet& packet) {
  const bool drops =
      verdict.kind() == VerdictKind::kDrop || verdict.kind() == VerdictKind::kDropAnswer;
  CHECK_EQ(drops, verdict.reason() != core::DropReason::kNone);
  CHECK(verdict.reason() < core::DropReason::kCount);
  if (verdict.kind() == VerdictKind::kSend || verdict.kind() == VerdictKind::kDropAnswer) {
    CHECK(packet.egress != net::kNoPort) << "an answer to nowhere";
  }
}

// What later steps rely on without a look.
void CheckParsed(Packet& packet) {
  CHECK_EQ(packet.l3_offset, sizeof(net::EthernetHeader));
  if (packet.ip == core::IpVersion::kNone) {
    return;
  }
  const bool v4 = packet.ip == core::IpVersion::k4;
  const unsigned l3_bytes = v4 ? packet.ipv4().header_length() : sizeof(net::Ipv6Header);
  CHECK_GE(packet.head_length, packet.l3_offset + l3_bytes);
  if (packet.l4_offset == 0) {
    return;
  }
  CHECK_GE(packet.l4_offset, packet.l3_offset + l3_bytes);
  if (packet.protocol == net::IpProtocol::kTcp) {
    const auto* tcp = packet.HeaderAt<net::TcpHeader>(packet.l4_offset);
    CHECK(tcp != nullptr && packet.l4_offset + tcp->header_length() <= packet.head_length);
  } else if (packet.protocol == net::IpProtocol::kUdp) {
    CHECK(packet.HeaderAt<net::UdpHeader>(packet.l4_offset) != nullptr);
  } else if (packet.protocol == net::IpProtocol::kIcmp ||
             packet.protocol == net::IpProtocol::kIcmpv6) {
    CHECK(packet.HeaderAt<net::IcmpHeader>(packet.l4_offset) != nullptr);
  }
}

// A second packet of the same content, for a second opinion.
struct Twin {
  explicit Twin(const Packet& original) : packet(original) {
    std::memcpy(head.data(), original.head, original.head_length);
    packet.head = head.data();
  }
  std::array<std::uint8_t, core::kHeaderBytes> head{};
  Packet packet;
};

void CheckSameParse(const Packet& a, const Packet& b) {
  CHECK_EQ(a.head_length, b.head_length);
  CHECK_EQ(a.payload_length, b.payload_length);
  CHECK_EQ(a.l3_offset, b.l3_offset);
  CHECK_EQ(a.l4_offset, b.l4_offset);
  CHECK(a.ip == b.ip);
  CHECK(a.protocol == b.protocol);
  CHECK_EQ(a.is_fragment, b.is_fragment);
  CHECK_EQ(a.is_first_fragment, b.is_first_fragment);
}

template <typename Step>
Verdict DecideTwice(Context& ctx, Packet& packet) {
  return Step::Decide(ctx, packet);
}

template <>
Verdict DecideTwice<LoadHeaders>(Context& ctx, Packet& packet) {
  g_home = packet.head;
  const Verdict verdict = LoadHeaders::Decide(ctx, packet);
  std::uint32_t loaded = packet.payload_offset;
  for (unsigned i = 0; loaded > 0; ++i) {
    const std::uint32_t n = std::min(loaded, packet.segments[i].length);
    std::memset(const_cast<std::uint8_t*>(packet.segments[i].data), 0xdb, n);
    loaded -= n;
  }
  return verdict;
}

template <>
Verdict DecideTwice<Parse>(Context& ctx, Packet& packet) {
  Twin twin(packet);
  const Verdict full = Parse::DecideFully(twin.packet, ctx.ingress.mtu);
  const Verdict verdict = Parse::Decide(ctx, packet);
  CHECK(verdict == full) << core::Describe(verdict.reason()).name << " and "
                         << core::Describe(full.reason()).name;
  if (verdict.continues()) {
    CheckParsed(packet);
    CheckSameParse(packet, twin.packet);
  }
  return verdict;
}

template <>
Verdict DecideTwice<SourceGuard>(Context& ctx, Packet& packet) {
  Twin twin(packet);
  const Verdict full = SourceGuard::DecideFully(ctx, twin.packet);
  const Verdict verdict = SourceGuard::Decide(ctx, packet);
  CHECK(verdict == full);
  return verdict;
}

template <typename Step>
struct Watched {
  static constexpr core::StepId kId = Step::kId;
  static Verdict Decide(Context& ctx, Packet& packet) {
    const Verdict verdict = DecideTwice<Step>(ctx, packet);
    CheckVerdict(verdict, packet);
    CheckBounds(packet);
    return verdict;
  }
};

// ProcessBurst (dataplane/pipeline.h), watched.
void ProcessWatched(Context& ctx, core::Batch& batch) {
  ctx.first = batch.packets().data();
  CountReceived(ctx, batch);
  Burst burst;
  BeginSteps<Watched<LoadHeaders>>(ctx, batch, burst);
  RunSteps<Watched<Parse>>(ctx, burst);
  FindConnections(ctx, burst);
  RunStepsOnUnknown<Watched<SourceGuard>, Watched<Track>, Watched<Service>, Watched<Answer>,
                    Watched<Route>, Watched<Policy>, Watched<Snat>, Watched<Connect>>(ctx, burst);
  RunSteps<Watched<Follow>, Watched<Forward>>(ctx, burst);
  SendPackets(ctx.tables, ctx.worker, burst.ready(), &ctx);
}

// One for all inputs; each leaves it empty.
Flows& SharedFlows() {
  static core::Rcu rcu(1);
  static const auto table = [] {
    core::InitTestEal();
    return tables::ConnectionTable::Create({.capacity = 64, .quota_per_port = 32}, rcu).value();
  }();
  static core::Epochs epochs(8);
  static tables::AffinityTable affinity(8);
  static tables::FragmentTable fragments({.capacity = 16, .quota_per_port = 16});
  static Flows flows{.connections = *table,
                     .epochs = epochs,
                     .affinity = {.table = affinity},
                     .fragments = fragments,
                     .timeouts = {},
                     .pickup_until = {}};
  return flows;
}

class FuzzedSwitch : public testing::SmallSwitch {
 public:
  explicit FuzzedSwitch(bool offloads, bool small_mtu) : SmallSwitch(&SharedFlows()) {
    using testing::Ip;
    for (std::uint16_t i = 1; i <= 4; ++i) {
      ports_.push_back(std::make_unique<vhost::FakePort>(net::PortId(i)));
      ports_.back()->set_capabilities(
          {.checksum = offloads, .tso4 = offloads, .tso6 = offloads, .udp_gso = false});
      entries[i].port = ports_.back().get();
    }
    if (small_mtu) {
      entries[2].mtu = 576;
      entries[4].mtu = 1280;
    }
    Publish();
    using tables::NextHop;
    tables.routes = std::make_shared<tables::RouteTable>(std::vector<tables::RouteTable::Route>{
        {net::IpPrefix(Ip("0.0.0.0"), 0), NextHop{testing::kUplink, true, Ip("192.0.2.254")}},
        {net::IpPrefix(Ip("::"), 0), NextHop{testing::kUplink, true, Ip("2001:db8::254")}},
        {net::IpPrefix(Ip("192.0.2.0"), 24), NextHop{testing::kUplink, false, {}}},
        {net::IpPrefix(Ip("10.9.0.0"), 16), NextHop{testing::kHost, false, {}}}});
    SetNeighbours({{testing::kUplink, Ip("192.0.2.254"), testing::kRouterMac},
                   {testing::kUplink, Ip("192.0.2.13"), {}, true}});
  }
  FuzzedSwitch(const FuzzedSwitch&) = delete;
  FuzzedSwitch& operator=(const FuzzedSwitch&) = delete;
  ~FuzzedSwitch() {
    tables::ConnectionTable& table = worker.flows->connections;
    table.Sweep(0, 1, table.high_water(), [](const tables::Connection&) { return true; });
    CHECK_EQ(table.size(), 0U);
  }
  vhost::FakePort& port(unsigned id) { return *ports_[id - 1]; }

  void CheckBalance() {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (const auto& port : ports_) {
      const core::PortCounters& counters = port->counters(worker.id);
      in += counters.rx_packets.value() + counters.generated.value();
      out += counters.tx_packets.value() + counters.answered.value();
      for (const core::Counter& drops : counters.drops) {
        out += drops.value();
      }
    }
    CHECK_EQ(in, out) << "packets were lost or made without being counted";
  }

  void CheckSent() {
    for (const auto& port : ports_) {
      for (vhost::FakeFrame& frame : port->TakeSent()) {
        CheckParsesAgain(frame, port->spec().mtu);
      }
    }
  }

 private:
  static void CheckParsesAgain(const vhost::FakeFrame& frame, std::uint16_t mtu) {
    core::Batch batch;
    batch.Reset(net::PortId(1));
    const auto length = static_cast<std::uint32_t>(frame.bytes.size());
    *batch.NextSegments() = {frame.bytes.data(), length};
    Packet& packet = batch.Append(1, length, frame.offload);
    core::LoadHead(packet);
    const Verdict verdict = Parse::DecideFully(packet, mtu);
    CHECK(verdict.continues()) << "sent a frame that does not parse: "
                               << core::Describe(verdict.reason()).name;
    CHECK_EQ(packet.frame_length(), length) << "sent bytes behind the packet";
  }

  std::vector<std::unique_ptr<vhost::FakePort>> ports_;
};

core::Offload TakeOffload(fuzz::Input& input) {
  const auto kind = input.Take<std::uint8_t>();
  return {.needs_checksum = (kind & 4) == 0,
          .gso = static_cast<core::Gso>(kind & 3),
          .gso_size = input.Take<std::uint16_t>(),
          .checksum_start = input.Take<std::uint16_t>(),
          .checksum_offset = input.Take<std::uint16_t>()};
}

std::vector<std::size_t> MakeCuts(std::uint8_t first, std::size_t length) {
  std::vector<std::size_t> cuts;
  for (std::size_t at = first; first != 0 && at < length && cuts.size() < 60; at += first) {
    cuts.push_back(at);
  }
  return cuts;
}

}  // namespace
}  // namespace pollux::stages

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace pollux;
  fuzz::Input input(data, size);
  const auto where = input.Take<std::uint8_t>();
  const auto cut = input.Take<std::uint8_t>();
  const auto stretch = input.Take<std::uint8_t>();
  vhost::FakeFrame frame;
  if ((where & 4) != 0) {
    frame.offload = stages::TakeOffload(input);
  }
  const auto bytes = input.TakeRest();
  frame.bytes.assign(bytes.begin(), bytes.end());
  frame.bytes.resize(frame.bytes.size() + std::size_t{stretch} * 256, stretch);
  if (frame.bytes.empty() || frame.bytes.size() > core::kMaxFrameBytes) {
    return 0;
  }
  stages::FuzzedSwitch small_switch((where & 8) != 0, (where & 16) != 0);
  const unsigned ingress = (where & 3U) + 1;
  vhost::FakePort& port = small_switch.port(ingress);
  const auto cuts = stages::MakeCuts(cut, frame.bytes.size());
  port.Enqueue(std::move(frame), cuts);
  static core::Batch batch;
  batch.Reset(port.id());
  port.rx_queue(0).Receive(batch);
  stages::Context ctx = small_switch.ContextOf(port.id());
  stages::ProcessWatched(ctx, batch);
  port.rx_queue(0).Release(batch);
  small_switch.CheckBalance();
  small_switch.CheckSent();
  return 0;
}
