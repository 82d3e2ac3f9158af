#!/usr/bin/env python3
"""Every kind of port: added, seen, used, removed and added again, while others talk undisturbed."""

import os
import re

import dpdk_pod
import pollux_testlib as lib
import traffic
from scapy.layers.inet import ICMP, IP
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap, wrpcap

PEER_IP, PEER_MAC = "10.1.0.50", "02:00:00:00:02:50"
GUEST_IP, GUEST_MAC = "10.1.0.51", "02:00:00:00:02:51"


class PortsTest(lib.SwitchTest):
    """Two pods that talk all the time; what a test does must not cost them a packet."""

    def setUp(self):
        super().setUp()
        self.one, self.two = self.pod(1), self.pod(2)
        self.pings = [traffic.Ping(self.one, self.two.ip4), traffic.Ping(self.two, self.one.ip6)]
        self.stream = traffic.Stream(self.one, self.two, self.two.ip4)
        self.addCleanup(self.stream.close)

    def tearDown(self):
        self.stream.stop()
        for ping in self.pings:
            ping.assert_no_loss()
        for pod in (self.one, self.two):
            lost = {reason: count for reason, count in self.switch.drops(pod.name).items()
                    if reason.startswith(("dest_", "ring_", "device_"))}
            self.assertEqual(lost, {}, f"drops at {pod.name}")
        super().tearDown()

    def path(self, name):
        return os.path.join(self.switch.directory, name)

    def add_peer(self, ip=PEER_IP, mac=PEER_MAC, port="peer", **options):
        self.switch.add("port", port, **options)
        self.switch.add("endpoint", port, port=port, mac=mac, ip=ip)

    def remove_peer(self, port="peer"):
        self.switch.remove("endpoint", port)
        self.switch.remove("port", port)

    def assert_shown(self, port, kind, **fields):
        """`port list` and `port show` agree about what is there."""
        listed, = [item for item in self.switch.items("port", "list") if item["name"] == port]
        shown, = self.switch.items("port", "show", port)
        for item in (listed, shown):
            self.assertIn(kind, item)
            for name, value in fields.items():
                self.assertEqual(item[kind][name], value)
        self.assertEqual(listed["status"]["id"], shown["status"]["id"])
        self.assertIn(port, self.switch.ctl("port", "list").stdout)

    def assert_gone(self, port):
        self.assertIsNone(self.switch.port_state(port))
        missing = self.switch.ctl("port", "show", port, check=False)
        self.assertEqual(missing.returncode, 1)
        self.assertIn(port, missing.stderr)

    def assert_reached(self, ip=PEER_IP):
        lib.eventually(lambda: self.one.answers(ip), f"{ip} answers", 10)
        self.one.ping(ip, count=20)


class SocketPods(PortsTest):
    def test_tap_is_removed_with_its_device_and_comes_back(self):
        three = self.pod(3)
        for _ in range(2):
            self.assert_shown("pod3", "tap", ifname="eth0", netns=f"/run/netns/{three.netns}")
            self.one.ping(three.ip4)
            three.ping(self.two.ip6)
            three.detach()
            self.assert_gone("pod3")
            self.assertNotIn("eth0", three.run("ip", "link").stdout)
            self.assertFalse(self.one.answers(three.ip4))
            three.attach()

    def test_mtu_9000(self):
        three, four = self.pod(3, mtu=9000), self.pod(4, mtu=9000)
        for address, size in ((four.ip4, 9000 - 28), (four.ip6, 9000 - 48)):
            before = self.switch.counters()["pod4"]
            three.ping(address, count=5, size=size, flags=("-M", "do"))
            after = self.switch.counters()["pod4"]
            self.assertGreaterEqual(after["txBytes"] - before["txBytes"], 5 * 9014)
            self.assertLessEqual(after["txPackets"] - before["txPackets"], 8)
        too_long = three.ping(four.ip4, size=9000 - 27, flags=("-M", "do"), check=False)
        self.assertNotEqual(too_long.returncode, 0)

    def test_many_queues(self):
        three, four = self.pod(3, queues=4), self.pod(4, queues=2)
        queues = three.run("ls", "/sys/class/net/eth0/queues").stdout.split()
        self.assertEqual(sorted(queues), [f"{side}-{n}" for side in ("rx", "tx") for n in range(4)])
        self.assertEqual(len(self.switch.port_state("pod3")["workers"]), 4)
        stream = traffic.Stream(three, four, four.ip4, streams=8, rate="20M")
        self.addCleanup(stream.close)
        pings = [traffic.Ping(three, four.ip4), traffic.Ping(four, three.ip6)]
        self.assertGreater(stream.stop(), 1 << 20)
        for ping in pings:
            ping.assert_no_loss()


