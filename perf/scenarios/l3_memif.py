"""Between two memif ports: Pollux routes at layer 3, the peers do what they do least."""
from lib.rounds import Case
from peers import participants
from peers.links import Memif


def cases(settings, peers):
    for size in settings.frame_sizes:
        yield Case("l3-memif", size, settings.flows, participants(peers, settings, Memif))
