#!/usr/bin/env python3
"""Kubernetes' network policies by the truth-table method: after Kubernetes' own end-to-end tests
(test/e2e/network/netpol/network_policy.go), from their sentences and not from their code.

Each row has policies and says who reaches whom: of all 81 pairs of pods, at each port. A pod always
reaches itself.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import manifests_test  # noqa: E402
import pollux_testlib as lib  # noqa: E402
import reachability  # noqa: E402
from reachability import address  # noqa: E402


# ---- words for policies

def pods(*names):
    """A selector of pods by their label."""
    if len(names) == 1:
        return {"matchLabels": {"pod": names[0]}}
    return {"matchExpressions": [{"key": "pod", "operator": "In", "values": list(names)}]}


def namespaces(*names):
    if len(names) == 1:
        return {"matchLabels": {"ns": names[0]}}
    return {"matchExpressions": [{"key": "ns", "operator": "In", "values": list(names)}]}


ALL = {}  # as a selector


def peer(pod=None, namespace=None):
    return {**({} if pod is None else {"podSelector": pod}),
            **({} if namespace is None else {"namespaceSelector": namespace})}


def block(cidr, *holes):
    return {"ipBlock": {"cidr": cidr, **({"except": list(holes)} if holes else {})}}


def port(value, protocol="TCP", end=None):
    return {"port": value, "protocol": protocol, **({"endPort": end} if end else {})}


def rule(*peers, ports=(), egress=False):
    return {**({("to" if egress else "from"): list(peers)} if peers else {}),
            **({"ports": list(ports)} if ports else {})}


def to(*peers, ports=()):
    return rule(*peers, ports=ports, egress=True)


def ingress(selected, *rules):
    return {"podSelector": selected, "policyTypes": ["Ingress"], "ingress": list(rules)}


def egress(selected, *rules):
    return {"podSelector": selected, "policyTypes": ["Egress"], "egress": list(rules)}


def both(selected, rules_in, rules_out):
    return {"podSelector": selected, "policyTypes": ["Ingress", "Egress"], "ingress": rules_in,
            "egress": rules_out}


def in_x(*specs):
    return {f"policy{i}": ("x", spec) for i, spec in enumerate(specs)}


def in_y(*specs):
    return {f"policy-y{i}": ("y", spec) for i, spec in enumerate(specs)}


def ns(name):
    return name.split("/")[0]


def pod(name):
    return name.split("/")[1]


def cidr(name, length=32):
    return f"{address(name)}/{length}"


EVERYBODY = lambda s, t, p: True  # noqa: E731

# (sentence, policies, may SOURCE reach TARGET at port P ("tcp 80")?)
ROWS = [
    ("without policies everybody reaches everybody", {}, EVERYBODY),
    ("a policy without rules denies ingress to all pods of its namespace",
     in_x(ingress(ALL)), lambda s, t, p: ns(t) != "x"),
    ("one for both directions denies all ingress and egress",
     in_x(both(ALL, [], [])), lambda s, t, p: "x" not in (ns(s), ns(t))),
    ("one of pods within the server's namespace by podSelector",
     in_x(ingress(pods("a"), rule(peer(pods("b"))))),
     lambda s, t, p: t != "x/a" or s == "x/b"),
    ("ingress to one target is allowed over a default that denies",
     in_x(ingress(ALL), ingress(pods("a"), rule(peer(ALL)))),
     lambda s, t, p: ns(t) != "x" or (t == "x/a" and ns(s) == "x")),
    ("ingress from the pods of all namespaces",
     in_x(ingress(ALL), ingress(pods("a"), rule(peer(namespace=ALL)))),
     lambda s, t, p: ns(t) != "x" or t == "x/a"),
    ("ingress from another namespace only, by namespaceSelector",
     in_x(ingress(pods("a"), rule(peer(namespace=namespaces("y"))))),
     lambda s, t, p: t != "x/a" or ns(s) == "y"),
    ("by podSelector with matchExpressions",
     in_x(ingress(pods("a"), rule(peer({"matchExpressions": [
         {"key": "pod", "operator": "NotIn", "values": ["a", "c"]}]})))),
     lambda s, t, p: t != "x/a" or s == "x/b"),
    ("by namespaceSelector with matchExpressions",
     in_x(ingress(pods("a"), rule(peer(namespace=namespaces("y", "z"))))),
     lambda s, t, p: t != "x/a" or ns(s) in "yz"),
    ("by podSelector or namespaceSelector: two peers",
     in_x(ingress(pods("a"), rule(peer(pods("b")), peer(namespace=namespaces("y"))))),
     lambda s, t, p: t != "x/a" or s == "x/b" or ns(s) == "y"),
    ("by podSelector and namespaceSelector: one peer",
     in_x(ingress(pods("a"), rule(peer(pods("b"), namespaces("y"))))),
     lambda s, t, p: t != "x/a" or s == "y/b"),
    ("by several podSelectors and namespaceSelectors",
     in_x(ingress(pods("a"), rule(peer({"matchExpressions": [
         {"key": "pod", "operator": "NotIn", "values": ["a"]}]}, {"matchExpressions": [
             {"key": "ns", "operator": "NotIn", "values": ["x"]}]})))),
     lambda s, t, p: t != "x/a" or (ns(s) in "yz" and pod(s) in "bc")),
    ("from any of two pods",
     in_x(ingress(pods("a"), rule(peer(pods("b")), peer(pods("c"))))),
     lambda s, t, p: t != "x/a" or s in ("x/b", "x/c")),
    ("a key that must exist, and one that must not",
     in_x(ingress(pods("a"), rule(peer({"matchExpressions": [
         {"key": "pod", "operator": "Exists"}, {"key": "nobody", "operator": "DoesNotExist"}]})))),
     lambda s, t, p: t != "x/a" or ns(s) == "x"),
    ("a namespace by the label that every one has",
     in_x(ingress(pods("a"), rule(peer(namespace={"matchLabels": {
         "kubernetes.io/metadata.name": "y"}})))),
     lambda s, t, p: t != "x/a" or ns(s) == "y"),
    ("ingress at one port",
     in_x(ingress(pods("a"), rule(peer(namespace=namespaces("y")), ports=[port(81)]))),
     lambda s, t, p: t != "x/a" or (ns(s) == "y" and p == "tcp 81")),
    ("policies on one pod add up",
     in_x(ingress(pods("a"), rule(peer(namespace=namespaces("y")), ports=[port(81)])),
          ingress(pods("a"), rule(peer(namespace=namespaces("y")), ports=[port(80)]))),
     lambda s, t, p: t != "x/a" or (ns(s) == "y" and p in ("tcp 80", "tcp 81"))),
    ("an empty rule allows everything",
     in_x(ingress(ALL, rule())), EVERYBODY),
    ("a rule of an empty podSelector is the own namespace",
     in_x(ingress(ALL, rule(peer(ALL)))), lambda s, t, p: ns(t) != "x" or ns(s) == "x"),
    ("allowing everything comes before denying, whatever the order",
     in_x(ingress(ALL), ingress(ALL, rule())), EVERYBODY),
    ("ingress at a port by its name",
     in_x(ingress(ALL, rule(ports=[port("serve-81-tcp")]))),
     lambda s, t, p: ns(t) != "x" or p == "tcp 81"),
    ("ingress from a namespace at a port by its name",
     in_x(ingress(pods("a"), rule(peer(namespace=namespaces("y")),
                                  ports=[port("serve-80-tcp")]))),
     lambda s, t, p: t != "x/a" or (ns(s) == "y" and p == "tcp 80")),
    ("egress to a port by the name that the receiver gives it",
     in_x(egress(pods("a"), to(ports=[port("serve-80-tcp")]))),
     lambda s, t, p: s != "x/a" or p == "tcp 80"),
    ("ingress at a range of ports",
     in_x(ingress(pods("a"), rule(ports=[port(81, end=90)]))),
     lambda s, t, p: t != "x/a" or p == "tcp 81"),
    ("egress at a range of ports",
     in_x(egress(pods("a"), to(ports=[port(70, end=80)]))),
     lambda s, t, p: s != "x/a" or p == "tcp 80"),
    ("UDP is not TCP",
     in_x(ingress(pods("a"), rule(ports=[port(80, "UDP")]))),
     lambda s, t, p: t != "x/a" or p == "udp 80"),
    ("SCTP is neither",
     in_x(ingress(pods("a"), rule(ports=[port(80, "SCTP")]))), lambda s, t, p: t != "x/a"),
    ("a protocol without a port is all its ports",
     in_x(ingress(pods("a"), rule(ports=[{"protocol": "UDP"}]))),
     lambda s, t, p: t != "x/a" or p.startswith("udp")),
    ("ingress from other namespaces is denied",
     in_x(ingress(ALL, rule(peer(ALL)))), lambda s, t, p: ns(t) != "x" or ns(s) == "x"),
    ("egress of one pod is denied, by podSelector",
     in_x(egress(pods("a"))), lambda s, t, p: s != "x/a"),
    ("egress of all pods of a namespace is denied",
     in_x(egress(ALL)), lambda s, t, p: ns(s) != "x"),
    ("egress to a namespace",
     in_x(egress(pods("a"), to(peer(namespace=namespaces("y"))))),
     lambda s, t, p: s != "x/a" or ns(t) == "y"),
    ("egress to pods of the own namespace",
     in_x(egress(pods("a"), to(peer(pods("b", "c"))))),
     lambda s, t, p: s != "x/a" or t in ("x/b", "x/c")),
    ("egress to pods of another namespace",
     in_x(egress(pods("a"), to(peer(pods("a"), namespaces("y"))))),
     lambda s, t, p: s != "x/a" or t == "y/a"),
    ("both directions in one policy",
     in_x(both(pods("a"), [rule(peer(namespace=namespaces("y")))],
               [to(peer(namespace=namespaces("z")))])),
     lambda s, t, p: (t != "x/a" or ns(s) == "y") and (s != "x/a" or ns(t) == "z")),
    ("each direction has its own policy",
     in_x(ingress(pods("a"), rule(peer(pods("b")))), egress(pods("a"), to(peer(pods("b"))))),
     lambda s, t, p: (t != "x/a" or s == "x/b") and (s != "x/a" or t == "x/b")),
    ("the sender's egress and the receiver's ingress must both allow it",
     {**in_x(egress(pods("a"), to(peer(pods("b"), namespaces("y"))))),
      **in_y(ingress(pods("b"), rule(peer(pods("a"), namespaces("x")), ports=[port(80)])))},
     lambda s, t, p: (s != "x/a" or t == "y/b") and
     (t != "y/b" or (s == "x/a" and p == "tcp 80"))),
    ("allowing all egress comes before denying",
     in_x(egress(ALL), egress(ALL, to())), EVERYBODY),
    ("egress to a block of addresses",
     in_x(egress(pods("a"), to(block(cidr("x/b"))))),
     lambda s, t, p: s != "x/a" or t == "x/b"),
    ("egress to a block without a hole in it",
     in_x(egress(pods("a"), to(block("10.1.0.0/24", cidr("x/b"))))),
     lambda s, t, p: s != "x/a" or t != "x/b"),
    ("what is in one block's hole and in another block is allowed",
     in_x(egress(pods("a"), to(block("10.1.0.0/24", cidr("x/b"))),
                 to(block(cidr("x/b"))))), EVERYBODY),
    ("ingress from a block of addresses, which are pods'",
     in_x(ingress(pods("a"), rule(block(cidr("y/a"))))),
     lambda s, t, p: t != "x/a" or s == "y/a"),
    ("ingress from a block with a hole",
     in_x(ingress(pods("a"), rule(block("10.1.0.0/28", cidr("y/a"), cidr("y/b"))))),
     lambda s, t, p: t != "x/a" or s not in ("y/a", "y/b")),
    ("egress at one port to one namespace, and everything to another",
     in_x(egress(pods("a"), to(peer(namespace=namespaces("y")), ports=[port(80)]),
                 to(peer(namespace=namespaces("z"))))),
     lambda s, t, p: s != "x/a" or ns(t) == "z" or (ns(t) == "y" and p == "tcp 80")),
    ("policies of two namespaces do not meet",
     {**in_x(ingress(ALL)), **in_y(egress(ALL))},
     lambda s, t, p: ns(t) != "x" and ns(s) != "y"),
    ("a selector of nobody isolates nobody",
     in_x(ingress(pods("nobody"))), EVERYBODY),
    ("a rule for nobody allows nobody",
     in_x(ingress(pods("a"), rule(peer(pods("nobody"))))), lambda s, t, p: t != "x/a"),
]


class NetworkPolicies(lib.SwitchTest):
    def setUp(self):
        super().setUp()
        agent = manifests_test.Agent(self.switch)
        self.addCleanup(agent.stop)
        agent.start()
        self.cluster = reachability.Cluster(self, agent)

    def check(self, allowed, ports=reachability.PORTS, v6=False):
        """The truth table, of each port; differences are told by name."""
        for protocol, number in ports:
            name = f"{protocol} {number}"
            expected = {(s, t) for s in reachability.NAMES for t in reachability.NAMES
                        if s == t or allowed(s, t, name)}
            found = reachability.reached(self.cluster.pods, protocol, number, expected, v6)
            wrong = [f"{s} > {t} {name}: {'reached' if (s, t) in found else 'not reached'}"
                     for s, t in sorted(found ^ expected)]
            self.assertEqual(wrong, [])

    def test_truth_tables(self):
        for sentence, policies, allowed in ROWS:
            with self.subTest(sentence):
                self.cluster.apply(policies)
                self.check(allowed)
                # Blocks of the rows are of IPv4; everything else knows no family.
                if "ipBlock" not in str(policies):
                    self.check(allowed, ports=[("tcp", 80)], v6=True)

    def test_policies_that_change_and_go(self):
        allow = lambda number: in_x(ingress(pods("a"), rule(ports=[port(number)])))  # noqa: E731
        self.cluster.apply(allow(81))
        self.check(lambda s, t, p: t != "x/a" or p == "tcp 81")
        self.cluster.apply(allow(80))
        self.check(lambda s, t, p: t != "x/a" or p == "tcp 80")
        self.cluster.apply({})
        self.check(EVERYBODY)

    def test_labels_of_namespaces_that_change(self):
        policies = in_x(ingress(pods("a"), rule(peer(namespace={"matchLabels": {"new": "yes"}}))))
        self.cluster.apply(policies)
        self.check(lambda s, t, p: t != "x/a")
        self.cluster.apply(policies, namespace_labels={"y": {"new": "yes"}})
        self.check(lambda s, t, p: t != "x/a" or ns(s) == "y")

    def test_labels_of_pods_that_change(self):
        policies = in_x(ingress(pods("a"), rule(peer({"matchLabels": {"new": "yes"}}))),
                        ingress({"matchLabels": {"closed": "yes"}}))
        self.cluster.apply(policies)
        self.check(lambda s, t, p: t != "x/a")
        self.cluster.apply(policies, pod_labels={"x/b": {"new": "yes"}})
        self.check(lambda s, t, p: t != "x/a" or s == "x/b")
        self.cluster.apply(policies, pod_labels={"x/c": {"closed": "yes"}})
        self.check(lambda s, t, p: t not in ("x/a", "x/c"))


if __name__ == "__main__":
    lib.main()
