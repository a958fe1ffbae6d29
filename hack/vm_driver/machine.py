"""A virtual machine whose power can be cut: systemd, cgroup v2, a boot id.

    with Machine(image, share=disk) as machine:
        print(machine.run("systemctl is-system-running").output)

It is interpreted (TCG), needs no KVM, and boots in some fifteen seconds; one
that is restored from a snapshot is there in less than one.

Its clock is its own: an instruction takes 2 ns, and only a machine that waits
lets the host's time pass. So a host with other work to do makes it slow to look
at, and nothing in it is ever late: its timeouts and its pauses are those of a
machine that nobody else uses. QEMU counts instructions of one processor well;
with two, each waits for the other's turn for minutes.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from typing import NamedTuple

from . import qmp
from .console import Console, ConsoleClosed
from .disk import copy_disk, disk_node

MACHINE_ID = "f" * 31 + "0"  # else each boot of a fresh disk makes one
BOOT_TIMEOUT = 600  # s of the host, which may be busy


class Result(NamedTuple):
    exit_code: int
    output: str


class Failed(Exception):
    """A command in the guest that was to succeed did not."""


class Machine:
    """`image`: a directory of image.py; `share`: a disk image for /share;
    `data`: a disk image for /var/lib/holdfast; `data_log`: where every write
    to it is recorded (disk_log.py); `snapshot`: one to begin from, that was
    taken with the same disks and shares."""

    def __init__(self, image, share=None, data=None, data_log=None,
                 snapshot=None):
        self.image = image
        self.share = share
        self.data = data
        self.data_log = data_log
        self.snapshot = snapshot
        self.directory = tempfile.mkdtemp(prefix="holdfast-vm-")
        self.root = self._path("root.ext4")
        copy_disk(f"{snapshot or image}/root.ext4", self.root)
        self.boot_id = None
        self._qemu = None
        self._console = None

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.remove()
            raise

    def __exit__(self, *_):
        self.remove()

    def start(self):
        """Power on. After a power cut: with the disks as they were left."""
        for name in ("console", "events", "qmp"):
            if os.path.exists(self._path(name)):
                os.unlink(self._path(name))
        with open(self._path("qemu.log"), "ab") as log:
            self._qemu = subprocess.Popen(
                self._arguments(), stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        try:
            self._console = Console(self._path("console"), self.is_on)
            if self.snapshot:
                self._resume()
            else:
                self.boot_id = self._console.wait_until_ready(BOOT_TIMEOUT)
        except (ConsoleClosed, TimeoutError) as error:
            raise RuntimeError(f"{error}\n{self.log()}") from error
        return self

    def is_on(self):
        return self._qemu is not None and self._qemu.poll() is None

    def run(self, script, timeout=1800, **watch):
        """A bash script in the guest, as root; `watch`: see console.py."""
        return Result(*self._console.run(script, timeout, **watch))

    def check(self, script, timeout=1800):
        """The output of a script that has to succeed."""
        result = self.run("set -e\n" + script, timeout)
        if result.exit_code != 0:
            raise Failed(f"{script}\nexit code {result.exit_code}\n"
                         f"{result.output}")
        return result.output

    def reboot(self):
        """The guest's own, orderly one."""
        self._console.send("systemctl reboot")
        self.boot_id = self._console.wait_until_ready(BOOT_TIMEOUT)

    def cut_power(self):
        """What was not flushed to a disk is lost."""
        if self.is_on():
            self._qemu.send_signal(signal.SIGKILL)
            self._qemu.wait()
        if self._console:
            self._console.close()

    def events_socket(self):
        """What the guest writes to /dev/hvc1 can be read here, and answered."""
        return self._path("events")

    def save_snapshot(self, directory):
        """Memory and root disk of the running machine, for `snapshot`. The
        machine is off then."""
        self.check("sync")
        self._qmp("stop")
        self._qmp("migrate-set-parameters", **{"max-bandwidth": 10 << 30})
        self._qmp("migrate", uri=f"exec:cat >'{directory}/memory'")
        while self._qmp("query-migrate").get("status") != "completed":
            time.sleep(0.02)
        copy_disk(self.root, f"{directory}/root.ext4")
        self.cut_power()

    def remove(self):
        self.cut_power()
        shutil.rmtree(self.directory, ignore_errors=True)

    def log(self):
        """What kernel and QEMU had to say, its end."""
        text = ""
        for name in ("kernel.log", "qemu.log"):
            if os.path.exists(self._path(name)):
                with open(self._path(name), errors="replace") as log:
                    text += log.read()[-3000:]
        return text

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _qmp(self, command, **arguments):
        return qmp.call(self._path("qmp"), command, **arguments)

    def _resume(self):
        while self._qmp("query-status")["status"] == "inmigrate":
            time.sleep(0.02)
        self._qmp("cont")
        self.boot_id = self.check("cat /proc/sys/kernel/random/boot_id").strip()
        self.snapshot = None  # a later start is a boot

    def _arguments(self):
        arguments = [
            # Whoever ends us, ends it.
            "setpriv", "--pdeathsig", "KILL",
            "qemu-system-x86_64", "-nodefaults", "-no-user-config",
            "-display", "none", "-M", "q35,hpet=off",
            "-accel", "tcg,thread=single,tb-size=256",
            "-icount", "shift=1,sleep=on",
            "-cpu", "max", "-smp", "1", "-m", "768",
            "-kernel", f"{self.image}/vmlinuz",
            "-initrd", f"{self.image}/initrd",
            # A kernel that panics ends QEMU, and the wait for it. Without the
            # self-tests of its ciphers it boots in half the time.
            "-append", "console=ttyS0 quiet panic=-1 nokaslr mitigations=off "
                       "random.trust_cpu=on no_timer_check tsc=reliable "
                       "cryptomgr.notests systemd.show_status=0 "
                       f"systemd.machine_id={MACHINE_ID}",
            "-serial", f"file:{self._path('kernel.log')}",
            "-qmp", self._listener("qmp"),
            "-device", "virtio-serial-pci", "-device", "virtio-rng-pci",
        ]
        for name in ("console", "events"):
            arguments += [
                "-chardev",
                f"socket,id={name},path={self._path(name)},server=on,wait=off",
                "-device", f"virtconsole,chardev={name}"]
        disks = [disk_node("root", self.root)]
        if self.share:
            disks.append(disk_node("share", self.share, read_only=True))
        if self.data:
            disks.append(disk_node("data", self.data, log=self.data_log))
        for disk in disks:
            name = disk["node-name"]
            arguments += ["-blockdev", json.dumps(disk), "-device",
                          f"virtio-blk-pci,drive={name},serial={name}"]
        if self.snapshot:
            arguments += ["-incoming", f"exec:cat '{self.snapshot}/memory'"]
        return arguments

    def _listener(self, name):
        return f"unix:{self._path(name)},server=on,wait=off"
