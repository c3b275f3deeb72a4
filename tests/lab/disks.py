"""What can go wrong with a host's disks: full, read-only, a power cut."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct

from tests.lab.fault import Fault
from tests.lab.machine_faults import MachineFaults

DISK_OPTIONS = "loop,commit=300"
"""Only what a program syncs gets there: the journal itself would write the rest every 5 s."""
EXT4_IOC_SHUTDOWN, EXT4_NOLOGFLUSH = 0x8004587D, 2


class Disks(MachineFaults):
    """Disks that fill up, go read-only and lose what was not synced."""

    def small_disk(self, path: str = "/srv/data", size: str = "4M") -> None:
        """Mount a small tmpfs there, to be filled."""
        self._mnt("mkdir", "-p", path)
        self._mnt("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path)

    def fill_disk(self, path: str = "/srv/data", leave: int = 0) -> Fault:
        """Fill the file system there until a write fails, but for `leave` bytes."""
        filler = self.path(path) / ".filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as out:
            while True:
                out.write(b"\0" * 4096)
        if leave:
            os.truncate(filler, max(0, filler.stat().st_size - leave))
        return Fault(f"{self.name}:{path} full", [lambda: filler.unlink(missing_ok=True)])

    def read_only(self, path: str = "/srv/data") -> Fault:
        """Make the file system mounted there read-only; refused while a file of it is open for writing."""
        self._mnt("mount", "-o", "remount,ro", path)
        return Fault(f"{self.name}:{path} read-only", [lambda: self._mnt("mount", "-o", "remount,rw", path)])

    def durable_disk(self, path: str = "/srv/data", size: str = "64M") -> None:
        """Mount a journalled ext4 of its own there, so that `power_cut` can lose unsynced data."""
        image = f"/srv/.disk{len(self._disks)}.img"
        self._mnt("truncate", "-s", size, image)
        self._mnt("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard", image)
        self._mnt("mkdir", "-p", path)
        self._mnt("mount", "-o", DISK_OPTIONS, image, path)
        self._disks[path] = image

    def power_cut(self) -> None:
        """Power off and on: what was not fsynced on a `durable_disk` is gone, every process too.

        The file system is shut down without flushing its log, then mounted afresh, so the kernel's
        own journal recovery decides what is left: what a disk without a volatile cache would keep.
        The processes are stopped first, so none of them acknowledges anything after the cut.
        """
        self.freeze()
        for path in self._disks:
            fd = os.open(self.path(path), os.O_RDONLY)
            try:
                fcntl.ioctl(fd, EXT4_IOC_SHUTDOWN, struct.pack("I", EXT4_NOLOGFLUSH))
            finally:
                os.close(fd)
        self.reboot()
        for path, image in self._disks.items():
            self._mnt("umount", path)
            self._mnt("mount", "-o", DISK_OPTIONS, image, path)
