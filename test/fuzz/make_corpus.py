#!/usr/bin/env python3
"""Writes the seed corpora: meaningful inputs of each kind, which fuzzing starts from.

Usage: make_corpus.py [DIRECTORY]   (default: corpus/ beside this file)

Each input is a file "seed-NAME"; what fuzzing found beside them keeps libFuzzer's names, and what it
broke once is "fixed-NAME". The formats are those that the targets' opening comments describe.
"""
import pathlib
import struct
import subprocess
import sys

from scapy.all import (ARP, BOOTP, DHCP, ICMP, IP, TCP, UDP, Dot1Q, Ether, ICMPv6DestUnreach,
                       ICMPv6EchoRequest, ICMPv6MLReport2, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA,
                       ICMPv6ND_RS, ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, IPOption, IPv6,
                       IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                       IPv6ExtHdrRouting, PadN, Raw, RouterAlert)

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]


def u8(*values):
    return bytes(v & 0xff for v in values)


def u16(*values):
    return struct.pack(f"<{len(values)}H", *values)


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


# --- vhost_ring: operations of test/fuzz/vhost_ring_fuzz.cc

NEXT, WRITE, INDIRECT = 1, 2, 4
ARM, DISARM, RESTART_RX, RESTART_TX = range(4)
TSO4, TSO6, MERGEABLE, EVENT, INDIRECT_OK, CLOSED, CALL = 3, 5, 8, 16, 32, 64, 128


def v_desc(ring, slot, where, length, flags=0, following=0):
    return u8(0, ring, slot) + u16(where, length) + u8(flags, following)


def v_offer(ring, head):
    return u8(2, ring, head)


def v_poke(offset, data):
    return u8(4) + u16(offset) + u8(len(data)) + data


V_RECEIVE, V_FORWARD, V_RELEASE = u8(5), u8(6), u8(7)


def v_send(*frames):
    return u8(8, len(frames) - 1) + b"".join(u16(length - 14) + u8(kind) for length, kind in frames)


def v_arm(what):
    return u8(9, what)


def v_header(flags=0, gso=0, size=0, start=0, field=0):
    return u8(flags, gso) + u16(0, size, start, field, 0)


