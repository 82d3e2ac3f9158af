#!/usr/bin/env python3
"""The wire: pods and the world behind an uplink, over AF_PACKET on a veth.

Namespace "wire" is the router on the uplink's subnet and the world behind it.
"""

import socket
import struct
import subprocess
import time

import pollux_testlib as lib
import traffic
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether

UPLINK4, UPLINK6 = "198.18.0.1", "fd00:18::1"
ROUTER4, ROUTER6 = "198.18.0.2", "fd00:18::2"
WORLD4, WORLD6 = "203.0.113.5", "2001:db8:9::5"
ROUTER_MAC, OTHER_ROUTER_MAC = "02:00:00:00:0f:02", "02:00:00:00:0f:03"
BULK_BYTES = 1 << 20


class UplinkTest(lib.SwitchTest):
    netns = "switch"

    def setUp(self):
        super().setUp()
        self.wire = self.namespace("wire")
        lib.veth(self.switch.netns, "uplink0", self.wire.netns, "eth0")
        self.wire.run("ip", "link", "set", "eth0", "address", ROUTER_MAC)
        for address in (f"{ROUTER4}/24", f"{ROUTER6}/64"):
            self.wire.run("ip", "addr", "add", address, "dev", "eth0")
        for address in (WORLD4, WORLD6):
            self.wire.run("ip", "addr", "add", address, "dev", "lo")
        self.wire.run("ip", "route", "add", "10.1.0.0/24", "via", UPLINK4)
        self.wire.run("ip", "-6", "route", "add", "fd00:1::/64", "via", UPLINK6)
        self.add_uplink()
        for prefix, via in (("203.0.113.0/24", ROUTER4), ("2001:db8:9::/64", ROUTER6)):
            self.switch.add("route", prefix, via=via, port="uplink")
        self.one = self.pod(1)

    def add_uplink(self, **options):
        self.switch.add("port", "uplink", **options, type="ethdev", uplink=True,
                        devargs="net_af_packet0,iface=uplink0",
                        address=[f"{UPLINK4}/24", f"{UPLINK6}/64"])
        self.switch.wait_for_link("uplink")

    def neighbours(self):
        return {n["ip"]: n for n in self.switch.items("neighbour", "list")}

    def reaches(self, address):
        lib.eventually(lambda: self.one.answers(address), f"{address} answers", 10)
        self.one.ping(address, count=5)


class Reachability(UplinkTest):
    def test_the_world_is_reached_over_the_next_hop(self):
        self.one.ping(WORLD4)
        self.one.ping(WORLD6)
        for hop in (ROUTER4, ROUTER6):
            neighbour = self.neighbours()[hop]
            self.assertEqual((neighbour["port"], neighbour["mac"], neighbour["state"]),
                             ("uplink", ROUTER_MAC, "reachable"))
        self.assertEqual(set(self.neighbours()), {ROUTER4, ROUTER6})
        # And the other way, by its own start.
        self.wire.ping(self.one.ip4, flags=("-I", WORLD4))
        self.wire.ping(self.one.ip6, flags=("-I", WORLD6))
        self.wire.ping(UPLINK4)
        self.wire.ping(UPLINK6)

    def test_neighbours_on_the_link(self):
        self.switch.add("route", "198.18.0.0/24", port="uplink")
        self.switch.add("route", "fd00:18::/64", port="uplink")
        self.one.ping(ROUTER4)
        self.one.ping(ROUTER6)

    def test_a_next_hop_that_does_not_answer(self):
        self.switch.add("route", "203.0.114.0/24", via="198.18.0.77", port="uplink")
        self.switch.add("route", "2001:db8:a::/64", via="fd00:18::77", port="uplink")
        for address, hop, words in (
                ("203.0.114.1", "198.18.0.77", "Destination Host Unreachable"),
                ("2001:db8:a::1", "fd00:18::77", "Address unreachable")):
            ping = self.one.start("ping", "-i", 1, address, stdout=subprocess.PIPE, text=True)
            lib.eventually(lambda h=hop: self.neighbours().get(h, {}).get("state") == "failed",
                           f"{hop} is given up")
            self.assertIn(words, lib.eventually(ping.stdout.readline, "the pod is told") +
                          ping.stdout.readline())
            ping.kill()
            ping.communicate()
        self.assertGreater(self.switch.drops("pod1")["neighbour_failed"], 0)
        # It comes up: the next packets find it.
        self.wire.run("ip", "addr", "add", "198.18.0.77/24", "dev", "eth0")
        self.wire.run("ip", "addr", "add", "203.0.114.1", "dev", "lo")
        lib.eventually(lambda: self.one.answers("203.0.114.1"), "the next hop is found", 40)

    def test_a_neighbour_that_moves_takes_its_traffic_along(self):
        ping = traffic.Ping(self.one, WORLD4)
        lib.eventually(lambda: ROUTER4 in self.neighbours(), "the router is known")
        self.wire.run("ip", "link", "set", "eth0", "address", OTHER_ROUTER_MAC)
        with self.wire.packet_socket() as wire:
            wire.send(bytes(Ether(src=OTHER_ROUTER_MAC, dst="ff:ff:ff:ff:ff:ff") / ARP(
                op=1, hwsrc=OTHER_ROUTER_MAC, psrc=ROUTER4, pdst=ROUTER4)))
        lib.eventually(lambda: self.neighbours()[ROUTER4]["mac"] == OTHER_ROUTER_MAC,
                       "the new address is known")
        self.reaches(WORLD4)
        answered, sent = ping.stop()
        self.assertGreater(len(answered), 0.5 * sent)

    def test_routes_change_under_traffic(self):
        pings = [traffic.Ping(self.one, WORLD4), traffic.Ping(self.one, WORLD6)]
        for _ in range(5):
            for prefix, via in (("203.0.113.0/25", ROUTER4), ("203.0.113.5/32", ROUTER4),
                                ("2001:db8:9::5/128", ROUTER6)):
                self.switch.add("route", prefix, via=via, port="uplink")
            for prefix in ("203.0.113.0/25", "203.0.113.5/32", "2001:db8:9::5/128"):
                self.switch.remove("route", prefix)
        for ping in pings:
            ping.assert_no_loss()
        self.switch.remove("route", "203.0.113.0/24")
        told = self.one.run("ping", "-c", 1, "-W", 1, WORLD4, check=False).stdout
        self.assertIn("Destination Net Unreachable", told)
        self.switch.add("route", "203.0.113.0/24", via=ROUTER4, port="uplink")
        self.reaches(WORLD4)

    def test_the_wire_cannot_speak_for_a_pod(self):
        two = self.pod(2)
        uplink_mac = self.switch.port_state("uplink")["mac"]
        with self.wire.packet_socket() as wire:
            for frame in (IP(src=two.ip4, dst=self.one.ip4) / UDP(),
                          IPv6(src=two.ip6, dst=self.one.ip6) / UDP()):
                wire.send(bytes(Ether(src=ROUTER_MAC, dst=uplink_mac) / frame))
        lib.eventually(lambda: self.switch.drops("uplink").get("uplink_spoof") == 2,
                       f"spoofed packets are dropped: {self.switch.drops('uplink')}")


