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
MOST_LINES = 60  # some 12 tasks
LOSSES = 3  # for each flush
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

    def await_lines(self, count, timeout=600):
        deadline = time.monotonic() + timeout
        while len(self.lines) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"the load shows no more than {self.lines}")
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


class Setting:
    """A machine with an agent that serves, to begin each case with."""

    def __init__(self):
        self.image = image.find_or_build()
        self.directory = tempfile.mkdtemp(prefix="holdfast-power-")
        self.share = self.path("share.ext4")

    def make(self):
        stage.pack(options.build, self.share)
        disk = self.path("first.ext4")
        make_disk(disk, megabytes=64)
        with Machine(self.image, share=self.share, data=disk) as machine:
            machine.check(stage.INSTALL)
            machine.check("systemctl enable --quiet --now holdfastd.service\n"
                          "systemctl is-system-running --wait")
            machine.save_snapshot(self.directory)
        os.rename(disk, self.path("base.ext4"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def remove(self):
        shutil.rmtree(self.directory, True)


setting = None


def setUpModule():
    global setting
    setting = Setting()
    unittest.addModuleCleanup(setting.remove)
    setting.make()


class PowerTest(unittest.TestCase):
    def path(self, name):
        return setting.path(name)

    def fresh_machine(self, data_log=None):
        data = self.path("data.ext4")
        copy_disk(self.path("base.ext4"), data)
        return Machine(setting.image, share=setting.share, data=data,
                       data_log=data_log, snapshot=setting.directory)

    def await_agent(self, machine):
        """It was started by nobody but systemd, and recovery is complete."""
        deadline = time.monotonic() + 600
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
        """The two that ran on (load.cc) were ended by their shims, which were
        told why: reason, start and end are known."""
        for task in ("load0-1", "load1-1"):
            told = machine.check(f"/usr/bin/holdfastctl inspect {task} -o json")
            self.assertIn("REASON_AGENT_REBOOTED", told)
            self.assertIn("start_time", told)
            self.assertIn("The host went down; the executor was ended and "
                          "terminated by signal 15", told)


class PowerCuts(PowerTest):
    def test_lose_nothing_that_was_shown(self):
        seed = options.seed or random.randrange(1 << 32)
        lines = [self.cut(seed, number) for number in range(options.cuts)]
        self.assertGreater(sum(lines), 0)
        print(f"{options.cuts} power cuts at random moments (seed {seed}), "
              f"{sum(lines)} lines shown before them")

    def cut(self, seed, number):
        """How many lines the load had shown."""
        dice = random.Random(f"{seed} {number}")
        # The machine's pace is the host's; its lines tell how far it is.
        after, delay = dice.randrange(1, MOST_LINES), dice.uniform(0, 0.3)
        with self.subTest(cut=number, seed=seed, lines=after, delay=delay), \
                self.fresh_machine() as machine:
            listener = Listener(machine)
            machine.check(f"{LOAD} {WORKERS} 0 >/dev/null 2>&1 &")
            listener.await_lines(after)
            time.sleep(delay)
            machine.cut_power()

            machine.start()

            self.await_agent(machine)
            self.check_kept(machine, listener.text())
            print(f"cut {number}: {len(listener.lines)} lines shown",
                  flush=True)
        return len(listener.lines)


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

        self.check_every_write(writes, listener)
        self.check_lost_writes(writes, listener)

    def check_every_write(self, log, listener):
        """The writes reach the disk in their order, up to each of them."""
        disk = self.path("replayed.ext4")
        copy_disk(self.path("base.ext4"), disk)
        with open(disk, "r+b") as written:
            for number, entry in enumerate(log.entries):
                log.apply(entry, written)
                written.flush()
                # A disk may lose what came after a flush: this image must do
                # for all that was shown until the next one.
                last = entry
                if entry.is_flush:
                    last = self.before_next_flush(log.entries, number)
                self.check_cut(disk, number, listener.text(until=last.end))
        self.assertEqual(self.complaints(disk, listener.text()), "")
        print(f"{len(log.entries)} power cuts, one after each write and flush "
              f"of the load; {len(listener.lines)} lines shown meanwhile")

    def check_lost_writes(self, log, listener):
        """A disk writes in any order what it was not yet told to flush: of two
        or more such writes, some reach it."""
        flushed, disk = self.path("flushed.ext4"), self.path("replayed.ext4")
        copy_disk(self.path("base.ext4"), flushed)
        dice = random.Random(options.seed)
        checked, waiting = 0, []
        for number, entry in enumerate(log.entries):
            if not entry.is_flush:
                waiting.append(entry)
                continue
            for _ in range(LOSSES if len(waiting) > 1 else 0):
                copy_disk(flushed, disk)
                some = [e for e in waiting if dice.random() < 0.5]
                self.apply(log, some, disk)
                self.check_cut(disk, number,
                               listener.text(until=waiting[-1].end))
                checked += 1
            self.apply(log, waiting, flushed)
            waiting = []
        print(f"{checked} power cuts that lost some of the writes since a "
              "flush")

    def check_cut(self, disk, number, lines):
        with self.subTest(write=number):
            self.assertEqual(self.complaints(disk, lines), "")

    @staticmethod
    def apply(log, entries, disk):
        with open(disk, "r+b") as written:
            for entry in entries:
                log.apply(entry, written)

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
