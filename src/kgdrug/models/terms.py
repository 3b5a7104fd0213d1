"""What a score is the sum of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """One summand of a pair's score: of a metapath, of a degree, or of the prior.

    contribution: the coefficient times by how many deviations the pair's feature is above its mean.
    """

    name: str
    contribution: float
