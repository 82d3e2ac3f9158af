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
             "far3": "10.2.0.3", "there": ROUTER, "world": WORLD, "node": NODE, "vip": VIP}
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
    ("endpoints that are addresses of nodes, as those of default/kubernetes",
     [service(), slice_of({"there": READY})],
     [("pod1", VIP, "tcp", 80, ["there"], ["pod1"])]),
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
UDP = [{"name": "dns", "port": 53, "targetPort": 8080, "nodePort": 30053, "protocol": "UDP"}]
OTHER_VIP, OTHER_LB = "10.96.0.2", "192.0.2.51"


def named(name, cluster_ip, **spec):
    """A second Service of the same pods."""
    other = service({"clusterIP": cluster_ip, **spec})
    other["metadata"]["name"] = name
    return other


def without_node_ports(value):
    value["spec"]["allocateLoadBalancerNodePorts"] = False
    for port in value["spec"]["ports"]:
        del port["nodePort"]
    return value


def changed_slice(value, **fields):
    return {**value, **fields}


ROWS_OF_PROTOCOLS_AND_TYPES = [
    ("UDP by ClusterIP, node port and load balancer",
     [service({"type": "LoadBalancer"}, UDP, {"loadBalancer": {"ingress": [{"ip": LB}]}}),
      *web_pods(HERE)],
     [("pod1", VIP, "udp", 53, HERE, ["pod1"]), ("world", NODE, "udp", 30053, HERE, ["world"]),
      ("world", LB, "udp", 53, HERE, ["world"]), ("pod1", VIP, "tcp", 53, REFUSED, None)]),
    ("UDP to endpoints of other nodes sees the node",
     [node_port({"ports": UDP}), *web_pods(FAR)],
     [("world", NODE, "udp", 30053, FAR, ["node"])]),
    ("UDP without endpoints is refused",
     [node_port({"ports": UDP})],
     [("pod1", VIP, "udp", 53, REFUSED, None), ("world", NODE, "udp", 30053, REFUSED, None)]),
    ("a node port that becomes another",
     [service({"type": "NodePort"}, [{"name": "http", "port": 80, "targetPort": 8080,
                                      "nodePort": 30090}]), *web_pods(HERE)],
     [("world", NODE, "tcp", 30090, HERE, None), ("world", NODE, "tcp", 30080, SILENCE, None)]),
    ("a Service that becomes a name needs nothing",
     [service({"type": "ExternalName", "externalName": "example.com", "clusterIP": ""}),
      *web_pods(HERE)],
     [("pod1", VIP, "tcp", 80, UNREACHABLE, None), ("world", NODE, "tcp", 30080, SILENCE, None)]),
    ("and comes back",
     [service(), *web_pods(HERE)],
     [("pod1", VIP, "tcp", 80, HERE, ["pod1"])]),
    ("two Services of the same pods",
     [service(), named("other", OTHER_VIP), *web_pods(HERE)],
     [("pod1", VIP, "tcp", 80, HERE, None), ("pod1", OTHER_VIP, "tcp", 80, HERE, None)]),
    ("one of them goes",
     [named("other", OTHER_VIP), *web_pods(HERE)],
     [("pod1", VIP, "tcp", 80, UNREACHABLE, None), ("pod1", OTHER_VIP, "tcp", 80, HERE, None)]),
    ("a Service labelled headless is left alone",
     [service(metadata={"labels": {"service.kubernetes.io/headless": ""}}), *web_pods(HERE)],
     [("pod1", VIP, "tcp", 80, UNREACHABLE, None)]),
    ("a hostPort of one protocol only",
     [web_pod("pod2", "here", host_port=9090)],
     [("world", NODE, "tcp", 9090, ["pod2"], ["world"]), ("world", NODE, "udp", 9090, SILENCE, None),
      ("pod1", NODE, "tcp", 9090, ["pod2"], None)]),
    ("a hostPort of a pod of another node is that node's",
     [web_pod("far2", "there", host_port=9090)],
     [("world", NODE, "tcp", 9090, SILENCE, None)]),
]

