"""What joins two socket pods: Pollux's TAP ports, OVS's TAP ports, the kernel's veth and bridge."""
import json
import shutil

from lib import generator, machine, process, workspace as workspaces
from peers.ovs import BRIDGE, OvsDaemon, dpdk_config
from peers.pollux import Pollux, PolluxDaemon

INTERFACE = "eth0"
SIDES = ("a", "b")


class TcpStream:
    """iperf3 between two namespaces; the joint is made anew for every round."""

    def __init__(self, joint_class, **options):
        self.name = joint_class.name_of(**options)
        self._joint_class = joint_class
        self._options = options

    def measure(self, _case, settings, workspace):
        directory = workspace.path / "switch"
        directory.mkdir()
        pods = [workspace.namespace(side) for side in SIDES]
        joint = self._joint_class(directory, settings, workspace, **self._options)
        try:
            joint.join(pods)
            return {"gbps": _stream(pods, settings, workspace)}
        finally:
            joint.stop()
            for pod in pods:
                workspaces.remove_namespace(pod)
            shutil.rmtree(directory)


def _stream(pods, settings, workspace):
    server = process.Process(["ip", "netns", "exec", pods[1], "iperf3", "--server", "--one-off",
                              "--forceflush"],
                             workspace.path / "iperf3.log", limit=settings.seconds + 30)
    try:
        server.wait_for("listening")
        text = process.run("ip", "netns", "exec", pods[0], "iperf3", "--json", "--client",
                           generator.ADDRESSES[1], "--time", settings.seconds, "--omit", "1",
                           "--connect-timeout", "5000", seconds=settings.seconds + 30)
    finally:
        server.stop()
    return json.loads(text)["end"]["sum_received"]["bits_per_second"] / 1e9


def _configure(pod, i, length):
    process.run("ip", "-n", pod, "link", "set", INTERFACE, "address", generator.MACS[i], "up")
    process.run("ip", "-n", pod, "address", "add", f"{generator.ADDRESSES[i]}/{length}", "dev",
                INTERFACE)


class KernelBridge:
    @staticmethod
    def name_of():
        return "kernel-bridge"

    def __init__(self, _directory, _settings, workspace):
        self._workspace = workspace
        self._middle = None

    def join(self, pods):
        self._middle = self._workspace.namespace("bridge")
        process.run("ip", "-n", self._middle, "link", "add", BRIDGE, "type", "bridge")
        process.run("ip", "-n", self._middle, "link", "set", BRIDGE, "up")
        for i, pod in enumerate(pods):
            process.run("ip", "-n", self._middle, "link", "add", f"p{i}", "type", "veth", "peer",
                        "name", INTERFACE, "netns", pod)
            process.run("ip", "-n", self._middle, "link", "set", f"p{i}", "master", BRIDGE, "up")
            _configure(pod, i, 24)

    def stop(self):
        if self._middle:
            workspaces.remove_namespace(self._middle)


class OvsTap:
    @staticmethod
    def name_of(tso):
        return "ovs-tap-tso" if tso else "ovs-tap"

    def __init__(self, directory, settings, workspace, tso):
        # TAP ports have no poll-mode thread: the main thread serves them, so it gets the CPU.
        config = dpdk_config(workspace, machine.SWITCH_CPU)
        if tso:
            config["userspace-tso-enable"] = "true"
        self._daemon = OvsDaemon(directory, settings, workspace, config)

    def join(self, pods):
        self._daemon.start(cpu=machine.SWITCH_CPU)
        for i, pod in enumerate(pods):
            tap = f"p{i}"
            self._daemon.vsctl("add-port", BRIDGE, tap, "--", "set", "interface", tap, "type=tap")
            process.run("ip", "-n", self._daemon.namespace, "link", "set", tap, "netns", pod,
                        "name", INTERFACE)
            _configure(pod, i, 24)
        self._daemon.set_flows("actions=normal")

    def stop(self):
        self._daemon.stop()


class PolluxTap:
    is_built = staticmethod(Pollux.is_built)

    @staticmethod
    def name_of():
        return "pollux"

    def __init__(self, directory, settings, _workspace):
        self._daemon = PolluxDaemon(directory, settings)

    def join(self, pods):
        self._daemon.start()
        for i, pod in enumerate(pods):
            self._daemon.ctl("port", "add", f"p{i}", "--type", "tap", "--netns",
                             f"/run/netns/{pod}", "--ifname", INTERFACE, "--mac", generator.MACS[i])
            self._daemon.ctl("endpoint", "add", f"e{i}", "--port", f"p{i}", "--mac",
                             generator.MACS[i], "--ip", generator.ADDRESSES[i])
            _configure(pod, i, 32)
            process.run("ip", "-n", pod, "route", "add", "169.254.1.1", "dev", INTERFACE)
            process.run("ip", "-n", pod, "route", "add", "default", "via", "169.254.1.1", "dev",
                        INTERFACE)

    def stop(self):
        self._daemon.stop()