def vhost_ring():
    def guest(features, *operations, log2_size=4):
        return u8(log2_size) + u16(features) + b"".join(operations)

    take = V_RECEIVE + V_FORWARD
    one = v_desc(0, 0, 0x4000, 72) + v_offer(0, 0)
    yield "rx-one", guest(0, v_poke(0x4000, v_header() + bytes(60)), one, take)
    yield "rx-many", guest(EVENT | CALL, *(v_desc(0, i, 0x4000 + 128 * i, 100) + v_offer(0, i)
                                           for i in range(16)), take, v_arm(ARM))
    yield "rx-chain", guest(0, v_desc(0, 0, 0x4000, 12, NEXT, 1), v_desc(0, 1, 0x4100, 60, NEXT, 2),
                            v_desc(0, 2, 0x5ff0, 32), v_offer(0, 0), take)
    yield "rx-loop", guest(0, v_desc(0, 0, 0x4000, 12, NEXT, 1), v_desc(0, 1, 0x4100, 60, NEXT, 0),
                           v_offer(0, 0), take)
    table = v_desc(2, 0, 0x4000, 20, NEXT, 1) + v_desc(2, 1, 0x4800, 80)
    yield "rx-indirect", guest(INDIRECT_OK, table, v_desc(0, 0, 0x3000, 32, INDIRECT),
                               v_offer(0, 0), take)
    yield "rx-indirect-nested", guest(INDIRECT_OK, v_desc(2, 0, 0x3000, 32, INDIRECT),
                                      v_desc(0, 0, 0x3000, 32, INDIRECT), v_offer(0, 0), take)
    yield "rx-checksum", guest(1, v_poke(0x4000, v_header(1, 0, 0, 34, 16) + bytes(100)),
                               v_desc(0, 0, 0x4000, 112), v_offer(0, 0), take)
    yield "rx-tso", guest(TSO4, v_poke(0x4000, v_header(1, 1, 1000, 34, 16)),
                          v_desc(0, 0, 0x4000, 0x2000), v_offer(0, 0), take)
    yield "rx-outside", guest(0, v_desc(0, 0, 0xf010, 64), v_offer(0, 0),
                              v_desc(0, 1, 0xcf00, 0x200), v_offer(0, 1), take)
    yield "rx-short", guest(0, v_desc(0, 0, 0x4000, 12), v_offer(0, 0), v_desc(0, 1, 0x4000, 13),
                            v_offer(0, 1), take)
    yield "rx-head-out-of-range", guest(0, v_offer(0, 200), take, v_arm(RESTART_RX), one, take)
    yield "rx-index-jump", guest(0, v_poke(0x802, u16(500)), take, v_arm(ARM))
    yield "rx-closed", guest(CLOSED, one, take)
    yield "rx-changed-between", guest(0, one, V_RECEIVE, v_desc(0, 0, 0xf0ff, 0xffff),
                                      v_poke(0x4000, b"\xff" * 72), V_FORWARD, one, V_RECEIVE,
                                      V_RELEASE)
    post = v_desc(1, 0, 0x4000, 1600, WRITE) + v_offer(1, 0)
    yield "tx-one", guest(CALL, post, v_send((60, 0)))
    yield "tx-burst", guest(EVENT | CALL, *(v_desc(1, i, 0x4000 + 0x800 * i, 0x800, WRITE) +
                                            v_offer(1, i) for i in range(4)),
                            v_send((60, 0), (1500, 0), (1514, 0x80), (9000, 0)))
    yield "tx-mergeable", guest(MERGEABLE, *(v_desc(1, i, 0x4000 + 512 * i, 512, WRITE) +
                                             v_offer(1, i) for i in range(16)),
                                v_send((1514, 0), (4000, 0x94)))
    yield "tx-chain", guest(0, v_desc(1, 0, 0x4000, 12, WRITE | NEXT, 1),
                            v_desc(1, 1, 0x5800, 0x1000, WRITE), v_offer(1, 0), v_send((1500, 0x88)))
    table = v_desc(2, 0, 0x4000, 100, WRITE | NEXT, 1) + v_desc(2, 1, 0x4800, 2000, WRITE)
    yield "tx-indirect", guest(INDIRECT_OK, table, v_desc(1, 0, 0x3000, 32, INDIRECT),
                               v_offer(1, 0), v_send((200, 0)))
    yield "tx-read-only", guest(0, v_desc(1, 0, 0x4000, 1600), v_offer(1, 0), v_send((60, 0)))
    yield "tx-small", guest(0, v_desc(1, 0, 0x4000, 40, WRITE), v_offer(1, 0), v_send((60, 0)))
    yield "tx-outside", guest(0, v_desc(1, 0, 0xcff0, 0x400, WRITE), v_offer(1, 0), v_send((60, 0)))
    yield "tx-tso", guest(TSO4 | MERGEABLE, *(v_desc(1, i, 0x4000 + 0x1000 * i, 0x1000, WRITE) +
                                              v_offer(1, i) for i in range(3)),
                          v_send((5000, 0xb4)))
    yield "tx-over-the-ring", guest(0, v_desc(1, 0, 0x1000, 0x800, WRITE), v_offer(1, 0),
                                    v_offer(1, 1), v_send((60, 0), (1500, 0)))
    yield "tx-head-out-of-range", guest(0, v_offer(1, 77), v_send((60, 0)), v_arm(RESTART_TX), post,
                                        v_send((60, 0)))
    yield "tx-nothing-posted", guest(0, v_send((60, 0)))


# --- memif_ring: operations of test/fuzz/memif_ring_fuzz.cc

SERVER, CLIENT = 0, 1


def m_desc(ring, slot, length, offset, flags=0, region=1):
    return u8(0, ring | slot << 1, flags | region << 2) + u16(length, offset)


def m_index(ring, by):
    return u8(2, ring, by)


def m_poke(region, offset, data):
    return u8(3, region) + u16(offset) + u8(len(data)) + data


M_RECEIVE, M_FORWARD, M_RELEASE = u8(4), u8(5), u8(6)


def m_send(*frames):
    return u8(7, len(frames) - 1) + b"".join(u16(length - 14) + u8(kind) for length, kind in frames)


