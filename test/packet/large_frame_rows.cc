// Large frames stay whole where the destination takes them, and are cut where it does not.
#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using net::IpProtocol;

const FrameTerms kSix{.from = "fd00::10", .to = "fd00::11"};

Bytes Slice(const Bytes& bytes, std::size_t from, std::size_t length) {
  const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(from);
  return {begin, begin + static_cast<std::ptrdiff_t>(length)};
}

// The frames that a sender without the offload would have sent: `size` bytes of payload each.
std::vector<Bytes> Segments(const FrameTerms& terms, IpProtocol protocol, const Bytes& l4,
                            std::size_t size) {
  const bool tcp = protocol == IpProtocol::kTcp;
  const std::size_t header = tcp ? 20 : 8;
  std::vector<Bytes> frames;
  for (std::size_t at = header; at < l4.size(); at += size) {
    Bytes segment = Slice(l4, 0, header);
    const Bytes payload = Slice(l4, at, std::min(size, l4.size() - at));
    AppendBytes(segment, payload);
    if (tcp) {
      auto& sequence = Overlay<net::TcpHeader>(segment, 0).sequence;
      sequence.set(sequence.value() + static_cast<std::uint32_t>(at - header));
    } else {
      Overlay<net::UdpHeader>(segment, 0).length.set(static_cast<std::uint16_t>(segment.size()));
    }
    Bytes frame = IpFrame(terms, protocol, segment, tcp ? kTcpChecksumAt : kUdpChecksumAt);
    if (Ip(terms.from).is_v4()) {
      auto& id = Overlay<net::Ipv4Header>(frame, 14).id;
      id.set(static_cast<std::uint16_t>(id.value() + frames.size()));
      RenewIpv4Checksum(frame);
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

PacketRow Whole(const char* sentence, const OffloadedFrame& frame,
                const core::PortCapabilities& capabilities) {
  OffloadedFrame forwarded = frame;
  forwarded.bytes = Forwarded(frame.bytes, kOtherPodMac);
  return {.sentence = sentence,
          .steps = {{.in = {{kPod1, frame}}, .out = {{kPod2, forwarded}}}},
          .prepare = [=](PacketSwitch& s) { s.port(kPod2).set_capabilities(capabilities); }};
}

PacketRow Cut(const char* sentence, const FrameTerms& terms, IpProtocol protocol,
              std::size_t payload, std::uint16_t size) {
  const bool tcp = protocol == IpProtocol::kTcp;
  const Bytes l4 = tcp ? Tcp(payload) : Udp(payload);
  Step step;
  step.in = {{kPod1, Offloaded(IpFrame(terms, protocol, l4), size)}};
  for (const Bytes& segment : Segments(terms, protocol, l4, size)) {
    step.out.push_back({kPod2, Forwarded(segment, kOtherPodMac)});
  }
  return {.sentence = sentence, .steps = {step}};
}

// The segments leave when the router is known: what waits is the large frame.
PacketRow CutForTheWire() {
  const FrameTerms terms{.to = "198.51.100.7"};
  const Bytes l4 = Tcp(4000);
  Step answer{.in = {{kUplink, ArpFrame({.operation = net::ArpPacket::kReply,
                                         .sender = "192.0.2.9",
                                         .target = "192.0.2.1",
                                         .from_mac = kRouterMac,
                                         .to_mac = kUplinkMac,
                                         .target_mac = kUplinkMac})}}};
  for (const Bytes& segment : Segments(terms, IpProtocol::kTcp, l4, 1460)) {
    answer.out.push_back({kUplink, Forwarded(segment, kRouterMac, kUplinkMac)});
  }
  return {.sentence = "segments_for_the_wire_after_the_router_answered",
          .steps = {{.in = {{kPod1, Offloaded(IpFrame(terms, IpProtocol::kTcp, l4), 1460)}},
                     .out = {{kUplink, ArpFrame({.sender = "192.0.2.1",
                                                 .target = "192.0.2.9",
                                                 .from_mac = kUplinkMac})}}},
                    answer}};
}

PacketRow Fragments() {
  const Bytes l4 = Slice(UdpFrame({}, 1200), 34, 1208);  // with its checksum
  Step step{.in = {{kPod1, UdpFrame({}, 1200)}}};
  for (std::size_t at = 0; at < l4.size(); at += 576) {
    const std::size_t length = std::min<std::size_t>(576, l4.size() - at);
    const unsigned more = at + length < l4.size() ? net::Ipv4Header::kMoreFragments : 0U;
    const Bytes fragment = IpFrame({.fragment = static_cast<std::uint16_t>(at / 8 | more)},
                                   IpProtocol::kUdp, Slice(l4, at, length));
    step.out.push_back({kPod2, Forwarded(fragment, kOtherPodMac)});
  }
  return {.sentence = "fragments_for_a_small_mtu", .steps = {step}, .options = {.pod2_mtu = 600}};
}

}  // namespace

std::vector<PacketRow> LargeFrameRows() {
  const PacketRow too_many{.sentence = "more_segments_than_a_frame_may_cost",
                           .steps = {{.in = {{kPod1, Offloaded(TcpFrame({}, 3000), 1)}}}},
                           .drops = {{"segmentation", 1}}};
  const OffloadedFrame too_large = Offloaded(TcpFrame({}, 8000), 1461);
  const PacketRow too_large_segments{
      .sentence = "segments_larger_than_the_mtu",
      .steps = {{.in = {{kPod1, too_large}},
                 .out = {{kPod1, ErrorFrame(too_large.bytes, {.from = "169.254.1.1",
                                                              .to = "10.0.0.10",
                                                              .type = 3,
                                                              .code = 4,
                                                              .mtu = 1500})}}}},
      .drops = {{"mtu_exceeded", 1}}};
  return {
      Whole("tcp_stays_whole", Offloaded(TcpFrame({}, 60'000, 12), 1448),
            {.checksum = true, .tso4 = true}),
      Whole("tcp_stays_whole_ipv6", Offloaded(TcpFrame(kSix, 60'000, 12), 1428),
            {.checksum = true, .tso6 = true}),
      Whole("udp_stays_whole", Offloaded(UdpFrame({}, 60'000), 1472),
            {.checksum = true, .udp_gso = true}),
      Cut("tcp_is_cut", {}, IpProtocol::kTcp, 4000, 1460),
      Cut("tcp_is_cut_ipv6", kSix, IpProtocol::kTcp, 4000, 1440),
      Cut("udp_is_cut", {}, IpProtocol::kUdp, 4000, 1472),
      Cut("udp_is_cut_ipv6", kSix, IpProtocol::kUdp, 4000, 1452),
      Cut("the_longest_frame_is_cut", {}, IpProtocol::kTcp, 65'495, 1460),
      Cut("small_segments_within_the_head", {}, IpProtocol::kTcp, 200, 7),
      CutForTheWire(),
      Fragments(),
      too_many,
      too_large_segments,
  };
}

}  // namespace pollux::stages::testing
