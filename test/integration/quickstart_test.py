#!/usr/bin/env python3
"""./quickstart --check holds every step and leaves the machine as it was, also when interrupted."""

import os
import re
import signal
import subprocess
import unittest

import pollux_testlib as lib

QUICKSTART = os.path.join(lib.REPOSITORY, "quickstart")
RUN_DIR = "/run/pollux-quickstart"


def machine():
    """What a run must not change."""
    processes = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8", errors="replace") as cmdline:
                text = cmdline.read().replace("\0", " ")
        except OSError:
            continue  # it ended
        if "pollux-quickstart" in text:
            processes.add((pid, text))
    with open("/proc/sys/vm/nr_hugepages", encoding="ascii") as pages:
        hugepages = int(pages.read())
    return {"processes": processes, "hugepages": hugepages,
            "namespaces": {n for n in lib.run("ip", "netns", "list").stdout.split()
                           if "quickstart" in n},
            "interfaces": sorted(os.listdir("/sys/class/net")),
            "run directory": os.path.exists(RUN_DIR),
            "DPDK's": sorted(n for n in os.listdir("/run/dpdk") if "quickstart" in n)
                      if os.path.isdir("/run/dpdk") else []}


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        lib.remove_leftovers()
        # What one that was killed left behind goes with the next.
        self.before = machine() | {"run directory": False, "DPDK's": []}
        self.assertEqual(self.before["processes"], set(), "another quickstart runs")

    def test_every_step_holds(self):
        result = lib.run(QUICKSTART, "--check", timeout=240, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        steps = re.findall(r"^  (ok|left out|FAILED) ", result.stdout, re.M)
        self.assertGreaterEqual(steps.count("ok"), 9, result.stdout)
        self.assertNotIn("FAILED", steps)
        self.assertNotIn("left out", steps, result.stdout)
        self.assertRegex(result.stdout,
                         r": [1-9]\d{3,} packets to the memif pod and [1-9]\d{3,} back")
        self.assertRegex(result.stdout, rf"{steps.count('ok')} steps held, 0 left out")
        self.assertEqual(machine(), self.before)

    def test_interrupted_in_the_middle(self):
        # While pods, namespaces and hugepages are there.
        process = subprocess.Popen([QUICKSTART, "--check"], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "attach a vhost-user pod" in line:
                break
        self.assertNotEqual(machine()["namespaces"], set(), lines)
        # As Ctrl-C does: to the script and to what it waits for.
        os.killpg(process.pid, signal.SIGINT)
        rest = process.communicate(timeout=30)[0]
        self.assertEqual(process.returncode, 130, "".join(lines) + rest)
        self.assertEqual(machine(), self.before)

    def test_bad_usage(self):
        self.assertEqual(lib.run(QUICKSTART, "--nonsense", check=False).returncode, 2)
        self.assertEqual(lib.run(QUICKSTART, "--help").returncode, 0)


if __name__ == "__main__":
    lib.main()
