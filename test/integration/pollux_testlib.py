"""A switch and pods for integration tests: real daemons, real network namespaces.

Every name holds the process id of the test, so that tests may run after one that was killed: what
such a one left is removed at the start. Needs root.

A test that ends well ends with an account: every packet that came in or was made went out or ended
for a reason (Switch.assert_balanced), and the switch's configuration is what the test asked for
(Switch.assert_configured). SwitchTest sees to it.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POLLUX_BUILD", os.path.join(REPOSITORY, "build", "release"))
PREFIX = "plxt"
SKIPPED = 77
ETH_P_ALL = 3
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def program(name):
    return os.path.join(BUILD, "bin", name)


def run(*command, check=True, timeout=60, **kwargs):
    """Runs a command; its output is in the exception if it fails."""
    result = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                            timeout=timeout, **kwargs)
    if check and result.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: exit {result.returncode}\n"
                             f"{result.stdout}{result.stderr}")
    return result


def _enter(netns):
    with open(f"/run/netns/{netns}", encoding="ascii") as namespace:
        if _LIBC.setns(namespace.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), f"setns {netns}")


def spawn(*command, netns=None, preferred=False, **kwargs):
    """Starts a program that ends with this one, however that ends. Preferred: it gets the CPU
    before the programs of other sessions do."""
    def prepare():
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if preferred:
            os.setsid()
            with open("/proc/self/autogroup", "w", encoding="ascii") as autogroup:
                autogroup.write("-20")
        if netns:
            _enter(netns)
    return subprocess.Popen([str(c) for c in command], preexec_fn=prepare, **kwargs)


def eventually(condition, what, seconds=10.0):
    """Waits for a condition, at most `seconds`; returns what it returned."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.02)


def process_exists(pid):
    return os.path.exists(f"/proc/{pid}")


def in_namespace(netns, function):
    """What the function returns in a thread inside a network namespace. Sockets stay there."""
    result = []

    def work():
        _enter(netns)
        result.append(function())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return result[0]


def remove_leftovers():
    """Namespaces and directories of tests that are gone."""
    for line in run("ip", "netns", "list").stdout.splitlines():
        match = re.match(rf"{PREFIX}-(\d+)-", line)
        if match and not process_exists(match.group(1)):
            run("ip", "netns", "delete", line.split()[0], check=False)
    for entry in os.listdir(tempfile.gettempdir()):
        match = re.match(rf"{PREFIX}-(\d+)-", entry)
        if match and not process_exists(match.group(1)):
            shutil.rmtree(os.path.join(tempfile.gettempdir(), entry), ignore_errors=True)


