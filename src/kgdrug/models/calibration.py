"""A curve from scores to probabilities, without what it was learnt with."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Kind = Literal["platt", "isotonic"]
KINDS = ("platt", "isotonic")


@dataclass(frozen=True)
class Calibration:
    """A rising curve from pair scores to probabilities.

    Platt's is the logistic function of `slope * score + intercept`; the isotonic one joins `scores` and `probabilities`
    by straight lines and is level beyond them. share: of treatments among the pairs it was learnt from, which a
    probability is about.
    """

    kind: Kind
    share: float
    slope: float = 0.0
    intercept: float = 0.0
    scores: tuple[float, ...] = ()
    probabilities: tuple[float, ...] = ()

    def __call__(self, scores: Float) -> Float:
        """The probability of each score `(p,)`."""
        if self.kind == "platt":
            found: Float = 1 / (1 + np.exp(-np.clip(self.slope * scores + self.intercept, -700, 700)))
            return found
        return np.interp(scores, self.scores, self.probabilities)

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists alone, as JSON has them."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, numbers: Mapping[str, Any]) -> "Calibration":
        """What `to_dict` gave."""
        values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in numbers.items()}
        return cls(**values)
