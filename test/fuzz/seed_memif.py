"""What a memif peer says and puts into its rings."""
import struct

from seed_bytes import ONE_EVENT, ONE_MEMORY, ONE_NULL, ONE_SMALL, u8, u16

# --- memif_ring: operations of test/fuzz/memif_ring_fuzz.cc

SERVER, CLIENT = 0, 1


def m_desc(ring, slot, length, offset, flags=0, region=1):
    return u8(0, ring | slot << 1, flags | region << 2) + u16(length, offset)


def m_index(ring, by):
    return u8(2, ring, by)


def m_poke(region, offset, data):
    return u8(3, region) + u16(offset) + u8(len(data)) + data


M_RECEIVE, M_FORWARD, M_RELEASE = u8(4), u8(5), u8(6)


def m_send(*frames):
    return u8(7, len(frames) - 1) + b"".join(u16(length - 14) + u8(kind) for length, kind in frames)


def memif_ring():
    def link(role, *operations, log2_size=2):
        return u8(role, log2_size) + b"".join(operations)

    take = M_RECEIVE + M_FORWARD
    for role, name in ((SERVER, "server"), (CLIENT, "client")):
        yield f"{name}-rx-one", link(role, m_desc(0, 0, 60, 0), m_index(0, 1), take)
        yield f"{name}-rx-many", link(role, *(m_desc(0, i, 100 + i, 256 * i) for i in range(16)),
                                      m_index(0, 16), take, m_index(0, 3), take)
        yield f"{name}-rx-chain", link(role, m_desc(0, 0, 60, 0, 1), m_desc(0, 1, 60, 512, 1),
                                       m_desc(0, 2, 8, 1024), m_index(0, 3), take)
        yield f"{name}-rx-open-chain", link(role, m_desc(0, 0, 60, 0, 1), m_index(0, 1), take)
        yield f"{name}-rx-endless-chain", link(role, *(m_desc(0, i, 9, i, 1) for i in range(64)),
                                               m_index(0, 64), take, take, m_index(0, 64), take,
                                               log2_size=4)
        yield f"{name}-rx-outside", link(role, m_desc(0, 0, 100, 0x3fa0), m_desc(0, 1, 60, 0, 0, 3),
                                         m_desc(0, 2, 0xffff, 16), m_desc(0, 3, 0, 0),
                                         m_index(0, 4), take)
        yield f"{name}-rx-jump", link(role, m_index(0, 200), take, m_index(0, 57), take)
        yield f"{name}-rx-changed", link(role, m_desc(0, 0, 60, 0), m_index(0, 1), M_RECEIVE,
                                         m_desc(0, 0, 0xffff, 0xffff),
                                         m_poke(1, 0, b"\xee" * 60), M_FORWARD, M_RELEASE)
        yield f"{name}-tx-one", link(role, m_desc(1, 0, 2048, 0), m_index(1, 1), m_send((60, 0)))
        yield f"{name}-tx-many", link(role, *(m_desc(1, i, 1024, 1024 * i) for i in range(16)),
                                      m_index(1, 16),
                                      m_send((60, 0), (1500, 0x94), (3000, 0x90), (4000, 0)))
        yield f"{name}-tx-outside", link(role, m_desc(1, 0, 2048, 0x3f00), m_desc(1, 1, 64, 0),
                                         m_index(1, 2), m_send((60, 0), (64, 0)))
        yield f"{name}-tx-over-the-ring", link(role, m_desc(1, 0, 0x1000, 0x1000, 0, 0),
                                               m_index(1, 3), m_send((2000, 0), (60, 0)))
        yield f"{name}-tx-jump", link(role, m_index(1, 99), m_send((60, 0)), m_send((60, 0)))
        yield f"{name}-tx-nothing-lent", link(role, m_send((60, 0)))


# --- memif_message

ACK, HELLO, INIT, ADD_REGION, ADD_RING, CONNECT, CONNECTED, DISCONNECT = range(1, 9)


def m_message(kind, fields=b"", fds=0):
    body = u16(kind) + fields
    return u8(fds, len(body) + len(body) % 2) + body + bytes(len(body) % 2)


def m_init(identity=7, version=0x200, mode=0):
    return m_message(INIT, struct.pack("<HIB24s32s", version, identity, mode, b"", b"fuzz"))


