"""What a directory of manifests holds: Kubernetes objects as people write them, and worse."""
import json
import pathlib

from seed_bytes import u8

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "docs/examples"
YAML, JSON = u8(0), u8(1)


def metadata(name, **more):
    return {"name": name, "namespace": "shop", **more}


def obj(kind, api="v1", name="web", spec=None, status=None, **more):
    result = {"apiVersion": api, "kind": kind, "metadata": metadata(name), **more}
    if spec is not None:
        result["spec"] = spec
    if status is not None:
        result["status"] = status
    return result


NODE = obj("Node", name="here", spec={"podCIDRs": ["10.1.0.0/16", "fd00:1::/64"]},
           status={"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]})
POD = obj("Pod", spec={"nodeName": "here", "containers": [
    {"name": "c", "ports": [{"name": "http", "containerPort": 8080, "hostPort": 9090}]}]},
    status={"podIPs": [{"ip": "10.1.0.2"}, {"ip": "fd00:1::2"}],
            "conditions": [{"type": "Ready", "status": "True"}]})
SERVICE = obj("Service", spec={
    "type": "LoadBalancer", "clusterIPs": ["10.96.0.1", "fd00:96::1"], "selector": {"app": "web"},
    "ipFamilies": ["IPv4", "IPv6"], "externalIPs": ["192.0.2.60"], "sessionAffinity": "ClientIP",
    "externalTrafficPolicy": "Local", "healthCheckNodePort": 32000,
    "loadBalancerSourceRanges": ["198.51.100.0/24"],
    "ports": [{"name": "a", "port": 80, "targetPort": "http", "nodePort": 30080},
              {"name": "b", "port": 80, "protocol": "UDP", "targetPort": 8080}]},
    status={"loadBalancer": {"ingress": [{"ip": "192.0.2.50", "ipMode": "VIP"}]}})
SLICE = {**obj("EndpointSlice", "discovery.k8s.io/v1"), "addressType": "IPv4",
         "ports": [{"name": "a", "port": 8080}, {"name": "b", "port": 8080, "protocol": "UDP"}],
         "endpoints": [{"addresses": ["10.1.0.2"], "nodeName": "here", "zone": "z",
                        "conditions": {"ready": True}, "hints": {"forZones": [{"name": "z"}]}}]}
SLICE["metadata"]["labels"] = {"kubernetes.io/service-name": "web"}
POLICY = obj("NetworkPolicy", "networking.k8s.io/v1", spec={
    "podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]},
    "policyTypes": ["Ingress", "Egress"],
    "ingress": [{"from": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"a": "b"}}},
                          {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}],
                 "ports": [{"port": "http"}, {"port": 80, "endPort": 90, "protocol": "TCP"}]}],
    "egress": [{}]})


def changed(value, *path_and_new):
    """A copy with one field changed."""
    *path, new = path_and_new
    copy = json.loads(json.dumps(value))
    at = copy
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return copy


def manifest():
    for path in sorted(EXAMPLES.rglob("*.yaml")):
        yield f"example-{path.parent.name}-{path.stem}", YAML + path.read_bytes()
    everything = [NODE, POD, SERVICE, SLICE, POLICY, obj("Namespace", name="shop")]
    for value in everything:
        yield value["kind"].lower(), JSON + json.dumps(value).encode()
    yield "list", JSON + json.dumps({"apiVersion": "v1", "kind": "List",
                                     "items": everything}).encode()
    yield "documents", YAML + b"".join(b"---\n" + json.dumps(v).encode() + b"\n"
                                       for v in everything)
    yield "twice", YAML + b"".join(b"---\n" + json.dumps(v).encode() + b"\n"
                                   for v in (SERVICE, SERVICE, POD, changed(POD, "metadata", "name",
                                                                            "other")))
    for name, value in (
            ("port-0", changed(SERVICE, "spec", "ports", 0, "port", 0)),
            ("port-70000", changed(SERVICE, "spec", "ports", 0, "port", 70000)),
            ("port-text", changed(SERVICE, "spec", "ports", 0, "port", "eighty")),
            ("ports-null", changed(SERVICE, "spec", "ports", None)),
            ("ports-map", changed(SERVICE, "spec", "ports", {})),
            ("cluster-ip", changed(SERVICE, "spec", "clusterIPs", ["10.96.0.1", "10.96.0.1"])),
            ("cidr", changed(POLICY, "spec", "ingress", 0, "from", 1, "ipBlock", "cidr", "10/8")),
            ("end-port", changed(POLICY, "spec", "ingress", 0, "ports", 1, "endPort", 1)),
            ("operator", changed(POLICY, "spec", "podSelector", "matchExpressions", 0, "operator",
                                 "Near")),
            ("pod-ip", changed(POD, "status", "podIPs", 0, "ip", "fe80::1%eth0")),
            ("spec-text", changed(POD, "spec", "x")),
            ("unknown-kind", obj("Deployment", "apps/v1", spec={}))):
        yield f"bad-{name}", JSON + json.dumps(value).encode()
    yield "anchors", YAML + b"a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: [*c, *c]\n"
    yield "deep", YAML + b"[" * 400
    yield "deep-json", JSON + b"[" * 400
    yield "cut", JSON + json.dumps(SERVICE).encode()[:100]
    yield "empty", YAML
    yield "comment", YAML + b"# nothing\n---\n---\n"
    yield "tabs", YAML + b"apiVersion: v1\n\tkind: Pod\n"
    yield "nul", YAML + b"kind: Pod\0\n"
