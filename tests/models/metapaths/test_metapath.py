"""Metapaths: which there are, and what they are called."""

from collections.abc import Callable
from itertools import pairwise, product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary, canonical_triples
from kgdrug.models.metapaths import Step, metapaths

FACTS = [("CbG", 0, 0), ("CtD", 0, 0), ("DaG", 0, 0), ("GiG", 0, 1), ("Gr>G", 0, 1)]


def test_they_are_called_as_rephetio_calls_them(toy: Callable[..., KnowledgeGraph]) -> None:
    names = [str(way) for way in metapaths(toy(FACTS), "Compound", "Disease", 3)]
    assert names == ["CtD", "CbGaD", "CbGbCtD", "CbGiGaD", "CbGr>GaD", "CbG<rGaD", "CtDtCtD", "CtDaGaD"]


def test_an_undirected_metaedge_is_one_step_and_a_directed_one_two(toy: Callable[..., KnowledgeGraph]) -> None:
    names = [str(way) for way in metapaths(toy(FACTS), "Gene", "Gene", 1)]
    assert names == ["GiG", "Gr>G", "G<rG"]


def test_a_metapath_read_backwards_is_one_of_the_other_direction(toy: Callable[..., KnowledgeGraph]) -> None:
    there, back = (metapaths(toy(FACTS), *ends, 4) for ends in (("Gene", "Disease"), ("Disease", "Gene")))
    assert len(there) == len(back) > 10
    assert {way.types for way in there} == {way.types[::-1] for way in back}


def test_a_metaedge_without_a_triple_leads_nowhere(toy: Callable[..., KnowledgeGraph]) -> None:
    assert not [way for way in metapaths(toy(FACTS), "Compound", "Disease", 4) if "rC" in str(way)]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), length=st.integers(1, 3))
def test_every_sequence_of_fitting_steps_is_there_once_and_in_order(
    graphs: st.SearchStrategy[KnowledgeGraph], data: st.DataObject, length: int
) -> None:
    graph = data.draw(graphs)
    ends = data.draw(st.tuples(*[st.sampled_from(["Compound", "Disease", "Gene"])] * 2))
    sides = {}
    for relation in set(graph.triples[:, 1].tolist()):
        e = graph.metaedges[relation]
        sides[Step(relation)] = e.head_type, e.tail_type
        if e.head_type != e.tail_type or ">" in e.abbreviation:
            sides[Step(relation, back=True)] = e.tail_type, e.head_type
    expected = [
        steps
        for exact in range(1, length + 1)
        for steps in product(sorted(sides), repeat=exact)
        if sides[steps[0]][0] == ends[0]
        and sides[steps[-1]][1] == ends[1]
        and all(sides[one][1] == sides[other][0] for one, other in pairwise(steps))
    ]
    found = metapaths(graph, *ends, length)
    assert [way.steps for way in found] == expected
    assert len({str(way) for way in found}) == len(found)


def test_names_that_cannot_be_read_are_listed_with_a_mark_for_steps_back() -> None:
    metaedges = (
        Metaedge("GNBR::T::Compound:Disease", "Compound", "treats", "Disease"),
        Metaedge("link", "Compound", "x", "Gene"),
        Metaedge("link2", "Disease", "x", "Gene"),
    )
    types = (EntityType("Compound", 0, 1), EntityType("Disease", 1, 2), EntityType("Gene", 2, 3))
    triples = canonical_triples([(0, 0, 1), (0, 1, 2), (1, 2, 2)], 3)  # type: ignore[arg-type]
    graph = KnowledgeGraph(Vocabulary(["c", "d", "g"]), types, metaedges, triples)
    assert [str(way) for way in metapaths(graph, "Compound", "Disease", 2)] == [
        "Compound: GNBR::T::Compound:Disease",
        "Compound: link ~link2",
    ]


def test_an_unknown_type_names_the_types(toy: Callable[..., KnowledgeGraph]) -> None:
    with pytest.raises(UnknownNameError, match="Compound"):
        metapaths(toy(FACTS), "Compoundd", "Disease", 2)


def test_too_many_are_refused_before_they_are_all_made(
    toy: Callable[..., KnowledgeGraph], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kgdrug.models.metapaths.metapath.MOST", 10)
    with pytest.raises(UsageError, match=r"more than 10 metapaths of up to 4 steps.*lower metapaths\.length"):
        metapaths(toy(FACTS), "Compound", "Disease", 4)
