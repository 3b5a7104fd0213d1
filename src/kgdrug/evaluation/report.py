"""The evaluation of one model on one split, beside the baselines: what `kgdrug evaluate --json` prints."""

import math
from typing import Any

from kgdrug.evaluation.baselines import baselines
from kgdrug.evaluation.metrics import metrics_by_metaedge, metrics_by_side
from kgdrug.evaluation.ranks import rank_triples
from kgdrug.models import Model
from kgdrug.splits import Split


def evaluate(model: Model, split: Split, candidates: str = "typed") -> dict[str, Any]:
    """Metrics on the test triples: `both`, `head` (the head was asked for), `tail`, `by_metaedge`, `baselines`.

    `baselines_by_side` has the baselines for `head` and `tail` apart. `candidates` is what was ranked: `typed` or
    `all`; on a graph with one type they are the same and called `all`. A metric that no query gives is None.
    """
    graph = split.graph
    by_side = {
        name: metrics_by_side(rank_triples(baseline, split.test, split.known, graph, candidates))
        for name, baseline in baselines(split.train, len(graph.entities), graph.relations).items()
    }
    report = {
        **on_test(model, split, candidates),
        "baselines": {name: sides["both"] for name, sides in by_side.items()},
        "baselines_by_side": {
            side: {name: sides[side] for name, sides in by_side.items()} for side in ("head", "tail")
        },
        "candidates": candidates if graph.typed else "all",
    }
    return _without_nan(report)  # type: ignore[no-any-return]


def on_test(model: Model, split: Split, candidates: str = "typed") -> dict[str, Any]:
    """The part of `evaluate` that is the model's own: `both`, `head`, `tail` and `by_metaedge`."""
    ranks = rank_triples(model, split.test, split.known, split.graph, candidates)
    return _without_nan({**metrics_by_side(ranks), "by_metaedge": metrics_by_metaedge(ranks, split.graph)})  # type: ignore[no-any-return]


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
