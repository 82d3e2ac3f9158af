#!/usr/bin/env python3
"""The switch driven by ordinary Kubernetes YAML: services and policies between real pods."""

import json
import os
import selectors
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pollux_testlib as lib

NODE = """\
apiVersion: v1
kind: Node
metadata: {name: here}
spec: {podCIDR: 10.1.0.0/16, podCIDRs: [10.1.0.0/16, "fd00:1::/64"]}
"""
CLUSTER_IP, CLUSTER_IP6 = "10.96.0.1", "fd00:96::1"


def pod_manifest(number, labels, ready=True):
    return f"""\
apiVersion: v1
kind: Pod
metadata: {{name: pod{number}, namespace: shop, labels: {json.dumps(labels)}}}
spec: {{nodeName: here, containers: [{{name: c, ports: [{{name: http, containerPort: 8080}}]}}]}}
status:
  podIPs: [{{ip: 10.1.0.{number}}}, {{ip: "fd00:1::{number:x}"}}]
  conditions: [{{type: Ready, status: "{ready}"}}]
"""


SERVICE = f"""\
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: shop}}
spec:
  clusterIP: {CLUSTER_IP}
  clusterIPs: [{CLUSTER_IP}, "{CLUSTER_IP6}"]
  ipFamilies: [IPv4, IPv6]
  selector: {{app: web}}
  ports:
  - {{name: http, port: 80, targetPort: http}}
  - {{name: echo, port: 7, targetPort: 7777, protocol: UDP}}
"""

DENY_ALL = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: closed, namespace: shop}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress]}
"""
ALLOW_CLIENTS = """\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: clients, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: client}}}]
    ports: [{port: http}]
"""


HEALTH_PORT = 31973
BALANCED = f"""\
apiVersion: v1
kind: Service
metadata: {{name: balanced, namespace: shop}}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  healthCheckNodePort: {HEALTH_PORT}
  clusterIP: 10.96.0.9
  selector: {{app: web}}
  ports: [{{name: http, port: 80, targetPort: http, nodePort: 30080}}]
"""


class Agent:
    """A vswitch-agent beside a switch."""

    def __init__(self, switch, *flags):
        self.switch = switch
        self.manifests = os.path.join(switch.directory, "manifests")
        os.mkdir(self.manifests)
        self.log_path = os.path.join(switch.directory, "agent.log")
        self._flags = flags
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = lib.spawn(lib.program("vswitch-agent"), "--manifests", self.manifests,
                                     "--run-dir", self.switch.run_dir, "--node-name", "here",
                                     *self._flags, stdout=log, stderr=log)
        lib.eventually(lambda: os.path.exists(os.path.join(self.switch.run_dir, "agent.sock")),
                       "the agent serves")
        return self

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(timeout=10)
            self.process = None

    def write(self, name, *documents):
        """As tools do it: a new file takes the old one's place."""
        path = os.path.join(self.manifests, name)
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write("---\n".join(documents))
        os.rename(path + ".new", path)

    def remove(self, name):
        os.unlink(os.path.join(self.manifests, name))

    def status(self):
        return self.switch.items("agent", "status")[0]


class Server:
    """Answers with its name, by TCP on port 8080 and UDP on 7777, over both families."""

    def __init__(self, pod):
        self.name = pod.name.encode()
        self.sockets = []
        self._ends = False
        for kind, port, serve in ((socket.SOCK_STREAM, 8080, self._accept),
                                  (socket.SOCK_DGRAM, 7777, self._echo)):
            server = pod.socket(socket.AF_INET6, kind)
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            server.bind(("::", port))
            server.settimeout(0.2)
            if kind == socket.SOCK_STREAM:
                server.listen(64)
            self.sockets.append(server)
            thread = threading.Thread(target=self._run, args=(serve, server), daemon=True)
            thread.start()

    def _run(self, serve, server):
        while not self._ends:
            try:
                serve(server)
            except TimeoutError:
                pass
            except OSError:
                return

    def _accept(self, server):
        connection, _ = server.accept()
        threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    def _talk(self, connection):
        with connection:
            while connection.recv(100):
                connection.sendall(self.name)

    def _echo(self, server):
        _, sender = server.recvfrom(100)
        server.sendto(self.name, sender)

    def close(self):
        self._ends = True
        for server in self.sockets:
            server.close()


