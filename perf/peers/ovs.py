"""Open vSwitch with its DPDK datapath: a private database, daemon and directory."""
import re

from lib import machine, process, workspace as workspaces
from lib.rounds import RING_ENTRIES

DAEMON = "/usr/lib/openvswitch-switch-dpdk/ovs-vswitchd-dpdk"
SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema"
BRIDGE = "br0"


def dpdk_config(workspace, main_cpu):
    extra = f"--no-pci --in-memory --no-telemetry --file-prefix {workspace.path.name}"
    return {"dpdk-init": "true", "dpdk-socket-mem": "512", "dpdk-extra": extra,
            "dpdk-lcore-mask": hex(1 << main_cpu)}


class OvsDaemon:
    """ovsdb-server and ovs-vswitchd; bridge br0 of the userspace datapath.

    In a network namespace of its own: the datapath makes TAP devices, which would outlive it.
    """

    def __init__(self, directory, settings, workspace, other_config):
        self.namespace = None
        self._workspace = workspace
        self.directory = directory
        self._env = {name: str(directory) for name in ("OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR")}
        self._settings = settings
        self._other_config = other_config
        self._processes = []
        self.switch = None

    def start(self, cpu=None):
        d = self.directory
        self.namespace = self._workspace.namespace("ovs")
        process.run("ovsdb-tool", "create", d / "conf.db", SCHEMA)
        limit = self._settings.seconds + 120
        database = process.Process(
            ["ovsdb-server", d / "conf.db", f"--remote=punix:{d}/db.sock",
             f"--unixctl={d}/db.ctl"], d / "ovsdb.log", limit=limit, env=self._env)
        self._processes.append(database)
        self.vsctl("--no-wait", "init", "--", "set", "Open_vSwitch", ".",
                   *(f"other_config:{key}={value}" for key, value in self._other_config.items()))
        self.switch = process.Process(
            ["nsenter", f"--net=/run/netns/{self.namespace}", DAEMON,
             f"unix:{d}/db.sock", f"--unixctl={d}/switch.ctl"], d / "vswitchd.log",
            cpu=cpu, limit=limit, realtime=self._settings.realtime, env=self._env)
        self._processes.append(self.switch)
        self.vsctl("add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev",
                   "fail_mode=secure")

    def vsctl(self, *arguments):
        return process.run("ovs-vsctl", f"--db=unix:{self.directory}/db.sock", "--retry",
                           "--timeout=30", *arguments, env=self._env)

    def appctl(self, *arguments):
        try:
            return process.run("ovs-appctl", "-t", self.directory / "switch.ctl", *arguments,
                               env=self._env)
        except process.Failed as reason:
            last_words = self.switch.output()[-800:]
            raise process.Failed(f"{reason}; its last words: {last_words}") from None

    def set_flows(self, *flows):
        target = f"unix:{self.directory}/{BRIDGE}.mgmt"
        process.run("ovs-ofctl", "del-flows", target, env=self._env)
        for flow in flows:
            process.run("ovs-ofctl", "add-flow", target, flow, env=self._env)

    def stop(self):
        for p in reversed(self._processes):
            p.stop()
        if self.namespace:
            workspaces.remove_namespace(self.namespace)


class Ovs:
    listens = False  # dpdkvhostuserclient, the kind that OVS recommends

    @staticmethod
    def name_of(actions):
        return {"port": "ovs-port-to-port", "normal": "ovs-normal"}[actions]

    def __init__(self, directory, link, settings, workspace, actions):
        self._link = link
        self._actions = actions
        self._daemon = OvsDaemon(
            directory, settings, workspace,
            dpdk_config(workspace, machine.LOAD_CPU)
            | {"pmd-cpu-mask": hex(1 << machine.SWITCH_CPU)})

    def start(self, case):
        self._daemon.start()
        for i, options in enumerate(self._port_options()):
            mtu = [f"mtu_request={case.frame_bytes - 14}"] if case.frame_bytes > 1514 else []
            self._daemon.vsctl("add-port", BRIDGE, f"p{i}", "--", "set", "interface", f"p{i}",
                               f"ofport_request={i + 1}", *options, *mtu)
        if self._actions == "normal":
            self._daemon.set_flows("actions=normal")
        else:
            self._daemon.set_flows("in_port=1,actions=output:2", "in_port=2,actions=output:1")

    def _port_options(self):
        if self._link.kind == "memif":
            return [["type=dpdk", f"options:dpdk-devargs=\"{device}\"",
                     f"options:n_rxq_desc={RING_ENTRIES}", f"options:n_txq_desc={RING_ENTRIES}"]
                    for device in self._link.dpdk_switch_devices()]
        return [["type=dpdkvhostuserclient", f"options:vhost-server-path={socket}"]
                for socket in self._link.sockets]

    @property
    def process(self):
        return self._daemon.switch

    @property
    def tx_queues(self):
        """One queue per thread, its main thread included; a memif peer must offer them all."""
        return 2 if self._link.kind == "memif" else 1

    def generator_devices(self):
        return self._link.generator_devices()

    def gateway_macs(self):
        return None

    def reset_counters(self):
        self._daemon.appctl("dpif-netdev/pmd-stats-clear")

    def read_counters(self):
        return self.parse(self._daemon.appctl("dpif-netdev/pmd-perf-show"))

    @staticmethod
    def parse(text):
        """Cycles of iterations that had packets, per received packet; packets per sent batch."""
        rx = re.search(r"Rx packets:\s+\d+\s+\([^,]*,\s*(\d+) cycles/pkt\)", text)
        batch = re.search(r"Tx batches:\s+\d+\s+\(([\d.]+) pkts/batch\)", text)
        if not rx:
            raise process.Failed(f"pmd-perf-show says nothing of packets: {text[:500]}")
        return {"cycles_per_packet": float(rx.group(1)),
                "batch_fill": float(batch.group(1)) if batch else None}

    def stop(self):
        self._daemon.stop()
