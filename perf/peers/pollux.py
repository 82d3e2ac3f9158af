"""Pollux itself: two ports with an endpoint each, layer-3 forwarding between them."""
import json

from lib import generator, machine, process


class PolluxDaemon:
    """vswitchd in a directory of its own, and vswitchctl to talk to it."""

    def __init__(self, directory, settings):
        self._directory = directory
        self._settings = settings
        self.process = None

    def start(self):
        self.process = process.Process(
            [self._settings.bin / "vswitchd", "--run-dir", self._directory / "run",
             "--state-dir", self._directory / "state", "--cores", machine.SWITCH_CPU,
             "--main-core", machine.LOAD_CPU, "--host-interface", "none"],
            self._directory / "vswitchd.log", limit=self._settings.seconds + 120,
            realtime=self._settings.realtime)
        self.ctl("status", "--wait", "10s")

    def ctl(self, *arguments):
        return process.run(self._settings.bin / "vswitchctl", "--run-dir", self._directory / "run",
                           *arguments)

    def items(self, *arguments):
        return json.loads(self.ctl(*arguments, "-o", "json"))["items"]

    def stop(self):
        if self.process:
            self.process.stop()


class Pollux:
    listens = True
    tx_queues = 1

    @staticmethod
    def name_of():
        return "pollux"

    @staticmethod
    def is_built(settings):
        return all((settings.bin / program).exists() for program in ("vswitchd", "vswitchctl"))

    def __init__(self, directory, link, settings, _workspace):
        self._link = link
        self._daemon = PolluxDaemon(directory, settings)
        self._before = None

    def start(self, case):
        self._daemon.start()
        for i, socket in enumerate(self._link.sockets):
            kind = (["--mode", "server"] if self._link.kind == "vhost-user"
                    else ["--id", "0", "--role", "server"])
            mtu = ["--mtu", str(max(1500, case.frame_bytes - 14))]
            self._daemon.ctl("port", "add", f"p{i}", "--type", self._link.kind, "--socket", socket,
                             *kind,
                             *mtu)
            self._daemon.ctl("endpoint", "add", f"e{i}", "--port", f"p{i}", "--mac",
                             generator.MACS[i], "--ip", generator.ADDRESSES[i])

    @property
    def process(self):
        return self._daemon.process

    def generator_devices(self):
        return self._link.generator_devices()

    def gateway_macs(self):
        mac = self._daemon.items("status")[0]["gatewayMac"]
        return (mac, mac)

    def reset_counters(self):
        self._before = self._worker()

    def read_counters(self):
        after = self._worker()
        cycles, packets, bursts = (after[key] - self._before[key]
                                   for key in ("busyCycles", "packets", "bursts"))
        return {"cycles_per_packet": cycles / packets if packets else None,
                "batch_fill": packets / bursts if bursts else None,
                "longest_gap_ns": after["longestGapNs"]}

    def _worker(self):
        worker = self._daemon.items("status")[0]["workers"][0]
        keys = ("busyCycles", "packets", "bursts", "longestGapNs")
        return {key: int(worker[key]) for key in keys}

    def stop(self):
        self._daemon.stop()