class OnTheWire(UplinkTest):
    """What the pods' kernels leave to the switch (partial checksums, large frames) is whole."""

    def capture(self, wire, count, wanted):
        """Frames to the wire that `wanted` accepts."""
        frames = []
        wire.settimeout(5)
        while len(frames) < count:
            data, address = wire.recvfrom(65536)
            frame = Ether(data)
            if address[2] != socket.PACKET_OUTGOING and wanted(frame):
                frames.append(frame)
        return frames

    def assert_checksums(self, frame):
        """Decoded and encoded anew, the checksums come out the same."""
        again = frame.copy()
        for layer in (IP, TCP, UDP):
            if layer in again:
                del again[layer].chksum
        self.assertEqual(bytes(Ether(bytes(again))), bytes(frame), frame.show(dump=True))

    def test_checksums_of_datagrams(self):
        for address, family in ((WORLD4, socket.AF_INET), (WORLD6, socket.AF_INET6)):
            with self.subTest(address), self.wire.packet_socket() as wire, \
                    self.one.socket(family, socket.SOCK_DGRAM) as sender:
                self.one.ping(address, count=1)
                for size in (0, 1, 99, 1400):
                    sender.sendto(b"x" * size, (address, 9999))
                for frame in self.capture(wire, 4, lambda f: UDP in f and f[UDP].dport == 9999):
                    self.assertNotEqual(frame[UDP].chksum, 0)
                    self.assert_checksums(frame)

    def test_a_fragmented_datagram_arrives(self):
        receiver = self.wire.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender = self.one.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with receiver, sender:
            receiver.bind((WORLD4, 9999))
            receiver.settimeout(5)
            self.one.ping(WORLD4, count=1)
            payload = bytes(range(256)) * 20
            sender.sendto(payload, (WORLD4, 9999))
            self.assertEqual(receiver.recv(65536), payload)

    def test_large_tcp_frames_are_segmented(self):
        for family, address in ((socket.AF_INET, WORLD4), (socket.AF_INET6, WORLD6)):
            with self.subTest(address):
                self.one.ping(address, count=1)
                listener = self.wire.socket(family, socket.SOCK_STREAM)
                sender = self.one.socket(family, socket.SOCK_STREAM)
                with listener, sender, self.wire.packet_socket() as wire:
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 64 << 20)
                    listener.bind((address, 7777))
                    listener.listen()
                    before = self.switch.counters()
                    sender.connect((address, 7777))
                    stream, _ = listener.accept()
                    with stream:
                        self.transfer(sender, stream)
                    self.assert_segmented(before)
                    for frame in self.capture(wire, 200, lambda f: TCP in f and
                                              f[TCP].dport == 7777):
                        self.assertLessEqual(len(frame), 1514)
                        self.assert_checksums(frame)

    def transfer(self, sender, stream):
        """Data that differs everywhere comes as it was sent."""
        data = b"".join(struct.pack("!I", n) for n in range(BULK_BYTES // 4))
        received = bytearray()
        sender.settimeout(10)
        stream.settimeout(10)
        sent = 0
        while sent < len(data):
            sent += sender.send(data[sent:sent + 65536])
            received += stream.recv(1 << 20)
        while len(received) < len(data):
            received += stream.recv(1 << 20)
        self.assertEqual(bytes(received), data)

    def assert_segmented(self, before):
        """Large frames came from the pod, small ones went to the wire."""
        after = self.switch.counters()

        def grown(port, key):
            return after[port][key] - before[port][key]
        self.assertGreater(grown("pod1", "rxBytes") / grown("pod1", "rxPackets"), 3000)
        self.assertLess(grown("uplink", "txBytes") / grown("uplink", "txPackets"), 1515)
        self.assertGreater(grown("uplink", "txPackets"), BULK_BYTES / 1460)

    def test_a_long_stream_both_ways(self):
        self.one.ping(WORLD4, count=1)
        for source, target, address, bind in ((self.one, self.wire, WORLD4, self.one.ip4),
                                              (self.wire, self.one, self.one.ip4, WORLD4)):
            stream = traffic.Stream(source, target, address, rate="50M", bind=bind)
            self.addCleanup(stream.close)
            time.sleep(1)
            self.assertGreater(stream.stop(), 1 << 20)


if __name__ == "__main__":
    lib.main()
