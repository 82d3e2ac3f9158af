#!/usr/bin/env python3
"""A Linux guest with the kernel's virtio-net driver behind a vhost-user port.

The guest runs under software emulation (no KVM needed): ping, large TCP frames both ways, and a
restart of either side. QEMU listens, the switch connects (client mode), which is how a guest
survives a restart of its switch.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
import pollux_testlib as lib  # noqa: E402

IMAGE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
                     "pollux", "guest")
BULK_BYTES = 8 << 20
WINDOW_BYTES = 256 << 10
# Without segmentation offload no frame has more; an average beyond it takes larger ones. How much
# beyond is up to the guest's TCP, which sends smaller ones where its emulation is slow.
LARGE_FRAME_BYTES = 1514


class Guest:
    """A virtual machine whose shell we talk to over its second serial port."""

    def __init__(self, directory, mac):
        self.vhost_socket = os.path.join(directory, "vhost.sock")
        self.shell_socket = os.path.join(directory, "shell.sock")
        self.console = os.path.join(directory, "console.log")
        self.mac = mac
        self.process = self.shell = None
        self._commands = 0

    def start(self):
        for path in (self.vhost_socket, self.shell_socket):
            if os.path.exists(path):
                os.unlink(path)
        with open(self.console, "ab") as log:
            self.process = self.spawn_qemu(log)
        self.shell = lib.eventually(self._connect, "shell of the guest", 10)
        self._read_until("guest-ready", 60)

    def spawn_qemu(self, log):
        return lib.spawn(
            "qemu-system-x86_64", "-M", "pc", "-accel", "tcg", "-cpu", "qemu64", "-m", "256",
            "-object", "memory-backend-memfd,id=mem,size=256M,share=on",
            "-numa", "node,memdev=mem",
            "-kernel", f"{IMAGE}/vmlinuz", "-initrd", f"{IMAGE}/initrd",
            "-append", "console=ttyS0 quiet pci=nomsi no_timer_check", "-display", "none", "-no-reboot",
            "-monitor", "none", "-serial", f"file:{self.console}.kernel",
            "-serial", f"unix:{self.shell_socket},server=on,wait=off",
            "-chardev", f"socket,id=c0,path={self.vhost_socket},server=on,wait=off",
            "-netdev", "vhost-user,id=n0,chardev=c0",
            "-device", f"virtio-net-pci,netdev=n0,mac={self.mac},romfile=",
            preferred=True, stdout=log, stderr=log)

    def _connect(self):
        shell = socket.socket(socket.AF_UNIX)
        try:
            shell.connect(self.shell_socket)
            return shell
        except OSError:
            shell.close()
            return None

    def _read_until(self, mark, seconds):
        self.shell.settimeout(1.0)
        text = ""
        deadline = time.monotonic() + seconds
        while not re.search(mark, text):
            if time.monotonic() > deadline:
                raise AssertionError(f"the guest did not print {mark!r} in {seconds} s: {text!r}\n"
                                     f"its console: {self.console_text()}")
            try:
                text += self.shell.recv(65536).decode(errors="replace")
            except socket.timeout:
                pass
        return text

    def console_text(self):
        """What kernel and QEMU said."""
        text = ""
        for path in (self.console, f"{self.console}.kernel"):
            with open(path, encoding="utf-8", errors="replace") as console:
                text += console.read()[-2000:]
        return text

    def run(self, command, seconds=30):
        """Output of a shell command; AssertionError if it fails."""
        self._commands += 1
        mark = f"done-{self._commands}-"
        self.shell.sendall(f"{command}\necho {mark}$?.\n".encode())
        text, code = self._read_until(rf"{mark}\d+\.", seconds).split(mark)
        if code.strip() != "0.":
            raise AssertionError(f"guest: {command}: exit {code} {text}")
        return text

    def configure(self, ip4, ip6):
        for command in ("echo 0 > /proc/sys/net/ipv6/conf/eth0/accept_dad", "ip link set eth0 up",
                        f"ip addr add {ip4}/32 dev eth0", f"ip -6 addr add {ip6}/128 dev eth0",
                        "ip route add 169.254.1.1 dev eth0", "ip route add default via 169.254.1.1",
                        "ip -6 route add default via fe80::1 dev eth0"):
            self.run(command)

    def kill(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.shell.close()
            self.process = None


class GuestTest(lib.SwitchTest):
    ip4, ip6, mac = "10.1.0.99", "fd00:1::99", "02:00:00:00:02:99"

    def setUp(self):
        super().setUp()
        self.peer = self.pod(1)
        self.guest = Guest(self.switch.directory, self.mac)
        self.addCleanup(self.guest.kill)
        self.switch.add("port", "guest", type="vhost-user", socket=self.guest.vhost_socket,
                        mode="client", mac=self.mac)
        self.switch.add("endpoint", "guest", port="guest", mac=self.mac, ip=[self.ip4, self.ip6])
        self.start_guest()

    def start_guest(self):
        self.guest.start()
        self.guest.configure(self.ip4, self.ip6)
        self.switch.wait_for_link("guest", 10)

    def assert_reachable(self):
        try:
            lib.eventually(lambda: self.peer.answers(self.ip4), "ping to the guest", 10)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.what_is_seen()}") from None
        self.peer.ping(self.ip4)
        self.peer.ping(self.ip6)
        self.guest.run(f"ping -c 3 {self.peer.ip4}")
        self.guest.run(f"ping -6 -c 3 {self.peer.ip6}")

    def what_is_seen(self):
        """Of a guest that does not answer: by the switch and by itself."""
        looks = [self.switch.ctl(*command).stdout for command in
                 (("port", "show", "guest"), ("stats",), ("drops",))]
        looks += [self.guest.run(command) for command in
                  ("ip addr show eth0", "ip neigh", "cat /proc/interrupts /proc/net/dev")]
        return "\n".join(looks)

    def frame_sizes(self):
        counters = self.switch.counters()["guest"]
        return {side: (counters[f"{side}Packets"], counters[f"{side}Bytes"]) for side in
                ("rx", "tx")}

    def assert_large_frames(self, side, before):
        """The port's frames since `before` that carried the bulk were kept whole."""
        packets, size = (now - then for now, then in zip(self.frame_sizes()[side], before[side]))
        self.assertGreaterEqual(size, BULK_BYTES)
        self.assertGreater(size / packets, LARGE_FRAME_BYTES, f"{packets} frames, {size} bytes")

    def receive_bulk(self):
        """From the guest to the socket pod, which reads more slowly than the guest writes: what
        waits in the guest leaves in frames as large as it can."""
        with self.peer.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WINDOW_BYTES)
            listener.bind((self.peer.ip4, 5000))
            listener.listen()
            listener.settimeout(30)
            self.guest.run(f"(dd if=/dev/zero bs=64k count={BULK_BYTES >> 16} | "
                           f"nc {self.peer.ip4} 5000) </dev/null >/dev/null 2>&1 &")
            stream, _ = listener.accept()
            with stream:
                received = 0
                while received < BULK_BYTES:
                    time.sleep(0.05)
                    part = len(stream.recv(1 << 20))
                    self.assertGreater(part, 0, f"the stream ended after {received} bytes")
                    received += part

    def send_bulk(self):
        """From the socket pod to the guest, which counts."""
        self.guest.run("(nc -l -p 5001 | wc -c > /received) </dev/null >/dev/null 2>&1 &")
        with lib.eventually(self.connect_to_guest, "the guest listens", 10) as stream:
            stream.sendall(bytes(BULK_BYTES))
        lib.eventually(lambda: str(BULK_BYTES) in self.guest.run("cat /received"),
                       "the guest has received everything", 30)

    def connect_to_guest(self):
        stream = self.peer.socket(socket.AF_INET, socket.SOCK_STREAM)
        stream.settimeout(30)
        try:
            stream.connect((self.ip4, 5001))
            return stream
        except OSError:
            stream.close()
            return None

    def test_ping_bulk_and_restarts(self):
        with self.subTest("ping over IPv4 and IPv6, both ways"):
            self.assert_reachable()

        with self.subTest("the guest sends large TCP frames, kept whole to the socket pod"):
            before = self.frame_sizes()
            self.receive_bulk()
            self.assert_large_frames("rx", before)

        with self.subTest("the socket pod sends large TCP frames, kept whole to the guest"):
            before = self.frame_sizes()
            self.send_bulk()
            self.assert_large_frames("tx", before)
            self.switch.assert_balanced()

        with self.subTest("the switch dies and comes back: the guest goes on"):
            self.switch.kill()
            self.switch.start()
            self.switch.wait_for_link("guest", 5)
            self.assert_reachable()

        with self.subTest("the guest dies and comes back"):
            self.guest.kill()
            lib.eventually(lambda: not self.switch.port_state("guest").get("linkUp"), "link down")
            self.start_guest()
            self.assert_reachable()
            self.switch.assert_balanced()


def skip(reason):
    print(f"SKIPPED: {reason}")
    sys.exit(lib.SKIPPED)


if __name__ == "__main__":
    for needed in ("qemu-system-x86_64", "busybox", "cpio"):
        if shutil.which(needed) is None:
            skip(f"{needed} is not installed: meson-deps/install test")
    made = subprocess.run([os.path.join(os.path.dirname(os.path.abspath(__file__)), "make_image"),
                           IMAGE], check=False, capture_output=True, text=True)
    if made.returncode != 0:
        skip(f"no kernel for the guest: {made.stderr.strip()}")
    lib.main()
