"""A switch and pods for integration tests: real daemons, real network namespaces.

Every name holds the process id of the test, so that tests may run after one that was killed: what
such a one left is removed at the start. Needs root.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("POLLUX_BUILD", os.path.join(REPOSITORY, "build", "release"))
PREFIX = "plxt"
SKIPPED = 77


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


def eventually(condition, what, seconds=5.0):
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
    """A vswitchd with its own directories."""

    def __init__(self, cores="1", main_core=0, flags=()):
        self.directory = tempfile.mkdtemp(prefix=f"{PREFIX}-{os.getpid()}-")
        self.run_dir = os.path.join(self.directory, "run")
        self.state_dir = os.path.join(self.directory, "state")
        self.log_path = os.path.join(self.directory, "vswitchd.log")
        self.command = [program("vswitchd"), "--run-dir", self.run_dir, "--state-dir",
                        self.state_dir, "--cores", cores, "--main-core", str(main_core),
                        "--no-huge", "--memory-mb", "64", "--host-interface", "none", *flags]
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)
        result = self.ctl("status", "--wait", "10s", check=False)
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

    def items(self, *arguments):
        return json.loads(self.ctl(*arguments, "-o", "json").stdout)["items"]

    def port_state(self, name):
        """The port's status as the API gives it, or None."""
        for port in self.items("port", "list"):
            if port["name"] == name:
                return port["status"]
        return None

    def wait_for_link(self, name, seconds=5.0):
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
        sums = {key: sum(c[key] for c in self.counters().values())
                for key in ("rxPackets", "generated", "txPackets", "answered", "drops")}
        return (sums["rxPackets"] + sums["generated"],
                sums["txPackets"] + sums["answered"] + sums["drops"])

    def assert_balanced(self):
        """received + made = sent + answered + dropped by named reasons."""
        def equal():
            came, went = self.balance()
            return came == went
        eventually(equal, f"packets balance: {self.balance()} {self.counters()}", 2.0)


class Pod:
    """A network namespace with a TAP of the switch as eth0, addressed as Kubernetes pods are."""

    def __init__(self, switch, name, ip4, ip6, mac, mtu=1500, queues=1):
        self.switch, self.name, self.ip4, self.ip6, self.mac = switch, name, ip4, ip6, mac
        self.netns = f"{PREFIX}-{os.getpid()}-{name}"
        self.mtu, self.queues = mtu, queues

    def create(self):
        run("ip", "netns", "add", self.netns)
        self.run("ip", "link", "set", "lo", "up")
        self.run("sysctl", "-qw", "net.ipv6.conf.default.accept_dad=0",
                 "net.ipv6.conf.all.accept_dad=0")
        return self

    def attach(self):
        self.switch.ctl("port", "add", self.name, "--type", "tap", "--netns",
                        f"/run/netns/{self.netns}", "--ifname", "eth0", "--mac", self.mac, "--mtu",
                        self.mtu, "--queues", self.queues)
        self.add_endpoint()
        self.configure()
        return self

    def add_endpoint(self):
        self.switch.ctl("endpoint", "add", self.name, "--port", self.name, "--mac", self.mac,
                        "--ip", self.ip4, "--ip", self.ip6)

    def configure(self):
        self.run("ip", "addr", "add", f"{self.ip4}/32", "dev", "eth0")
        self.run("ip", "-6", "addr", "add", f"{self.ip6}/128", "dev", "eth0", "nodad")
        self.run("ip", "route", "add", "default", "via", "169.254.1.1", "dev", "eth0", "onlink")
        self.run("ip", "-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")

    def run(self, *command, **kwargs):
        return run("ip", "netns", "exec", self.netns, *command, **kwargs)

    def start(self, *command, **kwargs):
        return subprocess.Popen(["ip", "netns", "exec", self.netns, *map(str, command)], **kwargs)

    def ping(self, address, count=3, size=56, flags=()):
        return self.run("ping", "-c", count, "-i", "0.05", "-W", "2", "-s", size, *flags, address)

    def close(self):
        run("ip", "netns", "delete", self.netns, check=False)


class SwitchTest(unittest.TestCase):
    """One switch per test; what the test makes through its methods is removed afterwards."""

    switch_flags = ()
    cores = "1"

    def setUp(self):
        remove_leftovers()
        self.switch = Switch(cores=self.cores, flags=self.switch_flags)
        self.addCleanup(self.switch.close)
        self.switch.start()

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
