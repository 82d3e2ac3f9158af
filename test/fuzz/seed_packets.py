"""Frames to parse."""
from scapy.all import (ARP, BOOTP, DHCP, ICMP, IP, TCP, UDP, Dot1Q, Ether, ICMPv6DestUnreach,
                       ICMPv6EchoRequest, ICMPv6MLReport2, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                       ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPOption, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, PadN, Raw, RouterAlert)

from seed_bytes import u8, u16

# --- header_parse: the switch of dataplane/stages/step_test_support.h

POD, OTHER, HOST, UPLINK = range(4)
GATEWAY_MAC, POD_MAC, OTHER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:10", "02:00:00:00:00:11"
HOST_MAC, UPLINK_MAC, ROUTER_MAC = "02:00:00:00:00:20", "02:00:00:00:00:30", "02:00:00:00:00:99"
OFFLOAD, CAPABLE, SMALL_MTU = 4, 8, 16
ETHER = Ether(src=POD_MAC, dst=GATEWAY_MAC)
V4 = ETHER / IP(src="10.0.0.10", dst="10.0.0.11")
V6 = ETHER / IPv6(src="fd00::10", dst="fd00::11")
LINK_LOCAL = "fe80::ff:fe00:10"


def offload(start, field, gso=0, size=0):
    return u8(gso) + u16(size, start, field)


def frame(packet, ingress=POD, flags=0, cut=0, stretch=0, extra=b""):
    return u8(ingress | flags, cut, stretch) + extra + bytes(packet)


def ipv4_frames():
    yield "udp", frame(V4 / UDP(sport=1024, dport=53) / b"question")
    yield "udp-in-pieces", frame(V4 / UDP() / bytes(200), cut=9)
    yield "udp-no-checksum", frame(V4 / UDP(chksum=0) / b"x")
    yield "udp-shorter-than-ip", frame(V4 / UDP(len=9) / b"surplus")
    yield "tcp-syn", frame(V4 / TCP(flags="S", options=[("MSS", 1460), ("SAckOK", b"")]))
    yield "tcp-longest-header", frame(V4 / TCP(options=[("NOP", None)] * 40) / b"data")
    yield "sctp", frame(V4.copy() / Raw(bytes(12) + b"chunk"), POD)
    yield "unknown-protocol", frame(ETHER / IP(src="10.0.0.10", dst="10.0.0.11", proto=47) / b"gre")
    yield "ping-gateway", frame(ETHER / IP(src="10.0.0.10", dst="169.254.1.1") / ICMP() / b"ping")
    yield "ping-other", frame(V4 / ICMP() / b"ping")
    yield "ttl-one", frame(ETHER / IP(src="10.0.0.10", dst="10.0.0.11", ttl=1) / UDP() / b"late")
    yield "no-endpoint", frame(ETHER / IP(src="10.0.0.10", dst="10.0.0.99") / UDP() / b"out")
    yield "neighbour-unknown", frame(ETHER / IP(src="10.0.0.10", dst="192.0.2.77") / UDP())
    yield "neighbour-failed", frame(ETHER / IP(src="10.0.0.10", dst="192.0.2.13") / UDP() / b"x")
    yield "to-host", frame(ETHER / IP(src="10.0.0.10", dst="10.9.1.1") / UDP() / b"host")
    yield "spoofed", frame(ETHER / IP(src="10.0.0.11", dst="10.0.0.11") / UDP() / b"spoof")
    yield "broadcast", frame(Ether(src=POD_MAC, dst="ff:ff:ff:ff:ff:ff") /
                             IP(src="10.0.0.10", dst="255.255.255.255") / UDP())
    yield "dhcp", frame(Ether(src=POD_MAC, dst="ff:ff:ff:ff:ff:ff") /
                        IP(src="0.0.0.0", dst="255.255.255.255") / UDP(sport=68, dport=67) /
                        BOOTP() / DHCP(options=[("message-type", "discover"), "end"]))
    yield "dhcp-server", frame(V4 / UDP(sport=67, dport=68))
    yield "options", frame(ETHER / IP(src="10.0.0.10", dst="10.0.0.11",
                                      options=[IPOption(b"\x94\x04\x00\x00")]) / UDP() / b"alert")
    yield "source-route", frame(ETHER / IP(src="10.0.0.10", dst="10.0.0.11",
                                           options=[IPOption(b"\x83\x07\x04\x0a\x00\x00\x01")]) /
                                UDP())
    yield "fragment-first", frame(ETHER / IP(src="10.0.0.10", dst="10.0.0.11", flags="MF") /
                                  UDP(len=1000) / bytes(64))
    yield "fragment-later", frame(ETHER / IP(src="10.0.0.10", dst="10.0.0.11", frag=8, proto=17) /
                                  bytes(64))
    yield "large-df", frame(ETHER / IP(src="10.0.0.10", dst="10.0.0.11", flags="DF") / UDP() /
                            bytes(900), flags=SMALL_MTU)
    yield "large-fragmented", frame(V4 / UDP() / bytes(1200), flags=SMALL_MTU, cut=200)
    yield "checksum-offload", frame(V4 / UDP() / b"partial", flags=OFFLOAD,
                                    extra=offload(34, 6))
    tso = ETHER / IP(src="10.0.0.10", dst="10.0.0.11", len=40 + 8 * 256) / TCP(flags="PA")
    yield "tso", frame(tso, flags=OFFLOAD, stretch=8, extra=offload(34, 16, 1, 1000))
    yield "tso-capable", frame(tso, flags=OFFLOAD | CAPABLE, stretch=8,
                               extra=offload(34, 16, 1, 1000))
    uso = ETHER / IP(src="10.0.0.10", dst="10.0.0.11", len=28 + 4 * 256) / UDP(len=8 + 4 * 256)
    yield "uso", frame(uso, flags=OFFLOAD, stretch=4, extra=offload(34, 6, 3, 200))