def memif_ring():
    def link(role, *operations, log2_size=2):
        return u8(role, log2_size) + b"".join(operations)

    take = M_RECEIVE + M_FORWARD
    for role, name in ((SERVER, "server"), (CLIENT, "client")):
        yield f"{name}-rx-one", link(role, m_desc(0, 0, 60, 0), m_index(0, 1), take)
        yield f"{name}-rx-many", link(role, *(m_desc(0, i, 100 + i, 256 * i) for i in range(16)),
                                      m_index(0, 16), take, m_index(0, 3), take)
        yield f"{name}-rx-chain", link(role, m_desc(0, 0, 60, 0, 1), m_desc(0, 1, 60, 512, 1),
                                       m_desc(0, 2, 8, 1024), m_index(0, 3), take)
        yield f"{name}-rx-open-chain", link(role, m_desc(0, 0, 60, 0, 1), m_index(0, 1), take)
        yield f"{name}-rx-endless-chain", link(role, *(m_desc(0, i, 9, i, 1) for i in range(64)),
                                               m_index(0, 64), take, take, m_index(0, 64), take,
                                               log2_size=4)
        yield f"{name}-rx-outside", link(role, m_desc(0, 0, 100, 0x3fa0), m_desc(0, 1, 60, 0, 0, 3),
                                         m_desc(0, 2, 0xffff, 16), m_desc(0, 3, 0, 0),
                                         m_index(0, 4), take)
        yield f"{name}-rx-jump", link(role, m_index(0, 200), take, m_index(0, 57), take)
        yield f"{name}-rx-changed", link(role, m_desc(0, 0, 60, 0), m_index(0, 1), M_RECEIVE,
                                         m_desc(0, 0, 0xffff, 0xffff),
                                         m_poke(1, 0, b"\xee" * 60), M_FORWARD, M_RELEASE)
        yield f"{name}-tx-one", link(role, m_desc(1, 0, 2048, 0), m_index(1, 1), m_send((60, 0)))
        yield f"{name}-tx-many", link(role, *(m_desc(1, i, 1024, 1024 * i) for i in range(16)),
                                      m_index(1, 16),
                                      m_send((60, 0), (1500, 0x94), (3000, 0x90), (4000, 0)))
        yield f"{name}-tx-outside", link(role, m_desc(1, 0, 2048, 0x3f00), m_desc(1, 1, 64, 0),
                                         m_index(1, 2), m_send((60, 0), (64, 0)))
        yield f"{name}-tx-over-the-ring", link(role, m_desc(1, 0, 0x1000, 0x1000, 0, 0),
                                               m_index(1, 3), m_send((2000, 0), (60, 0)))
        yield f"{name}-tx-jump", link(role, m_index(1, 99), m_send((60, 0)), m_send((60, 0)))
        yield f"{name}-tx-nothing-lent", link(role, m_send((60, 0)))


# --- vhost_message: what a front-end says

GUEST, USER, MEMORY = 0x1_0000_0000, 0x7f00_0000_0000, 0x100000
F_CSUM, F_TSO4, F_MRG, F_INDIRECT, F_EVENT = 1 | 2, 1 << 7 | 1 << 11, 1 << 15, 1 << 28, 1 << 29
F_PROTOCOL, F_VERSION_1 = 1 << 30, 1 << 32
ONE_MEMORY, ONE_EVENT, ONE_SMALL, ONE_NULL = 0x01, 0x11, 0x21, 0x31


def v_piece(data, fds=0):
    return u8(fds, len(data)) + data


def v_message(request, payload=b"", fds=0, flags=1):
    return v_piece(struct.pack("<III", request, flags, len(payload)) + payload, fds)


def v_u64(request, value, **more):
    return v_message(request, struct.pack("<Q", value), **more)


def v_state(request, index, value, **more):
    return v_message(request, struct.pack("<II", index, value), **more)


def v_memory(*regions, fds=ONE_MEMORY):
    return v_message(5, struct.pack("<II", len(regions), 0) +
                     b"".join(struct.pack("<QQQQ", *region) for region in regions), fds)


def v_ring_address(index, at):
    return v_message(9, struct.pack("<IIQQQQ", index, 0, USER + at, USER + at + 0x2000,
                                    USER + at + 0x1000, 0))


def v_ring(index, at, size=64):
    return (v_state(8, index, size) + v_state(10, index, 0) + v_ring_address(index, at) +
            v_u64(12, index, fds=ONE_EVENT) + v_u64(13, index, fds=ONE_EVENT))


