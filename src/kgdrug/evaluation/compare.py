"""Is one model better than another? Both are asked the same questions, and only the differences are looked at.

Sources: Smucker, Allan and Carterette 2007, CIKM (the randomisation test for retrieval); Efron and Tibshirani 1993
(paired bootstrap); Phipson and Smyth 2010 (why no p-value of random flips is 0).
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.evaluation.intervals import RESAMPLES, Float, bounds, resampled_sums
from kgdrug.evaluation.ranks import Ranks, rank_triples
from kgdrug.graph import KnowledgeGraph, KnownTails
from kgdrug.graph.known import Int, triple_keys
from kgdrug.graph.mapping import Map
from kgdrug.models import Model
from kgdrug.splits import Split

FLIPS = 10_000
_AT_ONCE = 4_000_000


def compare(a: tuple[Model, Split], b: tuple[Model, Split], candidates: str = "typed", seed: int = 0) -> dict[str, Any]:
    """The reciprocal ranks of two models on the test triples that both hold, and how sure their difference is.

    Triples are the same by the ids of their entities. Both rank the same candidates, and what either split knows is
    filtered out for both. `both`, `head` and `tail` have `mrr_a`, `mrr_b`, `difference` (a less b) with its 95 %
    interval of a paired bootstrap over triples, `p`, two-sided, by flipping the sign of triples' differences at random,
    and how many queries each model `wins`. `test_a`, `test_b`: test triples of each, `common`: those asked. A
    UsageError where there are none, where one model was trained on a common one, or where the candidates differ.
    """
    (model_a, split_a), (model_b, split_b) = a, b
    there, back = Map(split_a.graph, split_b.graph), Map(split_b.graph, split_a.graph)
    n = len(split_a.graph.entities)
    own = triple_keys(split_a.test, n)
    common = split_a.test[np.isin(own, triple_keys(back(split_b.test), n))]
    if not len(common):
        raise UsageError("the two models have no test triple in common: they were trained on other splits or graphs")
    for which, seen in (("first", split_a.train), ("second", back(split_b.train))):
        leaked = np.isin(triple_keys(common, n), triple_keys(seen, n))
        if leaked.any():
            example = split_a.graph.text(common[leaked.argmax()])
            raise UsageError(f"the {which} model was trained on {leaked.sum()} of the common test triples: {example}")
    _check_candidates(split_a.graph, split_b.graph, common, candidates)
    known_a = KnownTails(np.concatenate([_facts(split_a), back(_facts(split_b))]), n, split_a.graph.relations)
    known_b = KnownTails(
        np.concatenate([_facts(split_b), there(_facts(split_a))]), len(split_b.graph.entities), split_b.graph.relations
    )
    first = rank_triples(model_a, common, known_a, split_a.graph, candidates)
    second = rank_triples(model_b, there(common), known_b, split_b.graph, candidates)
    sides = {"both": slice(None), "head": first.head_side, "tail": ~first.head_side}
    report: dict[str, Any] = {side: _paired(first, second, rows, seed) for side, rows in sides.items()}
    return report | {
        "candidates": candidates if split_a.graph.typed else "all",
        "common": len(common),
        "test_a": len(split_a.test),
        "test_b": len(split_b.test),
        "same_split": split_a.digest == split_b.digest,
    }


def _facts(split: Split) -> Int:
    facts: Int = np.concatenate([split.train, split.valid, split.test, split.withheld])
    return facts


def _check_candidates(a: KnowledgeGraph, b: KnowledgeGraph, common: Int, candidates: str) -> None:
    if a.digest == b.digest:
        return
    spans = [(range(len(a.entities)), range(len(b.entities)))]
    if candidates == "typed":
        names = [edge.abbreviation for edge in b.metaedges]
        relations = [(r, names.index(a.metaedges[r].abbreviation)) for r in np.unique(common[:, 1]).tolist()]
        spans = [pair for r, s in relations for pair in ((a.answers(r), b.answers(s)), (a.heads(r), b.heads(s)))]
    for one, other in spans:
        ids, others = set(a.entities.ids[one.start : one.stop]), set(b.entities.ids[other.start : other.stop])
        if ids != others:
            example = sorted(ids ^ others)[0]
            raise UsageError(
                f"the models do not rank the same candidates: {len(ids ^ others)} are of one alone, such as {example}"
            )


def _paired(a: Ranks, b: Ranks, rows: Any, seed: int) -> dict[str, float]:
    """Both models on the same queries, of which one or two belong to a triple."""
    one, other, triple = 1 / a.rank[rows], 1 / b.rank[rows], a.triple[rows]
    _, unit = np.unique(triple, return_inverse=True)
    units, counts = int(unit.max()) + 1, np.bincount(unit)
    differences: Float = np.bincount(unit, one - other) / counts
    low, high = bounds(resampled_sums(differences[:, None], RESAMPLES, seed)[:, 0] / units, units)
    return {
        "mrr_a": float(one.mean()),
        "mrr_b": float(other.mean()),
        "difference": float(differences.mean()),
        "difference_low": low,
        "difference_high": high,
        "p": sign_flip(differences, seed=seed),
        "wins_a": int((one > other).sum()),
        "wins_b": int((other > one).sum()),
        "queries": len(one),
    }


def sign_flip(differences: Float, flips: int = FLIPS, seed: int = 0) -> float:
    """How often a mean at least as far from 0 comes up where each difference's sign is by chance; two-sided.

    The differences as they are count among the flips, so that p is at least 1 / (flips + 1).
    """
    observed = abs(differences.sum())
    far = sum(int((np.abs(flipped) >= observed * (1 - 1e-12)).sum()) for flipped in _flipped(differences, flips, seed))
    return (1 + far) / (flips + 1)


def _flipped(differences: Float, flips: int, seed: int) -> Iterator[Float]:
    """Sums of the differences with signs by chance, in blocks."""
    random, step = np.random.default_rng(seed), max(1, _AT_ONCE // max(1, len(differences)))
    for start in range(0, flips, step):
        heads = random.integers(0, 2, (min(step, flips - start), len(differences)), np.int8)
        yield (2 * heads - 1) @ differences
