"""The evaluation of one model on one split, beside the baselines: what `kgdrug evaluate --json` prints."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.evaluation.baselines import Degree, baselines
from kgdrug.evaluation.metrics import Metrics, by_side, macro_over, measured, metrics_by_degree, metrics_by_metaedge
from kgdrug.evaluation.pairs import BLOCK, Asked, Pairs
from kgdrug.evaluation.popularity import popularity
from kgdrug.evaluation.ranks import Ranks, rank_triples
from kgdrug.evaluation.screening import judge
from kgdrug.graph.known import Int
from kgdrug.models import Model
from kgdrug.sources import PairTable, read_pairs
from kgdrug.splits import Split


def evaluate(model: Model, split: Split, candidates: str = "typed") -> dict[str, Any]:
    """Metrics on the test triples, each with `_low` and `_high`, the ends of its 95 % bootstrap interval.

    `both`, `head` (the head was asked for), `tail`, `by_metaedge`, `by_degree` (of the answer in training); beside them
    `baselines`, `baselines_by_side`, and of each row their MRR alone, `baselines_by_metaedge`, `baselines_by_degree`.
    Where treatments are among the test triples, `by_disease`: the mean over diseases for queries that ask for
    compounds, with `baselines_by_disease`; `pairs`, see `screening`, and `popularity`; None elsewhere. `candidates` is
    what was ranked: `typed` or `all`; on a graph with one type they are the same and called `all`. A metric that no
    query gives is None.
    """
    graph = split.graph
    models = {"": model, **baselines(split.train, len(graph.entities), graph.relations)}
    ranks = {name: rank_triples(each, split.test, split.known, graph, candidates) for name, each in models.items()}
    groups = {(name, side): part for name, each in ranks.items() for side, part in by_side(each).items()}
    tables = dict(zip(groups, measured(list(groups.values())), strict=True))
    own, others = ranks[""], [name for name in models if name]
    degree = _training_degree(own, split)
    report = {
        **{side: tables["", side] for side in ("both", "head", "tail")},
        "by_metaedge": metrics_by_metaedge(own, graph, _measured),
        "by_degree": metrics_by_degree(own, degree, _measured),
        "by_disease": None,
        "pairs": None,
        "popularity": None,
        "baselines": {name: tables[name, "both"] for name in others},
        "baselines_by_side": {side: {name: tables[name, side] for name in others} for side in ("head", "tail")},
        "baselines_by_metaedge": _by_row({name: metrics_by_metaedge(ranks[name], graph, _mrr) for name in others}),
        "baselines_by_degree": _by_row({name: metrics_by_degree(ranks[name], degree, _mrr) for name in others}),
        "baselines_by_disease": None,
        "candidates": candidates if graph.typed else "all",
    }
    asked = _held_out_pairs(split)
    if asked is not None:
        asking = np.isin(own.relation + graph.relations * own.head_side, asked.pairs.asking)
        of_disease = {name: macro_over(own.given[asking], each[asking]) for name, each in ranks.items()}
        report["by_disease"] = of_disease.pop("")
        report["baselines_by_disease"] = of_disease
        report["pairs"] = _judged(models, asked, split)
        report["popularity"] = _popularity(models, split, asked.pairs)
    return _without_nan(report)  # type: ignore[no-any-return]


def on_test(model: Model, split: Split, candidates: str = "typed") -> dict[str, Any]:
    """The part of `evaluate` that is the model's own: `both`, `head`, `tail` and `by_metaedge`."""
    ranks = rank_triples(model, split.test, split.known, split.graph, candidates)
    sides = by_side(ranks)
    tables = dict(zip(sides, measured(list(sides.values())), strict=True))
    return _without_nan({**tables, "by_metaedge": metrics_by_metaedge(ranks, split.graph, _measured)})  # type: ignore[no-any-return]


_REASONS = {
    "unknown": "not in the graph (ids are expected, such as DB00331 and DOID:9352, or names)",
    "outside_universe": "outside the universe, which has to list the positives too",
    "excluded": "excluded",
    "seen_in_training": "in the model's train or valid part",
}


