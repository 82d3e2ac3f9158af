"""The two links between generator and switch, as each side has to name them.

Everything that changes cycles per packet is fixed here for all: rings of 1024 entries (the default
of virtio-user is 256, whatever --txd asks for), one queue, no mergeable buffers.
"""
from lib.rounds import RING_ENTRIES

SIDES = ("a", "b")


class VhostUser:
    kind = "vhost-user"

    def __init__(self, directory, switch_listens):
        self.sockets = [directory / f"{side}.sock" for side in SIDES]
        self.switch_listens = switch_listens

    def generator_devices(self):
        server = "" if self.switch_listens else ",server=1"
        return [f"net_virtio_user{i},path={socket},queue_size={RING_ENTRIES},mrg_rxbuf=0,in_order=1"
                f"{server}" for i, socket in enumerate(self.sockets)]

    def dpdk_switch_devices(self):
        return [f"net_vhost{i},iface={socket},queues=1" for i, socket in enumerate(self.sockets)]


class Memif:
    kind = "memif"

    def __init__(self, directory, switch_listens=True):
        self.sockets = [directory / f"{side}.sock" for side in SIDES]
        self.switch_listens = switch_listens

    def generator_devices(self):
        return [self._device(i, "client") for i in range(2)]

    def dpdk_switch_devices(self):
        return [self._device(i, "server") for i in range(2)]

    def _device(self, i, role):
        log2_ring = RING_ENTRIES.bit_length() - 1
        return (f"net_memif{i},role={role},id=0,socket={self.sockets[i]},socket-abstract=no,"
                f"rsize={log2_ring},bsize=2048")
