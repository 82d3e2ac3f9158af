#!/usr/bin/env python3
"""What a pod sees of its network, and what it cannot do to others."""

import json
import os
import re
import socket
import subprocess
import time

import pollux_testlib as lib
import traffic
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.inet import ICMP, IP, IPerror, TCP, UDP
from scapy.layers.inet6 import (ICMPv6EchoRequest, ICMPv6ND_NA, ICMPv6ND_RA,
                                ICMPv6NDOptDstLLAddr, IPv6)
from scapy.layers.l2 import ARP, Dot1Q, Ether, LLC
from scapy.packet import Raw
from scapy.utils import rdpcap

GATEWAY4, GATEWAY6 = "169.254.1.1", "fe80::1"
ALL_NODES = "33:33:00:00:00:01"
BROADCAST = "ff:ff:ff:ff:ff:ff"
# Of frames with segmentation offload, on average; without it they have 1514 bytes.
LARGE_FRAME_BYTES = 10000


class Reachability(lib.SwitchTest):
    def test_pods_reach_each_other_at_all_addresses_and_the_gateway(self):
        one = self.pod(1)
        two = self.pod(2, attach=False)
        two.switch.add("port", "pod2", type="tap", netns=f"/run/netns/{two.netns}", ifname="eth0",
                       mac=two.mac)
        more = ["10.1.0.102", "10.200.3.4", "fd00:1::102", "2001:db8::2"]
        two.switch.add("endpoint", "pod2", port="pod2", mac=two.mac, ip=[two.ip4, two.ip6, *more])
        two.configure()
        for address in more:
            two.run("ip", "addr", "add", address, "dev", "eth0",
                    *(["nodad"] if ":" in address else []))
        for address in (two.ip4, two.ip6, *more, GATEWAY4, f"{GATEWAY6}%eth0"):
            with self.subTest(address):
                one.ping(address, count=5)
                one.ping(address, count=2, size=1400)
        two.ping(one.ip4, flags=("-I", more[0]))
        two.ping(one.ip6, flags=("-I", more[2]))

    def test_a_port_without_endpoint_forwards_nothing(self):
        one, two = self.pod(1), self.pod(2)
        self.switch.remove("endpoint", "pod2")
        self.assertFalse(two.answers(one.ip4))
        self.assertFalse(one.answers(two.ip4))
        self.assertGreater(self.switch.drops("pod2").get("port_without_endpoint", 0), 0)
        self.assertGreater(self.switch.drops("pod1").get("no_route", 0), 0)
        two.add_endpoint()
        one.ping(two.ip4)

    def test_large_tcp_frames_stay_whole(self):
        one, two = self.pod(1), self.pod(2)
        for address in (two.ip4, two.ip6):
            with self.subTest(address):
                before = self.switch.counters()
                stream = traffic.Stream(one, two, address, rate="2G")
                self.addCleanup(stream.close)
                received = stream.stop()
                after = self.switch.counters()
                for port, side in (("pod1", "rx"), ("pod2", "tx")):
                    packets, size = (after[port][f"{side}{what}"] - before[port][f"{side}{what}"]
                                     for what in ("Packets", "Bytes"))
                    self.assertGreaterEqual(size, received)
                    self.assertGreater(size / packets, LARGE_FRAME_BYTES,
                                       f"{port}: {packets} frames, {size} bytes")

    def test_a_pod_learns_the_path_mtu(self):
        one = self.pod(1)
        two = self.pod(2, mtu=1400)
        for address, size in ((two.ip4, 1472), (two.ip6, 1452)):
            with self.subTest(address):
                told = one.ping(address, count=2, size=size, flags=("-M", "do"), check=False).stdout
                self.assertRegex(told, r"(mtu = 1400|mtu=1400)")
                self.assertIn("mtu 1400", one.run("ip", "route", "get", address).stdout)
                one.ping(address, size=size - 100, flags=("-M", "do"))
        self.assertGreaterEqual(self.switch.drops()["mtu_exceeded"], 2)
        # TCP goes on with smaller segments.
        stream = traffic.Stream(one, two, two.ip4)
        self.addCleanup(stream.close)
        stream.stop()

    def test_ipv4_without_dont_fragment_is_fragmented(self):
        one = self.pod(1)
        two = self.pod(2, mtu=1400)
        one.ping(two.ip4, size=1472, flags=("-M", "dont"))

    def test_an_expired_hop_limit_is_answered_as_traceroute_needs_it(self):
        one, two = self.pod(1), self.pod(2)
        for address, gateway, words in (
                (two.ip4, GATEWAY4, "Time to live exceeded"),
                (two.ip6, GATEWAY6, "Time exceeded: Hop limit")):
            told = one.ping(address, count=1, flags=("-t", "1"), check=False).stdout
            self.assertIn(words, told)
            self.assertIn(f"From {gateway}", told)
            self.assertIn("ttl=63", one.ping(address, count=1).stdout)
        self.assertEqual(self.switch.drops("pod1")["ttl_exceeded"], 2)


