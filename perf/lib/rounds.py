"""Takes the participants of a case in turn, A B A B, with the distance of the CPUs around each."""
from dataclasses import dataclass, field
from pathlib import Path

from lib import machine, process, progress

RING_ENTRIES = 1024
# What the generator publishes at once: twice the largest batch of any switch here, so that the fill
# is the switch's own choice.
LOAD_BURST = 128

# Share of the time that load or switch may be without their CPUs before a round counts for nothing:
# cycles per packet are cycles of the clock, somebody else's work included.
DISTURBED_FROM = 0.05


@dataclass
class Settings:
    rounds: int
    seconds: float
    frame_sizes: list
    flows: int
    realtime: bool
    bin: Path


@dataclass
class Case:
    """One row of a scenario: what is held equal, and who takes part in it."""
    scenario: str
    frame_bytes: int | None
    flows: int
    participants: list = field(default_factory=list)  # .name, .measure(case, settings, workspace)

    @property
    def title(self):
        size = f", {self.frame_bytes} B" if self.frame_bytes else ""
        return f"{self.scenario}{size}"


def run_in_turn(case, settings, workspace):
    rounds = []
    for number in range(1, settings.rounds + 1):
        for participant in case.participants:
            rounds.append(_one_round(case, participant, number, settings, workspace))
    return rounds


def _one_round(case, participant, number, settings, workspace):
    result = {"scenario": case.scenario, "peer": participant.name, "round": number,
              "frame_bytes": case.frame_bytes, "flows": case.flows}
    before = machine.distance(settings.bin)
    try:
        result |= participant.measure(case, settings, workspace)
    except process.Failed as reason:
        result["error"] = str(reason)
    after = machine.distance(settings.bin)
    disturbed = result.get("waited", 0) > DISTURBED_FROM
    result |= {"distance_cycles": [before, after],
               "mode": "disturbed" if disturbed else machine.mode_of(before, after)}
    progress.say(f"{case.title}, round {number}/{settings.rounds}, {participant.name}: "
                 f"{_brief(result)}")
    return result


def _brief(result):
    if "error" in result:
        return f"FAILED: {result['error']}"
    texts = [f"{result[key]:.{digits}f} {unit}"
             for key, digits, unit in (("cycles_per_packet", 0, "cycles/packet"),
                                       ("mpps", 2, "Mpps"), ("batch_fill", 1, "per batch"),
                                       ("gbps", 2, "Gbit/s"))
             if result.get(key) is not None]
    if "waited" in result:
        texts.append(f"{result['waited']:.1%} without its CPU")
    return ", ".join(texts + [result["mode"]])