def vhost_message():
    def front_end(*messages, fill=0):
        return u8(fill) + b"".join(messages)

    whole = (GUEST, MEMORY, USER, 0)
    hello = (v_message(3), v_message(1), v_u64(2, F_VERSION_1 | F_PROTOCOL), v_message(15),
             v_u64(16, 0b11001), v_message(17))
    rings = (v_memory(whole), v_ring(0, 0), v_ring(1, 0x4000))
    enable = (v_state(18, 0, 1), v_state(18, 1, 1))
    every = F_VERSION_1 | F_PROTOCOL | F_CSUM | F_TSO4 | F_MRG | F_INDIRECT | F_EVENT
    yield "hello", front_end(*hello)
    yield "whole", front_end(*hello, *rings, *enable)
    yield "whole-garbage-memory", front_end(*hello, *rings, *enable, fill=1)
    yield "every-feature", front_end(v_u64(2, every), *rings, *enable, fill=2)
    yield "without-protocol-features", front_end(v_u64(2, F_VERSION_1), *rings)
    yield "stop-and-start", front_end(*hello, *rings, *enable, v_state(11, 0, 0), v_state(11, 1, 0),
                                      v_ring(0, 0), v_ring(1, 0x4000))
    yield "new-memory", front_end(*hello, *rings, *enable, v_memory(whole), v_memory(
        (GUEST, 0x80000, USER, 0), (GUEST + 0x80000, 0x80000, USER + 0x80000, 0x80000),
        fds=0x02))
    yield "memory-taken-away", front_end(*hello, *rings, *enable,
                                         v_memory((GUEST, 4096, USER, 0)))
    yield "ring-moves", front_end(*hello, *rings, *enable, v_ring_address(0, 0x8000))
    yield "ring-outside", front_end(*hello, v_memory(whole), v_ring(0, MEMORY - 0x800))
    yield "ring-resized-late", front_end(*hello, v_memory(whole), v_state(8, 0, 64),
                                         v_ring_address(0, MEMORY - 0x3000),
                                         v_state(8, 0, 32768), v_u64(12, 0, fds=ONE_EVENT))
    yield "ring-sizes", front_end(*hello, v_state(8, 0, 0), v_state(8, 0, 3), v_state(8, 9, 64))
    yield "no-kick-fd", front_end(*hello, v_memory(whole), v_state(8, 1, 64),
                                  v_ring_address(1, 0x4000), v_u64(12, 1 | 256))
    yield "events-replaced", front_end(*hello, *rings, *enable, v_u64(12, 0, fds=ONE_EVENT),
                                       v_u64(13, 1, fds=ONE_EVENT), v_u64(14, 0, fds=ONE_EVENT))
    yield "wrong-files", front_end(*hello, v_memory(whole, fds=ONE_EVENT))
    yield "wrong-kick", front_end(*hello, v_memory(whole), v_u64(12, 0, fds=ONE_NULL))
    yield "small-file", front_end(*hello, v_memory(whole, fds=ONE_SMALL))
    yield "missing-fd", front_end(*hello, v_memory(whole, fds=0))
    yield "many-fds", front_end(v_message(1, fds=0x4f))
    yield "overlap", front_end(v_memory(whole, (GUEST + 4096, 4096, USER + MEMORY, 0), fds=0x02))
    yield "wrapping", front_end(v_memory((2**64 - 4096, 8192, USER, 0)))
    yield "acks", front_end(*hello, v_u64(20, 1500, flags=9), v_u64(20, 1, flags=9),
                            v_state(18, 7, 1, flags=9), v_message(99, b"unknown", flags=9))
    yield "unknown", front_end(v_message(31, bytes(8)))
    yield "wrong-version", front_end(v_message(1, flags=2))
    yield "reply", front_end(v_message(1, flags=5))
    yield "too-long", front_end(v_piece(struct.pack("<III", 5, 1, 4096)))
    yield "in-small-pieces", front_end(v_piece(u8(1, 0)), v_piece(u8(0, 0, 1)), v_piece(bytes(7)),
                                       v_message(17))
    yield "cut-short", front_end(*hello, v_piece(struct.pack("<III", 9, 1, 40) + bytes(10)))
    yield "features-without-version", front_end(v_u64(2, F_PROTOCOL))
    yield "tso-without-checksum", front_end(v_u64(2, F_VERSION_1 | F_TSO4))


# --- memif_message

ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED, DISCONNECT = range(1, 9)


def m_message(kind, fields=b"", fds=0):
    body = u16(kind) + fields
    return u8(fds, len(body) + len(body) % 2) + body + bytes(len(body) % 2)


