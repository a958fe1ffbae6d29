"""Disk images: as QEMU has them, copied, and made from a directory."""

import os
import subprocess


def disk_node(name, path, read_only=False, log=None):
    """QEMU's description of a raw image. A flush of the guest is an fdatasync
    here, and nothing waits in QEMU: what it wrote is what a power cut leaves.
    `log`: every write and flush is recorded there, too (disk_log.py)."""
    node = {
        "driver": "raw", "node-name": name, "read-only": read_only,
        "cache": {"direct": False, "no-flush": False},
        "file": {"driver": "file", "filename": path, "read-only": read_only},
    }
    if not log:
        return node
    node["node-name"] = f"{name}-unlogged"
    open(log, "wb").close()
    return {
        "driver": "blklogwrites", "node-name": name, "log-sector-size": 512,
        "file": node, "log": {"driver": "file", "filename": log},
    }


def copy_disk(source, target):
    """Holes stay holes."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", source, target],
                   check=True)


def make_disk(path, megabytes):
    """An empty ext4, with a journal like any machine's."""
    with open(path, "wb") as image:
        image.truncate(megabytes << 20)
    _mke2fs("-J", "size=4", path)


def pack_directory(directory, path):
    """A disk that holds what `directory` holds."""
    used = subprocess.run(["du", "-sk", directory], check=True, text=True,
                          capture_output=True).stdout.split()[0]
    with open(path, "wb") as image:
        image.truncate((int(used) * 5 // 4 + 8192) << 10)
    _mke2fs("-O", "^has_journal", "-d", directory, path)


def _mke2fs(*arguments):
    subprocess.run(["mke2fs", "-q", "-t", "ext4", *arguments], check=True,
                   env={**os.environ, "PATH": os.environ["PATH"] + ":/sbin"})
