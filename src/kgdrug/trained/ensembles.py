"""Several trained models as one: each ranks the candidates, and valid decides how much each counts.

Ranks are averaged (Borda's count), since scores of an embedding and of a regression have no common scale. Weights are
small whole numbers, all tried on the valid triples: with some hundred of them finer ones could not be told apart.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from kgdrug.errors import UsageError
from kgdrug.evaluation import metrics, rank_triples
from kgdrug.models import Candidates
from kgdrug.trained.folder import TrainedModel
from kgdrug.trained.members import mean_rank_scores

HEAVIEST = 3  # of weights that are tried
MOST_TRIED = 1000


@dataclass(frozen=True)
class Ensemble:
    """What valid says about several models. MRR: both sides.

    alone: the valid MRR of each model; average: that of all with equal weights; weights: the best whole numbers, 0 for
    a model that is left out; weighted: the valid MRR with them.
    """

    alone: tuple[float, ...]
    average: float
    weights: tuple[int, ...]
    weighted: float

    @property
    def wins(self) -> bool:
        """Whether several models together are better than the best of them alone."""
        return self.weighted > max(self.alone)


def weigh(models: Sequence[TrainedModel], weights: Sequence[int] | None = None) -> Ensemble:
    """Try weights for models of one split on its valid triples; of equally good ones the most even, then the first.

    weights: these instead, of which two or more are above 0.
    """
    check_together(models)
    if weights is not None and (len(weights) != len(models) or min(weights) < 0 or sum(map(bool, weights)) < 2):
        came = ",".join(map(str, weights))
        raise UsageError(f"the weights {came} are not one for each of {len(models)} models, two or more above 0")
    split = models[0].split
    each = [_Kept(model) for model in models]

    def mrr(weights: Sequence[int]) -> float:
        weighted = _Weighted([one for one, weight in zip(each, weights, strict=True) if weight],
                             [weight for weight in weights if weight])  # fmt: skip
        return metrics(rank_triples(weighted, split.valid, split.known, split.graph))["mrr"]

    even = (1,) * len(models)
    tried = {one: mrr(one) for one in (_weights(len(models)) if weights is None else (even, tuple(weights)))}
    best = max(tried, key=lambda one: (tried[one], -max(one) + min(one))) if weights is None else tuple(weights)
    alone = tuple(metrics(rank_triples(one, split.valid, split.known, split.graph))["mrr"] for one in each)
    return Ensemble(alone, tried[even], best, tried[best])


def check_together(models: Sequence[TrainedModel]) -> None:
    """A UsageError for models that cannot be put together, or that nothing could choose weights for."""
    if len(models) < 2:
        raise UsageError(f"an ensemble needs two models or more; {len(models)} came")
    for model in models[1:]:
        if model.split.digest != models[0].split.digest:
            raise UsageError(
                f"{model.name} was trained on another split than {models[0].name}: "
                "together they would be chosen and judged by what one of them learned from"
            )
    if not len(models[0].split.valid):
        raise UsageError(f"the split of {models[0].name} has no valid triples to judge an ensemble by")


def together(models: Sequence[TrainedModel], weights: Sequence[int], name: str) -> TrainedModel:
    """One model of these, each with a weight above 0; the members of a model share its weight.

    Its experiment is that of the first with a name of its own; what each member was trained by is kept beside.
    """
    own = [model.weights or (1,) * len(model.members) for model in models]
    whole = math.lcm(*(sum(shares) for shares in own))
    shares = [weight * whole // sum(mine) * share for weight, mine in zip(weights, own, strict=True) for share in mine]
    divisor = math.gcd(*shares)
    every_type = all(model.scores_all_entities for model in models)
    first = models[0].experiment
    experiment = replace(
        first,
        name=name,
        training=replace(first.training, candidates="all" if every_type else "typed"),
        evaluation=replace(first.evaluation, candidates=first.evaluation.candidates if every_type else "typed"),
    )
    members = [member for model in models for member in model.members]
    experiments = tuple(model.experiment_of(i) for model in models for i in range(len(model.members)))
    weighted = tuple(share // divisor for share in shares)
    return TrainedModel(members, models[0].split, experiment, weights=weighted, experiments=experiments)


def _weights(models: int) -> Iterator[tuple[int, ...]]:
    """Weights up to the heaviest, the even ones first, without multiples; of many models lighter ones."""
    yield (1,) * models
    heaviest = HEAVIEST
    while heaviest > 1 and (heaviest + 1) ** models > MOST_TRIED:
        heaviest -= 1
    for weights in itertools.product(range(heaviest + 1), repeat=models):
        if sum(weight > 0 for weight in weights) > 1 and math.gcd(*weights) == 1 and set(weights) != {1}:
            yield weights


class _Kept:
    """A model that scores the same question once; the scores of valid's questions stay in memory."""

    def __init__(self, model: TrainedModel) -> None:
        self.model = model
        self.kept: dict[tuple[bytes, str], Tensor] = {}

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        key = queries.numpy().tobytes(), str(candidates)
        if key not in self.kept:
            self.kept[key] = self.model.scores(queries, candidates).cpu()
        return self.kept[key].clone()


class _Weighted:
    """Models that answer with their weighted mean rank scores."""

    def __init__(self, models: Sequence[_Kept], weights: Sequence[int]) -> None:
        self.models, self.weights = models, weights

    def scores(self, queries: Tensor, candidates: Candidates) -> Tensor:
        return mean_rank_scores((model.scores(queries, candidates) for model in self.models), self.weights)