class Addresses(lib.SwitchTest):
    def test_address_detection_finds_no_other_holder(self):
        one = self.pod(1, attach=False)
        one.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=1",
                "net.ipv6.conf.all.accept_dad=1")
        one.attach()
        one.run("ip", "-6", "addr", "del", f"{one.ip6}/128", "dev", "eth0")
        one.run("ip", "-6", "addr", "add", f"{one.ip6}/128", "dev", "eth0")
        addresses = lib.eventually(
            lambda: (lambda text: "tentative" not in text and text)(
                one.run("ip", "-6", "addr", "show", "dev", "eth0").stdout), "no longer tentative")
        self.assertNotIn("dadfailed", addresses)
        self.assertIn(one.ip6, addresses)
        one.ping(f"{GATEWAY6}%eth0")
        self.assertGreater(self.switch.drops("pod1").get("nd_own_address", 0), 0)

    def test_a_probe_of_its_own_address_is_answered_by_nobody(self):
        one, two = self.pod(1), self.pod(2)
        # A probe (RFC 5227) is answered for the gateway's address only; a question for any other's.
        probe, question = "0.0.0.0", one.ip4
        asked = ((probe, one.ip4, False), (probe, two.ip4, False), (probe, GATEWAY4, True),
                 (question, two.ip4, True), (question, "10.1.0.77", True),
                 (question, GATEWAY4, True), (question, one.ip4, False))
        with one.packet_socket() as wire:
            for sender, address, answered in asked:
                with self.subTest(f"{sender} asks for {address}"):
                    wire.send(bytes(Ether(src=one.mac, dst=BROADCAST) /
                                    ARP(op=1, hwsrc=one.mac, psrc=sender, pdst=address)))
                    self.assertEqual(self.arp_answered(wire, address), answered)
        self.assertEqual(self.switch.drops("pod1")["arp_own_address"], 2)

    def arp_answered(self, wire, address):
        gateway = self.switch.items("status")[0]["gatewayMac"]
        wire.settimeout(0.5)
        try:
            while True:
                frame = Ether(wire.recv(2048))
                if ARP in frame and frame[ARP].op == 2 and frame[ARP].psrc == address:
                    self.assertEqual(frame[ARP].hwsrc, gateway)
                    return True
        except socket.timeout:
            return False

    def test_a_pod_is_told_where_its_gateway_is(self):
        one = self.pod(1, attach=False)
        self.switch.add("port", "pod1", type="tap", netns=f"/run/netns/{one.netns}", ifname="eth0",
                        mac=one.mac)
        with one.packet_socket() as wire:
            one.add_endpoint()
            wire.settimeout(3)
            told = set()
            while len(told) < 2:
                frame = Ether(wire.recv(2048))
                if frame.src != self.switch.items("status")[0]["gatewayMac"]:
                    continue
                if ARP in frame:
                    told.add(frame[ARP].psrc)
                elif ICMPv6ND_NA in frame:
                    told.add(frame[ICMPv6ND_NA].tgt)
            self.assertEqual(told, {GATEWAY4, GATEWAY6})


