"""What a client of the API says, and what is kept on disk."""
import pathlib
import subprocess

from seed_bytes import u8, u16

ROOT = pathlib.Path(__file__).resolve().parents[2]

# --- grpc_input and state_file: protobuf from its text form, by protoc

(APPLY, SYNC, MOVE, LIST, CONFIG, STATS, REFUSE, EXPLAIN, TRACE,
 FLOWS) = 0, 2, 3, 4, 5, 6, 7, 8, 9, 10
WEB_PORT = 'port { name: "web" tap { netns: "/run/netns/web" ifname: "eth0" } }'
VM_PORT = ('port { name: "vm" queues: 4 mtu: 9000 mac: "02:00:00:00:00:11" vhost_user { socket: '
           '"/run/vm.sock" mode: "client" } }')
NFV_PORT = ('port { name: "nfv" memif { socket: "/run/nfv.sock" id: 3 role: "server" socket_mode: '
            '"0660" socket_owner: "root" } }')
WIRE_PORT = ('port { name: "wire" role: "uplink" address: "192.0.2.1/24" address: '
             '"2001:db8::1/64" ethdev { devargs: "net_null0" } }')
WEB = ('endpoint { name: "web" port: "web" mac: "02:00:00:00:00:10" ip: "10.0.0.10" ip: '
       '"fd00::10" }')
VM = ('endpoint { name: "vm" port: "vm" mac: "02:00:00:00:00:11" ip: "10.0.0.11" pod: '
      '"default/vm" }')
OUT = 'route { prefix: "0.0.0.0/0" via: "192.0.2.254" port: "wire" }'
LINK = 'route { prefix: "2001:db8::/32" port: "wire" }'


def encode(message, text):
    protos = ROOT / "control/proto"
    return subprocess.run(["protoc", f"-I{protos}", f"--encode=vswitch.v1.{message}",
                           "vswitch/v1/vswitch.proto"], input=text.encode(), cwd=protos,
                          stdout=subprocess.PIPE, check=True).stdout


def call(kind, message, text):
    data = encode(message, text)
    return u8(kind) + u16(len(data)) + data


def put(*objects, more=""):
    return call(APPLY, "ApplyRequest", more + " ".join(f"put {{ {o} }}" for o in objects))


def sync(*objects, more=""):
    return call(SYNC, "SyncRequest", more + " ".join(f"items {{ {o} }}" for o in objects))


def remove(*keys, more=""):
    return call(APPLY, "ApplyRequest", more + " ".join(f"remove {{ {k} }}" for k in keys))


def grpc_input():
    every = (WEB_PORT, VM_PORT, NFV_PORT, WIRE_PORT, WEB, VM, OUT, LINK)
    yield "apply-all", put(*every)
    yield "apply-twice", put(WEB_PORT, WEB) * 2
    yield "apply-change", put(*every) + put(WEB_PORT.replace("eth0", "eth1"),
                                            VM.replace(".0.11", ".0.12"))
    yield "apply-create-only", put(WEB_PORT, more="create_only: true ") * 2
    yield "apply-dry-run", put(*every, more="dry_run: true ")
    yield "apply-and-remove", put(*every) + remove('port: "web"', 'endpoint: "web"')
    yield "remove-port-in-use", put(*every) + remove('port: "wire"')
    yield "remove-route", put(*every) + remove('route: "0.0.0.0/0"', 'route: "1.2.3.4/8"')
    yield "owners", put(WEB_PORT) + put(WEB_PORT, VM_PORT, more='owner: "agent" ')
    yield "owner-unknown", put(WEB_PORT, more='owner: "switch" ')
    yield "host-interface", put(WEB_PORT.replace('"web" tap', '"pollux0" tap'))
    yield "sync", put(*every) + sync(WEB_PORT, WEB) + sync()
    yield "sync-agent", sync(*every, more='owner: "agent" ') + sync(more='owner: "agent" ')
    yield "sync-twice-in-one", sync(WEB_PORT, WEB_PORT)
    yield "swap-of-a-device", put(WEB_PORT) + sync(WEB_PORT.replace('name: "web"', 'name: "new"'))
    yield "same-socket", put(VM_PORT, VM_PORT.replace('name: "vm"', 'name: "vm2"'))
    yield "same-address", put(WEB_PORT, VM_PORT, WEB, VM.replace(".0.11", ".0.10"))
    yield "endpoint-without-port", put(WEB)
    yield "wrong-texts", put(WEB_PORT, WEB.replace("10.0.0.10", "10.0.0.300"))
    yield "wrong-numbers", put('port { name: "x" mtu: 70000 queues: 17 vlan: 4095 ring_size: 100 '
                               'tap {} }')
    yield "no-kind", put('port { name: "x" }')
    yield "generator", put('port { name: "g" ethdev { devargs: "pollux_generator,src=10.0.0.1,'
                           'dst=10.0.0.2" } }')
    yield "refused-port", u8(REFUSE) + u16(1) + u8(1) + put(*every) + put(*every)
    yield "refused-change", (put(*every) + u8(REFUSE) + u16(1) + u8(0) +
                             put(WEB_PORT.replace("eth0", "eth1"), VM.replace(".0.11", ".0.12")))
    yield "questions", put(*every) + call(LIST, "ListRequest", 'name: "web"') + call(
        LIST, "ListRequest", 'owner: "cli"') + call(CONFIG, "GetConfigRequest", 'owner: "agent"')
    yield "counters", put(*every) + call(STATS, "StatsRequest", 'port: "web"') + call(
        STATS, "StatsRequest", "interval_ms: 99")
    yield "move-queue", put(*every) + call(MOVE, "MoveQueueRequest", 'port: "vm" queue: 3')
    yield "explain", put(*every) + call(
        EXPLAIN, "ExplainRequest", 'source: "10.0.0.10" destination: "10.0.0.11"') + call(
            EXPLAIN, "ExplainRequest", 'port: "web" source: "fd00::10" destination: "10.0.0.1"')
    yield "trace", put(*every) + call(
        TRACE, "ObserveRequest", 'filter { step: "route" port: "web" host: "10.0.0.0/8" protocol: '
        '"tcp" l4_port: 80 drops: true reason: "no_route" }') + call(
            TRACE, "ObserveRequest", 'filter { step: "nowhere" }')
    yield "flows", put(*every) + call(
        FLOWS, "ListFlowsRequest", 'filter { port: "web" host: "10.0.0.0/8" protocol: "tcp" '
        'l4_port: 80 } limit: 5') + call(FLOWS, "FlushFlowsRequest", "all: true")