def m_init(identity=7, version=0x200, mode=0):
    return m_message(INIT, struct.pack("<HIB24s32s", version, identity, mode, b"", b"fuzz"))


def m_region(size, index=0, fds=ONE_MEMORY):
    return m_message(ADD_REGION, struct.pack("<HQ", index, size), fds)


def m_ring(to_server, index, offset, log2=4, region=0, private=0, fds=ONE_EVENT):
    return m_message(ADD_RING, struct.pack("<HHHIBH", to_server, index, region, offset, log2,
                                           private), fds)


def m_hello(version=0x200, highest=1, log2=10):
    return m_message(HELLO, struct.pack("<32sHHHHHB", b"server", version, version, 1, highest,
                                        highest, log2))


def memif_message():
    ring_bytes = 128 + 16 * 16
    region_bytes = 4 * ring_bytes + 4 * 16 * 2048
    connect = m_message(CONNECT, struct.pack("<32s", b"client"))

    def client(*messages):
        return u8(0) + b"".join(messages)

    def server(*messages):
        return u8(1) + b"".join(messages)

    two = (m_ring(1, 0, 0), m_ring(0, 0, 2 * ring_bytes))
    start = (m_init(), m_region(region_bytes))
    yield "client-whole", client(*start, *two, connect)
    yield "client-four-rings", client(*start, *two, m_ring(1, 1, ring_bytes),
                                      m_ring(0, 1, 3 * ring_bytes), connect)
    yield "client-leaves", client(*start, *two, connect,
                                  m_message(DISCONNECT, struct.pack("<I96s", 0, b"bye")))
    yield "client-speaks-after", client(*start, *two, connect, m_init())
    yield "client-no-such-interface", client(m_init(identity=8))
    yield "client-other-version", client(m_init(version=0x300))
    yield "client-ip-mode", client(m_init(mode=1))
    yield "client-no-such-mode", client(m_init(mode=9))
    yield "client-unsealed", client(m_init(), m_region(4096, fds=ONE_SMALL))
    yield "client-region-too-large", client(m_init(), m_region(region_bytes * 2))
    yield "client-region-of-nothing", client(m_init(), m_region(0))
    yield "client-wrong-file", client(m_init(), m_region(4096, fds=ONE_EVENT))
    yield "client-region-index", client(m_init(), m_region(region_bytes, index=1))
    yield "client-two-regions", client(*start, m_region(region_bytes, index=1), *two, connect)
    yield "client-ring-outside", client(*start, m_ring(1, 0, region_bytes - 64))
    yield "client-ring-unaligned", client(*start, m_ring(1, 0, 4))
    yield "client-ring-sizes", client(*start, m_ring(1, 0, 0, log2=15))
    yield "client-ring-without-cookie", client(*start, m_ring(1, 0, 4 * ring_bytes), connect)
    yield "client-rings-overlap", client(*start, m_ring(1, 0, 0), m_ring(0, 0, 0), connect)
    yield "client-ring-index", client(*start, m_ring(1, 1, 0))
    yield "client-too-many-rings", client(*start, m_ring(1, 0, 0), m_ring(1, 1, ring_bytes),
                                          m_ring(1, 2, 2 * ring_bytes))
    yield "client-private-header", client(*start, m_ring(1, 0, 0, private=16))
    yield "client-ring-wrong-file", client(*start, m_ring(1, 0, 0, fds=ONE_NULL))
    yield "client-no-descriptor", client(m_init(), m_region(region_bytes, fds=0))
    yield "client-many-descriptors", client(m_message(INIT, fds=0x4f))
    yield "client-connects-at-once", client(m_init(), connect)
    yield "client-unknown", client(m_message(77))
    yield "client-short", client(u8(0, 3) + b"\1\0\0")
    acks = [m_message(ACK)] * 4
    connected = m_message(CONNECTED, struct.pack("<32s", b"server"))
    yield "server-whole", server(m_hello(), *acks, connected)
    yield "server-leaves", server(m_hello(), *acks, connected, m_message(DISCONNECT))
    yield "server-small-rings", server(m_hello(highest=0, log2=2), *acks, connected)
    yield "server-tiny-rings", server(m_hello(log2=1))
    yield "server-other-version", server(m_hello(version=0x300))
    yield "server-refuses", server(m_hello(), m_message(DISCONNECT, struct.pack("<I96s", 1, b"no")))
    yield "server-out-of-order", server(m_hello(), connected)
    yield "server-one-ack-too-many", server(m_hello(), *acks, *acks, connected)
    yield "server-silent", server()


