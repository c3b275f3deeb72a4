"""What a host of the lab is, and what it is kept from."""

import json
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.lab import Lab
from tests.lab.machine import DOMAIN, HOME
from tests.lab.tools import sh, wait_for
from tests.lab.traffic import UdpCount, start_echo, talk

pytestmark = pytest.mark.lab


def test_a_host_has_no_way_out_of_the_lab(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    links = {host.name: [i["ifname"] for i in json.loads(host._net("ip", "-j", "link"))] for host in (a, b)}
    assert all(names == ["lo", "eth0"] for names in links.values()), links
    uplinks = [i["ifname"] for i in json.loads(lab.switch_command("ip", "-j", "link"))]
    assert all(re.fullmatch(r"lo|br\d+|v\d+", name) for name in uplinks), uplinks
    assert "br0" not in sh("ip", "-o", "link")


def test_tmp_home_srv_and_run_are_each_hosts_own(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    a.run("echo secret > /tmp/fleet-seed-x.md; echo x > ~/mine; touch /srv/s /run/r /dev/shm/q")
    seen = b.run("ls /tmp/fleet-seed-x.md ~/mine /srv/s /run/r /dev/shm/q 2>/dev/null", check=False)
    assert not seen.stdout and a.path("/tmp/fleet-seed-x.md").read_text() == "secret\n"
    assert not Path("/tmp/fleet-seed-x.md").exists()


def test_a_host_has_its_own_name_hosts_file_and_home(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    assert a.run("hostname").stdout.strip() == a.name and b.run("hostname").stdout.strip() == b.name
    assert a.run(["getent", "hosts", b.name]).stdout.split()[0] == b.ip
    assert a.python("import socket,os;print(socket.gethostname(), os.path.expanduser('~'))").split() == [
        a.name,
        HOME,
    ]


def test_a_host_has_its_own_process_table(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with a.popen(["sleep", "1000"]) as proc:
        inside = a.run("until pgrep -x sleep; do :; done").stdout.strip()
        assert not b.run("pgrep -x sleep", check=False).stdout and int(inside) < 1000
        assert proc.pid in a.pids() and proc.pid not in b.pids()


def test_hosts_reach_each_other_over_both_protocols(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b):
        talk(a, b)
        with b.open_socket(socket.AF_INET6) as six:
            six.bind((b.ip6, 8856))
            six.listen()
            with a.open_socket(socket.AF_INET6) as out:
                out.settimeout(2)
                out.connect((b.ip6, 8856))


def test_the_test_process_can_speak_http_as_a_host(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    web = "from http.server import *; HTTPServer(('', 8080), SimpleHTTPRequestHandler).serve_forever()"
    with b.popen([sys.executable, "-c", web]):
        b.wait_port(8080)
        status, headers, _ = a.http("GET", b.ip, 8080, "/", headers={"Host": "evil.example"})
    assert status == 200 and "server" in headers


def test_a_second_site_is_reached_through_the_router(lab: Lab) -> None:
    a = lab.hosts[0]
    far = next(h for h in lab.hosts if h.site != a.site)
    with start_echo(lab, far):
        talk(a, far)


def test_one_broadcast_reaches_every_host_of_the_site(lab: Lab) -> None:
    a, *rest = lab.hosts[:3]
    counting = [UdpCount(host, 8855) for host in rest]
    with a.open_socket(kind=socket.SOCK_DGRAM) as out:
        out.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        out.sendto(b"hb", (f"{DOMAIN}.0.255", 8855))
    assert [one.end()[0] for one in counting] == [1, 1]


def test_captured_packets_can_be_searched(lab: Lab) -> None:
    a, b = lab.hosts[:2]
    with start_echo(lab, b), lab.capture("tcp port 8855") as wire, a.connect(b.ip, 8855) as link:
        link.sendall(b"needle-42\n")
        link.recv(100)
    lines = wire.lines()
    assert wire.contains(b"needle-42") and not wire.contains(b"needle-43") and len(lines) > 4


def test_a_second_local_user_is_kept_out_of_private_files(lab: Lab) -> None:
    (a,) = lab.hosts[:1]
    a.run("install -m 600 /dev/null ~/key; echo k > ~/key; echo victim > ~/target")
    denied = a.run(["cat", f"{HOME}/key"], user="mallory", check=False)
    a.run(f"ln -s {HOME}/target /tmp/fleet-seed-evil.md", user="mallory")
    owner = a.path("/tmp/fleet-seed-evil.md").lstat().st_uid
    assert denied.returncode and owner == 1001


def test_teardown_leaves_nothing(lab: Lab) -> None:
    with Lab(2) as small:
        small.hosts[0].start_sshd()
        root, pids = small.root, [p for h in small.hosts for p in [h.init, *h.pids()]]
    left = [p for p in pids if Path(f"/proc/{p}").exists()]
    assert not left and not root.exists() and root.name not in Path("/proc/mounts").read_text(), left


def test_teardown_happens_when_the_runner_is_killed(lab: Lab) -> None:
    code = (
        f"import sys,time; sys.path.insert(0,{str(Path(__file__).parent)!r}); import lab\n"
        "with lab.Lab(2) as l:\n h=l.hosts[0]; h.start_sshd(); h.popen('setsid sleep 888')\n"
        " h.durable_disk(size='16M'); h.shape(delay=0.01)\n"
        " print(l.root, *[p for x in l.hosts for p in [x.init,*x.pids()]], flush=True); time.sleep(60)"
    )
    runner = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert runner.stdout
    with runner.stdout:
        root, *pids = runner.stdout.readline().split()
    runner.kill()
    runner.wait()
    wait_for(lambda: not any(Path("/proc", pid).exists() for pid in pids), 30, what="all dead")
    wait_for(lambda: root not in sh("losetup", "-a"), 30, what="loop device free")
    shutil.rmtree(root)  # its folder is all that a SIGKILL of the runner leaves
