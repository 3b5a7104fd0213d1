"""What degrees alone would make of a path count: swaps keep the degrees, and the closed form is what swaps come to."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.graph import KnowledgeGraph
from kgdrug.models.metapaths import Steps, metapaths, path_counts
from kgdrug.models.metapaths.null import Groups, Null, by_swaps, swapped, tables, xswap
from kgdrug.models.metapaths.own import pair_degrees


def degrees(graph: KnowledgeGraph) -> dict[tuple[str, int, str], int]:
    """How many facts of each metaedge an entity stands in, as head and as tail; as either where they are alike."""
    found: dict[tuple[str, int, str], int] = {}
    for head, relation, tail in graph.triples.tolist():
        metaedge = graph.metaedges[relation]
        either = metaedge.head_type == metaedge.tail_type and ">" not in metaedge.abbreviation
        for entity, side in ((head, "head"), (tail, "tail")):
            key = metaedge.abbreviation, entity, "either" if either else side
            found[key] = found.get(key, 0) + (head != tail)
    return {key: count for key, count in found.items() if count}


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 99))
def test_swaps_keep_every_degree_and_join_nothing_twice_or_with_itself(
    graphs: st.SearchStrategy[KnowledgeGraph], data: st.DataObject, seed: int
) -> None:
    graph = data.draw(graphs)
    # a fact that is written down in both directions is one edge, and would be two facts to be swapped
    seen = {(r, *sorted((h, t))) if graph.metaedges[r].abbreviation in ("CrC", "DrD", "GiG") else (r, h, t)
            for h, r, t in graph.triples.tolist()}  # fmt: skip
    graph = graph.with_triples(np.array([(h, r, t) for r, h, t in seen], np.int64))
    other = swapped(graph, seed)
    assert degrees(other) == degrees(graph)
    assert (other.triples[:, 0] != other.triples[:, 2]).all()
    for relation, metaedge in enumerate(other.metaedges):
        if metaedge.abbreviation in ("CrC", "DrD", "GiG"):
            pairs = [frozenset(pair) for pair in other.triples[other.triples[:, 1] == relation][:, [0, 2]].tolist()]
            assert len(pairs) == len(set(pairs))


def test_swaps_change_most_edges_of_a_sparse_graph() -> None:
    rng = np.random.default_rng(0)
    edges = np.stack([rng.integers(0, 100, 300), rng.integers(100, 200, 300)], 1)
    edges = np.unique(edges, axis=0)
    after = xswap(edges, 200, rng, undirected=False)
    kept = {tuple(edge) for edge in edges.tolist()} & {tuple(edge) for edge in after.tolist()}
    assert len(kept) < 0.15 * len(edges)


def test_means_of_swapped_graphs_are_those_of_the_pairs_with_the_same_degrees(
    toy: Callable[..., KnowledgeGraph],
) -> None:
    rng = np.random.default_rng(1)
    graph = toy([(name, *rng.integers(0, 3, 2).tolist()) for name in ("CbG", "CtD", "DaG", "GiG") * 6])
    ways, steps = metapaths(graph, "Compound", "Disease", 3), Steps(graph, 0.4)
    final = dict(by_swaps(steps, ways, permutations=2, seed=5))
    for place, way in enumerate(ways):
        first, last = tables(steps, [way])[0]
        total: dict[tuple[float, float], list[float]] = {}
        for seed in (6, 7):
            paths = dict(path_counts(Steps(swapped(graph, seed), 0.4), ways))[place]
            for (c, d), value in np.ndenumerate(paths):
                key = steps.degrees(way.steps[0])[0][c], steps.degrees(way.steps[-1])[1][d]
                total.setdefault(key, []).append(value)
        means = final[place].reshape(len(first.degrees), len(last.degrees))
        for (one, other), values in total.items():
            cell = means[first.degrees.tolist().index(one), last.degrees.tolist().index(other)]
            assert cell == pytest.approx(np.mean(values))


def test_a_degree_that_no_entity_has_takes_the_next_lower_group() -> None:
    groups = Groups(np.array([1.0, 4.0, 9.0]), np.array([0, 1, 2]))
    assert groups.nearest(np.array([[0, 1, 3], [4, 8, 99]])).tolist() == [[0, 0, 0], [1, 1, 2]]


def test_the_closed_form_is_in_proportion_to_what_swaps_come_to(toy: Callable[..., KnowledgeGraph]) -> None:
    """On a sparse graph, where an edge's chance is in proportion to both its ends' degrees."""
    rng = np.random.default_rng(3)
    types = {"Compound": 60, "Disease": 50, "Gene": 80}
    hubs = {name: rng.permutation(size) ** 2 / size for name, size in types.items()}
    facts = [("CtD", 0, 0)]
    for name, head, tail in (("CbG", "Compound", "Gene"), ("DaG", "Disease", "Gene")):
        rows = [rng.choice(types[end], 300, p=hubs[end] / hubs[end].sum()) for end in (head, tail)]
        facts += [(name, int(a), int(b)) for a, b in zip(*rows, strict=True)]
    graph = toy(facts, types)
    (way,) = (way for way in metapaths(graph, "Compound", "Disease", 2) if str(way) == "CbGaD")
    steps = Steps(graph, 0.4)
    means = list(by_swaps(steps, [way], permutations=30, seed=0))[-1][1][None].astype(np.float32)
    counts = np.stack([paths for _, paths in path_counts(steps, [way])]).astype(np.float32)
    closed, swaps = (
        Null(kind, steps, [way], counts, m).expected(0) for kind, m in (("degrees", None), ("swaps", means))
    )
    assert closed is not None
    assert swaps is not None
    assert closed.mean() == pytest.approx(counts.mean(), rel=1e-4)
    assert np.corrcoef(closed.ravel(), swaps.ravel())[0, 1] > 0.97
    assert (closed.ravel() @ swaps.ravel()) / (closed.ravel() @ closed.ravel()) == pytest.approx(1, abs=0.15)


def test_the_null_of_a_pair_is_without_its_own_edge(toy: Callable[..., KnowledgeGraph]) -> None:
    graph = toy([("CtD", 0, 0), ("CtD", 0, 1), ("CtD", 1, 0), ("CtD", 2, 2), ("DrD", 0, 1), ("DrD", 1, 2)])
    steps = Steps(graph, 0.4)
    (way,) = (way for way in metapaths(graph, "Compound", "Disease", 2) if str(way) == "CtDrD")
    first = pair_degrees(way.steps[0], steps, "Disease", heads=True)
    assert first.tolist() == [[1, 1, 2], [0, 1, 1], [1, 1, 0], [0, 0, 0]]
    assert pair_degrees(way.steps[-1], steps, "Compound", heads=False).tolist() == [[1, 2, 1]] * 4
    expected = Null("degrees", steps, [way], np.ones((1, 4, 3), np.float32)).expected(0)
    assert expected is not None
    plain = first**0.6 * np.array([1, 2, 1]) ** 0.6
    np.testing.assert_allclose(expected, plain / plain.mean(), rtol=1e-5)
