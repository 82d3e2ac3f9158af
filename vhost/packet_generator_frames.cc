#include "vhost/packet_generator_frames.h"

#include <cstring>
#include <random>

#include "dataplane/net/checksum.h"

namespace pollux::vhost {
namespace {

net::IpAddress Advance(const net::IpAddress& address, std::uint32_t by) {
  if (address.is_v4()) {
    return net::Ipv4Address::FromHost(address.v4().host() + by);
  }
  net::Ipv6Address v6 = address.v6();
  net::Be32 low;
  std::memcpy(&low, &v6.bytes[12], sizeof(low));
  low.set(low.value() + by);
  std::memcpy(&v6.bytes[12], &low, sizeof(low));
  return v6;
}

// The `index`-th flow: a mixed-radix number over the ranges, or random digits.
class FlowMaker {
 public:
  explicit FlowMaker(const PacketGeneratorSpec& spec) : spec_(spec), random_(spec.seed) {}

  GeneratorFlow Make(std::uint32_t index) {
    const std::uint32_t sport = Digit(index, spec_.source_port.count);
    const std::uint32_t dport = Digit(index, spec_.destination_port.count);
    const std::uint32_t source = Digit(index, spec_.source.count);
    const std::uint32_t destination = Digit(index, spec_.destination.count);
    return {Advance(spec_.source.first, source), Advance(spec_.destination.first, destination),
            static_cast<std::uint16_t>(spec_.source_port.first + sport),
            static_cast<std::uint16_t>(spec_.destination_port.first + dport)};
  }

 private:
  std::uint32_t Digit(std::uint32_t& rest, std::uint32_t radix) {
    if (spec_.seed != 0) {
      return std::uniform_int_distribution<std::uint32_t>(0, radix - 1)(random_);
    }
    const std::uint32_t digit = rest % radix;
    rest /= radix;
    return digit;
  }

  const PacketGeneratorSpec& spec_;
  std::mt19937_64 random_;
};

// Writes whole frames with right checksums.
class FrameBuilder {
 public:
  explicit FrameBuilder(const PacketGeneratorSpec& spec) : spec_(spec) {}

  void Build(const GeneratorFlow& flow, std::span<std::uint8_t> frame) const {
    const GeneratorStamp stamp{0, ~std::uint32_t{0}};
    std::memcpy(frame.data() + frame.size() - sizeof(stamp), &stamp, sizeof(stamp));
    auto& ethernet = *reinterpret_cast<net::EthernetHeader*>(frame.data());
    ethernet.source = spec_.source_mac;
    ethernet.destination = spec_.destination_mac;
    const std::span<std::uint8_t> l3 = frame.subspan(sizeof(ethernet));
    if (flow.source.is_v4()) {
      ethernet.set_ether_type(net::EtherType::kIpv4);
      BuildIpv4(flow, l3);
    } else {
      ethernet.set_ether_type(net::EtherType::kIpv6);
      BuildIpv6(flow, l3);
    }
  }

 private:
  void BuildIpv4(const GeneratorFlow& flow, std::span<std::uint8_t> packet) const {
    auto& ip = *reinterpret_cast<net::Ipv4Header*>(packet.data());
    ip.version_ihl = 0x45;
    ip.total_length.set(static_cast<std::uint16_t>(packet.size()));
    ip.fragment.set(net::Ipv4Header::kDontFragment);
    ip.ttl = 64;
    ip.protocol = spec_.protocol;
    ip.source = flow.source.v4();
    ip.destination = flow.destination.v4();
    ip.checksum = net::InternetChecksum(packet.first(sizeof(ip)));
    const auto l4 = packet.subspan(sizeof(ip));
    BuildL4(flow, l4, net::PseudoHeaderSum(ip, ip.protocol, static_cast<std::uint32_t>(l4.size())));
  }

  void BuildIpv6(const GeneratorFlow& flow, std::span<std::uint8_t> packet) const {
    auto& ip = *reinterpret_cast<net::Ipv6Header*>(packet.data());
    const auto l4 = packet.subspan(sizeof(ip));
    ip.version_class_flow.set(6U << 28);
    ip.payload_length.set(static_cast<std::uint16_t>(l4.size()));
    ip.next_header = spec_.protocol;
    ip.hop_limit = 64;
    ip.source = flow.source.v6();
    ip.destination = flow.destination.v6();
    BuildL4(flow, l4,
            net::PseudoHeaderSum(ip, ip.next_header, static_cast<std::uint32_t>(l4.size())));
  }

  void BuildL4(const GeneratorFlow& flow, std::span<std::uint8_t> message,
               net::ChecksumAccumulator sum) const {
    if (spec_.protocol == net::IpProtocol::kTcp) {
      auto& tcp = *reinterpret_cast<net::TcpHeader*>(message.data());
      tcp.source_port.set(flow.source_port);
      tcp.destination_port.set(flow.destination_port);
      tcp.data_offset = (sizeof(tcp) / 4) << 4;
      tcp.flags = net::TcpHeader::kAck;
      tcp.window.set(65535);
      sum.Add(message);
      tcp.checksum = sum.Finish();
    } else {
      auto& udp = *reinterpret_cast<net::UdpHeader*>(message.data());
      udp.source_port.set(flow.source_port);
      udp.destination_port.set(flow.destination_port);
      udp.length.set(static_cast<std::uint16_t>(message.size()));
      sum.Add(message);
      udp.checksum = sum.Finish().raw() == 0 ? net::Be16{0xffff} : sum.Finish();  // RFC 768
    }
  }

  const PacketGeneratorSpec& spec_;
};

}  // namespace

std::vector<GeneratorFlow> FlowsOf(const PacketGeneratorSpec& spec, unsigned queue,
                                   unsigned queues) {
  std::vector<GeneratorFlow> flows;
  FlowMaker maker(spec);
  for (std::uint32_t i = 0; i < spec.flows; ++i) {
    const GeneratorFlow flow = maker.Make(i);
    if (i % queues == queue || spec.flows < queues) {
      flows.push_back(flow);
    }
  }
  return flows;
}

void BuildFrame(const PacketGeneratorSpec& spec, const GeneratorFlow& flow,
                std::span<std::uint8_t> frame) {
  FrameBuilder(spec).Build(flow, frame);
}

}  // namespace pollux::vhost
