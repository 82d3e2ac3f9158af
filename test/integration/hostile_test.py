#!/usr/bin/env python3
"""Peers that misbehave on the switch's sockets cost nobody else a packet, and leave nothing."""

import contextlib
import os
import random
import resource
import select
import socket
import struct
import subprocess
import time

import dpdk_pod
import pollux_testlib as lib
import traffic
import vhost_frontend
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

PEER_IP, PEER_MAC = "10.1.0.50", "02:00:00:00:02:50"
OTHER_IP, OTHER_MAC = "10.1.0.51", "02:00:00:00:02:51"
CONNECTIONS = 1000
MESSAGE_DEADLINE_SECONDS = 5
SEED = 20240


class HostileTest(lib.SwitchTest):
    """Two pods talk all the time; every socket of the switch is there to be abused."""

    def setUp(self):
        super().setUp()
        self.one, self.two = self.pod(1), self.pod(2)
        self.vhost, self.memif = (os.path.join(self.switch.directory, f"{kind}.sock")
                                  for kind in ("vhost", "memif"))
        self.api = os.path.join(self.switch.run_dir, "vswitchd.sock")
        self.switch.add("port", "vhost", type="vhost-user", socket=self.vhost, mode="server")
        self.switch.add("endpoint", "vhost", port="vhost", mac=PEER_MAC, ip=PEER_IP)
        self.switch.add("port", "memif", type="memif", socket=self.memif, id=0, role="server")
        self.assert_takes_a_good_peer()  # what workers keep for good is there after the first one
        self.descriptors = self.switch.descriptors()
        self.pings = [traffic.Ping(self.one, self.two.ip4, interval=0.01),
                      traffic.Ping(self.two, self.one.ip6, interval=0.01)]

    def tearDown(self):
        for ping in self.pings:
            ping.assert_no_loss()
        self.switch.assert_descriptors(self.descriptors)
        self.assertNotIn("quarantined", str(self.switch.port_state("memif")))
        super().tearDown()

    def connect(self, path, kind=socket.SOCK_STREAM):
        peer = socket.socket(socket.AF_UNIX, kind)
        self.addCleanup(peer.close)
        peer.connect(path)  # waits while the listener's queue is full
        peer.settimeout(5)
        return peer

    def assert_closed(self, peer, seconds=5.0):
        """The switch hangs up (what it said before is nobody's business)."""
        peer.settimeout(seconds)
        try:
            while peer.recv(65536):
                pass
        except ConnectionError:
            pass
        except socket.timeout:
            raise AssertionError(f"the switch still listens to us after {seconds} s") from None

    def assert_takes_a_good_peer(self):
        """The vhost-user port works for one who behaves."""
        peer = vhost_frontend.Frontend(self.vhost).start()
        try:
            self.switch.wait_for_link("vhost")
            before = self.switch.counters()["vhost"]["rxPackets"]
            peer.transmit(bytes(self.echo_request()))
            lib.eventually(lambda: peer.used(1) == 1, "the frame was taken")
            lib.eventually(lambda: peer.used(0) >= 1, "and answered")
            self.assertEqual(self.switch.counters()["vhost"]["rxPackets"], before + 1)
        finally:
            peer.close()
        lib.eventually(lambda: not self.switch.port_state("vhost")["linkUp"], "link down")

    def echo_request(self):
        gateway = self.switch.items("status")[0]["gatewayMac"]
        return Ether(src=PEER_MAC, dst=gateway) / IP(src=PEER_IP, dst=self.one.ip4) / ICMP()


class VhostUserSocket(HostileTest):
    def test_half_a_message_and_silence(self):
        good = vhost_frontend.message(vhost_frontend.SET_FEATURES, bytes(8))
        for length in (1, 11, 13):
            with self.subTest(f"{length} bytes of {len(good)}"):
                peer = self.connect(self.vhost)
                peer.send(good[:length])
                self.assert_closed(peer, MESSAGE_DEADLINE_SECONDS + 3)
        self.assert_takes_a_good_peer()

    def test_garbage(self):
        noise = random.Random(SEED)
        for _ in range(100):
            peer = self.connect(self.vhost)
            with contextlib.suppress(ConnectionError):
                peer.send(noise.randbytes(noise.randrange(12, 4096)))
                # With every request's number, too, and lengths that may be right.
                peer.send(vhost_frontend.message(noise.randrange(48),
                                                 noise.randbytes(noise.randrange(64))))
            peer.shutdown(socket.SHUT_WR)
            self.assert_closed(peer)
            peer.close()
        self.assert_takes_a_good_peer()

    def test_descriptors_that_nobody_asked_for(self):
        files = [os.memfd_create(str(n)) for n in range(16)]
        try:
            for request in range(48):
                peer = self.connect(self.vhost)
                with contextlib.suppress(ConnectionError):
                    socket.send_fds(peer, [vhost_frontend.message(request, bytes(16))], files)
                    socket.send_fds(peer, [b"\x01"], files)
                peer.close()
        finally:
            for file in files:
                os.close(file)
        self.assert_takes_a_good_peer()

    def test_a_peer_that_never_reads_replies(self):
        peer = self.connect(self.vhost)
        peer.setblocking(False)
        asked = vhost_frontend.message(vhost_frontend.GET_FEATURES) * 100
        deadline = time.monotonic() + 2
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < deadline:
                select.select([], [peer], [], 0.1)
                with contextlib.suppress(BlockingIOError):
                    peer.send(asked)
        self.switch.port_state("vhost")  # the port's thread is not stuck
        peer.close()
        self.assert_takes_a_good_peer()

    def test_reconnects_of_a_dpdk_pod(self):
        dpdk_pod.reserve_hugepages(self)
        pod = dpdk_pod.DpdkPod(self.switch.directory, "guest",
                               dpdk_pod.virtio_user(self.vhost, PEER_MAC))
        self.addCleanup(pod.kill)
        for _ in range(3):
            pod.start().wait_until_started()
            lib.eventually(lambda: self.one.answers(PEER_IP), "the pod answers", 10)
            self.one.ping(PEER_IP, count=10)
            pod.kill()
            lib.eventually(lambda: not self.switch.port_state("vhost")["linkUp"], "link down")


