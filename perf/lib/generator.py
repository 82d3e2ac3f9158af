"""perf/pktgen as the load of one measurement."""
import json
import time

from lib import machine, process
from lib.rounds import LOAD_BURST, RING_ENTRIES

MACS = ("02:00:00:00:0a:01", "02:00:00:00:0a:02")
ADDRESSES = ("198.18.0.1", "198.18.0.2")
WARMUP_SECONDS = 0.7


def measure(case, settings, workspace, switch):
    """Loads the switch in both directions and reads its counters over the measured part only."""
    load = _start(case, settings, workspace, switch)
    try:
        load.wait_for("measuring", 60)
        switch.reset_counters()
        waited_before = [load.waited_seconds(), switch.process.waited_seconds()]
        time.sleep(settings.seconds)
        waited = [load.waited_seconds() - waited_before[0],
                  switch.process.waited_seconds() - waited_before[1]]
        counters = switch.read_counters()
        counters["waited"] = max(waited) / settings.seconds
        load.interrupt()
        load.wait(30)
        report = json.loads(load.wait_for(r"^\{.*\n\}|(?<=\n)\{.*\n\}").group(0))
    finally:
        load.stop()
    return _result(report) | counters


def _start(case, settings, workspace, switch):
    devices = switch.generator_devices()
    to_macs = switch.gateway_macs() or (MACS[1], MACS[0])
    flags = {"a-dev": devices[0], "b-dev": devices[1],
             "a-mac": MACS[0], "b-mac": MACS[1], "a-ip": ADDRESSES[0], "b-ip": ADDRESSES[1],
             "a-to-mac": to_macs[0], "b-to-mac": to_macs[1],
             "flows": case.flows, "frame-bytes": case.frame_bytes, "ring": RING_ENTRIES,
             "burst": LOAD_BURST, "rx-queues": switch.tx_queues,
             "cpu": machine.LOAD_CPU, "warmup": WARMUP_SECONDS,
             # Until it is interrupted.
             "duration": settings.seconds + 60}
    return process.Process(
        [settings.bin / "pktgen", *(f"--{name}={value}" for name, value in flags.items())],
        workspace.path / "pktgen.log", cpu=machine.LOAD_CPU, limit=settings.seconds + 90,
        realtime=settings.realtime)


def _result(report):
    directions = report["directions"]
    sent = sum(d["sent"] for d in directions)

    def total(key):
        return sum(d[key] for d in directions)
    return {"mpps": report["mpps"],
            "loss": total("lost") / sent if sent else 1.0,
            "reordered": total("reordered"), "duplicates": total("duplicates"),
            "bad_checksums": total("bad_checksums"),
            "generator": {"tx_batch_fill": [d["tx_batch_fill"] for d in directions],
                          "tx_stalls": total("tx_stalls"),
                          "latency_us": [d["latency_us"] for d in directions]}}
