"""multifleet: messages between AI coding agents on several machines, with receipts that are true."""

__version__ = "0.1.0"
