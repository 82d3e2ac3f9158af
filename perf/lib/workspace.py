"""A directory per run, the hugepages and namespaces it uses, and the removal of all of it.

What an interrupted run left behind is removed at the start of the next: each directory records who
made it and what it holds, so nothing that is not ours is touched.
"""
import json
import os
import shutil
import tempfile
from pathlib import Path

from lib import process, progress
from lib.machine import Unfit

PREFIX = "pollux-perf."
PAGES = Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
PAGES_WANTED = 900  # 2 MB each: switch 512 MB, generator 256 MB, room for OVS's second pool


class Workspace:
    def __init__(self, realtime):
        self.realtime = realtime
        self.path = None
        self._held = {"pid": os.getpid(), "pages": 0, "mounted": False, "namespaces": []}

    def __enter__(self):
        _remove_leftovers()
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._record()
        self._reserve_hugepages()
        if self.realtime:
            process.stay_responsive()
        return self

    def __exit__(self, *_):
        _give_back(self._held)
        shutil.rmtree(self.path)

    def namespace(self, name):
        """A new network namespace with its loopback up; removed with the workspace."""
        full = f"pxperf-{os.getpid()}-{name}"
        if full not in self._held["namespaces"]:
            self._held["namespaces"].append(full)
            self._record()
        process.run("ip", "netns", "add", full)
        process.run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def _record(self):
        (self.path / "held.json").write_text(json.dumps(self._held))

    def _reserve_hugepages(self):
        free = int((PAGES / "free_hugepages").read_text())
        total = int((PAGES / "nr_hugepages").read_text())
        missing = max(0, PAGES_WANTED - free)
        # Recorded before it is done: giving back too much is bounded by what is free.
        self._held["pages"] = missing
        self._record()
        (PAGES / "nr_hugepages").write_text(str(total + missing))
        got = int((PAGES / "free_hugepages").read_text())
        if got < PAGES_WANTED:
            raise Unfit(f"{got} free hugepages of 2 MB, {PAGES_WANTED} are needed: the memory is "
                        "too fragmented or too small")


def remove_namespace(name):
    if Path("/run/netns", name).exists():
        process.run("ip", "netns", "delete", name)


def _remove_leftovers():
    for path in Path(tempfile.gettempdir()).glob(PREFIX + "*"):
        try:
            held = json.loads((path / "held.json").read_text())
        except (OSError, ValueError):
            continue
        if not Path("/proc", str(held["pid"])).exists():
            progress.say(f"removing what an interrupted run left: {path}")
            _give_back(held)
            shutil.rmtree(path, ignore_errors=True)


def _give_back(held):
    for name in held["namespaces"]:
        remove_namespace(name)
    if held["pages"]:
        total = int((PAGES / "nr_hugepages").read_text())
        (PAGES / "nr_hugepages").write_text(str(max(0, total - held["pages"])))