class VhostUser(PortsTest):
    def check(self, mode):
        """The switch's mode is the opposite of the pod's."""
        dpdk_pod.reserve_hugepages(self)
        path = self.path("vhost.sock")
        options = {"type": "vhost-user", "socket": path, "mode": mode}
        for _ in range(2):
            self.add_peer(**options)
            self.assert_shown("peer", "vhostUser", socket=path, mode=mode)
            self.assertFalse(self.switch.port_state("peer")["linkUp"])
            pod = dpdk_pod.DpdkPod(self.switch.directory, "vhost", dpdk_pod.virtio_user(
                path, PEER_MAC, server=mode == "client")).start()
            self.addCleanup(pod.kill)
            pod.wait_until_started()
            self.switch.wait_for_link("peer", 10)
            self.assert_reached()
            self.remove_peer()
            self.assert_gone("peer")
            self.assertEqual(os.path.exists(path), mode == "client")
            pod.kill()

    def test_switch_listens(self):
        self.check("server")

    def test_switch_connects(self):
        self.check("client")


class Memif(PortsTest):
    def check(self, role):
        path = self.path("memif.sock")
        pod_role = "client" if role == "server" else "server"
        for _ in range(2):
            self.add_peer(type="memif", socket=path, id=7, role=role)
            self.assert_shown("peer", "memif", socket=path, id=7, role=role)
            pod = dpdk_pod.DpdkPod(self.switch.directory, "memif", dpdk_pod.memif(
                path, PEER_MAC, pod_role, interface=7)).start()
            self.addCleanup(pod.kill)
            pod.wait_until_started()
            self.switch.wait_for_link("peer", 10)
            self.assert_reached()
            self.remove_peer()
            self.assert_gone("peer")
            pod.kill()

    def test_switch_listens(self):
        self.check("server")

    def test_switch_connects(self):
        self.check("client")

    def test_two_switches_are_neighbours(self):
        """One switch's memif server is the other's client: two nodes with a wire between them."""
        path = self.path("memif.sock")
        other = lib.Switch()
        self.addCleanup(other.close)
        other.start()
        far = lib.Pod(other, "far", "10.2.0.1", "fd00:2::1", "02:00:00:00:02:01").create()
        self.addCleanup(far.close)
        far.attach()
        for switch, role, own, hop, prefixes in (
                (self.switch, "server", 1, 2, ("10.2.0.0/24", "fd00:2::/64")),
                (other, "client", 2, 1, ("10.1.0.0/24", "fd00:1::/64"))):
            switch.add("port", "wire", type="memif", socket=path, id=0, role=role, uplink=True,
                       mac=f"02:00:00:00:0f:{3 - own:02x}",
                       address=[f"198.18.0.{own}/24", f"fd00:18::{own}/64"])
            for prefix, via in zip(prefixes, (f"198.18.0.{hop}", f"fd00:18::{hop}")):
                switch.add("route", prefix, via=via, port="wire")
        for switch in (self.switch, other):
            switch.wait_for_link("wire")
        self.one.ping(far.ip4, count=20)
        far.ping(self.two.ip6, count=20)
        self.assertEqual({n["ip"]: n["state"] for n in other.items("neighbour", "list")},
                         {"198.18.0.1": "reachable", "fd00:18::1": "reachable"})
        other.assert_balanced()
        other.assert_configured()


