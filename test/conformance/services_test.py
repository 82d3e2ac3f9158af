#!/usr/bin/env python3
"""What Kubernetes says about Services, as a table: who asks which address, and who answers, seeing
whom. After "Virtual IPs and Service Proxies" of its documentation, its end-to-end tests of Services
and kube-proxy's packet flow tables; facts, not code.

pod1 is a client. pod2 and pod3 are this node's web pods, far2 and far3 those of another node behind
the uplink. world is a client out of the cluster.
"""

import errno
import json
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import manifests_test  # noqa: E402
import pollux_testlib as lib  # noqa: E402
import uplink_test  # noqa: E402

NODE, WORLD, ROUTER = uplink_test.UPLINK4, uplink_test.WORLD4, uplink_test.ROUTER4
VIP, VIP6, LB, EXTERNAL = "10.96.0.1", "fd00:96::1", "192.0.2.50", "192.0.2.60"
ADDRESSES = {"pod1": "10.1.0.1", "pod2": "10.1.0.2", "pod3": "10.1.0.3", "far2": "10.2.0.2",
             "far3": "10.2.0.3", "world": WORLD, "node": NODE, "vip": VIP}
NAMES = {address: name for name, address in ADDRESSES.items()}
NAMES.update({"fd00:1::1": "pod1", "fd00:1::2": "pod2", VIP6: "vip"})
HERE, FAR = ["pod2", "pod3"], ["far2", "far3"]
# The last: by ICMP, as of any address that nobody has.
REFUSED, SILENCE, UNREACHABLE = ["refused"], ["silence"], ["unreachable"]


class Server:
    """Tells its name and whom it sees, by TCP and UDP."""

    def __init__(self, namespace, name, address, port=8080):
        self.name = name
        self._sockets, self._ends = [], False
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            server = namespace.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if address == "::":
                server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            server.bind((address, port))
            server.settimeout(0.2)
            if kind == socket.SOCK_STREAM:
                server.listen(64)
            self._sockets.append(server)
            threading.Thread(target=self._run, args=(server, kind), daemon=True).start()

    def _run(self, server, kind):
        while not self._ends:
            try:
                if kind == socket.SOCK_STREAM:
                    connection, peer = server.accept()
                    with connection:
                        connection.sendall(self._answer(peer))
                else:
                    _, peer = server.recvfrom(100)
                    server.sendto(self._answer(peer), peer)
            except TimeoutError:
                pass
            except OSError:
                if self._ends:
                    return

    def _answer(self, peer):
        return f"{self.name} {peer[0].removeprefix('::ffff:')}".encode()

    def close(self):
        self._ends = True
        for server in self._sockets:
            server.close()


def ask(client, address, protocol, port, bind=None, timeout=1.0):
    """(name of the server, whom it saw), or ("refused", ""), ("silence", "") or
    ("unreachable", "")."""
    kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with client.socket(family, kind) as question:
        question.settimeout(timeout)
        try:
            if bind:
                question.bind((bind, 0))
            question.connect((address, port))
            if protocol == "udp":
                question.send(b"?")
            name, seen = question.recv(100).decode().split()
            return name, NAMES.get(seen, seen)
        except ConnectionRefusedError:
            return "refused", ""
        except TimeoutError:
            return "silence", ""
        except OSError as error:
            if error.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH):
                raise
            return "unreachable", ""


# ---- words for objects

def web_pod(name, node, ready=True, labels=None, host_port=None):
    port = {"name": "http", "containerPort": 8080}
    if host_port:
        port["hostPort"] = host_port
    ips = [{"ip": ADDRESSES[name]}]
    if name == "pod2":
        ips.append({"ip": "fd00:1::2"})
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": "shop", "labels": labels or {"app": "web"}},
            "spec": {"nodeName": node, "containers": [{"name": "c", "ports": [port]}]},
            "status": {"podIPs": ips,
                       "conditions": [{"type": "Ready", "status": str(ready)}]}}


def web_pods(names=(*HERE, *FAR), unready=()):
    return [web_pod(n, "here" if n.startswith("pod") else "there", n not in unready)
            for n in names]


def service(spec=None, ports=None, status=None, metadata=None):
    return {"apiVersion": "v1", "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop", **(metadata or {})},
            "spec": {"clusterIP": VIP, "selector": {"app": "web"},
                     "ports": ports or [{"name": "http", "port": 80, "targetPort": 8080}],
                     **(spec or {})},
            **({"status": status} if status else {})}


def node_port(spec=None, **kwargs):
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "nodePort": 30080}]
    return service({"type": "NodePort", **(spec or {})}, ports, **kwargs)


def load_balancer(spec=None, ip_mode=None):
    ingress = {"ip": LB, **({"ipMode": ip_mode} if ip_mode else {})}
    return node_port({"type": "LoadBalancer", **(spec or {})},
                     status={"loadBalancer": {"ingress": [ingress]}})


