// The one table of drop reasons.
//
// A packet that ends early names a row here. The rows make the counters, the text of the command
// line, the values of the API, the reference page docs/drops.md and the list of tests that must
// exist. To add one: add a row (its step's block, at the end), return it, write the test.
// Threading: constants.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace pollux::core {

// How an operator should read a reason that counts up.
enum class DropSeverity : std::uint8_t {
  kNormal,    // part of ordinary life (a full queue for a moment, noise on the wire)
  kWarning,   // something is configured wrong or overloaded
  kSecurity,  // somebody sends what he must not
};

// X(identifier, name on the API, step, severity, text for a person)
#define POLLUX_DROP_REASONS(X)                                                                  \
  /* receive: the port's ring or device */                                                      \
  X(kRingDescriptor, "ring_descriptor", "receive", kSecurity,                                   \
    "a ring descriptor was out of bounds, too short, looped or of the wrong direction")         \
  X(kRingOffload, "ring_offload", "receive", kSecurity,                                         \
    "the offload header contradicts the frame or asks for what was not negotiated")             \
  X(kFrameTooShort, "frame_too_short", "receive", kSecurity, "shorter than an Ethernet header") \
  X(kFrameTooLong, "frame_too_long", "receive", kWarning,                                       \
    "longer than the port's MTU allows (without segmentation offload)")                         \
  X(kTooManySegments, "too_many_segments", "receive", kWarning,                                 \
    "the frame lies in more pieces than the switch gathers")                                    \
  X(kPortClosed, "port_closed", "receive", kNormal,                                             \
    "the port is being removed or its queue is disabled")                                       \
  /* parse */                                                                                   \
  X(kEthernetLlc, "ethernet_llc", "parse", kSecurity, "an LLC frame (type below 0x600)")        \
  X(kVlanTagged, "vlan_tagged", "parse", kSecurity, "a VLAN tag where none is configured")      \
  X(kEtherTypeUnknown, "ether_type_unknown", "parse", kNormal,                                  \
    "an EtherType that is neither IPv4, IPv6 nor ARP")                                          \
  X(kIpv4Header, "ipv4_header", "parse", kSecurity,                                             \
    "an IPv4 header whose version or lengths are impossible")                                   \
  X(kIpv4Checksum, "ipv4_checksum", "parse", kWarning, "a wrong IPv4 header checksum")          \
  X(kIpv4Options, "ipv4_options", "parse", kSecurity,                                           \
    "an IPv4 option that is not passed on (source routes, and unknown ones)")                   \
  X(kIpv6Header, "ipv6_header", "parse", kSecurity,                                             \
    "an IPv6 header whose version or lengths are impossible")                                   \
  X(kIpv6Extension, "ipv6_extension", "parse", kSecurity,                                       \
    "IPv6 extension headers that are malformed, out of order or too many")                      \
  X(kIpv6RoutingHeader, "ipv6_routing_header", "parse", kSecurity,                              \
    "an IPv6 routing header of type 0 (RFC 5095) or unknown type with segments left")           \
  X(kFragmentInvalid, "fragment_invalid", "parse", kSecurity,                                   \
    "a fragment that is tiny, overlaps the header or exceeds 65535 bytes")                      \
  X(kL4Header, "l4_header", "parse", kSecurity,                                                 \
    "a TCP, UDP, SCTP or ICMP header that does not fit its packet")                             \
  X(kHeadersTooLong, "headers_too_long", "parse", kWarning,                                     \
    "extension headers, the L4 header or an ND message end beyond the first 128 bytes")         \
  /* source guard */                                                                            \
  X(kPortWithoutEndpoint, "port_without_endpoint", "source_guard", kWarning,                    \
    "the port has no endpoint yet, so it forwards nothing")                                     \
  X(kEndpointClosed, "endpoint_closed", "source_guard", kWarning,                               \
    "the endpoint waits for its policy")                                                        \
  X(kSourceMac, "source_mac", "source_guard", kSecurity,                                        \
    "the Ethernet source is not the endpoint's")                                                \
  X(kSourceIp, "source_ip", "source_guard", kSecurity,                                          \
    "the IP source is not one of the endpoint's addresses")                                     \
  X(kArpSpoof, "arp_spoof", "source_guard", kSecurity,                                          \
    "an ARP packet claims an address that is not the endpoint's")                               \
  X(kNdSpoof, "nd_spoof", "source_guard", kSecurity,                                            \
    "a neighbour discovery message claims an address that is not the endpoint's")               \
  X(kUplinkSpoof, "uplink_spoof", "source_guard", kSecurity,                                    \
    "a packet from the wire claims the address of a local endpoint")                            \
  X(kRouterAdvertisement, "router_advertisement", "source_guard", kSecurity,                    \
    "a pod sent a router advertisement or redirect")                                            \
  X(kDhcpServer, "dhcp_server", "source_guard", kSecurity, "a pod answered as a DHCP server")   \
  X(kMartianSource, "martian_source", "source_guard", kSecurity,                                \
    "a source address that is never forwarded (loopback, group, unspecified, link-local)")      \
  /* track */                                                                                   \
  X(kIcmpUnrelated, "icmp_unrelated", "track", kNormal,                                         \
    "an ICMP error or reply that belongs to no connection")                                     \
  X(kFragmentUnknown, "fragment_unknown", "track", kNormal,                                     \
    "a later fragment of a datagram whose first fragment did not pass, or not yet")             \
  X(kFragmentDuplicate, "fragment_duplicate", "track", kNormal,                                 \
    "a fragment that brings nothing new")                                                       \
  X(kFragmentOverlap, "fragment_overlap", "track", kSecurity,                                   \
    "of a datagram whose fragments overlap or contradict each other")                           \
  X(kFragmentLimit, "fragment_limit", "track", kWarning,                                        \
    "the port has as many incomplete datagrams as it may, or one has too many gaps")            \
  /* service */                                                                                 \
  X(kServiceSource, "service_source", "service", kWarning,                                      \
    "the client is not in the source ranges that the service allows")                           \
  X(kServiceNoEndpoint, "service_no_endpoint", "service", kWarning,                             \
    "the service has no endpoint: the client is told by RST or ICMP")                           \
  X(kServiceNotLocal, "service_not_local", "service", kWarning,                                 \
    "the service has no endpoint on this node, and its traffic policy is Local")                \
  X(kServicePort, "service_port", "service", kNormal,                                           \
    "the address is a service's, which has no such port: the client is told by RST or ICMP")    \
  /* answer: ARP, ND, the gateway's own addresses */                                            \
  X(kArpInvalid, "arp_invalid", "answer", kSecurity, "a malformed ARP packet")                  \
  X(kArpOwnAddress, "arp_own_address", "answer", kNormal,                                       \
    "a probe or announcement of the endpoint's own address: nobody answers")                    \
  X(kArpReplyIgnored, "arp_reply_ignored", "answer", kNormal,                                   \
    "an ARP reply that the switch did not ask for")                                             \
  X(kNdInvalid, "nd_invalid", "answer", kSecurity,                                              \
    "a neighbour discovery message that breaks RFC 4861 section 7.1")                           \
  X(kNdOwnAddress, "nd_own_address", "answer", kNormal,                                         \
    "duplicate address detection of the endpoint's own address: nobody answers")                \
  X(kNdIgnored, "nd_ignored", "answer", kNormal,                                                \
    "a neighbour discovery message that needs no answer")                                       \
  X(kMulticast, "multicast", "answer", kNormal,                                                 \
    "IP multicast or broadcast, which is not forwarded between pods")                           \
  X(kNotForGateway, "not_for_gateway", "answer", kNormal,                                       \
    "the Ethernet destination is neither the gateway nor a group")                              \
  X(kGatewayService, "gateway_service", "answer", kNormal,                                      \
    "a packet to the gateway itself that is no ping")                                           \
  X(kIcmpChecksum, "icmp_checksum", "answer", kWarning,                                         \
    "an ICMP message to the switch with a wrong checksum")                                      \
  X(kArpIgnored, "arp_ignored", "answer", kNormal,                                              \
    "an ARP request that needs no answer: for another host on the wire, or a probe")            \
  /* route */                                                                                   \
  X(kMartianDestination, "martian_destination", "route", kSecurity,                             \
    "a destination that is never forwarded (loopback, unspecified, link-local)")                \
  X(kNoRoute, "no_route", "route", kWarning, "no endpoint and no route for the destination")    \
  X(kDestinationClosed, "destination_closed", "route", kWarning,                                \
    "the destination endpoint waits for its policy")                                            \
  X(kSameInterface, "same_interface", "route", kNormal,                                         \
    "would leave through the uplink it came from")                                              \
  /* policy */                                                                                  \
  X(kPolicyEgress, "policy_egress", "policy", kNormal,                                          \
    "no network policy of the sending pod allows it")                                           \
  X(kPolicyIngress, "policy_ingress", "policy", kNormal,                                        \
    "no network policy of the receiving pod allows it")                                         \
  /* connect */                                                                                 \
  X(kTcpNotOpening, "tcp_not_opening", "connect", kNormal,                                      \
    "a TCP segment of no known connection that does not open one (no SYN)")                     \
  X(kConnectionQuota, "connection_quota", "connect", kWarning,                                  \
    "the port has as many connections as one may have")                                         \
  X(kConnectionTableFull, "connection_table_full", "connect", kWarning,                         \
    "the connection table is full (--flow-entries); connections that exist go on")              \
  X(kConnectionClash, "connection_clash", "connect", kNormal,                                   \
    "another connection has the same addresses and ports")                                      \
  X(kSourcePorts, "source_ports", "connect", kWarning,                                          \
    "no source port is free behind the address that hides the source")                          \
  /* follow */                                                                                  \
  X(kTcpFlags, "tcp_flags", "follow", kSecurity,                                                \
    "a TCP segment with a set of flags that no sender sends")                                   \
  X(kTcpWindow, "tcp_window", "follow", kWarning,                                               \
    "a TCP segment outside of its connection's window, or of an older connection")              \
  X(kSctpTag, "sctp_tag", "follow", kSecurity,                                                  \
    "an SCTP packet without the verification tag of its association")                           \
  X(kSctpInvalid, "sctp_invalid", "follow", kSecurity,                                          \
    "an SCTP packet whose chunks nobody sends so")                                              \
  X(kSctpFragment, "sctp_fragment", "follow", kWarning,                                         \
    "a fragmented SCTP packet whose ports change: its checksum is over what is not there yet")  \
  X(kSctpNotOpening, "sctp_not_opening", "follow", kNormal,                                     \
    "an SCTP packet of no known association that does not open one")                            \
  /* forward */                                                                                 \
  X(kTtlExceeded, "ttl_exceeded", "forward", kNormal, "TTL or hop limit ran out")               \
  X(kMtuExceeded, "mtu_exceeded", "forward", kNormal,                                           \
    "larger than the destination's MTU and not to be fragmented")                               \
  X(kNeighbourPending, "neighbour_pending", "forward", kNormal,                                 \
    "the next hop's Ethernet address is being asked for and the queue is full")                 \
  X(kNeighbourFailed, "neighbour_failed", "forward", kWarning,                                  \
    "the next hop does not answer ARP or neighbour solicitations")                              \
  /* send */                                                                                    \
  X(kDestinationFull, "dest_full", "send", kNormal, "the destination's queue is full")          \
  X(kDestinationBusy, "dest_busy", "send", kNormal,                                             \
    "another worker was writing the destination's queue")                                       \
  X(kDestinationDown, "dest_down", "send", kNormal,                                             \
    "the destination is not connected or its queue is disabled")                                \
  X(kDestinationBuffer, "dest_buffer", "send", kSecurity,                                       \
    "the destination posted buffers that are out of bounds or of the wrong direction")          \
  X(kDestinationTooSmall, "dest_too_small", "send", kWarning,                                   \
    "the destination's buffers are too small for the frame")                                    \
  X(kSegmentation, "segmentation", "send", kWarning,                                            \
    "a large frame could not be segmented for a destination without the offload")               \
  X(kNoBuffers, "no_buffers", "send", kWarning, "no buffer in the pool for the uplink")         \
  X(kDeviceError, "device_error", "send", kWarning, "the device or kernel refused the frame")

enum class DropReason : std::uint8_t {
  kNone = 0,
#define POLLUX_DROP_ENUM(id, name, step, severity, text) id,
  POLLUX_DROP_REASONS(POLLUX_DROP_ENUM)
#undef POLLUX_DROP_ENUM
      kCount,
};

inline constexpr unsigned kDropReasonCount = static_cast<unsigned>(DropReason::kCount);

struct DropReasonRow {
  std::string_view name;
  std::string_view step;
  DropSeverity severity;
  std::string_view text;
};

// The row of a reason; kNone has the name "none".
const DropReasonRow& Describe(DropReason reason);
std::optional<DropReason> DropReasonFromName(std::string_view name);

}  // namespace pollux::core
