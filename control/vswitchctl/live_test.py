#!/usr/bin/env python3
"""vswitchctl against a real vswitchd: what operators and scripts rely on.

What each line asks for and how answers look is in the unit tests; here is what needs the other side:
the connection, exit codes, messages of the switch, streams and their end.
"""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "..", "..", "test", "integration"))
import pollux_testlib as lib  # noqa: E402


class WithoutSwitch(unittest.TestCase):
    def test_nobody_there_says_where_it_looked(self):
        with tempfile.TemporaryDirectory() as directory:
            for arguments in (["port", "list"], ["status", "--wait", "200ms"], ["trace"]):
                with self.subTest(arguments):
                    result = lib.run(lib.program("vswitchctl"), "--run-dir", directory, *arguments,
                                     check=False)
                    self.assertEqual(result.returncode, 1)
                    self.assertIn(f"{directory}/vswitchd.sock: No such file", result.stderr)
                    self.assertIn("--run-dir", result.stderr)

    def test_a_socket_without_a_listener(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as dead:
            dead.bind(os.path.join(directory, "vswitchd.sock"))
            result = lib.run(lib.program("vswitchctl"), "--run-dir", directory, "status",
                             check=False)
            self.assertEqual(result.returncode, 1)
            self.assertIn("Connection refused", result.stderr)

    def test_a_socket_of_somebody_who_says_nothing(self):
        with tempfile.TemporaryDirectory() as directory, socket.socket(socket.AF_UNIX) as silent:
            silent.bind(os.path.join(directory, "vswitchd.sock"))
            silent.listen()
            result = lib.run(lib.program("vswitchctl"), "--run-dir", directory, "status", "--wait",
                             "300ms", check=False, timeout=10)
            self.assertEqual(result.returncode, 1)
            self.assertIn("no answer", result.stderr)


class Live(lib.SwitchTest):
    def tearDown(self):
        """No packets move here, and what is configured is each test's own subject."""

    def refused(self, *arguments):
        """The message of a command that fails with exit status 1."""
        result = self.switch.ctl(*arguments, check=False)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        self.assertEqual(result.stdout, "")
        return result.stderr

    def add_port(self, name="m", interface=0):
        return self.switch.ctl("port", "add", name, "--type", "memif", "--socket",
                               f"{self.switch.directory}/memif.sock", "--id", interface)

    def follow(self, *arguments, **kwargs):
        process = subprocess.Popen([lib.program("vswitchctl"), "--run-dir", self.switch.run_dir,
                                    *arguments], stdout=subprocess.PIPE, **kwargs)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def interrupted(self, process):
        process.send_signal(signal.SIGINT)
        return process.wait(timeout=5)

    def test_objects_come_and_go(self):
        self.assertIn('added port "m"', self.add_port().stdout)
        self.assertIn("is there already", self.add_port().stdout)
        self.assertIn('port "m"', self.refused("port", "add", "m", "--type", "tap"))
        self.assertIn("port.mtu", self.refused("port", "add", "n", "--type", "tap", "--mtu", 3))
        self.switch.ctl("endpoint", "add", "e", "--port", "m", "--mac", "02:00:00:00:00:01",
                        "--ip", "10.0.0.1", "--ip", "fd00::1")
        self.switch.ctl("route", "add", "10.9.0.0/16", "--port", "m")
        self.assertIn('endpoint "e"', self.refused("port", "remove", "m"))
        self.assertEqual(self.switch.items("endpoint", "show", "e")[0]["ip"],
                         ["10.0.0.1", "fd00::1"])
        self.switch.ctl("endpoint", "remove", "e")
        self.switch.ctl("route", "remove", "10.9.0.0/16")
        self.switch.ctl("port", "move", "m", "--queue", 0, "--worker", 0)
        self.switch.ctl("port", "remove", "m")
        self.assertIn("there is no", self.switch.ctl("port", "remove", "m").stdout)
        self.assertIn('there is no port "m"', self.refused("port", "show", "m"))

    def test_what_dump_prints_is_what_apply_takes(self):
        self.add_port()
        self.switch.ctl("endpoint", "add", "e", "--port", "m", "--mac", "02:00:00:00:00:01",
                        "--ip", "10.0.0.1")
        path = os.path.join(self.switch.directory, "config")
        for form in ("yaml", "json"):
            with self.subTest(form):
                with open(path, "w", encoding="utf-8") as file:
                    file.write(self.switch.ctl("config", "dump", "-o", form).stdout)
                before = self.switch.items("config", "dump")
                self.assertIn("nothing to change", self.switch.ctl("config", "apply", path).stdout)
                empty = self.switch.ctl("config", "apply", "--sync", "-", input="items: []")
                self.assertIn('removed port "m"', empty.stdout)
                dry = self.switch.ctl("config", "apply", "--dry-run", path)
                self.assertIn('added port "m"', dry.stdout)
                self.assertEqual(self.switch.items("config", "dump"), [])
                self.switch.ctl("config", "apply", path)
                self.assertEqual(self.switch.items("config", "dump"), before)

    def test_apply_is_all_or_nothing_and_names_file_and_object(self):
        path = os.path.join(self.switch.directory, "bad.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write("- port: {name: good, memif: {socket: /tmp/x}}\n"
                       "- port: {name: bad, mtu: 3, memif: {socket: /tmp/x, id: 1}}\n")
        message = self.refused("config", "apply", path)
        for part in (path, "port.mtu", '"bad"'):
            self.assertIn(part, message)
        self.assertEqual(self.switch.items("port", "list"), [])

    def test_watch_tells_changes_and_ends_well(self):
        watch = self.follow("watch", "-o", "json")
        self.assertEqual(json.loads(watch.stdout.readline())["items"], [])
        self.add_port()
        change = json.loads(watch.stdout.readline())["items"][0]
        self.assertEqual((change["action"], change["after"]["port"]["name"]), ("added", "m"))
        self.assertEqual(self.interrupted(watch), 0)

    def test_stats_and_drops_go_on_until_interrupted(self):
        self.add_port()
        for noun in ("stats", "drops"):
            with self.subTest(noun):
                watch = self.follow(noun, "--watch", "--interval", "100ms", "-o", "json")
                for _ in range(2):
                    self.assertIn("revision", json.loads(watch.stdout.readline()))
                self.assertEqual(self.interrupted(watch), 0)

    def test_a_stream_whose_switch_ends_fails(self):
        watch = self.follow("watch", stderr=subprocess.PIPE)
        self.addCleanup(watch.stderr.close)
        watch.stdout.readline()
        self.switch.kill()
        self.assertEqual(watch.wait(timeout=5), 1)
        self.assertIn(b"vswitchctl: ", watch.stderr.read())


class OverTls(lib.SwitchTest):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.certificate, self.key = (os.path.join(directory.name, name) for name in ("c", "k"))
        lib.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", self.key, "-out", self.certificate, "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost", "-days", "2")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.server = f"localhost:{free.getsockname()[1]}"
        self.switch_flags = ("--listen", self.server, "--tls-cert", self.certificate, "--tls-key",
                             self.key, "--tls-ca", self.certificate)
        super().setUp()

    def ctl(self, server, certificate):
        return lib.run(lib.program("vswitchctl"), "--server", server, "--tls-cert", certificate,
                       "--tls-key", self.key, "--tls-ca", self.certificate, "status", check=False)

    def test_mutual_tls(self):
        good = self.ctl(self.server, self.certificate)
        self.assertEqual(good.returncode, 0, good.stderr)
        self.assertIn("no problems", good.stdout)
        self.assertIn("--tls-cert", self.ctl(self.server, "/nonexistent").stderr)
        nobody = self.ctl("localhost:1", self.certificate)
        self.assertEqual(nobody.returncode, 1)
        self.assertIn("cannot reach vswitchd at localhost:1", nobody.stderr)


if __name__ == "__main__":
    lib.main()
