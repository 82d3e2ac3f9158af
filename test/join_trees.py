#!/usr/bin/env python3
"""Joins tests of several build trees in one ctest run, so that there is one summary.

    join_trees.py OUT PRESET=LABELS...      e.g. build/all release='unit|packet' tsan=threads

Writes OUT/CTestTestfile.cmake: each tree's tests whose labels match, named PRESET/TEST and labelled
with the tree as well.
"""
import json
import pathlib
import subprocess
import sys


def tests_of(tree, labels):
    listing = subprocess.run(
        ["ctest", "--test-dir", tree, "--show-only=json-v1", "-L", labels],
        check=True, capture_output=True, text=True).stdout
    return json.loads(listing)["tests"]


def quote(value):
    return "[==[" + str(value) + "]==]"


def cmake_value(name, value, preset):
    values = value if isinstance(value, list) else [value]
    if name == "DEPENDS":
        values = [f"{preset}/{test}" for test in values]
    if name == "LABELS":
        values = values + [preset]
    return quote(";".join(str(v) for v in values))


def entry(test, preset):
    name = quote(f"{preset}/{test['name']}")
    if "command" not in test:
        sys.exit(f"{preset}: the program of the test {test['name']} was not built")
    properties = " ".join(f"{p['name']} {cmake_value(p['name'], p['value'], preset)}"
                          for p in test["properties"])
    command = " ".join(quote(word) for word in test["command"])
    return f"add_test({name} {command})\nset_tests_properties({name} PROPERTIES {properties})\n"


def main():
    out, *trees = sys.argv[1:]
    text = ""
    for preset, labels in (tree.split("=", 1) for tree in trees):
        text += "".join(entry(t, preset) for t in tests_of(f"build/{preset}", labels))
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    (pathlib.Path(out) / "CTestTestfile.cmake").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
