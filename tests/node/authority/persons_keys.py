"""SSH keys of persons, and what they sign, by the real ssh-keygen."""

import subprocess
from pathlib import Path

import msgspec

from multifleet.core.packets import Message
from multifleet.core.person import NAMESPACE, signed_words
from tests.core.wire import FLEET, NOW, message


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


def signed(key: Key, **fields: object) -> Message:
    """A message that the person with this key has signed."""
    return sign(key, message(**fields), NOW, FLEET)


def sign(key: Key, made: Message, at: int, fleet: str) -> Message:
    """The same of a message that is made already."""
    signed_at = msgspec.structs.replace(made, authority="human", signed_at=at)
    return msgspec.structs.replace(signed_at, signature=key.sign(signed_words(signed_at, fleet)))