def slice_of(endpoints, name="web-1"):
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": name, "namespace": "shop",
                         "labels": {"kubernetes.io/service-name": "web"}},
            "ports": [{"name": "http", "port": 8080}],
            "endpoints": [{"addresses": [ADDRESSES[n]],
                           "nodeName": "here" if n.startswith("pod") else "there",
                           "conditions": conditions} for n, conditions in endpoints.items()]}


READY = {"ready": True, "serving": True, "terminating": False}
DYING = {"ready": False, "serving": True, "terminating": True}
DEAD = {"ready": False, "serving": False, "terminating": True}
LOCAL = {"externalTrafficPolicy": "Local"}

# (sentence, objects, [(who asks, address, protocol, port, who answer, whom they see)]); None: any.
ROWS = [
    ("a ClusterIP is served by all its endpoints, which see the client",
     [service(), *web_pods()],
     [("pod1", VIP, "tcp", 80, HERE + FAR, ["pod1"])]),
    ("by both IP versions",
     [service({"clusterIPs": [VIP, VIP6], "ipFamilies": ["IPv4", "IPv6"]}), *web_pods(["pod2"])],
     [("pod1", VIP, "tcp", 80, ["pod2"], ["pod1"]), ("pod1", VIP6, "tcp", 80, ["pod2"], ["pod1"])]),
    ("one port over TCP and UDP",
     [service(ports=[{"name": "t", "port": 53, "targetPort": 8080},
                     {"name": "u", "port": 53, "targetPort": 8080, "protocol": "UDP"}]),
      *web_pods(["pod2"])],
     [("pod1", VIP, "tcp", 53, ["pod2"], ["pod1"]), ("pod1", VIP, "udp", 53, ["pod2"], ["pod1"])]),
    ("without one of the two that one is refused",
     [service(ports=[{"name": "t", "port": 53, "targetPort": 8080}]), *web_pods(["pod2"])],
     [("pod1", VIP, "tcp", 53, ["pod2"], None), ("pod1", VIP, "udp", 53, REFUSED, None)]),
    ("several ports",
     [service(ports=[{"name": "a", "port": 80, "targetPort": 8080},
                     {"name": "b", "port": 81, "targetPort": "http"}]), *web_pods(["pod3"])],
     [("pod1", VIP, "tcp", 80, ["pod3"], None), ("pod1", VIP, "tcp", 81, ["pod3"], None)]),
    ("without endpoints clients are refused",
     [service()],
     [("pod1", VIP, "tcp", 80, REFUSED, None), ("pod1", VIP, "udp", 80, REFUSED, None)]),
    ("a pod that reaches itself through its Service sees the Service",
     [service(), *web_pods(["pod2"])],
     [("pod2", VIP, "tcp", 80, ["pod2"], ["vip"])]),
    ("pods that are not ready get nothing",
     [service(), *web_pods(HERE, unready=["pod3"])],
     [("pod1", VIP, "tcp", 80, ["pod2"], None)]),
    ("unless the Service publishes them",
     [service({"publishNotReadyAddresses": True}), *web_pods(HERE, unready=["pod3"])],
     [("pod1", VIP, "tcp", 80, HERE, None)]),
    ("terminating endpoints get nothing while others are ready",
     [service(), slice_of({"pod2": READY, "pod3": DYING})],
     [("pod1", VIP, "tcp", 80, ["pod2"], None)]),
    ("and serve when there are no others",
     [service(), slice_of({"pod2": DEAD, "pod3": DYING})],
     [("pod1", VIP, "tcp", 80, ["pod3"], None)]),
    ("endpoints of several slices, one in both",
     [service(), slice_of({"pod2": READY}), slice_of({"pod2": READY, "pod3": READY}, "web-2")],
     [("pod1", VIP, "tcp", 80, HERE, None)]),
    ("session affinity: one client, one endpoint",
     [service({"sessionAffinity": "ClientIP"}), *web_pods()],
     [("pod1", VIP, "tcp", 80, 1, None)]),
    ("internal traffic policy Local: this node's endpoints",
     [service({"internalTrafficPolicy": "Local"}), *web_pods()],
     [("pod1", VIP, "tcp", 80, HERE, None)]),
    ("and silence without",
     [service({"internalTrafficPolicy": "Local"}), *web_pods(FAR)],
     [("pod1", VIP, "tcp", 80, SILENCE, None)]),
    ("a Service of another proxy is left alone",
     [service(metadata={"labels": {"service.kubernetes.io/service-proxy-name": "other"}}),
      *web_pods()],
     [("pod1", VIP, "tcp", 80, UNREACHABLE, None)]),
    ("a node port: endpoints here see the client",
     [node_port(), *web_pods(HERE)],
     [("world", NODE, "tcp", 30080, HERE, ["world"]), ("pod1", NODE, "tcp", 30080, HERE, None),
      ("world", NODE, "tcp", 30081, SILENCE, None)]),
    ("endpoints of other nodes see the node",
     [node_port(), *web_pods(FAR)],
     [("world", NODE, "tcp", 30080, FAR, ["node"])]),
    ("all of them",
     [node_port(), *web_pods()],
     [("world", NODE, "tcp", 30080, HERE + FAR, None)]),
    ("external traffic policy Local: only those here, which see the client",
     [node_port(LOCAL), *web_pods()],
     [("world", NODE, "tcp", 30080, HERE, ["world"])]),
    ("and silence without",
     [node_port(LOCAL), *web_pods(FAR)],
     [("world", NODE, "tcp", 30080, SILENCE, None)]),
    ("but clients in the cluster reach all",
     [node_port(LOCAL), *web_pods(FAR)],
     [("pod1", NODE, "tcp", 30080, FAR, ["pod1"]), ("pod1", VIP, "tcp", 80, FAR, ["pod1"])]),
    ("without endpoints a node port refuses",
     [node_port()],
     [("world", NODE, "tcp", 30080, REFUSED, None)]),
    ("a node port that is given up",
     [service(), *web_pods(HERE)],
     [("world", NODE, "tcp", 30080, SILENCE, None)]),
    ("a load balancer's address, from outside and inside",
     [load_balancer(), *web_pods(HERE)],
     [("world", LB, "tcp", 80, HERE, ["world"]), ("pod1", LB, "tcp", 80, HERE, ["pod1"])]),
    ("its source ranges",
     [load_balancer({"loadBalancerSourceRanges": ["10.1.0.0/16"]}), *web_pods(HERE)],
     [("world", LB, "tcp", 80, SILENCE, None), ("pod1", LB, "tcp", 80, HERE, None),
      ("world", NODE, "tcp", 30080, HERE, None)]),
    ("of mode Proxy it is not the switch's to serve",
     [load_balancer(ip_mode="Proxy"), *web_pods(HERE)],
     [("world", LB, "tcp", 80, UNREACHABLE, None)]),
    ("its address with policy Local",
     [load_balancer(LOCAL), *web_pods()],
     [("world", LB, "tcp", 80, HERE, ["world"]), ("pod1", LB, "tcp", 80, HERE + FAR, None)]),
    ("externalIPs are not served unless allowed",
     [service({"externalIPs": [EXTERNAL]}), *web_pods(HERE)],
     [("world", EXTERNAL, "tcp", 80, UNREACHABLE, None)]),
    ("a hostPort",
     [web_pod("pod2", "here", host_port=9090)],
     [("world", NODE, "tcp", 9090, ["pod2"], ["world"])]),
    ("headless Services and names need nothing",
     [service({"clusterIP": "None"}), *web_pods(HERE)],
     [("pod1", ADDRESSES["pod2"], "tcp", 8080, ["pod2"], ["pod1"]),
      ("pod1", VIP, "tcp", 80, UNREACHABLE, None)]),
]
CONNECTIONS = 24


