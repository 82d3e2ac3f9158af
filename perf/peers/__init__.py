"""Who is measured. A participant has a name and measure(case, settings, workspace) -> a round."""
import shutil

from lib import generator
from peers.ovs import Ovs
from peers.pollux import Pollux
from peers.testpmd import Testpmd


class Loaded:
    """A switch between two ports of the generator, started anew for every round."""

    def __init__(self, switch_class, link_class, **options):
        self.name = switch_class.name_of(**options)
        self._switch_class = switch_class
        self._link_class = link_class
        self._options = options

    def measure(self, case, settings, workspace):
        directory = workspace.path / "switch"
        directory.mkdir()
        link = self._link_class(directory, self._switch_class.listens)
        switch = self._switch_class(directory, link, settings, workspace, **self._options)
        try:
            switch.start(case)
            return generator.measure(case, settings, workspace, switch)
        finally:
            switch.stop()
            shutil.rmtree(directory)


def participants(peers, settings, link_class):
    found = []
    if "pollux" in peers and Pollux.is_built(settings):
        found.append(Loaded(Pollux, link_class))
    if "testpmd" in peers:
        found.append(Loaded(Testpmd, link_class))
    if "ovs" in peers:
        found += [Loaded(Ovs, link_class, actions=actions) for actions in ("port", "normal")]
    return found