class MemifSocket(HostileTest):
    def test_garbage(self):
        noise = random.Random(SEED)
        files = [os.memfd_create(str(n)) for n in range(4)]
        try:
            for n in range(200):
                peer = self.connect(self.memif, socket.SOCK_SEQPACKET)
                with contextlib.suppress(ConnectionError):
                    for _ in range(4):
                        # A type from the protocol, and often its length of 128 bytes.
                        size = noise.choice((1, 127, 126, 200, 1000))
                        socket.send_fds(peer, [struct.pack("<H", noise.randrange(12)) +
                                               noise.randbytes(size)], files if n % 2 else [])
                peer.close()
        finally:
            for file in files:
                os.close(file)
        self.assert_a_pod_is_taken()

    def test_silence_after_the_greeting(self):
        for peer in [self.connect(self.memif, socket.SOCK_SEQPACKET) for _ in range(30)]:
            self.assert_closed(peer)
        self.assert_a_pod_is_taken()

    def assert_a_pod_is_taken(self):
        self.switch.add("endpoint", "memif", port="memif", mac=OTHER_MAC, ip=OTHER_IP)
        pod = dpdk_pod.DpdkPod(self.switch.directory, "memif-pod",
                               dpdk_pod.memif(self.memif, OTHER_MAC, "client")).start()
        self.addCleanup(pod.kill)
        pod.wait_until_started()
        lib.eventually(lambda: self.one.answers(OTHER_IP), "the pod answers", 10)
        self.one.ping(OTHER_IP, count=10)
        pod.kill()
        lib.eventually(lambda: not self.switch.port_state("memif")["linkUp"], "link down")


class AnySocket(HostileTest):
    def setUp(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * CONNECTIONS, hard), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        super().setUp()

    def sockets(self):
        return (("vhost-user", self.vhost, socket.SOCK_STREAM),
                ("memif", self.memif, socket.SOCK_SEQPACKET),
                ("API", self.api, socket.SOCK_STREAM))

    def test_a_thousand_connections_one_after_the_other(self):
        for name, path, kind in self.sockets():
            with self.subTest(name):
                for _ in range(CONNECTIONS):
                    self.connect_quickly(path, kind).close()
        self.switch.items("status")
        self.assert_takes_a_good_peer()

    def test_a_thousand_connections_at_once(self):
        for name, path, kind in self.sockets():
            with self.subTest(name):
                peers = [self.connect_quickly(path, kind) for _ in range(CONNECTIONS)]
                self.switch.items("status")
                for peer in peers:
                    peer.close()
        self.assert_takes_a_good_peer()

    @staticmethod
    def connect_quickly(path, kind):
        """Without waiting for a listener whose backlog is full."""
        peer = socket.socket(socket.AF_UNIX, kind)
        peer.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            peer.connect(path)
        return peer

    def test_garbage_on_the_api(self):
        noise = random.Random(SEED)
        for _ in range(100):
            peer = self.connect(self.api)
            with contextlib.suppress(ConnectionError):
                peer.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[:noise.randrange(25)] +
                          noise.randbytes(1000))
            peer.close()
        self.assertEqual(len(self.switch.items("status")), 1)


class Memory(HostileTest):
    def test_memory_that_vanishes_under_traffic_costs_its_port_only(self):
        other_path = os.path.join(self.switch.directory, "other.sock")
        self.switch.add("port", "other", type="vhost-user", socket=other_path, mode="server")
        self.switch.add("endpoint", "other", port="other", mac=OTHER_MAC, ip=OTHER_IP)
        evil = vhost_frontend.Frontend(self.vhost).start()
        good = vhost_frontend.Frontend(other_path).start()
        self.addCleanup(good.close)
        self.addCleanup(evil.close)
        for port in ("vhost", "other"):
            self.switch.wait_for_link(port)
        flood = self.one.start("ping", "-q", "-i", "0.002", PEER_IP, stdout=subprocess.DEVNULL)
        for _ in range(200):
            evil.transmit(bytes(self.echo_request()))
        evil.shrink()
        evil.kick()
        state = lib.eventually(
            lambda: (lambda s: "quarantined" in s["state"] and s)(self.switch.port_state("vhost")),
            "the port is quarantined")
        # What is seen first: that it is gone, or the zeros that lie there now.
        self.assertRegex(state["state"], "region|index jumped")
        flood.kill()
        flood.wait()
        frame = Ether(src=OTHER_MAC, dst=self.echo_request().dst) / IP(
            src=OTHER_IP, dst=self.one.ip4) / ICMP()
        good.transmit(bytes(frame))
        lib.eventually(lambda: good.used(0) >= 1, "the other port is served")
        for peer in (evil, good):
            peer.close()
        self.switch.remove("endpoint", "other")
        self.switch.remove("port", "other")
        # A new front-end, with memory that stays, ends the quarantine.
        self.assert_takes_a_good_peer()


if __name__ == "__main__":
    lib.main()
