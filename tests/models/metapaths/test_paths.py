"""Path counts as sparse products are those of walking the graph."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug.graph import KnowledgeGraph
from kgdrug.models.metapaths import Metapath, Step, Steps, metapaths, path_counts, take_out_own_edges

Walk = Callable[[KnowledgeGraph, Metapath, float], np.ndarray]
by_fixtures = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ENDS = [tuple(ends.split()) for ends in ("Compound Disease", "Disease Compound", "Compound Compound", "Gene Gene")]


def some(ways: list[Metapath], data: st.DataObject, most: int = 25) -> list[Metapath]:
    """A few of the metapaths, in any order."""
    places = data.draw(st.lists(st.integers(0, len(ways) - 1), max_size=most, unique=True) if ways else st.just([]))
    return [ways[place] for place in places]


@pytest.mark.parametrize("ends", ENDS, ids="-".join)
@by_fixtures
@given(data=st.data(), damping=st.sampled_from([0.0, 0.4, 1.0]))
def test_the_dwpc_of_every_pair_is_that_of_walking(
    ends: tuple[str, str], graphs: st.SearchStrategy[KnowledgeGraph], walked: Walk, data: st.DataObject, damping: float
) -> None:
    graph = data.draw(graphs)
    ways = some(metapaths(graph, *ends, 4), data)
    counts = dict(path_counts(Steps(graph, damping), ways))
    assert sorted(counts) == list(range(len(ways)))
    for place, way in enumerate(ways):
        expected = walked(graph, way, damping)
        np.testing.assert_allclose(counts[place], expected, rtol=1e-9, atol=1e-12, err_msg=str(way))
        assert np.array_equal(counts[place] > 0, expected > 0), "no path is no weight, to the bit"


@pytest.mark.parametrize("ends", ENDS, ids="-".join)
@by_fixtures
@given(data=st.data())
def test_own_edges_are_taken_out_as_if_the_graph_never_had_them(
    ends: tuple[str, str], graphs: st.SearchStrategy[KnowledgeGraph], walked: Walk, data: st.DataObject
) -> None:
    graph = data.draw(graphs)
    ways = some([way for way in metapaths(graph, *ends, 4) if len(way) > 1], data, 8)
    steps = Steps(graph, 0.4)
    heads, tails = (graph.entity_type(name).range for name in ends)
    for place, paths in path_counts(steps, ways):
        take_out_own_edges(paths, ways[place], steps)
        joined = {(h, t) for h, _, t in graph.triples.tolist()} | {(t, h) for h, _, t in graph.triples.tolist()}
        for head, tail in joined:
            if head in heads and tail in tails and head != tail:
                ends_in = np.isin(graph.triples[:, [0, 2]], [head, tail]).all(1) & (
                    graph.triples[:, 0] != graph.triples[:, 2]
                )
                without = graph.with_triples(graph.triples[~ends_in])
                expected = walked(without, ways[place], 0.4)[head - heads.start, tail - tails.start]
                came = paths[head - heads.start, tail - tails.start]
                assert came == pytest.approx(expected, rel=1e-9, abs=1e-12), f"{ways[place]} {head} {tail}"


def test_a_metapath_of_five_steps_is_not_counted_wrongly(toy: Callable[..., KnowledgeGraph]) -> None:
    graph = toy([("CbG", 0, 0), ("DaG", 0, 0)])
    with pytest.raises(ValueError, match="more than 4 steps"):
        next(path_counts(Steps(graph, 0.4), [Metapath((Step(0),) * 5, ("Gene",) * 6, "GGGGGG")]))


def test_products_that_are_cut_into_stretches_come_to_the_same(
    toy: Callable[..., KnowledgeGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    graph = toy([(name, *rng.integers(0, 3, 2).tolist()) for name in ("CbG", "CtD", "DaG", "GiG", "Gr>G", "CrC") * 8])
    ways = metapaths(graph, "Compound", "Disease", 4)
    whole = dict(path_counts(Steps(graph, 0.4), ways))
    monkeypatch.setattr("kgdrug.models.metapaths.paths.CELLS", 3)
    cut = dict(path_counts(Steps(graph, 0.4), ways))
    assert all(np.array_equal(whole[place], cut[place]) for place in whole)
    assert sum(paths.sum() for paths in whole.values()) > 0


def test_what_rounding_leaves_of_sums_that_cancel_is_no_path(toy: Callable[..., KnowledgeGraph], walked: Walk) -> None:
    rng = np.random.default_rng(0)
    sizes = {"C": 4, "D": 3, "G": 3}
    names = ("CbG", "CpD", "CrC", "CtD", "DaG", "DrD", "GiG", "Gr>G")
    facts = [(name, h, t) for name in names for h in range(sizes[name[0]]) for t in range(sizes[name[-1]])]
    for _ in range(6):
        graph = toy([facts[i] for i in rng.choice(len(facts), 45, replace=False)])
        ways = metapaths(graph, "Compound", "Compound", 4)[::5]
        for place, paths in path_counts(Steps(graph, 0.4), ways):
            assert np.array_equal(paths > 0, walked(graph, ways[place], 0.4) > 0), str(ways[place])
