"""The best candidates against a sort of all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import KgdrugError
from kgdrug.models.arrays import ArrayTable
from kgdrug.ranking import top as top_module
from kgdrug.ranking.top import top_candidates, top_scores


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 40), st.integers(1, 12), st.integers(1, 9), st.integers(0, 10**6))
def test_the_best_are_those_of_a_whole_sort(k: int, top: int, width: int, seed: int) -> None:
    scores = np.random.default_rng(seed).integers(6, size=k).astype(np.float32)  # many ties
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top_module, "WIDTH", width)
        values, columns = top_scores(scores, top)
    from_sorted = top_scores(scores, top, np.sort(scores))
    assert from_sorted[1].tolist() == columns.tolist()
    expected = sorted(range(k), key=lambda c: (-float(scores[c]), c))[:top]
    assert columns.tolist() == expected
    assert values.tolist() == [float(scores[c]) for c in expected]


def test_scores_that_are_no_numbers_are_said_to_be() -> None:
    scores = np.array([1.0, float("nan"), 2.0])
    for top in (1, 2, 3):
        for ascending in (None, np.sort(scores)):
            with pytest.raises(KgdrugError, match="not numbers"):
                top_scores(scores, top, ascending)


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