def ipv6_frames():
    tso6 = ETHER / IPv6(src="fd00::10", dst="fd00::11", plen=20 + 16 * 256, nh=6) / TCP(flags="PAF")
    yield "tso6", frame(tso6, flags=OFFLOAD, stretch=16, cut=255, extra=offload(54, 16, 2, 1200))
    yield "udp6", frame(V6 / UDP(sport=1024, dport=53) / b"question")
    yield "tcp6", frame(V6 / TCP(flags="A") / b"data")
    yield "ping6-gateway", frame(ETHER / IPv6(src="fd00::10", dst="fe80::1") / ICMPv6EchoRequest())
    yield "hop-limit-one", frame(ETHER / IPv6(src="fd00::10", dst="fd00::11", hlim=1) / UDP())
    yield "large6", frame(V6 / UDP() / bytes(1300), flags=SMALL_MTU)
    yield "hop-by-hop", frame(V6 / IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0\0\0\0")]) / UDP())
    yield "destination-options", frame(V6 / IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 12)]) /
                                       UDP() / b"x")
    yield "routing-header", frame(V6 / IPv6ExtHdrRouting(addresses=["fd00::1"]) / UDP())
    yield "fragment6-first", frame(V6 / IPv6ExtHdrFragment(m=1) / UDP(len=500) / bytes(64))
    yield "fragment6-later", frame(V6 / IPv6ExtHdrFragment(offset=9, nh=17) / bytes(40))
    yield "fragment6-atomic", frame(V6 / IPv6ExtHdrFragment() / UDP() / b"whole")
    yield "authentication", frame(V6 / Raw(u8(17, 4, 0, 0) + bytes(20) + bytes(UDP())))
    yield "mld", frame(Ether(src=POD_MAC, dst="33:33:00:00:00:16") /
                       IPv6(src=LINK_LOCAL, dst="ff02::16", hlim=1) /
                       IPv6ExtHdrHopByHop(options=[RouterAlert()]) / ICMPv6MLReport2())
    yield "icmp6-error", frame(V6 / ICMPv6DestUnreach() / IPv6(dst="fd00::10", src="fd00::11") /
                               UDP())


