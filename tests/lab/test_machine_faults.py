"""Every fault of a machine, its clock and its disks does what it says, and ends."""

import re
import socket
import sys
import time

import pytest

from tests.lab.lab import Lab
from tests.lab.machine import DOMAIN
from tests.lab.tools import wait_for
from tests.lab.traffic import failure_of, goes_through, send_magic, start_echo, talk

pytestmark = pytest.mark.lab


def test_a_stopped_process_accepts_and_says_nothing(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b) as proc:
        with proc.paused():
            failure_of(lambda: talk(a, b, timeout=0.5))
        talk(a, b)


def test_a_killed_process_refuses(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    proc = start_echo(lab, b)
    code = proc.kill()
    failure_of(lambda: talk(a, b), ConnectionRefusedError)
    assert code == -9, code


def test_a_crash_ends_every_process_and_keeps_the_disk(lab: Lab) -> None:
    b = lab.hosts[1]
    b.popen("setsid sleep 999 & setsid sleep 998 & wait")
    b.run("touch /tmp/gone /srv/data/stays")
    wait_for(lambda: len(b.pids()) >= 3)
    b.reboot()
    assert not b.pids() and not b.path("/tmp/gone").exists() and b.path("/srv/data/stays").exists()
    assert b.run("hostname").stdout.strip() == b.name


def test_a_clock_can_be_ahead_and_step_back_while_running(lab: Lab) -> None:
    (a,) = lab.hosts[:1]
    code = (
        "import time,sys,asyncio\n"
        "m=time.monotonic()\n"
        "told=[]\n"
        "while len(told) < 60 or (told[-1] > told[0] - 3_000 and len(told) < 1_200):\n"
        " told.append(round(time.time())); print(told[-1], flush=True); asyncio.run(asyncio.sleep(0.05))\n"
        "print('mono', time.monotonic()-m)"
    )
    a.set_clock(600)
    began = time.time()
    proc = a.popen([sys.executable, "-c", code], name="clock")
    first = int(proc.wait_output(r"^(\d+)$", 30)[1])
    seen = time.time()
    a.set_clock(-3600)
    last = wait_for(
        lambda: [told for told in map(int, re.findall(r"^(\d+)$", proc.output, re.M)) if told < first - 3_000],
        30,
    )
    found = time.time()
    assert isinstance(last, list)
    mono = float(proc.wait_output(r"mono ([\d.]+)", 60)[1])
    asked = time.time()
    real = a.run([sys.executable, "-c", "import time;print(time.time())"], fake_clock=False)
    a.set_clock(0)
    a.fake_clock = False
    assert began - 1 <= first - 600 <= seen + 1 and seen - 1 <= last[-1] + 3600 <= found + 1, (first, last)
    assert 2 < mono < 60 and asked - 1 < float(real.stdout) < time.time() + 1, mono


def test_a_sleeping_host_wakes_on_its_own_magic_packet(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b):
        b.sleep()
        failure_of(lambda: talk(a, b, timeout=0.5))
        send_magic(a, "02:00:00:00:00:99")
        time.sleep(0.2)
        assert b.asleep
        send_magic(a, b.mac)
        wait_for(lambda: not b.asleep, 20)
        wait_for(lambda: goes_through(lambda: talk(a, b, timeout=0.5)), 20)


def test_magic_packets_are_seen_and_nothing_else(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    seen = lab.watch_wol()
    before = len(seen)
    send_magic(a, b.mac, f"{DOMAIN}.0.255")
    wait_for(lambda: [mac for _, mac in seen[before:] if mac == b.mac], 20)
    with a.open_socket(kind=socket.SOCK_DGRAM) as out:
        out.sendto(b"not magic" * 20, (b.ip, 9))
    time.sleep(0.2)
    assert len(seen) == before + 1, seen
