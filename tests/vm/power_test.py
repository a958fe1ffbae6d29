#!/usr/bin/env python3
"""Reboots and power cuts of a machine on which Holdfast works, from outside.

A load in the guest (load.cc) tells the host of each step before it takes the
next: what an orchestrator was shown, what it acknowledged. Whatever happens to
the machine then, all of that must be on its disk (scan.cc), and the agent must
start by itself, strictly."""

import argparse
import base64
import gzip
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "hack"))
sys.dont_write_bytecode = True

from vm_driver import image, stage  # noqa: E402
from vm_driver.disk import copy_disk, make_disk  # noqa: E402
from vm_driver.disk_log import DiskLog  # noqa: E402
from vm_driver.machine import Machine  # noqa: E402

LOAD = "/share/bin/vm_load /run/holdfast/holdfastd.sock /dev/hvc1"
SCAN = "/share/bin/vm_scan /var/lib/holdfast /tmp/lines"
STATUS = "systemctl show --value -p StatusText holdfastd.service"
WORKERS = 4
options = None  # of the command line


class Listener(threading.Thread):
    """Notes down each line of the load, and only then lets it go on."""

    def __init__(self, machine, position=lambda: 0):
        super().__init__(daemon=True)
        self.lines = []  # (position when it came, line)
        self._position = position
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(machine.events_socket())
        self.start()

    def run(self):
        received = b""
        while data := self._receive():
            received += data
            while b"\n" in received:
                line, received = received.split(b"\n", 1)
                self.lines.append((self._position(), line.decode() + "\n"))
                self._answer()
        self._socket.close()

    def text(self, until=None):
        """All of them, or those that had come when `position` was `until`."""
        return "".join(line for position, line in self.lines
                       if until is None or position <= until)

    def await_line(self, timeout=120):
        deadline = time.monotonic() + timeout
        while not self.lines:
            if time.monotonic() > deadline:
                raise TimeoutError("the load does not begin")
            time.sleep(0.01)

    def _receive(self):
        try:
            return self._socket.recv(4096)
        except OSError:
            return b""

    def _answer(self):
        try:
            self._socket.sendall(b".")
        except OSError:
            pass  # its power was cut


class PowerTest(unittest.TestCase):
    """Each case begins with the same machine, with an agent that serves."""

    @classmethod
    def setUpClass(cls):
        cls.image = image.find_or_build()
        cls.directory = tempfile.mkdtemp(prefix="holdfast-power-")
        cls.addClassCleanup(shutil.rmtree, cls.directory, True)
        cls.share = cls.path("share.ext4")
        stage.pack(options.build, cls.share)
        make_disk(cls.path("first.ext4"), megabytes=64)
        with Machine(cls.image, share=cls.share,
                     data=cls.path("first.ext4")) as machine:
            machine.check(stage.INSTALL)
            machine.check("systemctl enable --quiet --now holdfastd.service\n"
                          "systemctl is-system-running --wait")
            machine.save_snapshot(cls.directory)
        copy_disk(cls.path("first.ext4"), cls.path("base.ext4"))

    @classmethod
    def path(cls, name):
        return os.path.join(cls.directory, name)

    def fresh_machine(self, data_log=None):
        data = self.path("data.ext4")
        copy_disk(self.path("base.ext4"), data)
        return Machine(self.image, share=self.share, data=data,
                       data_log=data_log, snapshot=self.directory)

    def await_agent(self, machine):
        """It was started by nobody but systemd, and recovery is complete."""
        deadline = time.monotonic() + 120
        while not (status := machine.check(STATUS)).startswith("serving"):
            self.assertLess(time.monotonic(), deadline, status
                            + machine.run("journalctl -u holdfastd").output)
            time.sleep(0.2)

    def check_kept(self, machine, lines):
        """All that was shown is on the disk, and every task has ended."""
        packed = base64.b64encode(gzip.compress(lines.encode())).decode()
        machine.check(f"echo {packed} | base64 -d | gzip -d >/tmp/lines")
        result = machine.run(f"{SCAN} ended")
        self.assertEqual((result.exit_code, result.output), (0, ""))

    def agent_id(self, machine):
        return machine.check("/usr/bin/holdfastctl info | grep -i '^agent'")