class Switch:
    """A vswitchd with its own directories, and, if told so, in a network namespace."""

    def __init__(self, cores="1", main_core=0, flags=(), netns=None):
        self.directory = tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-")
        self.run_dir = os.path.join(self.directory, "run")
        self.state_dir = os.path.join(self.directory, "state")
        self.log_path = os.path.join(self.directory, "vswitchd.log")
        self.command = [program("vswitchd"), "--run-dir", self.run_dir, "--state-dir",
                        self.state_dir, "--cores", cores, "--main-core", str(main_core),
                        "--no-huge", "--memory-mb", "64", "--flow-entries", "65536",
                        "--host-interface", "none", *flags]
        self.netns = netns
        self.process = None
        self._configured = {}  # (noun, name) -> options
        self._departed = []    # counters of ports that were removed, of the running vswitchd
        self._blur = 0         # packets that balance() may be wrong by

    def start(self):
        self._departed = []
        self._blur = 0
        with open(self.log_path, "ab") as log:
            self.process = spawn(*self.command, netns=self.netns, stdout=log, stderr=log)
        result = self.ctl("status", "--wait", "30s", check=False)
        if result.returncode != 0:
            raise AssertionError(f"vswitchd did not start: {result.stderr}\n{self.log()}")
        return self

    def stop(self, how=signal.SIGTERM):
        if self.process is None:
            return 0
        self.process.send_signal(how)
        code = self.process.wait(timeout=15)
        self.process = None
        return code

    def kill(self):
        return self.stop(signal.SIGKILL)

    def close(self):
        try:
            self.stop()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()

    def ctl(self, *arguments, check=True, **kwargs):
        return run(program("vswitchctl"), "--run-dir", self.run_dir, *arguments, check=check,
                   **kwargs)

    def add(self, noun, name, **options):
        """`vswitchctl NOUN add NAME --OPTION VALUE...`; a list is an option given several times,
        True one without a value."""
        flags = []
        for option, value in options.items():
            for item in value if isinstance(value, (list, tuple)) else [value]:
                flags += [f"--{option}"] if item is True else [f"--{option}", item]
        self.ctl(noun, "add", name, *flags)
        self._configured[noun, name] = options

    def remove(self, noun, name, at_rest=True):
        if noun == "port" and at_rest:
            # Its packets stay in the counters of those it talked with.
            self._departed.append(self.counters()[name])
        elif noun == "port":
            before, began = self.counters()[name], time.monotonic()
            departed, read = self.counters()[name], time.monotonic()
            self._departed.append(departed)
            rate = (departed["rxPackets"] - before["rxPackets"]) / (read - began)
        self.ctl(noun, "remove", name)
        if not at_rest:
            # What it may have received after its counters were read, at twice its rate.
            self._blur += 2 * rate * (time.monotonic() - read)
        del self._configured[noun, name]

    def config(self):
        """(noun, name) -> object, as `config dump` gives it, what the test itself configured."""
        objects = {}
        for item in self.items("config", "dump"):
            (noun, value), = item.items()
            if value.get("owner") == "cli":
                objects[noun, value["prefix" if noun == "route" else "name"]] = value
        return objects

    def assert_configured(self):
        """The configuration is what add() and remove() asked for."""
        found = self.config()
        if found.keys() != self._configured.keys():
            raise AssertionError(f"configured {self._configured.keys()}, found {found.keys()}")
        for key, options in self._configured.items():
            for option, value in options.items():
                shown = _shown(found[key], option, options.get("type"))
                if shown not in (_as_text(value), [str(value)]):
                    raise AssertionError(f"{key}: --{option} {value}, but found {found[key]}")

    def ctl_json(self, *arguments):
        return json.loads(self.ctl(*arguments, "-o", "json").stdout)

    def items(self, *arguments):
        return self.ctl_json(*arguments)["items"]

    def port_state(self, name):
        """The port's status as the API gives it, or None."""
        for port in self.items("port", "list"):
            if port["name"] == name:
                return port["status"]
        return None

    def wait_for_link(self, name, seconds=10.0):
        return eventually(lambda: (self.port_state(name) or {}).get("linkUp"),
                          f"link of port {name}; {self.port_state(name)}", seconds)

    def drops(self, port=None):
        """Packets dropped, by reason, at one port or all."""
        counts = {}
        for drop in self.items("drops"):
            if port in (None, drop["port"]):
                counts[drop["reason"]] = counts.get(drop["reason"], 0) + int(drop["packets"])
        return counts

    def counters(self):
        """Port name -> counters as numbers."""
        result = {}
        for item in self.items("stats"):
            for port in item.get("ports", [item] if "rxPackets" in item else []):
                result[port["port"]] = {key: int(value) for key, value in port.items()
                                        if key not in ("port",) and str(value).isdigit()}
        return result

    def balance(self):
        """(what came in or was made, what went out or ended by name): always equal at rest."""
        sums = {key: sum(c[key] for c in [*self.counters().values(), *self._departed])
                for key in ("rxPackets", "generated", "txPackets", "answered", "drops")}
        return (sums["rxPackets"] + sums["generated"],
                sums["txPackets"] + sums["answered"] + sums["drops"])

    def assert_balanced(self):
        """received + made = sent + answered + dropped by named reasons."""
        def equal():
            came, went = self.balance()
            return abs(came - went) <= self._blur
        try:
            eventually(equal, "packets balance", 10.0)
        except AssertionError:
            raise AssertionError(f"in and out differ: {self.balance()}, {self.counters()}, "
                                 f"{self.drops()}, removed: {self._departed}") from None

    def descriptors(self):
        """What the daemon has open, sorted."""
        directory = f"/proc/{self.process.pid}/fd"
        names = []
        for descriptor in os.listdir(directory):
            try:
                names.append(re.sub(r"\d+", "N", os.readlink(f"{directory}/{descriptor}")))
            except FileNotFoundError:
                pass  # closed meanwhile
        return sorted(names)

    def assert_descriptors(self, expected):
        """What is open is what was open then."""
        try:
            eventually(lambda: self.descriptors() == expected, "descriptors")
        except AssertionError:
            raise AssertionError(f"open descriptors: expected {expected}, "
                                 f"found {self.descriptors()}") from None

    def resident_kb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s*(\d+)", status.read()).group(1))


def _as_text(value):
    return [str(v) for v in value] if isinstance(value, (list, tuple)) else str(value)


def _shown(item, option, kind):
    """An option of `add` as the API shows it."""
    if option == "uplink":
        return str(item["role"] == "uplink")
    backend = {"vhost-user": "vhostUser"}.get(kind, kind)
    if option == "type":
        return kind if backend in item else f"not {kind}"
    part = item[backend] if backend and option in item[backend] else item
    return _as_text(part[option])


