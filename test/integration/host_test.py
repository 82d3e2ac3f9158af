#!/usr/bin/env python3
"""The node itself: its own interface into the switch, and the CPU that it must have.

Namespace "node" stands for the node: vswitchd runs there and makes pollux0.
"""

import os
import unittest

import pollux_testlib as lib
import traffic
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether

NODE4, NODE6 = "10.1.0.254", "fd00:1::fe"
HOST_INTERFACE = "pollux0"


class HostInterface(lib.SwitchTest):
    netns = "node"
    switch_flags = ("--host-interface", HOST_INTERFACE)

    def setUp(self):
        super().setUp()
        self.node = lib.Namespace(self.netns)
        self.node.run("ip", "link", "set", HOST_INTERFACE, "up")
        for address, pods in ((NODE4, "10.1.0.0/24"), (NODE6, "fd00:1::/64")):
            length = 128 if ":" in address else 32
            self.node.run("ip", "addr", "add", f"{address}/{length}", "dev", HOST_INTERFACE,
                          *(["nodad"] if ":" in address else []))
            self.node.run("ip", "route", "add", pods, "dev", HOST_INTERFACE, "src", address)
            self.switch.add("route", f"{address}/{length}", port=HOST_INTERFACE)
        self.one, self.two = self.pod(1), self.pod(2)

    def test_node_and_pods_reach_each_other_with_their_own_addresses(self):
        for pod_address, node_address in ((self.one.ip4, NODE4), (self.one.ip6, NODE6)):
            with self.subTest(pod_address):
                self.node.ping(pod_address, count=5)
                self.one.ping(node_address, count=5)
                before = self.switch.counters()
                stream = traffic.Stream(self.node, self.one, pod_address)
                self.addCleanup(stream.close)
                received = stream.stop()
                after = self.switch.counters()
                self.assertGreaterEqual(
                    after[HOST_INTERFACE]["rxBytes"] - before[HOST_INTERFACE]["rxBytes"], received)

    def test_the_node_is_no_way_around_the_source_guard(self):
        gateway = self.switch.items("status")[0]["gatewayMac"]
        own = self.node.run("cat", f"/sys/class/net/{HOST_INTERFACE}/address").stdout.strip()
        with self.node.packet_socket(HOST_INTERFACE) as wire:
            for source in ("127.0.0.77", "224.0.0.1"):
                wire.send(bytes(Ether(src=own, dst=gateway) / IP(src=source, dst=self.one.ip4) /
                                ICMP()))
        lib.eventually(
            lambda: self.switch.drops(HOST_INTERFACE).get("martian_source", 0) == 2, "dropped")

    def test_the_interface_outlives_a_killed_switch(self):
        def index():
            return self.node.run("cat", f"/sys/class/net/{HOST_INTERFACE}/ifindex").stdout

        before = index()
        self.switch.kill()
        self.assertEqual(index(), before)
        self.assertIn(NODE4, self.node.run("ip", "addr", "show", "dev", HOST_INTERFACE).stdout)
        self.switch.start()
        self.assertEqual(index(), before)
        for address in (self.one.ip4, self.one.ip6):
            lib.eventually(lambda a=address: self.node.answers(a), f"{address} answers", 10)
        self.one.ping(NODE4)

    def test_it_is_the_switchs_own(self):
        refused = self.switch.ctl("port", "remove", HOST_INTERFACE, check=False)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("the switch's own", refused.stderr)
        port, = (p for p in self.switch.items("port", "list") if p["name"] == HOST_INTERFACE)
        self.assertEqual((port["role"], port["owner"]), ("host", "switch"))
        # What is dumped can be applied, and changes nothing.
        dump = self.switch.ctl("config", "dump").stdout
        path = os.path.join(self.switch.directory, "dump.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(dump)
        self.switch.ctl("config", "apply", path)
        self.assertEqual(self.switch.ctl("config", "dump").stdout, dump)


class Cpu(unittest.TestCase):
    """vswitchd on CPUs that are emulated instruction by instruction."""

    @staticmethod
    def start_on(cpu):
        return lib.run("qemu-x86_64", "-cpu", cpu, lib.program("vswitchd"), "--version",
                       check=False)

    def test_one_without_the_instructions_is_refused_with_a_sentence(self):
        result = self.start_on("Nehalem")  # x86-64-v2
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr,
                         r"This build of Pollux is for CPUs of level x86-64-v3; this one lacks "
                         r"\w+\. Build for it with -DPOLLUX_MARCH=x86-64-v2 or run on another ")
        self.assertEqual(result.stdout, "")

    def test_one_with_them_is_not(self):
        result = self.start_on("max")
        self.assertEqual((result.returncode, result.stderr), (0, ""), result.stderr)
        self.assertIn("vswitchd", result.stdout)


if __name__ == "__main__":
    lib.main()
