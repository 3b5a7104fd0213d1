"""Ways to hold triples out. Each returns a `Split` that a seed, or a folder, makes again to the bit."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int, distinct, triple_keys
from kgdrug.sources import load_parts, read_part
from kgdrug.splits.split import Split


def hold_out_pairs(graph: KnowledgeGraph, valid: float, test: float, seed: int) -> Split:
    """Hold out whole pairs of the treatment relations, over all relations.

    valid, test: shares of the treated pairs, at least one pair each. No triple of any relation or direction that
    joins the two ends of a held-out pair stays in training: its treatment triples are asked for in `valid` or
    `test`, every other one is withheld. So a held-out treatment never shines through `CpD` or a reciprocal.
    """
    if not graph.treatment_relations:
        raise UsageError(f"the graph {graph.name} names no treatment relation; use split kind 'triples'")
    pairs = pair_keys(graph, graph.triples)
    treatment = np.isin(graph.triples[:, 1], graph.treatment_relations)
    treated = distinct(pairs[treatment])
    order = np.random.default_rng(seed).permutation(treated)
    n_valid, n_test = _sizes(len(treated), valid, test, "treated pairs")
    made = {"kind": "pairs", "valid": valid, "test": test, "seed": seed}
    return _part_by_pairs(graph, order[:n_valid], order[n_valid : n_valid + n_test], treatment, made)


def hold_out_triples(graph: KnowledgeGraph, valid: float, test: float, seed: int) -> Split:
    """Hold out random triples of all relations. On drug graphs this leaks: use it for untyped benchmarks."""
    n_valid, n_test = _sizes(len(graph.triples), valid, test, "triples")
    order = np.random.default_rng(seed).permutation(len(graph.triples))
    parts = (order[n_valid + n_test :], order[:n_valid], order[n_valid : n_valid + n_test])
    train, valid_part, test_part = (graph.triples[np.sort(part)] for part in parts)
    return Split(
        graph, train, valid_part, test_part, made={"kind": "triples", "valid": valid, "test": test, "seed": seed}
    )


def hold_out_given(graph: KnowledgeGraph, folder: str | Path) -> Split:
    """Hold out, over all relations, the pairs in the `valid` and `test` files of a folder."""
    valid, test = (read_part(graph, folder, part) for part in ("valid", "test"))
    made: dict[str, object] = {"kind": "given", "folder": str(folder)}
    held = {part: distinct(pair_keys(graph, triples)) for part, triples in (("valid", valid), ("test", test))}
    if np.isin(held["valid"], held["test"]).any():
        raise UsageError(f"{folder}: a pair is in both valid and test")
    listed = triple_keys(np.concatenate([valid, test]), len(graph.entities))
    asked = np.isin(triple_keys(graph.triples, len(graph.entities)), listed)
    return _part_by_pairs(graph, held["valid"], held["test"], asked, made)


def fixed(folder: str | Path) -> Split:
    """The parts of a folder with `train`, `valid` and `test` files, as they are."""
    graph, parts = load_parts(folder)
    return Split(graph, parts["train"], parts["valid"], parts["test"], made={"kind": "fixed", "folder": str(folder)})


def pair_keys(graph: KnowledgeGraph, triples: Int) -> Int:
    """One integer for the unordered pair of entities of each triple; `(t,)`."""
    ends = triples[:, [0, 2]]
    keys: Int = ends.min(1) * len(graph.entities) + ends.max(1)
    return keys


def _part_by_pairs(
    graph: KnowledgeGraph, valid: Int, test: Int, asked: NDArray[np.bool_], made: dict[str, object]
) -> Split:
    """Hold out every triple of the given pairs; those that are asked become valid and test, the others are withheld."""
    pairs = pair_keys(graph, graph.triples)
    in_valid, in_test = np.isin(pairs, valid), np.isin(pairs, test)
    held = in_valid | in_test
    parts = (~held, in_valid & asked, in_test & asked, held & ~asked)
    train, valid_part, test_part, withheld = (graph.triples[rows] for rows in parts)
    return Split(graph, train, valid_part, test_part, withheld, made)


def _sizes(total: int, valid: float, test: float, what: str) -> tuple[int, int]:
    if not (0 < valid < 1 and 0 < test < 1 and valid + test < 1):
        raise UsageError(f"split.valid is {valid} and split.test {test}; both must be above 0 and together below 1")
    n_valid, n_test = max(1, round(total * valid)), max(1, round(total * test))
    if n_valid + n_test >= total:
        raise UsageError(f"{total} {what} are too few to hold out {n_valid} for valid and {n_test} for test")
    return n_valid, n_test