def veth(left, left_name, right, right_name):
    """A cable between two namespaces whose frames look as on a wire: whole checksums, no more than
    the MTU."""
    run("ip", "-n", left, "link", "add", left_name, "type", "veth", "peer", "name", right_name,
        "netns", right)
    for netns, name in ((left, left_name), (right, right_name)):
        run("ip", "netns", "exec", netns, "ethtool", "-K", name, "tx", "off", "tso", "off", "gso",
            "off", "gro", "off")
        run("ip", "-n", netns, "link", "set", name, "up")


class Namespace:
    """A network namespace of this test."""

    def __init__(self, name):
        self.name = name
        self.netns = f"{PREFIX}-{os.getpid()}-{name}"

    def create(self):
        run("ip", "netns", "add", self.netns)
        self.run("ip", "link", "set", "lo", "up")
        self.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0",
                 "net.ipv6.conf.all.accept_dad=0")
        return self

    def run(self, *command, **kwargs):
        return run("ip", "netns", "exec", self.netns, *command, **kwargs)

    def start(self, *command, **kwargs):
        return spawn("ip", "netns", "exec", self.netns, *command, **kwargs)

    def ping(self, address, count=3, size=56, flags=(), **kwargs):
        return self.run("ping", "-c", count, "-i", "0.05", "-W", "2", "-s", size, *flags, address,
                        **kwargs)

    def answers(self, address):
        """Whether one ping is answered within a second."""
        return self.run("ping", "-c", 1, "-W", 1, address, check=False).returncode == 0

    def socket(self, *arguments):
        """A socket of Python inside the pod."""
        return in_namespace(self.netns, lambda: socket.socket(*arguments))

    def packet_socket(self, ifname="eth0"):
        """Sends and receives whole Ethernet frames on the pod's interface."""
        packets = self.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        packets.bind((ifname, 0))
        return packets

    def close(self):
        run("ip", "netns", "delete", self.netns, check=False)


class Pod(Namespace):
    """A network namespace with a TAP of the switch as eth0, addressed as Kubernetes pods are."""

    def __init__(self, switch, name, ip4, ip6, mac, mtu=1500, queues=1):
        super().__init__(name)
        self.switch, self.ip4, self.ip6, self.mac = switch, ip4, ip6, mac
        self.mtu, self.queues = mtu, queues

    def attach(self):
        self.switch.add("port", self.name, type="tap", netns=f"/run/netns/{self.netns}",
                        ifname="eth0", mac=self.mac, mtu=self.mtu, queues=self.queues)
        self.add_endpoint()
        self.configure()
        return self

    def detach(self):
        self.switch.remove("endpoint", self.name)
        self.switch.remove("port", self.name)

    def add_endpoint(self):
        self.switch.add("endpoint", self.name, port=self.name, mac=self.mac,
                        ip=[self.ip4, self.ip6])

    def configure(self):
        self.run("ip", "addr", "add", f"{self.ip4}/32", "dev", "eth0")
        self.run("ip", "-6", "addr", "add", f"{self.ip6}/128", "dev", "eth0", "nodad")
        self.run("ip", "route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")
        self.run("ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")


class SwitchTest(unittest.TestCase):
    """One switch per test; what the test makes through its methods is removed afterwards."""

    switch_flags = ()
    cores = "1"
    netns = None  # name of a namespace for vswitchd

    def setUp(self):
        remove_leftovers()
        home = self.namespace(self.netns).netns if self.netns else None
        self.switch = Switch(cores=self.cores, flags=self.switch_flags, netns=home)
        self.addCleanup(self.switch.close)
        self.switch.start()

    def tearDown(self):
        if self.switch.process is not None:
            self.switch.assert_balanced()
            self.switch.assert_configured()

    def namespace(self, name):
        namespace = Namespace(name).create()
        self.addCleanup(namespace.close)
        return namespace

    def pod(self, number, attach=True, **kwargs):
        pod = Pod(self.switch, f"pod{number}", f"10.1.0.{number}", f"fd00:1::{number:x}",
                  f"02:00:00:00:01:{number:02x}", **kwargs).create()
        self.addCleanup(pod.close)
        return pod.attach() if attach else pod


def main():
    """Runs the tests of the calling module: exit 77 where the machine cannot run them."""
    if os.geteuid() != 0:
        print("SKIPPED: needs root, for network namespaces and TAP devices")
        sys.exit(SKIPPED)
    if not os.path.exists(program("vswitchd")):
        print(f"FAILED: {program('vswitchd')} is not there: build the release preset first")
        sys.exit(1)
    unittest.main(verbosity=2)
