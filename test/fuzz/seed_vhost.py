"""What a vhost-user front-end says and puts into its rings."""
import struct

from seed_bytes import ONE_EVENT, ONE_MEMORY, ONE_NULL, ONE_SMALL, u8, u16

# --- vhost_ring: operations of test/fuzz/vhost_ring_fuzz.cc

NEXT, WRITE, INDIRECT = 1, 2, 4
ARM, DISARM, RESTART_RX, RESTART_TX = range(4)
TSO4, TSO6, MERGEABLE, EVENT, INDIRECT_OK, CLOSED, CALL = 3, 5, 8, 16, 32, 64, 128


def v_desc(ring, slot, where, length, flags=0, following=0):
    return u8(0, ring, slot) + u16(where, length) + u8(flags, following)


def v_offer(ring, head):
    return u8(2, ring, head)


def v_poke(offset, data):
    return u8(4) + u16(offset) + u8(len(data)) + data


V_RECEIVE, V_FORWARD, V_RELEASE = u8(5), u8(6), u8(7)


def v_send(*frames):
    return u8(8, len(frames) - 1) + b"".join(u16(length - 14) + u8(kind) for length, kind in frames)


def v_arm(what):
    return u8(9, what)


def v_header(flags=0, gso=0, size=0, start=0, field=0):
    return u8(flags, gso) + u16(0, size, start, field, 0)


def vhost_ring():
    def guest(features, *operations, log2_size=4):
        return u8(log2_size) + u16(features) + b"".join(operations)

    take = V_RECEIVE + V_FORWARD
    one = v_desc(0, 0, 0x4000, 72) + v_offer(0, 0)
    yield "rx-one", guest(0, v_poke(0x4000, v_header() + bytes(60)), one, take)
    yield "rx-many", guest(EVENT | CALL, *(v_desc(0, i, 0x4000 + 128 * i, 100) + v_offer(0, i)
                                           for i in range(16)), take, v_arm(ARM))
    yield "rx-chain", guest(0, v_desc(0, 0, 0x4000, 12, NEXT, 1), v_desc(0, 1, 0x4100, 60, NEXT, 2),
                            v_desc(0, 2, 0x5ff0, 32), v_offer(0, 0), take)
    yield "rx-loop", guest(0, v_desc(0, 0, 0x4000, 12, NEXT, 1), v_desc(0, 1, 0x4100, 60, NEXT, 0),
                           v_offer(0, 0), take)
    table = v_desc(2, 0, 0x4000, 20, NEXT, 1) + v_desc(2, 1, 0x4800, 80)
    yield "rx-indirect", guest(INDIRECT_OK, table, v_desc(0, 0, 0x3000, 32, INDIRECT),
                               v_offer(0, 0), take)
    yield "rx-indirect-nested", guest(INDIRECT_OK, v_desc(2, 0, 0x3000, 32, INDIRECT),
                                      v_desc(0, 0, 0x3000, 32, INDIRECT), v_offer(0, 0), take)
    yield "rx-checksum", guest(1, v_poke(0x4000, v_header(1, 0, 0, 34, 16) + bytes(100)),
                               v_desc(0, 0, 0x4000, 112), v_offer(0, 0), take)
    yield "rx-tso", guest(TSO4, v_poke(0x4000, v_header(1, 1, 1000, 34, 16)),
                          v_desc(0, 0, 0x4000, 0x2000), v_offer(0, 0), take)
    yield "rx-outside", guest(0, v_desc(0, 0, 0xf010, 64), v_offer(0, 0),
                              v_desc(0, 1, 0xcf00, 0x200), v_offer(0, 1), take)
    yield "rx-short", guest(0, v_desc(0, 0, 0x4000, 12), v_offer(0, 0), v_desc(0, 1, 0x4000, 13),
                            v_offer(0, 1), take)
    yield "rx-head-out-of-range", guest(0, v_offer(0, 200), take, v_arm(RESTART_RX), one, take)
    yield "rx-index-jump", guest(0, v_poke(0x802, u16(500)), take, v_arm(ARM))
    yield "rx-closed", guest(CLOSED, one, take)
    yield "rx-changed-between", guest(0, one, V_RECEIVE, v_desc(0, 0, 0xf0ff, 0xffff),
                                      v_poke(0x4000, b"\xff" * 72), V_FORWARD, one, V_RECEIVE,
                                      V_RELEASE)
    post = v_desc(1, 0, 0x4000, 1600, WRITE) + v_offer(1, 0)
    yield "tx-one", guest(CALL, post, v_send((60, 0)))
    yield "tx-burst", guest(EVENT | CALL, *(v_desc(1, i, 0x4000 + 0x800 * i, 0x800, WRITE) +
                                            v_offer(1, i) for i in range(4)),
                            v_send((60, 0), (1500, 0), (1514, 0x80), (9000, 0)))
    yield "tx-mergeable", guest(MERGEABLE, *(v_desc(1, i, 0x4000 + 512 * i, 512, WRITE) +
                                             v_offer(1, i) for i in range(16)),
                                v_send((1514, 0), (4000, 0x94)))
    yield "tx-chain", guest(0, v_desc(1, 0, 0x4000, 12, WRITE | NEXT, 1),
                            v_desc(1, 1, 0x5800, 0x1000, WRITE), v_offer(1, 0), v_send((1500, 0x88)))
    table = v_desc(2, 0, 0x4000, 100, WRITE | NEXT, 1) + v_desc(2, 1, 0x4800, 2000, WRITE)
    yield "tx-indirect", guest(INDIRECT_OK, table, v_desc(1, 0, 0x3000, 32, INDIRECT),
                               v_offer(1, 0), v_send((200, 0)))
    yield "tx-read-only", guest(0, v_desc(1, 0, 0x4000, 1600), v_offer(1, 0), v_send((60, 0)))
    yield "tx-small", guest(0, v_desc(1, 0, 0x4000, 40, WRITE), v_offer(1, 0), v_send((60, 0)))
    yield "tx-outside", guest(0, v_desc(1, 0, 0xcff0, 0x400, WRITE), v_offer(1, 0), v_send((60, 0)))
    yield "tx-tso", guest(TSO4 | MERGEABLE, *(v_desc(1, i, 0x4000 + 0x1000 * i, 0x1000, WRITE) +
                                              v_offer(1, i) for i in range(3)),
                          v_send((5000, 0xb4)))
    yield "tx-over-the-ring", guest(0, v_desc(1, 0, 0x1000, 0x800, WRITE), v_offer(1, 0),
                                    v_offer(1, 1), v_send((60, 0), (1500, 0)))
    yield "tx-head-out-of-range", guest(0, v_offer(1, 77), v_send((60, 0)), v_arm(RESTART_TX), post,
                                        v_send((60, 0)))
    yield "tx-nothing-posted", guest(0, v_send((60, 0)))


