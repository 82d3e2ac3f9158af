#!/usr/bin/env python3
"""An idle switch leaves its CPU to others, and still answers at once."""

import glob
import os
import re
import statistics
import sys
import time

import pollux_testlib as lib

PORTS = 100
CPU_SHARE = 0.05
SECONDS = 4.0
# Waking up takes two context switches. The bound is for machines that do other things as well.
ADDED_LATENCY_MS = 3.0


class IdleTest(lib.SwitchTest):
    def setUp(self):
        super().setUp()
        self.one, self.two = self.pod(1), self.pod(2)
        crowd = self.namespace("crowd")
        for n in range(PORTS - 4):
            self.switch.add("port", f"tap{n}", type="tap", netns=f"/run/netns/{crowd.netns}",
                            ifname=f"tap{n}")
        for name, options in (("vhost", {"type": "vhost-user", "mode": "server"}),
                              ("memif", {"type": "memif", "role": "server", "id": 0})):
            self.switch.add("port", name, **options, socket=os.path.join(
                self.switch.directory, f"{name}.sock"))
        # A new interface announces itself for a while.
        crowd.run("sh", "-c", "for i in /sys/class/net/tap*; do ip link set ${i##*/} down; done")

    def cpu_seconds(self):
        """Of each thread of the switch."""
        ticks = os.sysconf("SC_CLK_TCK")
        result = {}
        for path in glob.glob(f"/proc/{self.switch.process.pid}/task/*/stat"):
            with open(path, encoding="ascii", errors="replace") as stat:
                name, fields = re.match(r"\d+ \((.*)\) (.*)", stat.read()).groups()
            result[f"{name} {path.split('/')[4]}"] = sum(map(int, fields.split()[11:13])) / ticks
        return result

    def worker(self):
        return self.switch.items("status")[0]["workers"][0]

    def test_idle_worker_sleeps(self):
        time.sleep(2)  # until the pods' kernels have said what they say on their own
        sleeps, before, start = self.worker()["sleeps"], self.cpu_seconds(), time.monotonic()
        time.sleep(SECONDS)
        elapsed = time.monotonic() - start
        shares = {thread: (seconds - before.get(thread, 0)) / elapsed
                  for thread, seconds in self.cpu_seconds().items()}
        busiest = max(shares, key=shares.get)
        print(f"  busiest thread of an idle switch with {PORTS} ports: {busiest}, "
              f"{100 * shares[busiest]:.1f} %; all: {100 * sum(shares.values()):.1f} %",
              file=sys.stderr)
        self.assertLessEqual(shares[busiest], CPU_SHARE, shares)
        self.assertEqual(self.worker()["polledPorts"], [])
        self.assertGreaterEqual(int(self.worker()["sleeps"]), int(sleeps))

    def test_the_first_packet_after_idling_arrives(self):
        idle = self.round_trips(count=40, interval=0.1)
        busy = self.round_trips(count=500, interval=0.0001)
        added = statistics.median(idle) - statistics.median(busy)
        print(f"  round trip to an idle switch {statistics.median(idle):.3f} ms (worst "
              f"{max(idle):.3f}), to a busy one {statistics.median(busy):.3f} ms: "
              f"{added:.3f} ms more", file=sys.stderr)
        self.assertLess(added, ADDED_LATENCY_MS)

    def round_trips(self, count, interval):
        output = self.one.run("ping", "-c", count, "-i", interval, "-W", 2, self.two.ip4).stdout
        times = [float(t) for t in re.findall(r"time=([\d.]+) ms", output)]
        self.assertEqual(len(times), count)
        return times


if __name__ == "__main__":
    lib.main()
