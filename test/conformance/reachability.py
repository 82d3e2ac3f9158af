"""Nine pods that all listen, and who of them reaches whom: with real sockets in real namespaces.

Pods a, b, c in each of the namespaces x, y, z, as in Kubernetes' own tests of network policies.
Every pod serves ports 80 and 81 over TCP and UDP, by both IP versions.
"""

import json
import os
import selectors
import socket
import threading
import time

import pollux_testlib as lib

NAMESPACES, PODS = "xyz", "abc"
NAMES = [f"{namespace}/{pod}" for namespace in NAMESPACES for pod in PODS]
PORTS = [("tcp", 80), ("tcp", 81), ("udp", 80), ("udp", 81)]
KINDS = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}
# What is allowed has arrived within this time, what else would have comes within the other.
_PATIENCE, _SILENCE = 8.0, 0.25


def number(name):
    return NAMES.index(name) + 1


def address(name, v6=False):
    return f"fd00:1::{number(name):x}" if v6 else f"10.1.0.{number(name)}"


def pod_manifest(name, labels):
    namespace, pod = name.split("/")
    ports = [{"name": f"serve-{port}-{protocol}", "containerPort": port,
              "protocol": protocol.upper()} for protocol, port in PORTS]
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": pod, "namespace": namespace, "labels": {"pod": pod, **labels}},
            "spec": {"nodeName": "here", "containers": [{"name": "c", "ports": ports}]},
            "status": {"podIPs": [{"ip": address(name)}, {"ip": address(name, v6=True)}]}}


def namespace_manifest(name, labels):
    return {"apiVersion": "v1", "kind": "Namespace",
            "metadata": {"name": name, "labels": {"ns": name, **labels}}}


class Servers:
    """Answers of all pods, by one thread."""

    def __init__(self):
        self._selector = selectors.DefaultSelector()
        self._ends = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def add(self, pod):
        for protocol, port in PORTS:
            server = pod.socket(socket.AF_INET6, KINDS[protocol])
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            server.bind(("::", port))
            server.setblocking(False)
            if protocol == "tcp":
                server.listen(64)
            self._selector.register(server, selectors.EVENT_READ, protocol)

    def start(self):
        self._thread.start()
        return self

    def _run(self):
        while not self._ends:
            for key, _ in self._selector.select(0.2):
                try:
                    if key.data == "tcp":
                        key.fileobj.accept()[0].close()
                    else:
                        data, sender = key.fileobj.recvfrom(100)
                        key.fileobj.sendto(data, sender)
                except OSError:
                    pass  # the client has gone

    def close(self):
        self._ends = True
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()


class Probe:
    """One question: does a pod reach another at a port?"""

    def __init__(self, sockets, source, target, protocol, port, v6):
        self.source, self.target, self.protocol, self.port = source, target, protocol, port
        self.answered = False
        self.socket = sockets.pop()
        self.socket.setblocking(False)
        self._to = (address(target, v6), port)

    def start(self):
        try:
            self.socket.connect(self._to)
            if self.protocol == "udp":
                self.socket.send(b"?")
        except BlockingIOError:
            pass

    def look(self):
        try:
            if self.protocol == "udp":
                self.answered = self.socket.recv(10) == b"?"
            else:
                self.answered = self.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
        except OSError:
            pass


def reached(pods, protocol, port, expected, v6=False):
    """The pairs that reach each other; waits for those that are expected, and a little longer."""
    family = socket.AF_INET6 if v6 else socket.AF_INET
    probes = []
    for source in NAMES:
        sockets = lib.in_namespace(
            pods[source].netns, lambda: [socket.socket(family, KINDS[protocol]) for _ in NAMES])
        probes += [Probe(sockets, source, target, protocol, port, v6) for target in NAMES]
    with selectors.DefaultSelector() as selector:
        event = selectors.EVENT_WRITE if protocol == "tcp" else selectors.EVENT_READ
        for probe in probes:
            probe.start()
            selector.register(probe.socket, event, probe)
        _await(selector, {pair for pair in expected}, probes)
    for probe in probes:
        probe.socket.close()
    return {(probe.source, probe.target) for probe in probes if probe.answered}


def _await(selector, missing, probes):
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        for key, _ in selector.select(0.05):
            key.data.look()
            selector.unregister(key.fileobj)
        missing -= {(p.source, p.target) for p in probes if p.answered}
        if not missing and end > time.monotonic() + _SILENCE:
            end = time.monotonic() + _SILENCE


class Cluster:
    """A switch with an agent and the nine pods; policies come and go."""

    def __init__(self, test, agent):
        self.test, self.agent, self.switch = test, agent, agent.switch
        self.servers = Servers()
        self.pods = {}
        for name in NAMES:
            pod = lib.Pod(self.switch, name.replace("/", "-"), address(name),
                          address(name, v6=True), f"02:00:00:00:02:{number(name):02x}").create()
            test.addCleanup(pod.close)
            pod.attach()
            self.pods[name] = pod
            self.servers.add(pod)
        test.addCleanup(self.servers.close)
        self.servers.start()
        self.apply({})

    def apply(self, policies, pod_labels=None, namespace_labels=None):
        """Exactly these policies (name -> (namespace, spec)), live in the switch."""
        before = self.revision()
        pod_labels, namespace_labels = pod_labels or {}, namespace_labels or {}
        objects = [namespace_manifest(n, namespace_labels.get(n, {})) for n in NAMESPACES]
        objects += [pod_manifest(n, pod_labels.get(n, {})) for n in NAMES]
        for name, (namespace, spec) in policies.items():
            objects.append({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
                            "metadata": {"name": name, "namespace": namespace}, "spec": spec})
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects})
        path = os.path.join(self.agent.manifests, "cluster.json")
        if os.path.exists(path) and open(path, encoding="utf-8").read() == text:
            return
        self.agent.write("cluster.json", text)
        lib.eventually(lambda: self.revision() > before, f"policies live: {self.agent.status()}")

    def revision(self):
        return int(self.switch.ctl_json("agent", "status")["revision"])
