"""One TCP stream between two socket pods (network namespaces) over what joins them.

The switch has its CPU; where the stream's ends run is left to the kernel for everyone alike, since
a TAP's write runs the receiving pod's stack on the switch's CPU anyway.
"""
from lib.rounds import Case
from peers.tap import KernelBridge, OvsTap, PolluxTap, TcpStream


def cases(settings, peers):
    found = []
    if "pollux" in peers and PolluxTap.is_built(settings):
        found.append(TcpStream(PolluxTap))
    if "ovs" in peers:
        found += [TcpStream(OvsTap, tso=False), TcpStream(OvsTap, tso=True)]
    if "kernel" in peers:
        found.append(TcpStream(KernelBridge))
    yield Case("tap-tcp", None, 1, found)