class Ethdev(PortsTest):
    netns = "switch"

    def cycle(self, devargs, use):
        for _ in range(2):
            self.add_peer(type="ethdev", devargs=devargs)
            self.assert_shown("peer", "ethdev", devargs=devargs)
            use()
            self.remove_peer()
            self.assert_gone("peer")

    def send_to_peer(self):
        """Pings that a silent peer swallows: they must have been sent to it."""
        before = self.switch.counters()["peer"]["txPackets"]
        self.one.run("ping", "-c", 5, "-i", "0.02", "-W", 1, PEER_IP, check=False)
        self.assertGreaterEqual(self.switch.counters()["peer"]["txPackets"] - before, 5)

    def test_null(self):
        self.cycle("net_null0,no-rx=1", self.send_to_peer)

    def test_ring(self):
        self.cycle("net_ring0", self.send_to_peer)

    def test_af_packet(self):
        far = self.namespace("far")
        lib.veth(self.switch.netns, "far0", far.netns, "eth0")
        far.run("ip", "link", "set", "eth0", "address", PEER_MAC)
        far.run("ip", "addr", "add", f"{PEER_IP}/32", "dev", "eth0")
        far.run("ip", "route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")
        self.cycle(f"net_af_packet0,iface=far0", self.assert_reached)

    def test_pcap(self):
        gateway = self.switch.items("status")[0]["gatewayMac"]
        asked, sent = self.path("rx.pcap"), self.path("tx.pcap")
        wrpcap(asked, [Ether(src=PEER_MAC, dst=gateway) / IP(src=PEER_IP, dst=self.one.ip4) /
                       ICMP(id=77, seq=n) for n in range(3)])
        # Again and again, since what comes before the endpoint is there is dropped.
        self.never_at_rest = True
        self.add_peer(type="ethdev",
                      devargs=f"net_pcap0,rx_pcap={asked},tx_pcap={sent},infinite_rx=1")
        lib.eventually(lambda: self.switch.counters()["peer"]["txPackets"] >= 10, "pod 1 answers")
        self.remove_peer()
        answers = [p for p in rdpcap(sent) if ICMP in p and p[ICMP].type == 0]
        self.assertGreaterEqual(len(answers), 10)
        self.assertEqual({(p[Ether].dst, p[IP].src, p[IP].dst, p[ICMP].id) for p in answers},
                         {(PEER_MAC, self.one.ip4, PEER_IP, 77)})


class Queues(PortsTest):
    cores = "0,1"

    def test_queues_spread_and_move_under_traffic(self):
        dpdk_pod.reserve_hugepages(self)
        path = self.path("vhost.sock")
        self.add_peer(**{"type": "vhost-user", "socket": path, "mode": "server", "queues": 2})
        pod = dpdk_pod.DpdkPod(self.switch.directory, "vhost",
                               dpdk_pod.virtio_user(path, PEER_MAC, queues=2), queues=2).start()
        self.addCleanup(pod.kill)
        pod.wait_until_started()
        self.switch.wait_for_link("peer", 10)
        self.assertEqual(sorted(self.switch.port_state("peer")["workers"]), [0, 1])
        self.assert_reached()
        pings = [traffic.Ping(source, PEER_IP) for source in (self.one, self.two)]
        for queue, worker in ((0, 0), (1, 0), (0, 1), (1, 1), (0, 0)):
            before = len(self.switch.items("status")[0]["workers"])
            self.switch.ctl("port", "move", "peer", "--queue", queue, "--worker", worker)
            self.assertEqual(before, 2)
            self.assertEqual(self.switch.port_state("peer")["workers"][queue], worker)
            self.one.ping(PEER_IP, count=10)
        for ping in pings:
            ping.assert_no_loss()
        self.remove_peer()


