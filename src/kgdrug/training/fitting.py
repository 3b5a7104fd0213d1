"""Models that are fitted in one go, without epochs."""

from collections.abc import Callable, Generator, Iterable
from typing import Any

import numpy as np

from kgdrug.config import MetapathConfig
from kgdrug.errors import UsageError
from kgdrug.evaluation import metrics, rank_triples
from kgdrug.models.metapaths import MetapathModel, Progress, fit_pairs, treatment_types
from kgdrug.splits import Split

Watch = Callable[[Iterable[Progress]], Iterable[Any]]


def fit_metapaths(split: Split, config: MetapathConfig, seed: int = 0, watch: Watch = iter) -> MetapathModel:
    """The regression on the split's training triples whose penalty has the best valid MRR.

    watch: wraps the progress as it comes, to show it. A split that holds out anything but treatments is a UsageError.
    """
    check_fittable(split)
    held_out = np.concatenate([split.valid, split.test, split.withheld])
    judge = valid_mrr(split) if len(split.valid) else None
    fitted: list[MetapathModel] = []

    def progress() -> Generator[Progress, None, None]:
        graph = split.graph.with_triples(split.train)
        fitted.append((yield from fit_pairs(graph, held_out, config, seed, judge)))

    for _ in watch(progress()):
        pass
    return fitted[0]


def check_fittable(split: Split) -> None:
    """A UsageError for a split that asks for other relations than treatments, or whose treatments cannot be learned."""
    graph = split.graph
    treatments = treatment_types(graph)[2]
    asked = {graph.metaedges[r].abbreviation for part in (split.valid, split.test) for r in set(part[:, 1].tolist())}
    others = sorted(asked - {graph.metaedges[r].abbreviation for r in treatments})
    if others:
        raise UsageError(
            f"metapaths answers treatments alone, and this split also holds out {', '.join(others[:5])}; "
            "use split.kind = 'pairs' or 'given'"
        )


def valid_mrr(split: Split) -> Callable[[MetapathModel], float]:
    """What a model's MRR on the valid triples is, both sides."""
    return lambda model: metrics(rank_triples(model, split.valid, split.known, split.graph))["mrr"]
