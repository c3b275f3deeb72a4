"""A full disk is full, and a power cut loses exactly what was not synced."""

import re
import sys

import pytest

from tests.lab.host import Host
from tests.lab.lab import Lab

pytestmark = pytest.mark.lab


SQLITE = """
import sqlite3, sys
db = sqlite3.connect("/srv/data/outbox.db", isolation_level=None)
db.execute("pragma journal_mode=wal"); db.execute("pragma synchronous=" + sys.argv[1])
db.execute("pragma wal_autocheckpoint=0")  # its own syncs would come at a moment of their own
db.execute("create table if not exists m (id integer primary key)")
for n in range(1, 2001):
    db.execute("insert into m values (?)", (n,)); print("acked", n, flush=True)
print("done", flush=True)
import time; time.sleep(60)
"""


def test_a_disk_can_be_full_and_read_only(lab: Lab) -> None:
    (a,) = lab.hosts[:1]
    a.small_disk("/srv/data", "2M")
    with a.fill_disk():
        said = a.run("echo hello > /srv/data/x && sync /srv/data/x", check=False)
        sql = a.python(
            "import sqlite3\ntry:\n d=sqlite3.connect('/srv/data/y.db'); d.execute('create table t(x)')\n"
            "except sqlite3.OperationalError as e: print(e)"
        )
    a.run("echo hello > /srv/data/x")
    with a.read_only():
        ro = a.run("echo hello > /srv/data/z", check=False).stderr
    a._mnt("umount", "/srv/data")
    assert "No space" in said.stderr and "full" in sql and "Read-only" in ro, (said.stderr, sql, ro)


def cut_power_under_load(lab: Lab, host: Host, synchronous: str) -> tuple[int, int]:
    if not host._disks:
        host.durable_disk()
    proc = host.popen([sys.executable, "-c", SQLITE, synchronous], name=f"sqlite-{synchronous}")
    proc.wait_output(r"acked 300$", 60)
    host.power_cut()
    acked = int(re.findall(r"acked (\d+)\n", proc.output)[-1])
    kept = host.python(
        "import sqlite3; d=sqlite3.connect('/srv/data/outbox.db')\n"
        "print(d.execute('pragma integrity_check').fetchone()[0])\n"
        "try: print(d.execute('select count(*) from m').fetchone()[0])\n"
        "except sqlite3.OperationalError: print(0)"
    ).split()
    assert kept[0] == "ok", kept
    host.run("rm -f /srv/data/outbox.db*")
    return acked, int(kept[1])


def test_kill_9_loses_no_commit_of_sqlite(lab: Lab) -> None:
    (a,) = lab.hosts[:1]
    proc = a.popen([sys.executable, "-c", SQLITE, "normal"], name="sqlite-kill")
    proc.wait_output(r"acked 300$", 60)
    proc.kill()
    acked = int(re.findall(r"acked (\d+)\n", proc.output)[-1])
    kept = int(
        a.python(
            "import sqlite3; d = sqlite3.connect('/srv/data/outbox.db')\n"
            "print(d.execute('select count(*) from m').fetchone()[0])"
        )
    )
    a.run("rm -f /srv/data/outbox.db*")
    assert kept >= acked


def test_a_power_cut_keeps_what_was_synced(lab: Lab) -> None:
    acked, kept = cut_power_under_load(lab, lab.hosts[0], "full")
    assert kept >= acked, (acked, kept)


def test_a_power_cut_loses_what_was_not_synced(lab: Lab) -> None:
    acked, kept = cut_power_under_load(lab, lab.hosts[0], "normal")
    assert kept < acked, (acked, kept)
