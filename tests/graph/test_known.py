from collections import defaultdict

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.graph import KnownTails, both_directions
from kgdrug.graph.known import distinct

Triples = list[tuple[int, int, int]]


@st.composite
def triples_of(draw: st.DrawFn) -> tuple[int, int, Triples]:
    """Numbers of entities and relations, and triples, some of them twice and in any order."""
    n, m = draw(st.integers(1, 6)), draw(st.integers(1, 3))
    triple = st.tuples(st.integers(0, n - 1), st.integers(0, m - 1), st.integers(0, n - 1))
    return n, m, draw(st.lists(triple, max_size=30))


def array(triples: Triples) -> np.ndarray:
    return np.array(triples, np.int64).reshape(-1, 3)


def answers(m: int, triples: Triples) -> dict[tuple[int, int], set[int]]:
    """The tails of each head and relation, and the heads of each tail and reciprocal relation."""
    result: dict[tuple[int, int], set[int]] = defaultdict(set)
    for head, relation, tail in triples:
        result[head, relation].add(tail)
        result[tail, relation + m].add(head)
    return result


@settings(max_examples=100, deadline=None)
@given(triples_of(), st.data())
def test_known_tails_are_those_of_a_dictionary_of_sets(graph, data):
    n, m, triples = graph
    expected, known = answers(m, triples), KnownTails(array(triples), n, m)
    query = st.tuples(st.integers(0, n - 1), st.integers(0, 2 * m - 1))
    queries = data.draw(st.lists(query, max_size=20))
    rows, tails = known.of(np.array(queries, np.int64).reshape(-1, 2))
    assert [(r, t) for r, t in zip(rows.tolist(), tails.tolist(), strict=True)] == [
        (row, tail) for row, query in enumerate(queries) for tail in sorted(expected.get(query, ()))
    ]


@settings(max_examples=50, deadline=None)
@given(triples_of())
def test_every_possible_triple_is_known_or_not_in_both_directions(graph):
    n, m, triples = graph
    expected = answers(m, triples)
    every = [(h, r, t) for h in range(n) for r in range(2 * m) for t in range(n)]
    known = KnownTails(array(triples), n, m).contains(array(every))
    assert known.tolist() == [t in expected.get((h, r), ()) for h, r, t in every]


@settings(max_examples=50, deadline=None)
@given(triples_of())
def test_rows_are_the_distinct_queries_with_their_answers_in_order(graph):
    n, m, triples = graph
    expected, known = answers(m, triples), KnownTails(array(triples), n, m)
    assert [tuple(q) for q in known.queries.tolist()] == sorted(expected)
    assert len(known.offsets) == len(expected) + 1
    for query, start, stop in zip(sorted(expected), known.offsets[:-1], known.offsets[1:], strict=True):
        assert known.tails[start:stop].tolist() == sorted(expected[query])


def test_a_graph_without_triples_knows_no_answer():
    known = KnownTails(np.empty((0, 3), np.int64), 4, 2)
    rows, tails = known.of(np.array([[0, 0], [3, 3]]))
    assert len(rows) == len(tails) == len(known.queries) == 0
    assert known.contains(np.array([[0, 0, 0], [3, 3, 3]])).tolist() == [False, False]


def test_no_query_has_no_answer():
    known = KnownTails(array([(0, 0, 1)]), 2, 1)
    rows, tails = known.of(np.empty((0, 2), np.int64))
    assert len(rows) == len(tails) == 0
    assert known.contains(np.empty((0, 3), np.int64)).tolist() == []


def test_a_query_beyond_the_last_known_one_has_no_answer():
    known = KnownTails(array([(0, 0, 1)]), 3, 1)
    assert known.of(np.array([[2, 1]]))[0].tolist() == []
    assert known.of(np.array([[2, 1], [0, 0]]))[0].tolist() == [1]


def test_both_directions_put_the_reciprocals_below_the_triples():
    assert both_directions(array([(0, 1, 2), (3, 0, 3)]), 5).tolist() == [[0, 1, 2], [3, 0, 3], [2, 6, 0], [3, 5, 3]]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-5, 5)))
def test_distinct_is_the_sorted_set(values):
    assert distinct(np.array(values, np.int64)).tolist() == sorted(set(values))
