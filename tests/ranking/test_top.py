"""The best candidates against a sort of all of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import KgdrugError
from kgdrug.ranking import top as top_module
from kgdrug.ranking.top import best_columns, numbers


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 4),
    st.integers(0, 40),
    st.integers(1, 12),
    st.integers(1, 9),
    st.integers(1, 99),
    st.integers(0, 10**6),
)
def test_the_best_are_those_of_a_whole_sort(b: int, k: int, top: int, width: int, cached: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.choice([-np.inf, 0, 1, 2, 3, 4], (b, k)).astype(np.float32)  # many ties
    counts = random.random((b, k)) < 0.6
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top_module, "WIDTH", width)
        patch.setattr(top_module, "CACHED", cached)
        best, counted = best_columns(scores, top), best_columns(scores, top, counts=counts)
        by_ascending = best_columns(scores, top, np.sort(scores))
    ordered = [sorted(range(k), key=lambda c, row=row: (-row[c], c)) for row in scores.tolist()]
    assert [row.tolist() for row in best] == [row[:top] for row in ordered]
    assert [row.tolist() for row in by_ascending] == [row[:top] for row in ordered]
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
    for ascending in (None, np.sort(scores)):
        with pytest.raises(KgdrugError, match="not numbers"):
            best_columns(scores, 1, ascending)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top_module, "WIDTH", 1)  # looked at by their maxima alone
        with pytest.raises(KgdrugError, match="not numbers"):
            best_columns(scores, 1)