# --- grpc_input and state_file: protobuf from its text form, by protoc

APPLY, SYNC, MOVE, LIST, CONFIG, STATS, REFUSE = 0, 2, 3, 4, 5, 6, 7
WEB_PORT = 'port { name: "web" tap { netns: "/run/netns/web" ifname: "eth0" } }'
VM_PORT = ('port { name: "vm" queues: 4 mtu: 9000 mac: "02:00:00:00:00:11" vhost_user { socket: '
           '"/run/vm.sock" mode: "client" } }')
NFV_PORT = ('port { name: "nfv" memif { socket: "/run/nfv.sock" id: 3 role: "server" socket_mode: '
            '"0660" socket_owner: "root" } }')
WIRE_PORT = ('port { name: "wire" role: "uplink" address: "192.0.2.1/24" address: '
             '"2001:db8::1/64" ethdev { devargs: "net_null0" } }')
WEB = ('endpoint { name: "web" port: "web" mac: "02:00:00:00:00:10" ip: "10.0.0.10" ip: '
       '"fd00::10" }')
VM = ('endpoint { name: "vm" port: "vm" mac: "02:00:00:00:00:11" ip: "10.0.0.11" pod: '
      '"default/vm" }')
OUT = 'route { prefix: "0.0.0.0/0" via: "192.0.2.254" port: "wire" }'
LINK = 'route { prefix: "2001:db8::/32" port: "wire" }'


def encode(message, text):
    protos = ROOT / "control/proto"
    return subprocess.run(["protoc", f"-I{protos}", f"--encode=vswitch.v1.{message}",
                           "vswitch/v1/vswitch.proto"], input=text.encode(), cwd=protos,
                          stdout=subprocess.PIPE, check=True).stdout


def call(kind, message, text):
    data = encode(message, text)
    return u8(kind) + u16(len(data)) + data


def put(*objects, more=""):
    return call(APPLY, "ApplyRequest", more + " ".join(f"put {{ {o} }}" for o in objects))


def sync(*objects, more=""):
    return call(SYNC, "SyncRequest", more + " ".join(f"items {{ {o} }}" for o in objects))


def remove(*keys, more=""):
    return call(APPLY, "ApplyRequest", more + " ".join(f"remove {{ {k} }}" for k in keys))


def grpc_input():
    every = (WEB_PORT, VM_PORT, NFV_PORT, WIRE_PORT, WEB, VM, OUT, LINK)
    yield "apply-all", put(*every)
    yield "apply-twice", put(WEB_PORT, WEB) * 2
    yield "apply-change", put(*every) + put(WEB_PORT.replace("eth0", "eth1"),
                                            VM.replace(".0.11", ".0.12"))
    yield "apply-create-only", put(WEB_PORT, more="create_only: true ") * 2
    yield "apply-dry-run", put(*every, more="dry_run: true ")
    yield "apply-and-remove", put(*every) + remove('port: "web"', 'endpoint: "web"')
    yield "remove-port-in-use", put(*every) + remove('port: "wire"')
    yield "remove-route", put(*every) + remove('route: "0.0.0.0/0"', 'route: "1.2.3.4/8"')
    yield "owners", put(WEB_PORT) + put(WEB_PORT, VM_PORT, more='owner: "agent" ')
    yield "owner-unknown", put(WEB_PORT, more='owner: "switch" ')
    yield "host-interface", put(WEB_PORT.replace('"web" tap', '"pollux0" tap'))
    yield "sync", put(*every) + sync(WEB_PORT, WEB) + sync()
    yield "sync-agent", sync(*every, more='owner: "agent" ') + sync(more='owner: "agent" ')
    yield "sync-twice-in-one", sync(WEB_PORT, WEB_PORT)
    yield "swap-of-a-device", put(WEB_PORT) + sync(WEB_PORT.replace('name: "web"', 'name: "new"'))
    yield "same-socket", put(VM_PORT, VM_PORT.replace('name: "vm"', 'name: "vm2"'))
    yield "same-address", put(WEB_PORT, VM_PORT, WEB, VM.replace(".0.11", ".0.10"))
    yield "endpoint-without-port", put(WEB)
    yield "wrong-texts", put(WEB_PORT, WEB.replace("10.0.0.10", "10.0.0.300"))
    yield "wrong-numbers", put('port { name: "x" mtu: 70000 queues: 17 vlan: 4095 ring_size: 100 '
                               'tap {} }')
    yield "no-kind", put('port { name: "x" }')
    yield "generator", put('port { name: "g" ethdev { devargs: "pollux_generator,src=10.0.0.1,'
                           'dst=10.0.0.2" } }')
    yield "refused-port", u8(REFUSE) + u16(1) + u8(1) + put(*every) + put(*every)
    yield "refused-change", (put(*every) + u8(REFUSE) + u16(1) + u8(0) +
                             put(WEB_PORT.replace("eth0", "eth1"), VM.replace(".0.11", ".0.12")))
    yield "questions", put(*every) + call(LIST, "ListRequest", 'name: "web"') + call(
        LIST, "ListRequest", 'owner: "cli"') + call(CONFIG, "GetConfigRequest", 'owner: "agent"')
    yield "counters", put(*every) + call(STATS, "StatsRequest", 'port: "web"') + call(
        STATS, "StatsRequest", "interval_ms: 99")
    yield "move-queue", put(*every) + call(MOVE, "MoveQueueRequest", 'port: "vm" queue: 3')


