"""What perf/run concludes from what it saw: python3 -m unittest discover -s perf -p '*_test.py'"""
import unittest

from lib import machine, report
from lib.rounds import Settings
from peers.ovs import Ovs
from peers.testpmd import Testpmd

TESTPMD = """
  ---------------------- Forward statistics for port 0  ----------------------
  RX-packets: 99        RX-dropped: 0             RX-total: 99
  RX-bursts : 9 [97% of 0 pkts + 3% of 32 pkts]
  TX-bursts : 9 [0% of 0 pkts + 100% of 32 pkts]
testpmd> clear fwd stats all
testpmd> show fwd stats all
  ---------------------- Forward statistics for port 0  ----------------------
  RX-packets: 3200       RX-dropped: 0             RX-total: 3200
  TX-packets: 1600       TX-dropped: 0             TX-total: 1600
  RX-bursts : 14064521 [97% of 0 pkts + 3% of 32 pkts]
  TX-bursts : 50 [0% of 0 pkts + 100% of 32 pkts]
  ---------------------- Forward statistics for port 1  ----------------------
  RX-packets: 1600       RX-dropped: 0             RX-total: 1600
  TX-packets: 3200       TX-dropped: 0             TX-total: 3200
  RX-bursts : 14064522 [97% of 0 pkts + 3% of 32 pkts]
  TX-bursts : 150 [0% of 0 pkts + 100% of 32 pkts]
  +++++++++++++++ Accumulated forward statistics for all ports+++++++++++++++
  RX-packets: 4800       RX-dropped: 0             RX-total: 4800

  CPU cycles/packet=157.25 (total cycles=754800 / total io packets=4800) at 2000 MHz Clock
testpmd> """

OVS = """
pmd thread numa_id 0 core_id 1:
  Iterations:               265513  (0.20 us/it)
  - busy iterations:         12345  ( 80.0 % of used cycles)
  Rx packets:              9123456  (8600 Kpps, 217 cycles/pkt)
  Tx packets:              9123450  (8600 Kpps)
  Tx batches:               285108  (31.98 pkts/batch)
"""


def row(peer, mode, cycles, **more):
    return {"scenario": "s", "peer": peer, "frame_bytes": 64, "flows": 1, "mode": mode,
            "cycles_per_packet": cycles, "mpps": 1.0, **more}


def summaries(*rows):
    settings = Settings(rounds=1, seconds=1, frame_sizes=[64], flows=1, realtime=False, bin=None)
    return report.document(list(rows), settings)


class Parsing(unittest.TestCase):
    def test_testpmd_counts_the_bursts_that_found_packets_since_the_counters_were_cleared(self):
        counters = Testpmd.parse(TESTPMD, TESTPMD)
        self.assertEqual(counters, {"cycles_per_packet": 157.25, "batch_fill": 24.0})

    def test_ovs(self):
        self.assertEqual(Ovs.parse(OVS), {"cycles_per_packet": 217.0, "batch_fill": 31.98})


class Modes(unittest.TestCase):
    def test_a_flip_during_a_round_makes_it_mixed(self):
        self.assertEqual(machine.mode_of(180, 360), "near")
        self.assertEqual(machine.mode_of(850, 1000), "far")
        self.assertEqual(machine.mode_of(180, 900), "mixed")

    def test_only_rounds_of_the_mode_that_all_have_are_compared(self):
        document = summaries(row("pollux", "near", 90), row("pollux", "far", 300),
                             row("testpmd-io", "far", 600), row("testpmd-io", "far", 800))
        ours, theirs = document["scenarios"]
        self.assertEqual((ours["mode"], ours["rounds"], ours["rounds_left_out"]), ("far", 1, 1))
        self.assertEqual(theirs["cycles_per_packet"], {"median": 700, "min": 600, "max": 800})
        self.assertAlmostEqual(document["ratios"][0]["cycles_per_packet"], 300 / 700)

    def test_disturbed_and_failed_rounds_count_for_nothing(self):
        document = summaries(row("pollux", "disturbed", 900), row("pollux", "near", 100),
                             row("pollux", "near", 1, error="lost its CPU"))
        summary = document["scenarios"][0]
        self.assertEqual(summary["cycles_per_packet"]["max"], 100)
        self.assertEqual(summary["rounds"], 1)
        self.assertEqual(summary["error"], "lost its CPU")

    def test_without_a_common_mode_there_is_no_ratio(self):
        document = summaries(row("pollux", "near", 90), row("testpmd-io", "far", 600))
        self.assertEqual(document["ratios"], [])


if __name__ == "__main__":
    unittest.main()
