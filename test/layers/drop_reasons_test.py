#!/usr/bin/env python3
"""Every drop reason is provoked by a test, or at least named by one.

Looks for each row of dataplane/core/drop_reason.h in the tests: by identifier in C++, by name in
Python. Whether the test that names it really provokes it is the reviewer's question.
"""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROW = re.compile(r'X\((k\w+), "(\w+)",')


def rows(table):
    return ROW.findall(table)


def untested(reasons, tests):
    return [name for identifier, name in reasons
            if not re.search(rf'\b{identifier}\b|"{name}"', tests)]


def texts(*patterns):
    return "\n".join(path.read_text(encoding="utf-8")
                     for pattern in patterns for path in ROOT.glob(pattern)
                     if path.resolve() != pathlib.Path(__file__).resolve())


class DropReasons(unittest.TestCase):
    def test_the_search_tells_named_from_forgotten(self):
        reasons = rows('X(kOne, "one", "parse", k, "")\nX(kTwo, "two", "parse", k, "")')
        self.assertEqual(untested(reasons, "EXPECT_EQ(drop, DropReason::kTwo)"), ["one"])
        self.assertEqual(untested(reasons, 'drops("one")["kTwofold"]'), ["two"])

    def test_every_reason_is_named_by_a_test(self):
        reasons = rows((ROOT / "dataplane/core/drop_reason.h").read_text(encoding="utf-8"))
        self.assertGreater(len(reasons), 40)
        tests = texts("dataplane/**/*_test.cc", "vhost/**/*_test.cc", "control/**/*_test.cc",
                      "test/**/*.cc", "test/**/*.py")
        self.assertEqual(untested(reasons, tests), [])


if __name__ == "__main__":
    unittest.main()