def evaluate_pairs(
    model: Model,
    split: Split,
    positives: str | Path,
    universe: str | Path | None = None,
    exclude: str | Path | None = None,
) -> dict[str, Any]:
    """How well a model tells the pairs of a file, such as later indications, from all that nobody knows of.

    positives, universe, exclude: tables `compound disease`, see `read_pairs`. Negative is every pair of the universe
    (by default, all compounds and diseases that a treatment can join) that is not positive, excluded, or a treatment in
    any part of the split. A positive that the model was trained on, or chosen by, is left out, as is one outside the
    universe, the graph, or excluded; `listed` counts and names them. The rest is as in `evaluate`'s `pairs`, with
    `popularity`.
    """
    graph, pairs = split.graph, Pairs.of(split.graph)

    def read(path: str | Path, may_be_empty: bool = False) -> tuple[PairTable, Int]:
        table = read_pairs(Path(path), graph, pairs.compounds, pairs.diseases, may_be_empty)
        return table, np.sort(pairs.keys(table.compounds, table.diseases))

    table, keys = read(positives)
    every = None if universe is None else read(universe)
    excluded = np.empty(0, np.int64) if exclude is None else read(exclude, may_be_empty=True)[1]
    seen = pairs.of_triples(np.concatenate([split.train, split.valid]))
    away = {
        "outside_universe": np.zeros(len(keys), bool) if every is None else ~np.isin(keys, every[1]),
        "excluded": np.isin(keys, excluded),
        "seen_in_training": np.isin(keys, seen),
    }
    left = np.ones(len(keys), bool)
    listed: dict[str, Any] = {"pairs": table.lines, "repeated": table.repeated, "unknown": list(table.unknown)}
    for why, wrong in away.items():
        listed[why] = pairs.labels(keys[left & wrong])
        left &= ~wrong
    listed |= {"asked": int(left.sum()), "joined_otherwise": _joined_otherwise(split, pairs, keys[left])}
    known = pairs.of_triples(np.concatenate([split.train, split.valid, split.test, split.withheld]))
    left_out = np.setdiff1d(np.union1d(known, excluded), keys[left])
    asked = Asked(pairs, keys[left], left_out, None if every is None else every[1])
    total = pairs.shape[0] * pairs.shape[1] if every is None else len(every[1])
    apart = left_out if every is None else np.intersect1d(left_out, every[1])
    if not left.any():
        reasons = {why: listed[why] for why in ("unknown", *away) if listed[why]}
        said = "; ".join(f"{len(names)} {_REASONS[why]}, such as {names[0]}" for why, names in reasons.items())
        raise UsageError(f"{positives}: none of its {table.lines} pairs can be asked: {said}")
    if total == len(apart) + len(keys[left]):
        raise UsageError(f"{universe or positives}: no pair is left to be negative")
    models = {"": model, **baselines(split.train, len(graph.entities), graph.relations)}
    report = {
        **_judged(models, asked, split),
        "popularity": _popularity(models, split, pairs),
        "listed": listed,
        "universe": {
            "pairs": total,
            "unknown": 0 if every is None else len(every[0].unknown),
            "excluded": int(np.isin(apart, excluded).sum()),
            "known": int((~np.isin(apart, excluded)).sum()),
        },
    }
    return _without_nan(report)  # type: ignore[no-any-return]


def _judged(models: dict[str, Model], asked: Asked, split: Split) -> dict[str, Any]:
    """The pairs' metrics of the first model, with those of the others as `baselines`."""
    own, *others = judge(models, asked, split.train)
    names = [name for name in models if name]
    for other in others:
        del other["by_disease"]
    rows, columns = asked.pairs.shape
    step = max(1, BLOCK // columns)
    negatives = sum(int(asked.negatives(i, min(step, rows - i)).sum()) for i in range(0, rows, step))
    counts = {"positives": len(asked.positives), "negatives": negatives, "diseases": len(np.unique(asked.row)),
              "compounds": len(np.unique(asked.column))}  # fmt: skip
    return {"counts": counts, **own, "baselines": dict(zip(names, others, strict=True))}


def _popularity(models: dict[str, Model], split: Split, pairs: Pairs) -> dict[str, Any]:
    each = {name: popularity(model, split, pairs) for name, model in models.items()}
    return {**each.pop(""), "baselines": each}


def _held_out_pairs(split: Split) -> Asked | None:
    """The treatments of the test part against all pairs that no part holds; None where there are none of either."""
    if not split.graph.treatment_relations:
        return None
    pairs = Pairs.of(split.graph)
    positives = pairs.of_triples(split.test)
    known = pairs.of_triples(np.concatenate([split.train, split.valid, split.withheld]))
    asked = Asked(pairs, positives, np.setdiff1d(known, positives))
    there = len(positives) and len(positives) + len(asked.left_out) < pairs.shape[0] * pairs.shape[1]
    return asked if there else None


def _joined_otherwise(split: Split, pairs: Pairs, keys: Int) -> dict[str, int]:
    """How many of the pairs a training triple of another metaedge joins, by metaedge: `{"CpD": 3}`."""
    found: dict[str, int] = {}
    for r, metaedge in enumerate(split.graph.metaedges):
        of_metaedge = split.train[split.train[:, 1] == r]
        for compounds, diseases in ((0, 2), (2, 0)):
            ends = split.graph.heads(r), split.graph.answers(r)
            turned = ends if compounds == 0 else ends[::-1]
            if turned != (pairs.compounds, pairs.diseases) or r in {s % split.graph.relations for s in pairs.relations}:
                continue
            count = int(np.isin(keys, pairs.keys(of_metaedge[:, compounds], of_metaedge[:, diseases])).sum())
            found |= {metaedge.abbreviation: count} if count else {}
    return found


def _training_degree(ranks: Ranks, split: Split) -> Int:
    """How often the answer of each query answers the same relation in training; `(q,)`."""
    graph = split.graph
    relation = np.where(ranks.head_side, ranks.relation + graph.relations, ranks.relation)
    counts, degree = Degree(split.train, len(graph.entities), graph.relations), np.empty(len(relation), np.int64)
    for r in np.unique(relation).tolist():
        degree[relation == r] = counts.count(r).numpy()[ranks.answer[relation == r]]
    return degree


def _measured(ranks: Ranks) -> Metrics:
    return measured([ranks])[0]


def _mrr(ranks: Ranks) -> Metrics:
    return {"mrr": float((1 / ranks.rank).mean())}


def _by_row(tables: dict[str, dict[str, Metrics]]) -> dict[str, dict[str, Metrics]]:
    """The models of each row, of the rows of each model."""
    rows = next(iter(tables.values()))
    return {row: {name: table[row] for name, table in tables.items()} for row in rows}


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value
