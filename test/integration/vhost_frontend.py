"""A vhost-user front-end in a few lines: a guest whose memory and rings the test owns.

One queue pair of split rings (virtio 1.2, 2.7) in one memfd; guest addresses are offsets into it.
The switch must be in server mode.
"""

import mmap
import os
import socket
import struct

RING_SIZE = 256
REGION_BYTES = 4 << 20
VIRTIO_NET_HEADER = bytes(12)
_BUFFER_BYTES = 2048
_BUFFERS = 1 << 20  # offset of the first
_DESCRIPTORS, _AVAILABLE, _USED, _RING_BYTES = 0, 0x4000, 0x5000, 0x8000  # of a ring
_VERSION_1, _PROTOCOL_FEATURES = 1 << 32, 1 << 30
_WRITABLE = 2  # VIRTQ_DESC_F_WRITE

(GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR,
 SET_VRING_BASE, SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ENABLE) = (
     1, 2, 3, 5, 8, 9, 10, 12, 13, 18)


def message(request, payload=b"", flags=1):
    return struct.pack("=III", request, flags, len(payload)) + payload


class Frontend:
    """Ring 0 receives, ring 1 sends."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(5)
        self.socket.connect(path)
        self.file = os.memfd_create("guest")
        os.ftruncate(self.file, REGION_BYTES)
        self.memory = mmap.mmap(self.file, REGION_BYTES)
        self.kicks = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
        self.calls = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(2)]
        self._descriptors = [self.file, *self.kicks, *self.calls]
        self._sent = 0

    def send(self, request, payload=b"", descriptors=()):
        socket.send_fds(self.socket, [message(request, payload)], list(descriptors))

    def ask(self, request):
        self.send(request)
        header = self.socket.recv(12, socket.MSG_WAITALL)
        return self.socket.recv(struct.unpack("=III", header)[2], socket.MSG_WAITALL)

    def start(self):
        self.ask(GET_FEATURES)
        # Without protocol features rings are enabled from the start.
        self.send(SET_FEATURES, struct.pack("=Q", _VERSION_1))
        self.send(SET_OWNER)
        self.send(SET_MEM_TABLE, struct.pack("=IIQQQQ", 1, 0, 0, REGION_BYTES, 0, 0), [self.file])
        for ring in range(2):
            self._start_ring(ring)
        for buffer in range(RING_SIZE):
            self._write_descriptor(0, buffer, self._buffer(buffer), _BUFFER_BYTES, _WRITABLE)
            self._offer(0, buffer, buffer)
        os.eventfd_write(self.kicks[0], 1)
        return self

    def _start_ring(self, ring):
        base = ring * _RING_BYTES
        self.send(SET_VRING_NUM, struct.pack("=II", ring, RING_SIZE))
        self.send(SET_VRING_BASE, struct.pack("=II", ring, 0))
        self.send(SET_VRING_ADDR, struct.pack("=IIQQQQ", ring, 0, base + _DESCRIPTORS, base + _USED,
                                              base + _AVAILABLE, 0))
        self.send(SET_VRING_KICK, struct.pack("=Q", ring), [self.kicks[ring]])
        self.send(SET_VRING_CALL, struct.pack("=Q", ring), [self.calls[ring]])

    @staticmethod
    def _buffer(index):
        return _BUFFERS + index * _BUFFER_BYTES

    def _write_descriptor(self, ring, index, address, length, flags):
        struct.pack_into("<QIHH", self.memory, ring * _RING_BYTES + 16 * index, address, length,
                         flags, 0)

    def _offer(self, ring, position, descriptor):
        available = ring * _RING_BYTES + _AVAILABLE
        struct.pack_into("<H", self.memory, available + 4 + 2 * (position % RING_SIZE), descriptor)
        struct.pack_into("<H", self.memory, available + 2, (position + 1) & 0xffff)

    def transmit(self, frame):
        index = self._sent % RING_SIZE
        address = self._buffer(RING_SIZE + index)
        packet = VIRTIO_NET_HEADER + frame
        self.memory[address:address + len(packet)] = packet
        self._write_descriptor(1, index, address, len(packet), 0)
        self._offer(1, self._sent, index)
        self._sent += 1
        self.kick()

    def kick(self):
        os.eventfd_write(self.kicks[1], 1)

    def used(self, ring):
        """How many buffers the switch gave back."""
        return struct.unpack_from("<H", self.memory, ring * _RING_BYTES + _USED + 2)[0]

    def shrink(self):
        """The memory is gone; from here on the test must not touch it either."""
        os.ftruncate(self.file, 0)

    def close(self):
        self.socket.close()
        while self._descriptors:
            os.close(self._descriptors.pop())
