"""A calibration that a model folder carries, so that its answers have probabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kgdrug.errors import BadInputError
from kgdrug.graph.store import read_json
from kgdrug.models.arrays import Floats, Int, Scorer
from kgdrug.models.calibration import Calibration

CALIBRATION = "calibration.json"


@dataclass(frozen=True, eq=False)
class Calibrated:
    """A curve, and what it needs to make one score of a pair; see `PairScores`, whose scores these are.

    relations: those that lead from compounds to diseases; asking: their reciprocals; scales: mean and deviation over
    all pairs of each member, relation and direction, `(members, relations, 2, 2)`; about: the report on the curve.
    """

    curve: Calibration
    relations: tuple[int, ...]
    asking: tuple[int, ...]
    scales: Floats
    about: Mapping[str, Any]

    def probabilities(
        self, members: Sequence[Scorer], weights: Sequence[int], entity: int, relations: tuple[int, ...], others: Int
    ) -> Floats | None:
        """The probability of the pair of an entity and each of others `(p,)`; None where none is asked about."""
        if not len(others) or not (set(relations) <= set(self.relations) or set(relations) <= set(self.asking)):
            return None
        backward = set(relations) <= set(self.asking)
        own, back = (self.asking, self.relations) if backward else (self.relations, self.asking)
        span, place = slice(int(others.min()), int(others.max()) + 1), others - others.min()
        weights = tuple(weights) or (1,) * len(members)
        total = np.zeros(len(others))
        for member, weight, of_member in zip(members, weights, self.scales, strict=True):
            best = np.full(len(others), -np.inf)
            for r, reverse, scale in zip(own, back, of_member, strict=True):
                asked = member.scores(np.array([[entity, r]]), span)[0, place]
                turned = np.stack([others, np.full(len(others), reverse)], 1)
                answered = member.scores(turned, slice(entity, entity + 1))[:, 0]
                both = np.stack([answered, asked] if backward else [asked, answered], 1)
                best = np.maximum(best, ((both - scale[:, 0]) / scale[:, 1]).mean(1))
            total += weight * best
        return self.curve(total / sum(weights))

    def to_dict(self) -> dict[str, Any]:
        """Numbers and lists alone, as JSON has them."""
        numbers = {"relations": list(self.relations), "asking": list(self.asking), "scales": self.scales.tolist()}
        return {"curve": self.curve.to_dict(), **numbers, "about": dict(self.about)}


def open_calibrated(folder: Path) -> Calibrated | None:
    """The calibration in a trained-model folder; None where it has none."""
    path = folder / CALIBRATION
    if not path.is_file():
        return None
    content = read_json(path)
    try:
        scales = np.array(content["scales"], np.float64)
        relations, asking = tuple(content["relations"]), tuple(content["asking"])
        if scales.shape[1:] != (len(relations), 2, 2):
            raise ValueError("its scales do not fit its relations")
        return Calibrated(Calibration.from_dict(content["curve"]), relations, asking, scales, content["about"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise BadInputError(path, f"is no calibration: {error}") from None