def ask_tcp(pod, address, port=80, timeout=1.0):
    """The name of the pod that answers, "refused" or "silence"."""
    with pod.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                    socket.SOCK_STREAM) as client:
        client.settimeout(timeout)
        try:
            client.connect((address, port))
            client.sendall(b"?")
            return client.recv(100).decode()
        except ConnectionRefusedError:
            return "refused"
        except TimeoutError:
            return "silence"


def ask_udp(pod, address, port=7, client=None, timeout=1.0):
    own = client is None
    client = client or pod.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                                  socket.SOCK_DGRAM)
    try:
        client.settimeout(timeout)
        client.connect((address, port))
        client.send(b"?")
        return client.recv(100).decode()
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silence"
    finally:
        if own:
            client.close()


class Manifests(lib.SwitchTest):
    def setUp(self):
        super().setUp()
        self.agent = Agent(self.switch)
        self.addCleanup(self.agent.stop)
        self.agent.write("node.yaml", NODE)
        self.agent.start()
        self.wait("in step")

    def wait(self, state):
        lib.eventually(lambda: self.agent.status()["switchState"].startswith(state),
                       f"the switch is {state}: {self.agent.status()}")

    def pods(self, *numbers):
        """Pods with servers, known to the switch by their addresses."""
        pods = []
        for number in numbers:
            pod = self.pod(number)
            server = Server(pod)
            self.addCleanup(server.close)
            pods.append(pod)
        return pods

    def write_and_wait(self, name, *documents):
        before = int(self.switch.ctl_json("agent", "status")["revision"])
        self.agent.write(name, *documents)
        lib.eventually(lambda: int(self.switch.ctl_json("agent", "status")["revision"]) > before,
                       f"{name} is live: {self.agent.status()}")

    def shop(self, web=(2, 3), client=1):
        self.write_and_wait("shop.yaml", pod_manifest(client, {"app": "client"}), SERVICE,
                            *[pod_manifest(n, {"app": "web"}) for n in web])

    def test_a_service_is_reached_over_its_endpoints_by_both_families(self):
        client, *_ = self.pods(1, 2, 3)
        self.shop()
        for address in (CLUSTER_IP, CLUSTER_IP6):
            with self.subTest(address):
                self.assertEqual({ask_tcp(client, address) for _ in range(30)}, {"pod2", "pod3"})
                self.assertEqual({ask_udp(client, address) for _ in range(30)}, {"pod2", "pod3"})
        flows = self.switch.items("flow", "list", "--host", CLUSTER_IP)
        self.assertTrue(flows)
        self.assertEqual({flow["original"]["destinationName"] for flow in flows}, {"shop/web"})
        self.assertEqual({flow["translated"]["destinationName"] for flow in flows},
                         {"pod2", "pod3"})

    def test_a_pod_reaches_itself_through_its_service(self):
        web, = self.pods(2)
        self.shop(web=(2,))
        for address in (CLUSTER_IP, CLUSTER_IP6):
            with self.subTest(address):
                self.assertEqual(ask_tcp(web, address), "pod2")
                self.assertEqual(ask_udp(web, address), "pod2")

    def test_without_endpoints_clients_are_refused_at_once(self):
        client, = self.pods(1)
        self.shop(web=())
        for address in (CLUSTER_IP, CLUSTER_IP6):
            with self.subTest(address):
                self.assertEqual(ask_tcp(client, address), "refused")
                self.assertEqual(ask_udp(client, address), "refused")
                self.assertEqual(ask_tcp(client, address, port=81), "refused")

    def test_endpoints_that_leave_take_datagrams_with_them_and_tcp_goes_on(self):
        client, *_ = self.pods(1, 2, 3)
        self.shop()
        datagrams = client.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(datagrams.close)
        stream = client.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(stream.close)
        stream.settimeout(2)
        stream.connect((CLUSTER_IP, 80))
        stream.sendall(b"?")
        over_tcp = stream.recv(100).decode()
        over_udp = ask_udp(client, CLUSTER_IP, client=datagrams)
        other = {"pod2": "pod3", "pod3": "pod2"}
        # First the one that serves datagrams leaves, then the one that serves the stream.
        self.shop(web=(int(other[over_udp][-1]),))
        self.assertEqual(ask_udp(client, CLUSTER_IP, client=datagrams), other[over_udp])
        if over_tcp == over_udp:
            self.write_and_wait("more.yaml", pod_manifest(4, {"app": "other"}))
        else:
            self.shop(web=(int(other[over_tcp][-1]),))
        stream.sendall(b"?")
        self.assertEqual(stream.recv(100).decode(), over_tcp)
        self.assertEqual({ask_tcp(client, CLUSTER_IP) for _ in range(10)}, {other[over_tcp]})

    def test_policies_close_and_open(self):
        client, web, stranger = self.pods(1, 2, 3)
        self.shop(web=(2,))
        self.write_and_wait("stranger.yaml", pod_manifest(3, {"app": "stranger"}))
        for pod in (client, stranger):
            self.assertEqual(ask_tcp(pod, CLUSTER_IP), "pod2")
        self.write_and_wait("policies.yaml", DENY_ALL)
        self.assertEqual(ask_tcp(client, CLUSTER_IP), "silence")
        self.assertEqual(ask_tcp(client, web.ip6, port=8080), "silence")
        self.assertEqual(self.why("shop/pod1", "shop/web", "tcp", "80")["verdict"], "deny")
        self.write_and_wait("policies.yaml", DENY_ALL, ALLOW_CLIENTS)
        self.assertEqual(ask_tcp(client, CLUSTER_IP), "pod2")
        self.assertEqual(ask_tcp(client, CLUSTER_IP6), "pod2")
        self.assertEqual(ask_udp(client, CLUSTER_IP), "silence")
        self.assertEqual(ask_tcp(stranger, CLUSTER_IP), "silence")
        self.assertEqual(ask_tcp(web, CLUSTER_IP), "pod2", "itself")
        told = self.why("shop/pod1", "shop/web", "tcp", "80")
        self.assertEqual(told["verdict"], "allow")
        text = json.dumps(told)
        for name in ("service shop/web:http", "policy shop/clients", "ingress rule 1"):
            self.assertIn(name, text)
        self.assertEqual(told["flow"]["translated"]["destinationPort"], 8080)
        self.assertGreater(self.switch.drops()["policy_ingress"], 0)

    def test_an_audited_policy_counts_and_denies_nothing(self):
        client, _ = self.pods(1, 2)
        self.shop(web=(2,))
        self.write_and_wait("policies.yaml", DENY_ALL.replace(
            "namespace: shop", 'namespace: shop, annotations: {pollux.io/audit: "true"}'))
        self.assertEqual(ask_tcp(client, CLUSTER_IP), "pod2")
        self.assertGreaterEqual(int(self.switch.counters()["pod1"]["audited"]), 1)
        self.assertIn("audit mode", json.dumps(self.why("shop/pod1", "shop/web", "tcp", "80")))

    def why(self, *question):
        return self.switch.items("why", *question)[0]

    def test_an_established_connection_is_closed_by_a_new_policy(self):
        client, _ = self.pods(1, 2)
        self.shop(web=(2,))
        stream = client.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.addCleanup(stream.close)
        stream.settimeout(1)
        stream.connect((CLUSTER_IP, 80))
        stream.sendall(b"?")
        self.assertEqual(stream.recv(100), b"pod2")
        self.write_and_wait("policies.yaml", DENY_ALL)
        stream.sendall(b"?")
        with self.assertRaises(TimeoutError):
            stream.recv(100)

    def test_a_thousand_connections_are_judged_again_within_a_second(self):
        client, _, other = self.pods(1, 2, 3)
        each = 250

        def connect(pod, kind, port):
            sockets = []
            for _ in range(each):
                sockets.append(pod.socket(socket.AF_INET, kind))
                self.addCleanup(sockets[-1].close)
                sockets[-1].settimeout(5)
                sockets[-1].connect((CLUSTER_IP, port))
            return sockets

        def answered(sockets):
            for asker in sockets:
                asker.send(b"?")
            count, end = 0, time.monotonic() + 1
            with selectors.DefaultSelector() as waiting:
                for asker in sockets:
                    waiting.register(asker, selectors.EVENT_READ)
                while count < len(sockets) and time.monotonic() < end:
                    for key, _ in waiting.select(0.1):
                        key.fileobj.recv(100)
                        waiting.unregister(key.fileobj)
                        count += 1
            return count

        def last_change():
            return self.agent.status()["lastChangeMs"]

        self.shop(web=(2,))
        pod3 = pod_manifest(3, {"app": "client"})
        self.write_and_wait("other.yaml", pod3)
        self.write_and_wait("policies.yaml", DENY_ALL,
                            ALLOW_CLIENTS.replace("    ports: [{port: http}]\n", ""))
        sockets = {(pod.name, kind): connect(pod, kind, port)
                   for pod in (client, other)
                   for kind, port in ((socket.SOCK_STREAM, 80), (socket.SOCK_DGRAM, 7))}
        for who, askers in sockets.items():
            self.assertEqual(answered(askers), each, who)
        # It is a client no longer.
        self.write_and_wait("other.yaml", pod3.replace("client", "stranger"))
        self.assertLess(last_change(), 1000)
        for (name, kind), askers in sockets.items():
            self.assertEqual(answered(askers), each if name == client.name else 0, (name, kind))
        flows = self.switch.items("flow", "list", "--host", other.ip4, "--limit", "0")
        self.assertEqual(flows, [], "nothing of what is denied is remembered")
        # Nobody is asked any more.
        self.agent.remove("policies.yaml")
        datagrams = sockets[other.name, socket.SOCK_DGRAM]
        lib.eventually(lambda: answered(datagrams) == each, "datagrams pass again")
        self.assertLess(last_change(), 1000)

    def test_a_bad_file_is_named_and_the_last_good_state_stays(self):
        client, _ = self.pods(1, 2)
        self.shop(web=(2,))
        self.agent.write("shop.yaml", pod_manifest(1, {"app": "client"}),
                         SERVICE.replace("port: 80", "port: 80000"))
        problem = lib.eventually(
            lambda: [p for f in self.agent.status()["files"] for p in f["problems"]],
            "the problem is told")[0]
        self.assertEqual(problem["field"], "spec.ports[0].port")
        self.assertEqual(problem["line"], 18)
        self.assertEqual(ask_tcp(client, CLUSTER_IP), "pod2")

    def test_what_the_switch_forgot_it_is_told_again(self):
        client, _ = self.pods(1, 2)
        self.shop(web=(2,))
        self.switch.kill()
        lib.eventually(lambda: "unreachable" in self.agent.status()["switchState"],
                       "the agent notices")
        self.switch.start()
        self.wait("in step")
        lib.eventually(lambda: ask_tcp(client, CLUSTER_IP) == "pod2", "the service is back")

    def test_load_balancers_are_told_whether_this_node_has_endpoints(self):
        def answer():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{HEALTH_PORT}/", timeout=5) as reply:
                    return reply.status, json.load(reply)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)
            except urllib.error.URLError as error:
                return str(error.reason), None

        def wait_for(status, endpoints, healthy):
            body = {"service": {"namespace": "shop", "name": "balanced"},
                    "localEndpoints": endpoints, "serviceProxyHealthy": healthy}
            lib.eventually(lambda: answer() == (status, body), f"{status}, not {answer()}")

        self.agent.write("shop.yaml", BALANCED, pod_manifest(2, {"app": "web"}),
                         pod_manifest(3, {"app": "web"}))
        wait_for(200, 2, True)
        self.agent.write("shop.yaml", BALANCED, pod_manifest(2, {"app": "web"}, ready=False))
        wait_for(503, 0, True)
        self.agent.write("shop.yaml", BALANCED, pod_manifest(2, {"app": "web"}))
        wait_for(200, 1, True)
        self.switch.kill()
        wait_for(503, 1, False)
        self.switch.start()
        wait_for(200, 1, True)
        self.agent.remove("shop.yaml")
        lib.eventually(lambda: "refused" in str(answer()[0]), "nobody listens any more")

    def test_a_pod_of_kubernetes_is_closed_until_it_is_known(self):
        client, web = self.pods(1, 2)
        self.switch.remove("endpoint", "pod2")
        self.switch.add("endpoint", "pod2", port="pod2", mac=web.mac, ip=[web.ip4, web.ip6],
                        pod="shop/pod2")
        self.assertFalse(client.answers(web.ip4))
        self.assertGreater(self.switch.drops()["destination_closed"], 0)
        self.shop(web=(2,))
        client.ping(web.ip4)


if __name__ == "__main__":
    lib.main()
