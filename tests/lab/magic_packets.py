"""A small process on the switch: prints the MAC of every Wake-on-LAN packet, whatever carries it."""

import os
import socket
import sys
import threading


def exit_with_parent() -> None:
    """End this process when the lab closes its end of the pipe."""

    def wait() -> None:
        sys.stdin.buffer.read()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


def main(interface: str) -> None:
    """Print the MAC of every magic packet on an interface: any protocol, any port."""
    exit_with_parent()
    wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    wire.bind((interface, 0))
    print("ready", flush=True)
    while True:
        frame = wire.recv(2048)
        start = frame.find(b"\xff" * 6, 12)
        while start >= 0:
            mac = frame[start + 6 : start + 12]
            if len(mac) == 6 and mac != b"\xff" * 6 and frame[start + 6 : start + 102] == mac * 16:
                print(mac.hex(":"), flush=True)
                break
            start = frame.find(b"\xff" * 6, start + 1)


if __name__ == "__main__":
    main(sys.argv[1])