def state_file():
    def config(*objects, revision=7):
        return encode("GetConfigReply", f"revision: {revision} " +
                      " ".join(f"items {{ {o} }}" for o in objects))

    yield "empty", b""
    yield "revision-only", config()
    yield "all", config(WEB_PORT, VM_PORT, NFV_PORT, WIRE_PORT, WEB, VM, OUT, LINK)
    yield "agent", config(WEB_PORT.replace("port {", 'port { owner: "agent" ', 1))
    yield "owner-unknown", config(WEB_PORT.replace("port {", 'port { owner: "switch" ', 1))
    yield "twice", config(WEB_PORT, WEB_PORT.replace("eth0", "eth1"))
    yield "no-object", config("")
    yield "largest-revision", config(revision=2**64 - 1)
    yield "header", b"pollux-state 1 00000000 0\n"
    yield "newer", b"pollux-state 2 00000000 0\n"
    yield "wrong-length", b"pollux-state 1 00000000 5\n"
    yield "no-header", b"pollux-state 1"
    yield "not-a-state", b"\x7fELF\x02\x01\x01\0"


def text():
    texts = """10.0.0.1 255.255.255.255 0.0.0.0 1.2.3 01.2.3.4 1.2.3.256 ::1 fd00::10 ::
    2001:db8:0:0:1:0:0:1 ::ffff:192.0.2.1 1:2:3:4:5:6:7:8 1:2:3:4:5:6:7:: ::2:3:4:5:6:7:8 1::8:::
    fe80::1%eth0 10.0.0.0/8 10.0.0.1/8 0.0.0.0/0 fd00::/8 2001:db8::/129 192.0.2.1/24 1.2.3.4/32
    02:00:00:00:00:10 ff:ff:ff:ff:ff:ff 2:0:0:0:0:1 02-00-00-00-00-10
    pollux_generator,src=10.0.0.1,dst=10.1.0.1
    pollux_generator,src=10.0.0.1-10.0.0.8,dst=10.1.0.1,sport=1024-1151,dport=80,proto=udp
    pollux_generator,src=fd00::1-fd00::ff,dst=fd01::1,size=114:1500,proto=tcp,flows=100,seed=7
    pollux_generator,src=10.0.0.1,dst=10.0.0.2,smac=02:00:00:00:00:01,count=5,burst=1
    pollux_generator,src=0.0.0.0-255.255.255.255,dst=0.0.0.0-255.255.255.255,flows=16777216
    pollux_generator,src=10.0.0.1,dst=fd00::1 pollux_generator,src=10.0.0.1,src=10.0.0.2
    pollux_generator net_null0,size=64""".split()
    for number, line in enumerate(texts):
        yield f"{number:02}", line.encode()
