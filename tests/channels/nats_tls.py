"""An embedded server's configuration with TLS, for one user."""

from pathlib import Path

from multifleet.channels.nats_certificate import certificate
from multifleet.channels.nats_config import User, server_config


def config(folder: Path) -> Path:
    """Written, with its certificate."""
    certificate(folder)
    path = folder / "server.conf"
    users = [User("mac1", "secret")]
    path.write_bytes(
        server_config(
            name="mac1",
            fleet="f" * 32,
            host="127.0.0.1",
            port=0,
            folder=folder,
            users=users,
            watch_password="watched",
            encrypted=True,
        )
    )
    return path