# --- vhost_message: what a front-end says

GUEST, USER, MEMORY = 0x1_0000_0000, 0x7f00_0000_0000, 0x100000
F_CSUM, F_TSO4, F_MRG, F_INDIRECT, F_EVENT = 1 | 2, 1 << 7 | 1 << 11, 1 << 15, 1 << 28, 1 << 29
F_PROTOCOL, F_VERSION_1 = 1 << 30, 1 << 32


def v_piece(data, fds=0):
    return u8(fds, len(data)) + data


def v_message(request, payload=b"", fds=0, flags=1):
    return v_piece(struct.pack("<III", request, flags, len(payload)) + payload, fds)


def v_u64(request, value, **more):
    return v_message(request, struct.pack("<Q", value), **more)


def v_state(request, index, value, **more):
    return v_message(request, struct.pack("<II", index, value), **more)


def v_memory(*regions, fds=ONE_MEMORY):
    return v_message(5, struct.pack("<II", len(regions), 0) +
                     b"".join(struct.pack("<QQQQ", *region) for region in regions), fds)


def v_ring_address(index, at):
    return v_message(9, struct.pack("<IIQQQQ", index, 0, USER + at, USER + at + 0x2000,
                                    USER + at + 0x1000, 0))


def v_ring(index, at, size=64):
    return (v_state(8, index, size) + v_state(10, index, 0) + v_ring_address(index, at) +
            v_u64(12, index, fds=ONE_EVENT) + v_u64(13, index, fds=ONE_EVENT))


