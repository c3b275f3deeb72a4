"""What nodes ask each other about letters in git: a letter is of use only where its recipient looks."""

from typing import ClassVar

from multifleet.core.asks import Question
from multifleet.core.packets import Wire


class GitTold(Wire, frozen=True, kw_only=True):
    """The answer to one GitAsk."""

    looks: bool
    """Whether the node looks into a git remote."""


class GitAsk(Question, frozen=True, kw_only=True, tag="git_looks"):
    """ "Do you look for letters in a git remote?" Who asks does."""

    tells: ClassVar[type[Wire]] = GitTold