def m_region(size, index=0, fds=ONE_MEMORY):
    return m_message(ADD_REGION, struct.pack("<HQ", index, size), fds)


def m_ring(to_server, index, offset, log2=4, region=0, private=0, fds=ONE_EVENT):
    return m_message(ADD_RING, struct.pack("<HHHIBH", to_server, index, region, offset, log2,
                                           private), fds)


def m_hello(version=0x200, highest=1, log2=10):
    return m_message(HELLO, struct.pack("<32sHHHHHB", b"server", version, version, 1, highest,
                                        highest, log2))


def memif_message():
    ring_bytes = 128 + 16 * 16
    region_bytes = 4 * ring_bytes + 4 * 16 * 2048
    connect = m_message(CONNECT, struct.pack("<32s", b"client"))

    def client(*messages):
        return u8(0) + b"".join(messages)

    def server(*messages):
        return u8(1) + b"".join(messages)

    two = (m_ring(1, 0, 0), m_ring(0, 0, 2 * ring_bytes))
    start = (m_init(), m_region(region_bytes))
    yield "client-whole", client(*start, *two, connect)
    yield "client-four-rings", client(*start, *two, m_ring(1, 1, ring_bytes),
                                      m_ring(0, 1, 3 * ring_bytes), connect)
    yield "client-leaves", client(*start, *two, connect,
                                  m_message(DISCONNECT, struct.pack("<I96s", 0, b"bye")))
    yield "client-speaks-after", client(*start, *two, connect, m_init())
    yield "client-no-such-interface", client(m_init(identity=8))
    yield "client-other-version", client(m_init(version=0x300))
    yield "client-ip-mode", client(m_init(mode=1))
    yield "client-no-such-mode", client(m_init(mode=9))
    yield "client-unsealed", client(m_init(), m_region(4096, fds=ONE_SMALL))
    yield "client-region-too-large", client(m_init(), m_region(region_bytes * 2))
    yield "client-region-of-nothing", client(m_init(), m_region(0))
    yield "client-wrong-file", client(m_init(), m_region(4096, fds=ONE_EVENT))
    yield "client-region-index", client(m_init(), m_region(region_bytes, index=1))
    yield "client-two-regions", client(*start, m_region(region_bytes, index=1), *two, connect)
    yield "client-ring-outside", client(*start, m_ring(1, 0, region_bytes - 64))
    yield "client-ring-unaligned", client(*start, m_ring(1, 0, 4))
    yield "client-ring-sizes", client(*start, m_ring(1, 0, 0, log2=15))
    yield "client-ring-without-cookie", client(*start, m_ring(1, 0, 4 * ring_bytes), connect)
    yield "client-rings-overlap", client(*start, m_ring(1, 0, 0), m_ring(0, 0, 0), connect)
    yield "client-ring-index", client(*start, m_ring(1, 1, 0))
    yield "client-too-many-rings", client(*start, m_ring(1, 0, 0), m_ring(1, 1, ring_bytes),
                                          m_ring(1, 2, 2 * ring_bytes))
    yield "client-private-header", client(*start, m_ring(1, 0, 0, private=16))
    yield "client-ring-wrong-file", client(*start, m_ring(1, 0, 0, fds=ONE_NULL))
    yield "client-no-descriptor", client(m_init(), m_region(region_bytes, fds=0))
    yield "client-many-descriptors", client(m_message(INIT, fds=0x4f))
    yield "client-connects-at-once", client(m_init(), connect)
    yield "client-unknown", client(m_message(77))
    yield "client-short", client(u8(0, 3) + b"\1\0\0")
    acks = [m_message(ACK)] * 4
    connected = m_message(CONNECTED, struct.pack("<32s", b"server"))
    yield "server-whole", server(m_hello(), *acks, connected)
    yield "server-leaves", server(m_hello(), *acks, connected, m_message(DISCONNECT))
    yield "server-small-rings", server(m_hello(highest=0, log2=2), *acks, connected)
    yield "server-tiny-rings", server(m_hello(log2=1))
    yield "server-other-version", server(m_hello(version=0x300))
    yield "server-refuses", server(m_hello(), m_message(DISCONNECT, struct.pack("<I96s", 1, b"no")))
    yield "server-out-of-order", server(m_hello(), connected)
    yield "server-one-ack-too-many", server(m_hello(), *acks, *acks, connected)
    yield "server-silent", server()
