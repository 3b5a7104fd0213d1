"""The best candidates against a sort of all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import KgdrugError
from kgdrug.models.arrays import ArrayTable
from kgdrug.ranking import top as top_module
from kgdrug.ranking.top import best_columns, numbers, top_candidates


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 4), st.integers(0, 40), st.integers(1, 12), st.integers(1, 9), st.integers(0, 10**6))
def test_the_best_are_those_of_a_whole_sort(b: int, k: int, top: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.choice([-np.inf, 0, 1, 2, 3, 4], (b, k)).astype(np.float32)  # many ties
    counts = random.random((b, k)) < 0.6
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top_module, "WIDTH", width)
        best, counted = best_columns(scores, top), best_columns(scores, top, counts=counts)
    ordered = [sorted(range(k), key=lambda c, row=row: (-row[c], c)) for row in scores.tolist()]
    assert [row.tolist() for row in best] == [row[:top] for row in ordered]
    assert [row.tolist() for row in best_columns(scores, top, np.sort(scores))] == [row[:top] for row in ordered]
    left = [[c for c in row if counts[i, c]][:top] for i, row in enumerate(ordered)]
    assert [row.tolist() for row in counted] == left


@pytest.mark.parametrize("column", [0, 1, 2])
def test_scores_that_are_no_numbers_are_said_to_be(column: int) -> None:
    scores = np.array([[3.0, 4.0, 5.0], [1.0, 2.0, -np.inf]])
    assert numbers(scores) is scores
    assert numbers(scores[:0]).shape == (0, 3)
    scores[1, column] = np.nan
    with pytest.raises(KgdrugError, match="not numbers"):
        numbers(scores)


@pytest.mark.parametrize("block", [1, 50, 10**6])
def test_many_queries_are_answered_as_one_is(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    entity, relation = (random.standard_normal((rows, 8)).astype(np.float32) for rows in (40, 4))
    model = ArrayTable("complex", entity, relation)
    queries = np.array([[0, 1], [5, 3], [9, 0], [0, 1]])
    monkeypatch.setattr(top_module, "BLOCK", block)
    values, entities = top_candidates(model, queries, slice(10, 30), 5)
    assert entities.shape == values.shape == (4, 5)
    for row, query in enumerate(queries):
        scores = model.scores(query[None], slice(0, 40))[0]
        expected = sorted(range(10, 30), key=lambda e: -float(scores[e]))[:5]
        assert entities[row].tolist() == expected
        np.testing.assert_allclose(values[row], scores[expected], rtol=1e-5)


def test_no_queries_have_no_answers() -> None:
    model = ArrayTable("distmult", np.ones((5, 2), np.float32), np.ones((2, 2), np.float32))
    for candidates, top in ((slice(0, 5), 3), (slice(2, 4), 9), (slice(3, 3), 1)):
        values, entities = top_candidates(model, np.empty((0, 2), np.int64), candidates, top)
        assert values.shape == entities.shape == (0, min(top, candidates.stop - candidates.start))
    values, entities = top_candidates(model, np.array([[0, 1]]), slice(3, 3), 4)
    assert values.shape == entities.shape == (1, 0)
