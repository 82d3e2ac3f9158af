"""Little-endian fields and file descriptors in the inputs of several targets."""
import struct

# Descriptors that come with a message: which kind, and how many.
ONE_MEMORY, ONE_EVENT, ONE_SMALL, ONE_NULL = 0x01, 0x11, 0x21, 0x31


def u8(*values):
    return bytes(v & 0xff for v in values)


def u16(*values):
    return struct.pack(f"<{len(values)}H", *values)