class Spoofing(lib.SwitchTest):
    """Frames that a pod must not send: dropped by name, and nobody sees anything of them."""

    def rows(self, one, two):
        gateway = self.switch.items("status")[0]["gatewayMac"]
        ether = Ether(src=one.mac, dst=gateway)
        good = IP(src=one.ip4, dst=two.ip4)
        good6 = IPv6(src=one.ip6, dst=two.ip6)
        link_local = "fe80::ff:fe00:101"
        announce = IPv6(src=link_local, dst="ff02::1", hlim=255)
        return (
            ("another's Ethernet address", Ether(src=two.mac, dst=gateway) / good / UDP(),
             "source_mac"),
            ("another's IPv4 address", ether / IP(src=two.ip4, dst=two.ip4) / UDP(), "source_ip"),
            ("nobody's IPv4 address", ether / IP(src="10.9.9.9", dst=two.ip4) / ICMP(),
             "source_ip"),
            ("another's IPv6 address", ether / IPv6(src=two.ip6, dst=two.ip6) / UDP(), "source_ip"),
            ("a loopback source", ether / IP(src="127.0.0.1", dst=two.ip4) / UDP(),
             "martian_source"),
            ("a loopback destination", ether / IP(src=one.ip4, dst="127.0.0.1") / UDP(),
             "martian_destination"),
            ("an ARP reply for the gateway", Ether(src=one.mac, dst=BROADCAST) /
             ARP(op=2, hwsrc=one.mac, psrc=GATEWAY4, pdst=two.ip4), "arp_spoof"),
            ("an ARP reply for another pod", Ether(src=one.mac, dst=two.mac) /
             ARP(op=2, hwsrc=one.mac, psrc=two.ip4, pdst=one.ip4), "arp_spoof"),
            ("a neighbour advertisement for another pod", Ether(src=one.mac, dst=ALL_NODES) /
             IPv6(src=one.ip6, dst="ff02::1", hlim=255) / ICMPv6ND_NA(tgt=two.ip6, R=0, S=0, O=1) /
             ICMPv6NDOptDstLLAddr(lladdr=one.mac), "nd_spoof"),
            ("a router advertisement", Ether(src=one.mac, dst=ALL_NODES) / announce /
             ICMPv6ND_RA(), "router_advertisement"),
            ("a DHCP server's offer", Ether(src=one.mac, dst=BROADCAST) /
             IP(src=one.ip4, dst="255.255.255.255") / UDP(sport=67, dport=68) / BOOTP(op=2) /
             DHCP(options=[("message-type", "offer"), "end"]), "dhcp_server"),
            ("a VLAN tag with priority only", ether / Dot1Q(vlan=0, type=0x800) / good / UDP(),
             "vlan_tagged"),
            ("a VLAN tag", ether / Dot1Q(vlan=5, type=0x800) / good / UDP(), "vlan_tagged"),
            ("an LLC frame", Ether(src=one.mac, dst=gateway, type=60) / LLC() /
             Raw(bytes(good / UDP())), "ethernet_llc"),
            ("an EtherType of its own", Ether(src=one.mac, dst=gateway, type=0x88b5) / Raw(b"x"),
             "ether_type_unknown"),
            ("a source route", ether / IP(src=one.ip4, dst=two.ip4,
                                          options=[b"\x83\x07\x04\x0a\x01\x00\x02\x00"]) / UDP(),
             "ipv4_options"),
            ("a length beyond the frame", ether / IP(src=one.ip4, dst=two.ip4, len=1000) / UDP(),
             "ipv4_header"),
            ("a wrong header checksum", ether / IP(src=one.ip4, dst=two.ip4, chksum=1) / UDP(),
             "ipv4_checksum"),
            ("a tiny fragment", ether / IP(src=one.ip4, dst=two.ip4, flags="MF", proto=6) /
             Raw(b"x" * 8), "fragment_invalid"),
            ("half a TCP header", ether / IP(src=one.ip4, dst=two.ip4, proto=6) / Raw(b"x" * 8),
             "l4_header"),
            ("no route", ether / IP(src=one.ip4, dst="203.0.113.1") / UDP(), "no_route"),
            ("multicast", Ether(src=one.mac, dst="01:00:5e:00:00:09") /
             IP(src=one.ip4, dst="224.0.0.9") / UDP(), "multicast"),
            ("another pod's Ethernet address as destination",
             Ether(src=one.mac, dst=two.mac) / good / UDP(), "not_for_gateway"),
            ("IPv6 from the unspecified address", ether / IPv6(src="::", dst=two.ip6) /
             ICMPv6EchoRequest(), "source_ip"),
            ("IPv6 that is shorter than it says", ether / IPv6(src=one.ip6, dst=two.ip6, plen=999) /
             UDP(), "ipv6_header"),
        ), (("what is allowed", ether / good / UDP(dport=9)),
            ("what is allowed over IPv6", ether / good6 / UDP(dport=9)),
            ("TCP", ether / good / TCP(dport=9)))

    def test_dropped_by_name_and_seen_by_nobody(self):
        one, two = self.pod(1), self.pod(2)
        one.ping(two.ip4)
        time.sleep(0.3)  # until the pods' kernels have said what they say on their own
        wrong, right = self.rows(one, two)
        with one.packet_socket() as wire, two.packet_socket() as victim:
            victim.settimeout(0.05)
            for sentence, frame, reason in wrong:
                with self.subTest(sentence):
                    mark = os.urandom(8)
                    before = self.switch.drops("pod1").get(reason, 0)
                    wire.send(bytes(frame / Raw(mark)))
                    lib.eventually(
                        lambda: self.switch.drops("pod1").get(reason, 0) == before + 1,
                        f"{sentence}: {reason}; {self.switch.drops('pod1')}", 1.0)
                    self.assertFalse(self.saw(victim, mark))
            for sentence, frame in right:
                with self.subTest(sentence):
                    mark = os.urandom(8)
                    wire.send(bytes(frame / Raw(mark)))
                    self.assertTrue(self.saw(victim, mark))
        self.assertNotIn(one.mac, two.run("ip", "neigh").stdout)

    @staticmethod
    def saw(victim, mark):
        try:
            while True:
                if mark in victim.recv(2048):
                    return True
        except socket.timeout:
            return False