ROWS_OF_ENDPOINTS = [
    ("only pods that are not ready: refused",
     [service(), *web_pods(HERE, unready=HERE)],
     [("pod1", VIP, "tcp", 80, REFUSED, None)]),
    ("pods that have failed are no endpoints",
     [service(), *[pod | {"status": {**pod["status"], "phase": "Failed"}} for pod in web_pods(HERE)]],
     [("pod1", VIP, "tcp", 80, REFUSED, None)]),
    ("pods with other labels are no endpoints",
     [service(), web_pod("pod2", "here"), web_pod("pod3", "here", labels={"app": "db"})],
     [("pod1", VIP, "tcp", 80, ["pod2"], None)]),
    ("conditions that are not told count as ready",
     [service(), slice_of({"pod2": {}, "pod3": {"ready": True}})],
     [("pod1", VIP, "tcp", 80, HERE, None)]),
    ("a slice whose port has another name serves nothing",
     [service(), changed_slice(slice_of({"pod2": READY}), ports=[{"name": "x", "port": 8080}])],
     [("pod1", VIP, "tcp", 80, REFUSED, None)]),
    ("a slice of names serves nothing",
     [service(), slice_of({"pod2": READY}),
      {**slice_of({}, "web-names"), "addressType": "FQDN",
       "endpoints": [{"addresses": ["example.com"], "conditions": READY}]}],
     [("pod1", VIP, "tcp", 80, ["pod2"], None)]),
    ("a slice of another Service serves nothing",
     [service({"selector": None}), changed_slice(slice_of({"pod2": READY}), metadata={
         "name": "db-1", "namespace": "shop", "labels": {"kubernetes.io/service-name": "db"}})],
     [("pod1", VIP, "tcp", 80, REFUSED, None)]),
    ("a Service without a selector is served by its slices",
     [service({"selector": None}), slice_of({"pod3": READY, "far2": READY})],
     [("pod1", VIP, "tcp", 80, ["pod3", "far2"], None)]),
    ("and without slices refuses",
     [service({"selector": None}), *web_pods(HERE)],
     [("pod1", VIP, "tcp", 80, REFUSED, None)]),
    ("endpoints that are dead serve nothing, whatever else is there",
     [service(), slice_of({"pod2": DEAD, "pod3": DEAD})],
     [("pod1", VIP, "tcp", 80, REFUSED, None)]),
    ("dying endpoints of other nodes serve when there are no others",
     [service(), slice_of({"pod2": DEAD, "far3": DYING})],
     [("pod1", VIP, "tcp", 80, ["far3"], None)]),
]

ROWS_OF_TRAFFIC_POLICIES = [
    ("internal Local: a dying endpoint here, and a ready one elsewhere",
     [service({"internalTrafficPolicy": "Local"}), slice_of({"pod2": DYING, "far2": READY})],
     [("pod1", VIP, "tcp", 80, ["pod2"], None)]),
    ("internal Local: a dead endpoint here",
     [service({"internalTrafficPolicy": "Local"}), slice_of({"pod2": DEAD, "far2": READY})],
     [("pod1", VIP, "tcp", 80, SILENCE, None)]),
    ("internal Local without any endpoint",
     [service({"internalTrafficPolicy": "Local"})],
     [("pod1", VIP, "tcp", 80, REFUSED, None)]),
    ("internal Local is for clients inside only",
     [node_port({"internalTrafficPolicy": "Local"}), *web_pods(FAR)],
     [("world", NODE, "tcp", 30080, FAR, ["node"]), ("pod1", VIP, "tcp", 80, SILENCE, None)]),
    ("external Local: a dying endpoint here, and a ready one elsewhere",
     [node_port(LOCAL), slice_of({"pod2": DYING, "far2": READY})],
     [("world", NODE, "tcp", 30080, ["pod2"], ["world"]), ("pod1", VIP, "tcp", 80, ["far2"], None)]),
    ("external Local: a ready and a dying endpoint here",
     [node_port(LOCAL), slice_of({"pod2": READY, "pod3": DYING})],
     [("world", NODE, "tcp", 30080, ["pod2"], ["world"])]),
    ("external Local: a dead endpoint here",
     [node_port(LOCAL), slice_of({"pod2": DEAD, "far2": READY})],
     [("world", NODE, "tcp", 30080, SILENCE, None)]),
    ("external Cluster: dying endpoints when there are no others",
     [node_port(), slice_of({"pod2": DEAD, "far2": DYING})],
     [("world", NODE, "tcp", 30080, ["far2"], ["node"])]),
    ("both Local",
     [node_port({**LOCAL, "internalTrafficPolicy": "Local"}), *web_pods()],
     [("world", NODE, "tcp", 30080, HERE, ["world"]), ("pod1", VIP, "tcp", 80, HERE, ["pod1"])]),
    ("session affinity at a node port",
     [node_port({"sessionAffinity": "ClientIP"}), *web_pods()],
     [("world", NODE, "tcp", 30080, 1, None)]),
    ("session affinity that was taken back",
     [node_port(), *web_pods(HERE)],
     [("world", NODE, "tcp", 30080, HERE, None)]),
    ("an endpoint with affinity that goes is replaced",
     [service({"sessionAffinity": "ClientIP"}), *web_pods(["pod2"])],
     [("pod1", VIP, "tcp", 80, ["pod2"], None)]),
    ("by one that stays",
     [service({"sessionAffinity": "ClientIP"}), *web_pods(["pod3"])],
     [("pod1", VIP, "tcp", 80, ["pod3"], None)]),
]