class Reboot(PowerTest):
    def test_ends_each_task_with_its_reason_and_starts_none_again(self):
        with self.fresh_machine() as machine:
            listener = Listener(machine)
            machine.check(f"{LOAD} 2 3")
            agent_id, boot_id = self.agent_id(machine), machine.boot_id

            machine.reboot()

            self.assertNotEqual(machine.boot_id, boot_id)
            self.await_agent(machine)
            self.assertEqual(self.agent_id(machine), agent_id)
            self.check_kept(machine, listener.text())
            self.check_rebooted(machine)
            self.assertEqual(machine.run("pgrep -x sleep").output, "")

    def check_rebooted(self, machine):
        """The two that ran on (load.cc) have the reason, and their start."""
        for task in ("load0-1", "load1-1"):
            told = machine.check(f"/usr/bin/holdfastctl inspect {task} -o json")
            self.assertIn("REASON_AGENT_REBOOTED", told)
            self.assertIn("start_time", told)


class PowerCuts(PowerTest):
    def test_lose_nothing_that_was_shown(self):
        seed = options.seed or random.randrange(1 << 32)
        dice = random.Random(seed)
        lines = 0
        for cut in range(options.cuts):
            delay = dice.uniform(0, 5)
            with self.subTest(cut=cut, seed=seed, delay=delay), \
                    self.fresh_machine() as machine:
                listener = Listener(machine)
                machine.check(f"{LOAD} {WORKERS} 0 >/dev/null 2>&1 &")
                listener.await_line()
                time.sleep(delay)
                machine.cut_power()
                lines += len(listener.lines)

                machine.start()

                self.await_agent(machine)
                self.check_kept(machine, listener.text())
        self.assertGreater(lines, 0)
        print(f"{options.cuts} power cuts at random moments (seed {seed}), "
              f"{lines} lines shown before them")


class EveryWrite(PowerTest):
    def test_leaves_all_that_was_shown_by_then(self):
        log = self.path("writes.log")
        with self.fresh_machine(data_log=log) as machine:
            listener = Listener(machine, lambda: os.path.getsize(log))
            machine.check(f"{LOAD} 1 {options.tasks}")
            machine.cut_power()
        writes = DiskLog(log)
        # A disk from before the load has none of it: the check can fail.
        self.assertIn("is not on the disk", self.complaints(
            self.path("base.ext4"), listener.text()))

        checked = self.replay(writes, listener)

        print(f"{checked} power cuts, one after each of the "
              f"{len(writes.entries)} writes and flushes of the load; "
              f"{len(listener.lines)} lines shown meanwhile")

    def replay(self, log, listener):
        disk = self.path("replayed.ext4")
        copy_disk(self.path("base.ext4"), disk)
        checked = 0
        with open(disk, "r+b") as written:
            for number, entry in enumerate(log.entries):
                log.apply(entry, written)
                written.flush()
                # A disk may lose what came after a flush: this image must do
                # for all that was shown until the next one.
                last = entry
                if entry.is_flush:
                    last = self.before_next_flush(log.entries, number)
                with self.subTest(write=number, of=len(log.entries)):
                    lines = listener.text(until=last.end)
                    self.assertEqual(self.complaints(disk, lines), "")
                checked += 1
        self.assertEqual(self.complaints(disk, listener.text()), "")
        return checked

    @staticmethod
    def before_next_flush(entries, number):
        following = number + 1
        while following < len(entries) and not entries[following].is_flush:
            following += 1
        return entries[following - 1]

    def complaints(self, disk, lines):
        """A copy is mounted, which replays its journal, and read."""
        copy, mounted = self.path("cut.ext4"), self.path("mounted")
        copy_disk(disk, copy)
        with open(self.path("lines"), "w") as file:
            file.write(lines)
        os.makedirs(mounted, exist_ok=True)
        subprocess.run(["mount", "-o", "loop", copy, mounted], check=True)
        try:
            result = subprocess.run(
                [f"{options.build}/bin/vm_scan", mounted, self.path("lines")],
                capture_output=True, text=True)
        finally:
            subprocess.run(["umount", mounted], check=True)
        self.assertIn(result.returncode, (0, 1), result.stderr)
        return result.stdout


def main():
    global options
    parser = argparse.ArgumentParser(prog="hack/vm power", description=__doc__)
    parser.add_argument("--build", default=os.path.join(ROOT, "build/dev"),
                        help=argparse.SUPPRESS)
    parser.add_argument("--cuts", type=int, default=3,
                        help="power cuts at random moments (default: 3)")
    parser.add_argument("--tasks", type=int, default=3,
                        help="of the load whose every write is replayed")
    parser.add_argument("--seed", type=int, help="of the random moments")
    options, rest = parser.parse_known_args()
    try:
        image.find_or_build()
    except image.Unavailable as error:
        print(f"skipped: {error}", file=sys.stderr)
        return 77
    program = unittest.main(argv=[sys.argv[0], "-v", *rest], exit=False)
    return 0 if program.result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
