"""Processes that poll: pinned, preferred by the scheduler, and never without a deadline.

Autogroups make `nice` useless between sessions, so every process gets a session of its own whose
autogroup is preferred. SCHED_FIFO measures better on a busy machine but starves everything else.
`timeout` ends a process that we did not end ourselves, whatever happened to us.
"""
import ctypes
import os
import re
import signal
import subprocess
import time
from pathlib import Path

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class Failed(Exception):
    """A program did not do what was asked of it; the text says which and shows its last words."""


class Process:
    def __init__(self, command, log, cpu=None, limit=120, realtime=False, env=None):
        self.name = os.path.basename(str(command[0]))
        self.log = log
        self._output = open(log, "wb")
        self._process = subprocess.Popen(
            ["timeout", "--kill-after=1", str(limit), *map(str, command)],
            stdin=subprocess.PIPE, stdout=self._output, stderr=subprocess.STDOUT,
            start_new_session=True, env={**os.environ, **(env or {})},
            preexec_fn=lambda: _prefer(cpu, realtime))

    @property
    def pid(self):
        return self._process.pid

    def output(self, start=0):
        with open(self.log, "rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace")

    def wait_for(self, pattern, seconds=20, start=0):
        """The match of the pattern in what it says, from the given offset of its log on."""
        deadline = time.monotonic() + seconds
        while True:
            ended = self._process.poll() is not None
            match = re.search(pattern, self.output(start), re.S)
            if match:
                return match
            if ended or time.monotonic() > deadline:
                raise Failed(f"{self.name} {'ended' if ended else 'did not answer'}, no "
                             f"/{pattern}/ from it; its last words: {self.output()[-800:]}")
            time.sleep(0.02)

    def ask(self, line, pattern, seconds=20):
        """Types a line and waits for the answer."""
        start = os.path.getsize(self.log)
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()
        return self.wait_for(pattern, seconds, start)

    def waited_seconds(self):
        """How long its threads so far were ready to run and did not: somebody else had the CPU."""
        nanoseconds = 0
        for thread in Path("/proc", str(self._child()), "task").iterdir():
            nanoseconds += int((thread / "schedstat").read_text().split()[1])
        return nanoseconds / 1e9

    def interrupt(self):
        """Asks it to come to its end; it may take its time (`timeout` would give it a second)."""
        os.kill(self._child(), signal.SIGINT)

    def _child(self):
        children = Path("/proc", str(self.pid), "task", str(self.pid), "children").read_text()
        if not children:
            raise Failed(f"{self.name} ended: {self.output()[-800:]}")
        return int(children.split()[0])

    def wait(self, seconds):
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} runs longer than {seconds} s") from None
        if code != 0:
            raise Failed(f"{self.name} ended with {code}: {self.output()[-800:]}")

    def stop(self, stop_signal=signal.SIGTERM):
        """`timeout` hands the signal on."""
        if self._process.poll() is None:
            self._process.send_signal(stop_signal)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
        self._process.stdin.close()
        self._output.close()


def _prefer(cpu, realtime):
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # `timeout` ends with us, and ends its program
    if cpu is not None:
        os.sched_setaffinity(0, {cpu})
    if realtime:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(10))
        return
    with open("/proc/self/autogroup", "w", encoding="ascii") as autogroup:
        autogroup.write("-20")


def run(*command, env=None, seconds=30):
    """Runs a short command to its end and returns what it printed."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True,
                          env={**os.environ, **(env or {})}, timeout=seconds, check=False)
    if done.returncode != 0:
        raise Failed(f"{' '.join(map(str, command))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def stay_responsive():
    """Above what we start with SCHED_FIFO, so that we can stop it."""
    os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(20))