def link_frames():
    request = dict(op=1, hwsrc=POD_MAC, psrc="10.0.0.10")
    broadcast = Ether(src=POD_MAC, dst="ff:ff:ff:ff:ff:ff")
    yield "arp-gateway", frame(broadcast / ARP(pdst="169.254.1.1", **request))
    yield "arp-anybody", frame(broadcast / ARP(pdst="10.0.0.11", **request))
    yield "arp-probe", frame(broadcast / ARP(op=1, hwsrc=POD_MAC, psrc="0.0.0.0", pdst="10.0.0.10"))
    yield "arp-reply", frame(ETHER / ARP(op=2, hwsrc=POD_MAC, psrc="10.0.0.10", pdst="10.0.0.1"))
    yield "arp-spoof", frame(broadcast / ARP(op=1, hwsrc=POD_MAC, psrc="10.0.0.11", pdst="1.2.3.4"))
    yield "arp-uplink", frame(Ether(src=ROUTER_MAC, dst="ff:ff:ff:ff:ff:ff") /
                              ARP(op=1, hwsrc=ROUTER_MAC, psrc="192.0.2.254", pdst="192.0.2.50"),
                              UPLINK)
    yield "arp-learned", frame(Ether(src=ROUTER_MAC, dst=UPLINK_MAC) /
                               ARP(op=2, hwsrc=ROUTER_MAC, psrc="192.0.2.77", hwdst=UPLINK_MAC,
                                   pdst="192.0.2.1"), UPLINK)
    solicited = Ether(src=POD_MAC, dst="33:33:ff:00:00:01")
    yield "nd-gateway", frame(solicited / IPv6(src="fd00::10", dst="ff02::1:ff00:1", hlim=255) /
                              ICMPv6ND_NS(tgt="fe80::1") / ICMPv6NDOptSrcLLAddr(lladdr=POD_MAC))
    yield "nd-dad", frame(solicited / IPv6(src="::", dst="ff02::1:ff00:10", hlim=255) /
                          ICMPv6ND_NS(tgt="fd00::10"))
    yield "nd-advertisement", frame(ETHER / IPv6(src="fd00::10", dst="fe80::1", hlim=255) /
                                    ICMPv6ND_NA(tgt="fd00::10", S=1) /
                                    ICMPv6NDOptDstLLAddr(lladdr=POD_MAC))
    yield "nd-router", frame(ETHER / IPv6(src=LINK_LOCAL, dst="ff02::1", hlim=255) / ICMPv6ND_RA())
    yield "nd-router-wanted", frame(ETHER / IPv6(src=LINK_LOCAL, dst="ff02::2", hlim=255) /
                                    ICMPv6ND_RS())
    yield "nd-uplink", frame(Ether(src=ROUTER_MAC, dst="33:33:ff:00:00:50") /
                             IPv6(src="2001:db8::254", dst="ff02::1:ff00:50", hlim=255) /
                             ICMPv6ND_NS(tgt="2001:db8::50") /
                             ICMPv6NDOptSrcLLAddr(lladdr=ROUTER_MAC), UPLINK)


def other_frames():
    yield "vlan", frame(ETHER / Dot1Q(vlan=5) / IP(dst="10.0.0.11") / UDP())
    yield "llc", frame(ETHER.copy() / Raw(b"\x42\x42\x03"), POD)
    yield "from-host", frame(Ether(src=HOST_MAC, dst=GATEWAY_MAC) /
                             IP(src="10.9.0.1", dst="10.0.0.10") / TCP(), HOST)
    yield "from-wire", frame(Ether(src=ROUTER_MAC, dst=UPLINK_MAC) /
                             IP(src="198.51.100.1", dst="192.0.2.50") / UDP() / b"in", UPLINK)
    yield "from-wire6", frame(Ether(src=ROUTER_MAC, dst=UPLINK_MAC) /
                              IPv6(src="2001:db8:1::1", dst="2001:db8::50") / TCP(), UPLINK)
    yield "from-wire-ping", frame(Ether(src=ROUTER_MAC, dst=UPLINK_MAC) /
                                  IP(src="198.51.100.1", dst="192.0.2.1") / ICMP() / b"x", UPLINK)


def header_parse():
    for kind in (ipv4_frames, ipv6_frames, link_frames, other_frames):
        yield from kind()
