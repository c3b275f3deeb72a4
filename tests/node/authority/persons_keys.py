"""SSH keys of persons, and what they sign, by the real ssh-keygen."""

import subprocess
from pathlib import Path

from multifleet.core.person import NAMESPACE


class Key:
    """One key file without a passphrase."""

    def __init__(self, folder: Path, name: str) -> None:
        self.file = folder / name
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(self.file)]
        subprocess.run(command, check=True)
        self.public = self.file.with_suffix(".pub").read_text().strip()

    def sign(self, words: bytes, namespace: str = NAMESPACE) -> str:
        """An armored signature."""
        command = ["ssh-keygen", "-Y", "sign", "-f", str(self.file), "-n", namespace]
        return subprocess.run(command, input=words, check=True, capture_output=True).stdout.decode()


def allow(file: Path, line: str) -> None:
    """Make this the file of allowed signers."""
    file.write_text(line + "\n")
    file.chmod(0o600)
