"""All channels of a node, in the order of their places in the protocol."""

from multifleet.channels.base import Channel
from multifleet.channels.cloud import CloudChannel
from multifleet.channels.connections import Connections
from multifleet.channels.git import GitChannel
from multifleet.channels.http import HttpChannel
from multifleet.channels.nats import NatsChannel
from multifleet.channels.relay import RelayChannel
from multifleet.channels.seed import SeedChannel
from multifleet.channels.ssh import SshChannel
from multifleet.channels.ssh_connections import SshConnections
from multifleet.channels.text import TextChannel
from multifleet.channels.wake import WakeChannel


def channels_of(connections: Connections, ssh: SshConnections) -> list[Channel]:
    """Made, not started; those that the user has turned off are left out of every route."""
    return [
        CloudChannel(),
        NatsChannel(),
        HttpChannel(connections),
        RelayChannel(connections),
        SeedChannel(ssh),
        SshChannel(ssh),
        WakeChannel(),
        GitChannel(),
        TextChannel(ssh),
    ]