def vhost_message():
    def front_end(*messages, fill=0):
        return u8(fill) + b"".join(messages)

    whole = (GUEST, MEMORY, USER, 0)
    hello = (v_message(3), v_message(1), v_u64(2, F_VERSION_1 | F_PROTOCOL), v_message(15),
             v_u64(16, 0b11001), v_message(17))
    rings = (v_memory(whole), v_ring(0, 0), v_ring(1, 0x4000))
    enable = (v_state(18, 0, 1), v_state(18, 1, 1))
    every = F_VERSION_1 | F_PROTOCOL | F_CSUM | F_TSO4 | F_MRG | F_INDIRECT | F_EVENT
    yield "hello", front_end(*hello)
    yield "whole", front_end(*hello, *rings, *enable)
    yield "whole-garbage-memory", front_end(*hello, *rings, *enable, fill=1)
    yield "every-feature", front_end(v_u64(2, every), *rings, *enable, fill=2)
    yield "without-protocol-features", front_end(v_u64(2, F_VERSION_1), *rings)
    yield "stop-and-start", front_end(*hello, *rings, *enable, v_state(11, 0, 0), v_state(11, 1, 0),
                                      v_ring(0, 0), v_ring(1, 0x4000))
    yield "new-memory", front_end(*hello, *rings, *enable, v_memory(whole), v_memory(
        (GUEST, 0x80000, USER, 0), (GUEST + 0x80000, 0x80000, USER + 0x80000, 0x80000),
        fds=0x02))
    yield "memory-taken-away", front_end(*hello, *rings, *enable,
                                         v_memory((GUEST, 4096, USER, 0)))
    yield "ring-moves", front_end(*hello, *rings, *enable, v_ring_address(0, 0x8000))
    yield "ring-outside", front_end(*hello, v_memory(whole), v_ring(0, MEMORY - 0x800))
    yield "ring-resized-late", front_end(*hello, v_memory(whole), v_state(8, 0, 64),
                                         v_ring_address(0, MEMORY - 0x3000),
                                         v_state(8, 0, 32768), v_u64(12, 0, fds=ONE_EVENT))
    yield "ring-sizes", front_end(*hello, v_state(8, 0, 0), v_state(8, 0, 3), v_state(8, 9, 64))
    yield "no-kick-fd", front_end(*hello, v_memory(whole), v_state(8, 1, 64),
                                  v_ring_address(1, 0x4000), v_u64(12, 1 | 256))
    yield "events-replaced", front_end(*hello, *rings, *enable, v_u64(12, 0, fds=ONE_EVENT),
                                       v_u64(13, 1, fds=ONE_EVENT), v_u64(14, 0, fds=ONE_EVENT))
    yield "wrong-files", front_end(*hello, v_memory(whole, fds=ONE_EVENT))
    yield "wrong-kick", front_end(*hello, v_memory(whole), v_u64(12, 0, fds=ONE_NULL))
    yield "small-file", front_end(*hello, v_memory(whole, fds=ONE_SMALL))
    yield "missing-fd", front_end(*hello, v_memory(whole, fds=0))
    yield "many-fds", front_end(v_message(1, fds=0x4f))
    yield "overlap", front_end(v_memory(whole, (GUEST + 4096, 4096, USER + MEMORY, 0), fds=0x02))
    yield "wrapping", front_end(v_memory((2**64 - 4096, 8192, USER, 0)))
    yield "acks", front_end(*hello, v_u64(20, 1500, flags=9), v_u64(20, 1, flags=9),
                            v_state(18, 7, 1, flags=9), v_message(99, b"unknown", flags=9))
    yield "unknown", front_end(v_message(31, bytes(8)))
    yield "wrong-version", front_end(v_message(1, flags=2))
    yield "reply", front_end(v_message(1, flags=5))
    yield "too-long", front_end(v_piece(struct.pack("<III", 5, 1, 4096)))
    yield "in-small-pieces", front_end(v_piece(u8(1, 0)), v_piece(u8(0, 0, 1)), v_piece(bytes(7)),
                                       v_message(17))
    yield "cut-short", front_end(*hello, v_piece(struct.pack("<III", 9, 1, 40) + bytes(10)))
    yield "features-without-version", front_end(v_u64(2, F_PROTOCOL))
    yield "tso-without-checksum", front_end(v_u64(2, F_VERSION_1 | F_TSO4))