class Requests(PortsTest):
    # A sentence, the arguments, the field or the words that the error must name.
    WRONG = (
        ("an MTU beyond jumbo frames", "port add x --type tap --mtu 9217", "port.mtu"),
        ("more queues than there are", "port add x --type tap --queues 17", "port.queues"),
        ("a group's Ethernet address", "port add x --type tap --mac 01:00:5e:00:00:01", "port.mac"),
        ("an interface name of 16 bytes", "port add x --type tap --ifname abcdefghijklmnop",
         "port.tap.ifname"),
        ("a namespace that is not there", "port add x --type tap --netns /run/netns/plxt-none",
         "/run/netns/plxt-none"),
        ("a relative socket path", "port add x --type vhost-user --socket a.sock",
         "port.vhost_user.socket"),
        ("a socket path of 108 bytes", f"port add x --type memif --socket /{'a' * 107}",
         "port.memif.socket"),
        ("no device", "port add x --type ethdev --devargs net_none0", "net_none0"),
        ("an address that is none", "port add x --type tap --uplink --address 198.18.0.1/33",
         "port.address[0]"),
        ("a port that exists", "port add pod1 --type tap", "pod1"),
        ("no address", "endpoint add x --port pod1 --mac 02:00:00:00:09:09 --ip 10.0.0.300",
         "endpoint.ip[0]"),
        ("another endpoint's address",
         "endpoint add x --port pod1 --mac 02:00:00:00:09:09 --ip 10.1.0.2", "endpoint.ip[0]"),
        ("an endpoint on no port", "endpoint add x --port none --mac 02:00:00:00:09:09 --ip "
         "10.1.0.9", "endpoint.port"),
        ("a group's address", "endpoint add x --port pod1 --mac 02:00:00:00:09:09 --ip 224.0.0.1",
         "endpoint.ip[0]"),
        ("a route with host bits", "route add 198.18.0.1/24 --port pod1", "route.prefix"),
        ("a next hop of the other family", "route add 198.18.0.0/24 --via fd00::1 --port pod1",
         "route.via"),
        ("a port that endpoints use", "port remove pod1", "pod1"),
        ("a queue that is not there", "port move pod1 --queue 9 --worker 0", "queue"),
        ("a worker that is not there", "port move pod1 --queue 0 --worker 9", "worker"),
    )

    def test_wrong_requests_name_the_field_and_change_nothing(self):
        before = self.switch.config()
        for sentence, arguments, name in self.WRONG:
            with self.subTest(sentence):
                result = self.switch.ctl(*arguments.split(), check=False)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn(name, result.stderr)
                self.assertEqual(self.switch.config(), before)

    def test_nothing_grows_with_added_and_removed_ports(self):
        three = self.pod(3, attach=False)
        memif, vhost = self.path("memif.sock"), self.path("vhost.sock")

        def cycle():
            three.attach()
            self.add_peer(type="memif", socket=memif, id=0, role="server")
            self.add_peer(GUEST_IP, GUEST_MAC, "guest",
                          **{"type": "vhost-user", "socket": vhost, "mode": "server"})
            self.one.ping(three.ip4, count=1)
            three.detach()
            self.remove_peer()
            self.remove_peer("guest")

        for _ in range(5):  # what is kept for good is there after some
            cycle()
        descriptors, resident = self.switch.descriptors(), self.switch.resident_kb()
        for _ in range(30):
            cycle()
        self.switch.assert_descriptors(descriptors)
        grown = self.switch.resident_kb() - resident
        self.assertLess(grown, 4096, f"{grown} kB more after 30 cycles")
        self.assertFalse(re.findall(r"plxt\S*", "".join(os.listdir("/dev/hugepages")))
                         if os.path.isdir("/dev/hugepages") else [])


if __name__ == "__main__":
    lib.main()