def state_file():
    def config(*objects, revision=7):
        return encode("GetConfigReply", f"revision: {revision} " +
                      " ".join(f"items {{ {o} }}" for o in objects))

    yield "empty", b""
    yield "revision-only", config()
    yield "all", config(WEB_PORT, VM_PORT, NFV_PORT, WIRE_PORT, WEB, VM, OUT, LINK)
    yield "agent", config(WEB_PORT.replace("port {", 'port { owner: "agent" ', 1))
    yield "owner-unknown", config(WEB_PORT.replace("port {", 'port { owner: "switch" ', 1))
    yield "twice", config(WEB_PORT, WEB_PORT.replace("eth0", "eth1"))
    yield "no-object", config("")
    yield "largest-revision", config(revision=2**64 - 1)
    yield "header", b"pollux-state 1 00000000 0\n"
    yield "newer", b"pollux-state 2 00000000 0\n"
    yield "wrong-length", b"pollux-state 1 00000000 5\n"
    yield "no-header", b"pollux-state 1"
    yield "not-a-state", b"\x7fELF\x02\x01\x01\0"


def text():
    texts = """10.0.0.1 255.255.255.255 0.0.0.0 1.2.3 01.2.3.4 1.2.3.256 ::1 fd00::10 ::
    2001:db8:0:0:1:0:0:1 ::ffff:192.0.2.1 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1::8:::
    fe80::1%eth0 10.0.0.0/8 10.0.0.1/8 0.0.0.0/0 fd00::/8 2001:db8::/129 192.0.2.1/24 1.2.3.4/32
    02:00:00:00:00:10 ff:ff:ff:ff:ff:ff 2:0:0:0:0:1 02-00-00-00-00-10
    pollux_generator,src=10.0.0.1,dst=10.1.0.1
    pollux_generator,src=10.0.0.1-10.0.0.8,dst=10.1.0.1,sport=1024-1151,dport=80,proto=udp
    pollux_generator,src=fd00::1-fd00::ff,dst=fd01::1,size=114:1500,proto=tcp,flows=100,seed=7
    pollux_generator,src=10.0.0.1,dst=10.0.0.2,smac=02:00:00:00:00:01,count=5,burst=1
    pollux_generator,src=0.0.0.0-255.255.255.255,dst=0.0.0.0-255.255.255.255,flows=16777216
    pollux_generator,src=10.0.0.1,dst=fd00::1 pollux_generator,src=10.0.0.1,src=10.0.0.2
    pollux_generator net_null0,size=64""".split()
    for number, line in enumerate(texts):
        yield f"{number:02}", line.encode()


def main():
    directory = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else HERE / "corpus"
    for target in (header_parse, vhost_ring, memif_ring, vhost_message, memif_message, grpc_input,
                   state_file, text):
        corpus = directory / target.__name__
        corpus.mkdir(parents=True, exist_ok=True)
        for old in corpus.glob("seed-*"):
            old.unlink()
        for name, data in target():
            (corpus / f"seed-{name}").write_bytes(data)


if __name__ == "__main__":
    main()