ROWS_OF_LOAD_BALANCERS = [
    ("without endpoints its address refuses",
     [load_balancer()],
     [("world", LB, "tcp", 80, REFUSED, None), ("pod1", LB, "tcp", 80, REFUSED, None)]),
    ("a port that it does not have",
     [load_balancer(), *web_pods(HERE)],
     [("world", LB, "tcp", 81, REFUSED, None)]),
    ("policy Local without an endpoint here: silence outside, service inside",
     [load_balancer(LOCAL), *web_pods(FAR)],
     [("world", LB, "tcp", 80, SILENCE, None), ("pod1", LB, "tcp", 80, FAR, ["pod1"])]),
    ("endpoints of other nodes see the node",
     [load_balancer(), *web_pods(FAR)],
     [("world", LB, "tcp", 80, FAR, ["node"]), ("pod1", LB, "tcp", 80, FAR, ["pod1"])]),
    ("source ranges are for everybody",
     [load_balancer({"loadBalancerSourceRanges": [f"{WORLD}/32"]}), *web_pods(HERE)],
     [("world", LB, "tcp", 80, HERE, ["world"]), ("pod1", LB, "tcp", 80, SILENCE, None),
      ("pod1", VIP, "tcp", 80, HERE, None)]),
    ("without node ports",
     [without_node_ports(load_balancer()), *web_pods(HERE)],
     [("world", LB, "tcp", 80, HERE, ["world"]), ("world", NODE, "tcp", 30080, SILENCE, None)]),
    ("two addresses",
     [node_port({"type": "LoadBalancer"}, status={"loadBalancer": {"ingress": [
         {"ip": LB}, {"ip": OTHER_LB}]}}), *web_pods(HERE)],
     [("world", LB, "tcp", 80, HERE, None), ("world", OTHER_LB, "tcp", 80, HERE, None)]),
    ("an address that is taken back",
     [node_port({"type": "LoadBalancer"}), *web_pods(HERE)],
     [("world", LB, "tcp", 80, UNREACHABLE, None), ("world", NODE, "tcp", 30080, HERE, None)]),
    ("a pod that reaches itself through the balancer sees the balancer",
     [load_balancer(), *web_pods(["pod2"])],
     [("pod2", LB, "tcp", 80, ["pod2"], [LB])]),
    ("a balancer's name instead of an address",
     [node_port({"type": "LoadBalancer"}, status={"loadBalancer": {"ingress": [
         {"hostname": "lb.example.com"}]}}), *web_pods(HERE)],
     [("world", NODE, "tcp", 30080, HERE, None)]),
]

ROWS_WITH_EXTERNAL_IPS = [
    ("externalIPs that are allowed, from outside and inside",
     [service({"externalIPs": [EXTERNAL]}), *web_pods(HERE)],
     [("world", EXTERNAL, "tcp", 80, HERE, ["world"]), ("pod1", EXTERNAL, "tcp", 80, HERE, ["pod1"]),
      ("world", EXTERNAL, "tcp", 81, REFUSED, None)]),
    ("endpoints of other nodes see the node",
     [service({"externalIPs": [EXTERNAL]}), *web_pods(FAR)],
     [("world", EXTERNAL, "tcp", 80, FAR, ["node"])]),
    ("external traffic policy Local: only those here, which see the client",
     [service({"externalIPs": [EXTERNAL], **LOCAL}), *web_pods()],
     [("world", EXTERNAL, "tcp", 80, HERE, ["world"])]),
    ("and silence without",
     [service({"externalIPs": [EXTERNAL], **LOCAL}), *web_pods(FAR)],
     [("world", EXTERNAL, "tcp", 80, SILENCE, None)]),
    ("an address that is given up",
     [service(), *web_pods(HERE)],
     [("world", EXTERNAL, "tcp", 80, UNREACHABLE, None)]),
]
CONNECTIONS = 24


class ServicesTest(uplink_test.UplinkTest):
    agent_flags = ()

    def setUp(self):
        super().setUp()
        self.wire.run("ip", "route", "add", "192.0.2.0/24", "via", uplink_test.UPLINK4)
        self.switch.add("route", "10.2.0.0/16", via=ROUTER, port="uplink")
        self.switch.add("route", f"{ROUTER}/32", port="uplink")
        self.agent = manifests_test.Agent(self.switch, "--node-ip", NODE, "--cluster-cidr",
                                          "10.1.0.0/16,10.2.0.0/16,fd00:1::/64",
                                          *self.agent_flags)
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
        self.serve(self.wire, "there", ROUTER)
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

    def check_table(self, rows):
        for sentence, objects, questions in rows:
            with self.subTest(sentence):
                self.apply(objects)
                for question in questions:
                    self.check(*question)


class Services(ServicesTest):
    def test_first_things(self):
        self.check_table(ROWS)

    def test_protocols_and_types(self):
        self.check_table(ROWS_OF_PROTOCOLS_AND_TYPES)

    def test_endpoints(self):
        self.check_table(ROWS_OF_ENDPOINTS)

    def test_traffic_policies(self):
        self.check_table(ROWS_OF_TRAFFIC_POLICIES)

    def test_load_balancers(self):
        self.check_table(ROWS_OF_LOAD_BALANCERS)


class ExternalIps(ServicesTest):
    agent_flags = ("--allow-external-ips",)

    def test_table(self):
        self.check_table(ROWS_WITH_EXTERNAL_IPS)


if __name__ == "__main__":
    lib.main()
