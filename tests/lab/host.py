"""One host of the lab, with all that can be done to it."""

from tests.lab.disks import Disks
from tests.lab.services import Services


class Host(Disks, Services):
    """One machine of the lab. Made by :class:`Lab`, never directly."""
