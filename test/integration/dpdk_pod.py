"""A pod that speaks with the switch through DPDK: testpmd with virtio-user or memif.

It answers pings to any IPv4 address (`icmpecho`), so an ordinary pod sees whether it is there.
"""

import contextlib
import fcntl
import os
import re
import subprocess
import tempfile

import pollux_testlib as lib

_PAGES = "/sys/kernel/mm/hugepages/hugepages-2048kB"
_LOCK = "/run/lock/pollux-test-hugepages"
_MEMORY_MB = 128


def _change_hugepages(difference):
    with open(_LOCK, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with open(f"{_PAGES}/nr_hugepages", "r+", encoding="ascii") as pages:
            before = int(pages.read())
            pages.seek(0)
            pages.write(str(max(0, before + difference)))
            pages.flush()
            pages.seek(0)
            return int(pages.read()) - before


def _record(count):
    """A file that tells a later test what to give back if this one is killed."""
    path = os.path.join(tempfile.gettempdir(), f"{lib.PREFIX}-{os.getpid()}-hugepages-{count}")
    with open(path, "w", encoding="ascii"):
        return path


def give_back_leftovers():
    for name in os.listdir(tempfile.gettempdir()):
        match = re.match(rf"{lib.PREFIX}-(\d+)-hugepages-(\d+)$", name)
        if match and not lib.process_exists(match.group(1)):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(tempfile.gettempdir(), name))
                _change_hugepages(-int(match.group(2)))


def reserve_hugepages(test, pods=1):
    """Memory for virtio-user pods, which share it with the switch; given back after the test."""
    give_back_leftovers()
    count = pods * _MEMORY_MB // 2 + 4
    record = _record(count)
    test.addCleanup(os.unlink, record)
    got = _change_hugepages(count)
    test.addCleanup(_change_hugepages, -got)
    if got < count:
        test.skipTest(f"the kernel gives {got} hugepages of 2 MB, {count} are needed")


class DpdkPod:
    """testpmd; it polls, so it shares the CPU that the switch's worker leaves free."""

    def __init__(self, directory, name, device, queues=1, cpu=0, mode="icmpecho", options=()):
        self._log = os.path.join(directory, f"{name}.log")
        # Memif works without hugepages; virtio-user accepts eight regions of memory at most.
        memory = (["--no-huge"] if "memif" in device else
                  ["--in-memory", "--single-file-segments"])
        self._command = [
            "stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@{cpu},1@{cpu}", "--no-pci",
            "--no-telemetry", "-m", str(_MEMORY_MB), "--file-prefix",
            f"{lib.PREFIX}-{os.getpid()}-{name}", *memory, "--vdev", device, "--",
            f"--forward-mode={mode}", f"--rxq={queues}", f"--txq={queues}", "--txd=1024",
            "--rxd=1024", "--nb-cores=1", "--total-num-mbufs=8192", "--no-mlockall", "-i",
            "--auto-start", "--disable-link-check", *options]
        self._listens = re.search("(?:path|socket)=([^,]*)", device).group(1) if \
            "server" in device else None
        self._process = None

    def start(self):
        with open(self._log, "wb") as log:
            self._process = lib.spawn(*self._command, stdin=subprocess.PIPE, stdout=log,
                                      stderr=log)
        return self

    def output(self):
        with open(self._log, encoding="utf-8", errors="replace") as log:
            return log.read()

    def wait_until_started(self, seconds=30):
        started = "packet forwarding - ports=1"
        lib.eventually(lambda: started in self.output() or self._process.poll() is not None,
                       "testpmd runs", seconds)
        if started not in self.output():
            raise AssertionError(f"testpmd did not start: {self.output()[-2000:]}")
        return self

    def _enter(self, *lines):
        for line in lines:
            self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def pause(self):
        """Lets go of the rings. DPDK's memif unmaps them when its peer dies, also while another
        thread of its own forwards over them, and then it crashes."""
        before = self.output().count("Done.")
        self._enter("stop")
        lib.eventually(lambda: self.output().count("Done.") > before, "testpmd stops forwarding")

    def resume(self, port_again):
        """Goes on after pause(). DPDK's memif client connects only when its port is started."""
        self._enter(*(("port stop 0", "port start 0") if port_again else ()), "start")

    def kill(self):
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process = None
        # DPDK cannot listen again on the socket that a killed one left.
        if self._listens and os.path.exists(self._listens):
            os.unlink(self._listens)


def virtio_user(path, mac, server=False, queues=1):
    """Device of a pod with a vhost-user socket; server: it listens."""
    return (f"net_virtio_user0,path={path},queues={queues},queue_size=1024,mac={mac}" +
            (",server=1" if server else ""))


def memif(path, mac, role, interface=0):
    """Device of a pod with a memif socket."""
    return f"net_memif0,role={role},id={interface},socket={path},socket-abstract=no,mac={mac}"
