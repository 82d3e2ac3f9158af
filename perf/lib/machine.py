"""The machine that measures: what it is, whether it is fit, how far apart its CPUs are."""
import json
import os
import re
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LOAD_CPU = 0
SWITCH_CPU = 1
# Round trips of a cache line, in TSC cycles: hundreds within one cluster of cores, about a thousand
# across. Measured gaps lie well on either side of this.
FAR_FROM_CYCLES = 600


class Unfit(Exception):
    """The machine lacks something; the text says what and the remedy."""


def check(bin_dir):
    if os.geteuid() != 0:
        raise Unfit("root is needed: hugepages, namespaces, real ports")
    if os.cpu_count() < 2:
        raise Unfit("two CPUs are needed: one for the switch, one for the load")
    for program in ("pktgen", "pingpong"):
        if not (bin_dir / program).exists():
            raise Unfit(f"{bin_dir / program} is missing; build it: cmake --preset release && "
                        "ninja -C build/release pktgen pingpong vswitchd vswitchctl")


def distance(bin_dir):
    """Median TSC cycles of a cache line's round trip between the two CPUs."""
    run = subprocess.run([bin_dir / "pingpong", f"--cpu-a={LOAD_CPU}", f"--cpu-b={SWITCH_CPU}"],
                         capture_output=True, text=True, timeout=60, check=True)
    return json.loads(run.stdout)["cycles_per_round_trip"]


def mode_of(before, after):
    """near, far, or mixed: it flipped meanwhile, and the round counts for nothing."""
    modes = {"far" if cycles >= FAR_FROM_CYCLES else "near" for cycles in (before, after)}
    return modes.pop() if len(modes) == 1 else "mixed"


def describe():
    cpuinfo = Path("/proc/cpuinfo").read_text()
    memory = Path("/proc/meminfo").read_text()
    return {
        "cpu": re.search(r"model name\s*:\s*(.*)", cpuinfo).group(1),
        "cpus": os.cpu_count(),
        "mhz": float(re.search(r"cpu MHz\s*:\s*(.*)", cpuinfo).group(1)),
        "memory_gib": round(int(re.search(r"MemTotal:\s*(\d+)", memory).group(1)) / 2**20, 1),
        "kernel": os.uname().release,
        "load_cpu": LOAD_CPU,
        "switch_cpu": SWITCH_CPU,
        "load_average": os.getloadavg()[0],
    }


def versions():
    return {
        "pollux": _first_line("git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"),
        "dpdk": _first_line("dpkg-query", "-Wf", "${Version}", "dpdk"),
        "ovs": _first_line("dpkg-query", "-Wf", "${Version}", "openvswitch-switch-dpdk"),
        "iperf3": _first_line("dpkg-query", "-Wf", "${Version}", "iperf3"),
    }


def _first_line(*command):
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    return run.stdout.splitlines()[0] if run.returncode == 0 and run.stdout else None
