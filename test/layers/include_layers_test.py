#!/usr/bin/env python3
"""Keeps the rooms in order: includes point one way, files stay small, headers say why they exist.

The order is that of docs/architecture.md. The checker is a pure function of {path: text}; the rows
below prove that it finds each kind of violation before it is let loose on the tree.
"""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAX_FILE_LINES = 600
MAX_JOURNEY_LINES = 80  # dataplane/pipeline.h lists the steps and nothing else

# Room -> rank. A file may include its own room and rooms of a lower rank; rooms of the same rank
# do not know each other. The longest matching prefix is a file's room.
RANK = {
    "dataplane/net": 0,
    "dataplane/core": 1,
    "dataplane/tables": 2,
    "policy": 2,
    "vhost": 2,
    "dataplane/stages": 3,
    "dataplane": 4,  # pipeline, worker, eal, dataplane.h
    "control/proto": 4,  # generated
    "control/state": 5,
    "control": 6,
    "perf": 7,
    "test": 7,
}
# Rooms outside the order: what they may include besides themselves.
ONLY = {
    "cni": {"dataplane/net", "control/proto"},
    "control/vswitchctl": {"dataplane/net", "control/proto"},
}
# Libraries that a room must not know.
DPDK, RPC = r"rte_", r"(grpc|google/protobuf|control/proto)"
FORBIDDEN_LIBRARIES = {
    "dataplane/net": f"{DPDK}|{RPC}",
    "dataplane/core": RPC,
    "dataplane/tables": RPC,
    "dataplane/stages": RPC,
    "dataplane": RPC,
    "vhost": RPC,
    "policy": f"{DPDK}|{RPC}",
    "control/vswitchctl": DPDK,
    "cni": f"{DPDK}|grpc",
}
ROOMS = sorted({*RANK, *ONLY}, key=len, reverse=True)
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.MULTILINE)


def room_of(path):
    return next((room for room in ROOMS if path.startswith(room + "/")), None)


def is_test(path):
    return room_of(path) in ("test", "perf") or re.search(r"_(test|fuzz|bench)\.cc$", path)


def include_allowed(path, target):
    room, other = room_of(path), room_of(target)
    if other is None or other == room:
        return True
    if is_test(path) and other == "test":
        return True
    if room in ONLY:
        return other in ONLY[room]
    return other not in ONLY and RANK[other] < RANK[room]


def include_violations(path, text):
    forbidden = FORBIDDEN_LIBRARIES.get(room_of(path))
    for quote, target in INCLUDE.findall(text):
        if quote == '"' and not include_allowed(path, target):
            yield f"{path}: must not include {target}"
        if forbidden and not is_test(path) and re.match(forbidden, target):
            yield f"{path}: {room_of(path)} must not know {target}"


def size_violations(path, text):
    lines = text.count("\n")
    limit = MAX_JOURNEY_LINES if path == "dataplane/pipeline.h" else MAX_FILE_LINES
    if lines > limit:
        yield f"{path}: {lines} lines, at most {limit}"


def header_violations(path, text):
    if not path.endswith(".h"):
        return
    opening = text.split("#pragma once")[0]
    if not opening.startswith("//"):
        yield f"{path}: a header opens with why it exists"
    elif not is_test(path) and "hreading" not in opening:
        yield f"{path}: a header opens with its threading contract"


def violations(files):
    found = []
    for path, text in sorted(files.items()):
        found += size_violations(path, text)
        if path.endswith((".h", ".cc")) and room_of(path):
            found += include_violations(path, text)
            found += header_violations(path, text)
    return found


def tree():
    rooms = ("cni", "control", "dataplane", "docs", "meson-deps", "perf", "policy", "test", "vhost")
    sources = (".h", ".cc", ".py", ".sh", ".proto", ".cmake", ".txt")
    paths = [p for room in rooms for p in (ROOT / room).rglob("*") if p.suffix in sources]
    return {str(p.relative_to(ROOT)): p.read_text(encoding="utf-8") for p in paths}


class IncludeLayers(unittest.TestCase):
    FINDS = [
        ("a lower room knows a higher one",
         "dataplane/net/a.cc", '#include "dataplane/core/packet.h"\n'),
        ("siblings know each other",
         "vhost/tap/a.cc", '#include "policy/verdict_map.h"\n'),
        ("a step knows the worker",
         "dataplane/stages/a.cc", '#include "dataplane/worker.h"\n'),
        ("the packet path knows control",
         "dataplane/worker.cc", '#include "control/state/desired.h"\n'),
        ("the state knows the API's server",
         "control/state/a.cc", '#include "control/rpc/server.h"\n'),
        ("the command line knows the switch",
         "control/vswitchctl/a.cc", '#include "dataplane/dataplane.h"\n'),
        ("the plugin knows the agent", "cni/a.cc", '#include "control/agent/a.h"\n'),
        ("control knows the command line",
         "control/rpc/a.cc", '#include "control/vswitchctl/table.h"\n'),
        ("product code knows test code", "vhost/a.cc", '#include "test/dsl/packet.h"\n'),
        ("net knows DPDK", "dataplane/net/a.cc", "#include <rte_ether.h>\n"),
        ("a step knows the API", "dataplane/stages/a.cc", '#include "control/proto/v1/a.pb.h"\n'),
        ("the plugin knows gRPC", "cni/a.cc", "#include <grpcpp/grpcpp.h>\n"),
        ("a file is too long", "policy/a.cc", "\n" * (MAX_FILE_LINES + 1)),
        ("the journey is too long", "dataplane/pipeline.h",
         "// Why. Threading: none.\n#pragma once\n" + "\n" * MAX_JOURNEY_LINES),
        ("a header without its why", "policy/a.h", "#pragma once\n"),
        ("a header without its threading", "policy/a.h", "// Why.\n#pragma once\n"),
    ]
    PASSES = [
        ("a step uses core", "dataplane/stages/a.cc", '#include "dataplane/core/packet.h"\n'),
        ("a unit test uses the packet language",
         "dataplane/stages/a_test.cc", '#include "test/dsl/packet.h"\n'),
        ("a daemon wires everything", "control/vswitchd/main.cc",
         '#include "dataplane/dataplane.h"\n#include "vhost/event_loop.h"\n'),
        ("a good header", "policy/a.h", "// Why.\n// Threading: plain values.\n#pragma once\n"),
    ]

    def test_each_kind_of_violation_is_found(self):
        for sentence, path, text in self.FINDS:
            with self.subTest(sentence):
                self.assertNotEqual(violations({path: text}), [])

    def test_what_is_right_passes(self):
        for sentence, path, text in self.PASSES:
            with self.subTest(sentence):
                self.assertEqual(violations({path: text}), [])

    def test_the_tree(self):
        files = tree()
        self.assertIn("dataplane/core/drop_reason.h", files)
        self.assertEqual(violations(files), [])


if __name__ == "__main__":
    unittest.main()
