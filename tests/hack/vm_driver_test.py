#!/usr/bin/env python3
"""What hack/vm_driver decides without a machine."""

import io
import os
import struct
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "hack"))
sys.dont_write_bytecode = True

from vm_driver import image  # noqa: E402
from vm_driver.disk_log import DISCARD, FLUSH, MAGIC, DiskLog  # noqa: E402
from vm_driver.guest_tests import judge  # noqa: E402

OUTPUT = """[ RUN      ] A.Passes
[       OK ] A.Passes (1 ms)
[ RUN      ] A/B.Passes/v2
[       OK ] A/B.Passes/v2 (1 ms)
[ RUN      ] A.Skips
[  SKIPPED ] A.Skips (0 ms)
[ RUN      ] A.Fails
[  FAILED  ] A.Fails (2 ms)
[  PASSED  ] 1 test.
[  FAILED  ] 1 test, listed below:
[  FAILED  ] A.Fails
"""


class Judge(unittest.TestCase):
    def test_counts_each_test_once(self):
        outcome = judge("a_test", 1, OUTPUT)

        self.assertEqual((outcome.passed, outcome.failed, outcome.skipped),
                         (2, ["A.Fails"], 1))

    def test_takes_a_program_that_died_for_a_failed_test(self):
        outcome = judge("a_test", 139, "[       OK ] A.Passes (1 ms)\n")

        self.assertEqual(outcome.failed, ["a_test ended with 139"])


class Recipe(unittest.TestCase):
    def test_has_no_cache_of_its_own_where_one_is_named(self):
        os.environ["HOLDFAST_VM_CACHE"] = "/elsewhere"
        self.addCleanup(os.environ.pop, "HOLDFAST_VM_CACHE")

        self.assertEqual(image.cache_directory(), "/elsewhere")


class Log(unittest.TestCase):
    """Sectors of 512 bytes: the superblock; a write of b"A" to sector 1 and
    of b"B" over it; a flush; a discard; the file's end."""

    def setUp(self):
        def sector(*fields):
            return struct.pack("<QQQQ", *fields).ljust(512, b"\0")

        with tempfile.NamedTemporaryFile(delete=False) as log:
            log.write(struct.pack("<QQQI", MAGIC, 1, 0, 512).ljust(512, b"\0"))
            log.write(sector(1, 1, 0, 0) + b"A" * 512)
            log.write(sector(1, 1, 0, 0) + b"B" * 512)
            log.write(sector(0, 0, FLUSH, 0))
            log.write(sector(1, 1, DISCARD, 0))
        self.addCleanup(os.unlink, log.name)
        self.log = DiskLog(log.name)

    def test_has_each_write_flush_and_discard(self):
        ends = [entry.end for entry in self.log.entries]
        flushes = [entry.is_flush for entry in self.log.entries]

        self.assertEqual(ends, [1536, 2560, 3072, 3584])
        self.assertEqual(flushes, [False, False, True, False])

    def test_makes_the_disk_as_it_was_after_each(self):
        disk = io.BytesIO(b"." * 1024)
        seen = []
        for entry in self.log.entries:
            self.log.apply(entry, disk)
            seen.append(disk.getvalue()[511:513])

        self.assertEqual(seen, [b".A", b".B", b".B", b".B"])

    def test_refuses_another_file(self):
        with self.assertRaises(ValueError):
            DiskLog(__file__)


if __name__ == "__main__":
    unittest.main()
