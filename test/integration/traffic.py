"""Traffic that flows while a test does something else, and says afterwards what was lost."""

import json
import re
import signal
import subprocess
import time

import pollux_testlib as lib


class Ping:
    """Pings from a pod until stop(); every one must have been answered."""

    def __init__(self, pod, address, interval=0.02):
        self._per_second = 1 / interval
        self._started = time.monotonic()
        self._text = f"ping of {address} from {pod.name}"
        self._process = pod.start("ping", "-i", interval, "-W", "3", address,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def stop(self):
        """Sequence numbers that were answered, and how many were sent."""
        time.sleep(max(0.0, 1.5 - (time.monotonic() - self._started)))  # it takes a while to start
        self._process.send_signal(signal.SIGINT)
        output = self._process.communicate(timeout=10)[0]
        answered = [int(n) for n in re.findall(r"seq=(\d+) ttl", output)]
        return answered, int(re.search(r"(\d+) packets transmitted", output).group(1))

    def assert_no_loss(self, at_least=10):
        answered, sent = self.stop()
        # The last ones may have been on their way when it ended.
        missing = sorted(set(range(1, max(answered, default=1))) - set(answered))
        if missing or len(answered) < at_least or sent - len(answered) > self._per_second:
            raise AssertionError(f"{self._text}: {len(answered)} of {sent} answered, "
                                 f"missing {missing[:20]}")


class Stream:
    """TCP from one pod to another with a rate that leaves room for others."""

    def __init__(self, source, target, address, rate="200M", seconds=60, streams=1,
                 bind=None):
        self._server = target.start("iperf3", "--server", "--one-off", "--forceflush",
                                    stdout=subprocess.PIPE, text=True)
        self._server.stdout.readline()
        lib.eventually(lambda: ":5201" in target.run("ss", "-Hltn").stdout, "iperf3 listens")
        self._client = source.start("iperf3", "--json", "--client", address, "--bitrate", rate,
                                    "--time", seconds, "--parallel", streams,
                                    *(["--bind", bind] if bind else []),
                                    stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self._started = time.monotonic()

    def stop(self):
        """Bytes that arrived; AssertionError if the connection broke or stood still."""
        time.sleep(max(0.0, 1.5 - (time.monotonic() - self._started)))  # one report at least
        self._client.send_signal(signal.SIGINT)
        report = json.loads(self._client.communicate(timeout=20)[0])
        self.close()
        seconds = [interval["sum"]["bytes"] for interval in report["intervals"]]
        received = sum(seconds)
        # The last interval is a cut one.
        if received == 0 or 0 in seconds[:-1]:
            raise AssertionError(f"a TCP stream stood still: bytes by second {seconds}, "
                                 f"{report.get('error')}")
        return received

    def close(self):
        for process in (self._client, self._server):
            if process.poll() is None:
                process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe and not pipe.closed:
                    pipe.close()
