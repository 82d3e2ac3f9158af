"""DPDK's testpmd in io mode: moves every packet to the other port and looks at nothing."""
import re

from lib import machine, process
from lib.rounds import RING_ENTRIES

# Fuller batches are cheaper: it may fill its own as far as Pollux does (its default is 32).
POLLUX_BURST = 64


class Testpmd:
    listens = True
    tx_queues = 1

    @staticmethod
    def name_of():
        return "testpmd-io"

    def __init__(self, directory, link, settings, workspace):
        self._workspace = workspace
        self._log = directory / "testpmd.log"
        self._link = link
        self._settings = settings
        self.process = None

    def start(self, case):
        cpu = machine.SWITCH_CPU
        # Into a file its output would otherwise come in blocks of 4 KB.
        command = ["stdbuf", "-oL", "dpdk-testpmd", "--lcores", f"0@{cpu},1@{cpu}", "--no-pci",
                   "--no-telemetry", "--in-memory", "--single-file-segments",
                   "--file-prefix", self._workspace.path.name, "-m", "512"]
        for device in self._link.dpdk_switch_devices():
            command += ["--vdev", device]
        command += ["--", "-i", "--forward-mode=io", "--nb-cores=1", "--record-core-cycles",
                    "--record-burst-stats", f"--burst={POLLUX_BURST}",
                    f"--txd={RING_ENTRIES}", f"--rxd={RING_ENTRIES}"]
        if case.frame_bytes > 1518:
            command += [f"--max-pkt-len={case.frame_bytes + 4}", "--mbuf-size=10240"]
        self.process = process.Process(command, self._log, cpu=cpu,
                                       realtime=self._settings.realtime,
                                       limit=self._settings.seconds + 90)
        self.process.wait_for("testpmd> ")
        self.process.ask("start", "io packet forwarding")

    def generator_devices(self):
        return self._link.generator_devices()

    def gateway_macs(self):
        return None

    def reset_counters(self):
        self.process.ask("clear fwd stats all", "testpmd> ")

    def read_counters(self):
        text = self.process.ask("show fwd stats all", r"CPU cycles/packet=.*testpmd> ").group(0)
        return self.parse(self.process.output(), text)

    @staticmethod
    def parse(everything, last):
        """Cycles count busy polls only. Every poll that found packets sent one burst, and none else
        did; the share of empty polls is printed in whole percents and says nothing."""
        report = everything[everything.rindex("Forward statistics for port 0"):]
        packets = sum(map(int, re.findall(r"RX-packets: (\d+)", report)[:2]))
        bursts = sum(map(int, re.findall(r"TX-bursts : (\d+)", report)[:2]))
        cycles = float(re.search(r"CPU cycles/packet=([\d.]+)", last).group(1))
        return {"cycles_per_packet": cycles, "batch_fill": packets / bursts if bursts else None}

    def stop(self):
        if self.process:
            self.process.stop()
