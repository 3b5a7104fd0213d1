import itertools
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.reports.layout import CENTRE, HEIGHT, WIDTH, place_types
from kgdrug.reports.metagraph import MOST_LINES, lines_by_pair, short_label
from kgdrug.reports.svg import text_for_drawing

NAMES = "ABCDEFGH"


def cross(one, other):
    """Whether two stretches without a common end cross, by solving for the point where their lines meet."""
    (a, b), (c, d) = one, other
    matrix = np.array([b - a, c - d]).T
    if abs(np.linalg.det(matrix)) < 1e-9:
        return False
    s, t = np.linalg.solve(matrix, c - a)
    return 0 < s < 1 and 0 < t < 1


def crossings(places, pairs):
    return sum(
        cross([places[name] for name in one], [places[name] for name in other])
        for one, other in itertools.combinations(pairs, 2)
        if not set(one) & set(other)
    )


@settings(max_examples=40, deadline=None)
@given(
    names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True),
    chosen=st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=12),
)
def test_types_stand_apart_on_the_paper_and_always_in_the_same_places(names, chosen):
    pairs = sorted({tuple(sorted(pair)) for pair in chosen if set(pair) <= set(names)})
    places = place_types(names, pairs)
    assert set(places) == set(names)
    for x, y in places.values():
        assert 0 < x < WIDTH
        assert 0 < y < HEIGHT
    for one, other in itertools.combinations(places.values(), 2):
        assert np.hypot(*(one - other)) > 80
    again = place_types(names, pairs)
    assert all((places[name] == again[name]).all() for name in names)


@pytest.mark.parametrize("size", [4, 5, 6, 8])
@pytest.mark.parametrize("seed", range(3))
def test_a_ring_of_types_is_drawn_without_crossings(size, seed):
    order = random.Random(seed).sample(NAMES[:size], size)
    pairs = [tuple(sorted(pair)) for pair in itertools.pairwise([*order, order[0]])]
    assert crossings(place_types(sorted(order), pairs), pairs) == 0


def test_the_type_that_joins_most_others_stands_in_the_middle():
    places = place_types(NAMES, [("C", name) for name in NAMES if name != "C"] + [("A", "B")])
    assert np.allclose(places["C"], CENTRE)
    assert sum(np.allclose(place, CENTRE) for place in places.values()) == 1


def test_where_no_type_joins_half_of_the_others_the_middle_stays_free():
    places = place_types(NAMES, [("A", "B"), ("C", "D"), ("E", "F")])
    assert not any(np.allclose(place, CENTRE) for place in places.values())


@settings(max_examples=40, deadline=None)
@given(
    ends=st.lists(st.tuples(st.sampled_from("ABC"), st.sampled_from("ABC"), st.booleans()), max_size=14),
)
def test_each_metaedge_is_in_one_line_and_treatments_are_among_themselves(ends):
    types = tuple(EntityType(name, i, i + 1) for i, name in enumerate("ABC"))
    metaedges = tuple(Metaedge(f"r{i:02}", head, "r", tail) for i, (head, tail, _) in enumerate(ends))
    treats = tuple(e.abbreviation for e, (_, _, does) in zip(metaedges, ends, strict=True) if does)
    graph = KnowledgeGraph(Vocabulary("abc"), types, metaedges, np.empty((0, 3), np.int64), treats)
    lines = lines_by_pair(graph, "ABC")
    drawn = [e for group in lines.values() for line in group for e in line.metaedges]
    assert sorted(e.abbreviation for e in drawn) == [e.abbreviation for e in metaedges]
    for pair, group in lines.items():
        between = [e for e in metaedges if {e.head_type, e.tail_type} == set(pair)]
        assert len(group) == len(between) if len(between) <= MOST_LINES else len(group) <= 2
        for line in group:
            assert all({e.head_type, e.tail_type} == set(pair) for e in line.metaedges)
            assert {e.abbreviation in treats for e in line.metaedges} == {line.treats}


@pytest.mark.parametrize(
    ("abbreviation", "relation", "label"),
    [
        ("CtD", "treats", "CtD"),
        ("Hetionet::CtD::Compound:Disease", "CtD", "CtD"),
        ("DRUGBANK::ddi-interactor-in::Compound:Compound", "ddi-interactor-in", "ddi-int…tor-in"),
    ],
)
def test_a_long_abbreviation_is_shown_by_its_relation_or_cut(abbreviation, relation, label):
    assert short_label(Metaedge(abbreviation, "Compound", relation, "Disease")) == label


@given(text=st.text(), most=st.integers(2, 20))
def test_a_text_to_draw_is_short_and_holds_what_xml_can(text, most):
    drawn = text_for_drawing(text, most)
    assert len(drawn) <= most
    assert all(c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff" for c in drawn)
    if len(text) <= most and text.isalnum() and text.isascii():
        assert drawn == text
