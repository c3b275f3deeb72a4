"""The certificate of the embedded NATS server: signed by itself, and known to members because the chief tells them.

It is checked by being that very certificate; no name in it and no date says who the server is.
"""

import datetime
from pathlib import Path

from multifleet.private_files import read_private, write_private

SERVER_NAME = "nats.multifleet.internal"
"""In every certificate, so that clients which insist on a name find one; never looked up."""


def certificate(folder: Path) -> str:
    """The certificate of this folder in PEM, made with its key if there is none."""
    found = read_private(folder / "certificate.pem")
    if found is None or read_private(folder / "key.pem") is None:
        key, made = _make()
        write_private(folder / "key.pem", key)
        write_private(folder / "certificate.pem", made)
        found = made
    return found.decode()


def _make() -> tuple[bytes, bytes]:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SERVER_NAME)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # Machines whose clocks are years off are served as well: the certificate ends with its file.
        .not_valid_before(datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC))
        .not_valid_after(datetime.datetime(2099, 1, 1, tzinfo=datetime.UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return written, made.public_bytes(serialization.Encoding.PEM)
