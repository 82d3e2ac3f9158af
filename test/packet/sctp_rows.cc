// SCTP: associations are followed by their tags, and translated with their checksum.
#include "dataplane/net/crc32c.h"
#include "dataplane/net/sctp.h"
#include "test/packet/rows.h"

namespace pollux::stages::testing {
namespace {

using net::IpProtocol;
using net::SctpChunk;

constexpr SwitchOptions kStartedLongAgo{.pickup_milliseconds = 0};
constexpr std::uint32_t kClientTag = 0x11111111;
constexpr std::uint32_t kServerTag = 0x22222222;

struct Terms {
  std::uint16_t from = 1000;
  std::uint16_t to = 80;
  std::uint32_t tag = 0;
  SctpChunk chunk = SctpChunk::kInit;
  std::uint32_t initiate_tag = 0;  // of INIT and INIT ACK
  std::size_t payload = 32;
};

// One chunk, with the checksum that RFC 9260 appendix A says.
Bytes Sctp(const FrameTerms& ends, const Terms& terms) {
  Bytes l4;
  Append(l4, net::SctpHeader{.source_port = net::Be16(terms.from),
                             .destination_port = net::Be16(terms.to),
                             .verification_tag = net::Be32(terms.tag),
                             .checksum = {}});
  const std::size_t length = sizeof(net::SctpChunkHeader) + terms.payload;
  Append(l4, net::SctpChunkHeader{.type = terms.chunk,
                                  .flags = 0,
                                  .length = net::Be16(static_cast<std::uint16_t>(length))});
  Bytes payload = Pattern(terms.payload);
  if (terms.initiate_tag != 0) {
    Overlay<net::Be32>(payload, 0) = net::Be32(terms.initiate_tag);
  }
  AppendBytes(l4, payload);
  Overlay<net::SctpHeader>(l4, 0).checksum = net::Be32::FromRaw(net::Crc32c(l4));
  return IpFrame(ends, IpProtocol::kSctp, l4);
}

const FrameTerms kBack{.from = "10.0.0.11", .to = "10.0.0.10", .from_mac = kOtherPodMac};

Step Passes(net::PortId from, const Bytes& frame, net::PortId to, const Bytes& as,
            const net::MacAddress& mac) {
  return {.in = {{from, frame}}, .out = {{to, Forwarded(as, mac)}}};
}
Step There(const Bytes& frame, const Bytes& as) {
  return Passes(kPod1, frame, kPod2, as, kOtherPodMac);
}
Step Back(const Bytes& frame, const Bytes& as) { return Passes(kPod2, frame, kPod1, as, kPodMac); }
Step Nowhere(net::PortId port, const Bytes& frame) { return {.in = {{port, frame}}}; }

// Four packets open an association, between the client and `server`, whose port may be another.
std::vector<Step> Handshake(const FrameTerms& to, const FrameTerms& from, std::uint16_t port,
                            std::uint16_t target) {
  const auto there = [&](Terms terms) {
    terms.to = port;
    const Bytes frame = Sctp(to, terms);
    terms.to = target;
    return There(frame, Sctp({}, terms));
  };
  const auto back = [&](Terms terms) {
    terms.to = 1000;
    terms.from = target;
    const Bytes frame = Sctp(kBack, terms);
    terms.from = port;
    return Back(frame, Sctp(from, terms));
  };
  return {there({.chunk = SctpChunk::kInit, .initiate_tag = kClientTag}),
          back({.tag = kClientTag, .chunk = SctpChunk::kInitAck, .initiate_tag = kServerTag}),
          there({.tag = kServerTag, .chunk = SctpChunk::kCookieEcho, .payload = 201}),
          back({.tag = kClientTag, .chunk = SctpChunk::kCookieAck, .payload = 0})};
}

void WithService(PacketSwitch& s) {
  s.config.services = {std::make_shared<const ServiceConfig>(
      ServiceConfig{.name = "a/b:sctp",
                    .protocol = IpProtocol::kSctp,
                    .frontends = {{.ip = Ip("10.96.0.1"), .port = 80}},
                    .backends = {{.ip = Ip("10.0.0.11"), .port = 8080, .local = true}}})};
  s.Publish();
}

}  // namespace

std::vector<PacketRow> SctpRows() {
  const Bytes data = Sctp({}, {.tag = kServerTag, .chunk = SctpChunk::kData, .payload = 1000});
  PacketRow follows{.sentence = "an_association_is_followed_by_its_tags",
                    .steps = Handshake({}, kBack, 80, 80),
                    .drops = {{"sctp_tag", 2}},
                    .options = kStartedLongAgo};
  follows.steps.push_back(There(data, data));
  follows.steps.push_back(
      Nowhere(kPod1, Sctp({}, {.tag = kServerTag + 1, .chunk = SctpChunk::kData})));
  follows.steps.push_back(Nowhere(kPod1, Sctp({}, {.tag = 1, .chunk = SctpChunk::kAbort})));
  follows.steps.push_back(There(data, data));
  return {
      std::move(follows),
      {.sentence = "sctp_data_of_no_association",
       .steps = {Nowhere(kPod1, data)},
       .drops = {{"sctp_not_opening", 1}},
       .options = kStartedLongAgo},
      {.sentence = "after_a_start_associations_are_picked_up", .steps = {There(data, data)}},
      {.sentence = "an_init_that_is_not_alone_or_has_no_tag",
       .steps = {Nowhere(kPod1, Sctp({}, {.chunk = SctpChunk::kInit, .payload = 0}))},
       .drops = {{"sctp_invalid", 1}}},
      {.sentence = "a_fragment_of_sctp_whose_ports_would_change",
       .steps = {Nowhere(kPod1,
                         Sctp({.to = "10.96.0.1", .fragment = net::Ipv4Header::kMoreFragments},
                              {.tag = kServerTag, .chunk = SctpChunk::kData}))},
       .drops = {{"sctp_fragment", 1}},
       .prepare = WithService},
      {.sentence = "an_association_with_a_service_keeps_its_checksum_right",
       .steps =
           Handshake({.to = "10.96.0.1"},
                     {.from = "10.96.0.1", .to = "10.0.0.10", .from_mac = kOtherPodMac}, 80, 8080),
       .prepare = WithService,
       .options = kStartedLongAgo},
  };
}

}  // namespace pollux::stages::testing
