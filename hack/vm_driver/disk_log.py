"""A disk as it was after each write: the log that QEMU's blklogwrites keeps.

    superblock  magic u64 | version u64 | entries u64 | sector size u32
    entry       sector u64 | sectors u64 | flags u64 | data length u64
    data        of a write: its sectors; of a flush, nothing

All of it in little-endian, each padded to a sector (Linux' dm-log-writes). The
superblock's count may be behind; entries are read as far as the file goes.
"""

import struct
from typing import NamedTuple

MAGIC = 0x6A736677736872
FLUSH, DISCARD = 1, 4


class Entry(NamedTuple):
    end: int  # of its data, in the log: which entries there were by a moment
    position: int  # on the disk, in bytes
    size: int
    flags: int
    data: int  # where its data are, in the log

    @property
    def is_flush(self):
        return bool(self.flags & FLUSH)


class DiskLog:
    """A finished log."""

    def __init__(self, path):
        with open(path, "rb") as log:
            self._log = log.read()
        magic, _, _, self._sector = struct.unpack_from("<QQQI", self._log)
        if magic != MAGIC:
            raise ValueError(f"{path} is no log of writes")
        self.entries = list(self._read_entries())

    def apply(self, entry, disk):
        """Writes to `disk`, an open file, what the entry wrote."""
        if entry.flags & DISCARD or not entry.size:
            return
        disk.seek(entry.position)
        disk.write(self._log[entry.data : entry.data + entry.size])

    def _read_entries(self):
        offset = self._sector
        while offset + self._sector <= len(self._log):
            sector, count, flags, _ = struct.unpack_from("<QQQQ", self._log,
                                                         offset)
            if not (count or flags):
                return  # never written
            data = offset + self._sector
            size = count * self._sector
            offset = data + (0 if flags & DISCARD else size)
            yield Entry(offset, sector * self._sector, size, flags, data)