class Watching(lib.SwitchTest):
    """What the command line tells about traffic."""

    def test_drops_and_stats(self):
        one, two = self.pod(1), self.pod(2)
        before = self.switch.counters()
        one.ping(two.ip4, count=10)
        after = self.switch.counters()
        for port, side in (("pod1", "rx"), ("pod2", "tx"), ("pod2", "rx"), ("pod1", "tx")):
            grown = after[port][f"{side}Packets"] - before[port][f"{side}Packets"]
            self.assertTrue(10 <= grown <= 30, f"{port} {side}: {grown}")
        one.run("ping", "-c", 3, "-i", "0.05", "-W", 1, "203.0.113.1", check=False)
        drops = {(d["port"], d["reason"]): d for d in self.switch.items("drops")}
        drop = drops["pod1", "no_route"]
        self.assertEqual((int(drop["packets"]), drop["step"], drop["severity"]),
                         (3, "route", "warning"))
        table = self.switch.ctl("drops").stdout
        self.assertRegex(table, r"pod1\s.*no_route")
        self.assertRegex(self.switch.ctl("stats").stdout, re.compile(r"^pod2\s", re.M))

    def watch(self, *arguments):
        """A streaming command of vswitchctl; its output is there once it ended by itself."""
        process = lib.spawn(lib.program("vswitchctl"), "--run-dir", self.switch.run_dir, *arguments,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def ends_under(self, process, source, address):
        """Sends pings until the stream has seen what it was asked for."""
        def seen():
            source.run("ping", "-c", 1, "-W", 1, address, check=False)
            return process.poll() is not None
        lib.eventually(seen, f"{process.args} ends", 20)
        output, errors = process.communicate()
        self.assertEqual(process.returncode, 0, errors)
        return output

    @staticmethod
    def items_of(stream):
        return [item for line in stream.splitlines() for item in json.loads(line)["items"]]

    def test_connections_are_listed_with_names_and_counts_and_can_be_ended(self):
        one, two = self.pod(1), self.pod(2)
        one.run("ping", "-c", 3, "-i", 0.2, "-W", 2, two.ip4)
        flow, = self.switch.items("flow", "list", "--host", two.ip4, "--protocol", "icmp")
        self.assertEqual((flow["original"]["source"], flow["original"]["destination"]),
                         (one.ip4, two.ip4))
        self.assertEqual((flow["original"]["sourceName"], flow["original"]["destinationName"],
                          flow["ingress"], flow["egress"], flow["state"]),
                         ("pod1", "pod2", "pod1", "pod2", "answered"))
        self.assertEqual([flow[way] for way in ("sent", "answered")],
                         [{"packets": "3", "bytes": str(3 * 98)}] * 2)
        ended = self.switch.ctl("flow", "flush", "--host", one.ip4, "--protocol", "icmp").stdout
        self.assertEqual(ended, "1 connections ended\n")
        self.assertEqual(self.switch.items("flow", "list", "--protocol", "icmp"), [])
        refused = self.switch.ctl("flow", "flush", check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("all", refused.stderr)

    def test_why_trace_and_capture_agree_on_a_packet(self):
        one, two = self.pod(1), self.pod(2)
        why, = self.switch.items("why", one.ip4, two.ip4)
        self.assertEqual((why["verdict"], why["ingress"], why["egress"]),
                         ("allow", "pod1", "pod2"))
        trace = self.ends_under(self.watch("trace", "--source", one.ip4, "--destination", two.ip4,
                                           "--protocol", "icmp", "--count", 1, "-o", "json"),
                                one, two.ip4)
        seen = self.items_of(trace)
        steps = [item["step"] for item in seen]
        self.assertEqual(steps, ["parse", "source_guard", "track", "service", "answer", "route",
                                 "policy", "snat", "connect", "follow", "forward", "send"])
        self.assertEqual((seen[-1]["ingress"], seen[-1]["egress"], seen[-1]["verdict"]),
                         ("pod1", "pod2", "continue"))
        path = os.path.join(self.switch.directory, "capture.pcapng")
        self.ends_under(self.watch("capture", "--port", "pod1", "--protocol", "icmp", "--step",
                                   "send", "--count", 1, "--write", path), one, two.ip4)
        frame = rdpcap(path)[0]
        self.assertEqual((frame[IP].src, frame[IP].dst, frame[IP].ttl, frame[Ether].dst),
                         (one.ip4, two.ip4, 63, two.mac))

    def test_why_trace_and_capture_agree_on_a_drop(self):
        one, address = self.pod(1), "203.0.113.1"
        why, = self.switch.items("why", one.ip4, address)
        self.assertEqual((why["verdict"], why["reason"]), ("drop", "no_route"))
        trace = self.ends_under(self.watch("trace", "--drops", "--reason", "no_route", "--count",
                                           1, "-o", "json"), one, address)
        item = self.items_of(trace)[0]
        self.assertEqual((item["step"], item["reason"], item["ingress"]),
                         ("route", "no_route", "pod1"))
        self.assertIn(address, item["summary"])
        path = os.path.join(self.switch.directory, "capture.pcapng")
        self.ends_under(self.watch("capture", "--reason", "no_route", "--count", 1, "--write",
                                   path), one, address)
        # What is seen after the step is the answer, which quotes the packet.
        self.assertEqual(rdpcap(path)[0][IPerror].dst, address)


if __name__ == "__main__":
    lib.main()
