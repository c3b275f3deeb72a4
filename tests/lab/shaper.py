"""A small process that holds the packets of a netfilter queue back, loses some and sends some twice.

This does what netem would do, on kernels that have none.
"""

import contextlib
import heapq
import itertools
import os
import random
import select
import socket
import struct
import sys
import threading
import time

SHAPER_MARK = 0x77


def exit_with_parent() -> None:
    """End this process when the lab closes its end of the pipe."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main(queue: int, delay: float, jitter: float, loss: float, duplicate: float) -> None:
    """Hold the packets of a netfilter queue back, lose some, send some twice."""
    exit_with_parent()
    link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
    link.setsockopt(socket.SOL_SOCKET, 33, 8 << 20)  # SO_RCVBUFFORCE
    link.setsockopt(270, 5, 1)  # SOL_NETLINK, NETLINK_NO_ENOBUFS
    link.bind((0, 0))
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    raw.setsockopt(socket.SOL_SOCKET, 36, SHAPER_MARK)  # SO_MARK: the copy passes the queue by

    def attribute(kind: int, data: bytes) -> bytes:
        size = 4 + len(data)
        return struct.pack("HH", size, kind) + data + b"\0" * (-size % 4)

    def send(kind: int, *attributes: bytes, ack: bool = False) -> None:
        body = struct.pack(">BBH", 0, 0, queue) + b"".join(attributes)
        flags = 1 | (4 if ack else 0)
        link.send(struct.pack("IHHII", 16 + len(body), (3 << 8) | kind, flags, 0, 0) + body)
        if ack:
            reply = link.recv(4096)
            error = struct.unpack_from("i", reply, 16)[0]
            if error:
                raise OSError(-error, os.strerror(-error))

    send(2, attribute(1, struct.pack(">BBH", 1, 0, socket.AF_INET)), ack=True)  # bind
    copy = (0xFFFF, 2) if duplicate else (0, 1)  # whole packets, or what is known of them
    send(2, attribute(2, struct.pack(">IB", *copy)), ack=True)
    send(2, attribute(3, struct.pack(">I", 50_000)), ack=True)  # how many may wait
    print("ready", flush=True)
    waiting: list[tuple[float, int, int]] = []
    order = itertools.count()
    while True:
        left = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([link], [], [], left)
        now = time.monotonic()
        if readable:
            data = link.recv(1 << 17)
            at = 0
            while at + 16 <= len(data):
                size, kind = struct.unpack_from("IH", data, at)
                inner, end = at + 20, at + size
                at += (size + 3) & ~3
                if kind != (3 << 8):
                    continue
                packet, payload = 0, b""
                while inner + 4 <= end:
                    length, name = struct.unpack_from("HH", data, inner)
                    value = data[inner + 4 : inner + length]
                    inner += (length + 3) & ~3
                    if name & 0x3FFF == 1:
                        packet = struct.unpack_from(">I", value)[0]
                    elif name & 0x3FFF == 10:
                        payload = value
                if random.random() < loss:
                    send(1, attribute(2, struct.pack(">II", 0, packet)))
                    continue
                if payload and payload[0] >> 4 == 4 and random.random() < duplicate:
                    with contextlib.suppress(OSError):
                        raw.sendto(payload, (socket.inet_ntoa(payload[16:20]), 0))
                due = now + max(0.0, delay + random.uniform(-jitter, jitter))
                heapq.heappush(waiting, (due, next(order), packet))
        while waiting and waiting[0][0] <= time.monotonic():
            send(1, attribute(2, struct.pack(">II", 1, heapq.heappop(waiting)[2])))


if __name__ == "__main__":
    main(int(sys.argv[1]), *map(float, sys.argv[2:]))
