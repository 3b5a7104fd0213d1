"""How far a long computation is: what its generator yields until it returns."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """So many of so many are done, of what is said."""

    what: str
    done: int
    of: int
