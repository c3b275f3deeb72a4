"""What a node says about itself, as text for its Ed25519 key: anybody may pass it on, and nobody can make it up."""

from collections.abc import Callable

from multifleet.core.presence.gossip import Rumor, Word

Sign = Callable[[bytes], str]
"""This node's Ed25519 signature in hex."""
Verify = Callable[[str, bytes, str], bool]
"""(node, bytes, signature in hex): whether that member's key signed them. No name that is no member may pass."""


def statement(fleet: str, node: str, word: Word, incarnation: int, slept: int) -> bytes:
    """What is signed: that the node is alive, goes to sleep or stops, since this incarnation."""
    return f"mf1 presence {fleet} {node} {incarnation} {word} {slept}".encode()


def answer(fleet: str, node: str, asker: str, number: int) -> bytes:
    """What is signed by a node that is pinged on behalf of another one: that it answers this number of the asker."""
    return f"mf1 answer {fleet} {node} {asker} {number}".encode()


def sign_statement(sign: Sign, fleet: str, node: str, word: Word, incarnation: int, slept: int) -> Rumor:
    """This node's statement, ready to travel."""
    signature = sign(statement(fleet, node, word, incarnation, slept))
    return Rumor(word=word, about=node, incarnation=incarnation, slept=slept, signature=signature)


def is_signed(verify: Verify, fleet: str, rumor: Rumor) -> bool:
    """Whether the node that the rumor is about said so itself."""
    text = statement(fleet, rumor.about, rumor.word, rumor.incarnation, rumor.slept)
    return verify(rumor.about, text, rumor.signature)