class Services(uplink_test.UplinkTest):
    def setUp(self):
        super().setUp()
        self.wire.run("ip", "route", "add", "192.0.2.0/24", "via", uplink_test.UPLINK4)
        self.switch.add("route", "10.2.0.0/16", via=ROUTER, port="uplink")
        self.agent = manifests_test.Agent(self.switch, "--node-ip", NODE, "--cluster-cidr",
                                          "10.1.0.0/16,10.2.0.0/16,fd00:1::/64")
        self.addCleanup(self.agent.stop)
        self.agent.start()
        self.applied = ""
        self.clients = {"pod1": self.one, "world": self.wire}
        for number in (2, 3):
            pod = self.pod(number)
            self.clients[pod.name] = pod
            self.serve(pod, pod.name, "::")
        for name in FAR:
            self.wire.run("ip", "addr", "add", f"{ADDRESSES[name]}/32", "dev", "lo")
            self.serve(self.wire, name, ADDRESSES[name])
        self.one.ping(WORLD)  # neighbours are known from here on

    def serve(self, *arguments):
        server = Server(*arguments)
        self.addCleanup(server.close)

    def apply(self, objects):
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        if text == self.applied:
            return
        before, self.applied = self.revision(), text
        self.agent.write("cluster.json", text)
        lib.eventually(lambda: self.revision() > before, f"live: {self.agent.status()}")

    def revision(self):
        return int(self.switch.ctl_json("agent", "status")["revision"])

    def check(self, who, address, protocol, port, answers, seen):
        count = 2 if answers in (REFUSED, SILENCE, UNREACHABLE) else CONNECTIONS
        bind = WORLD if who == "world" else None
        found = [ask(self.clients[who], address, protocol, port, bind) for _ in range(count)]
        names = {name for name, _ in found}
        question = f"{who} > {address} {protocol} {port}: {found}"
        if isinstance(answers, int):
            self.assertEqual(len(names), answers, question)
        else:
            self.assertEqual(names, set(answers), question)
        if seen is not None:
            self.assertEqual({peer for _, peer in found}, set(seen), question)

    def test_table(self):
        for sentence, objects, questions in ROWS:
            with self.subTest(sentence):
                self.apply(objects)
                for question in questions:
                    self.check(*question)


if __name__ == "__main__":
    lib.main()
