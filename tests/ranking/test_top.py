"""The best candidates against a sort of all of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import KgdrugError
from kgdrug.models import TableModel
from kgdrug.ranking import top as top_module
from kgdrug.ranking.top import top_candidates, top_scores


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 4), st.integers(1, 40), st.integers(1, 12), st.integers(1, 9), st.integers(0, 10**6))
def test_the_best_of_each_row_are_those_of_a_whole_sort(b: int, k: int, top: int, width: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(6, (b, k), generator=generator).float()  # many ties
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(top_module, "WIDTH", width)
        values, columns = top_scores(scores, top)
    for row, (found, places) in enumerate(zip(values.tolist(), columns.tolist(), strict=True)):
        expected = sorted(range(k), key=lambda c: (-float(scores[row, c]), c))[:top]
        assert places == expected
        assert found == [float(scores[row, c]) for c in expected]


def test_scores_that_are_no_numbers_are_said_to_be() -> None:
    scores = torch.tensor([[1.0, 2.0, 3.0], [1.0, float("nan"), 2.0]])
    with pytest.raises(KgdrugError, match="not numbers"):
        top_scores(scores, 2)


@pytest.mark.parametrize("block", [1, 50, 10**6])
def test_many_queries_are_answered_as_one_is(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    model = TableModel.create("complex", 40, 2, 8, seed=0)
    model.entity[:] = torch.randn(40, 8, generator=torch.Generator().manual_seed(0))
    queries = torch.tensor([[0, 1], [5, 3], [9, 0], [0, 1]])
    monkeypatch.setattr(top_module, "BLOCK", block)
    values, entities = top_candidates(model, queries, slice(10, 30), 5)
    assert entities.shape == values.shape == (4, 5)
    for row, query in enumerate(queries):
        scores = model.scores(query[None], slice(0, 40))[0]
        expected = sorted(range(10, 30), key=lambda e: -float(scores[e]))[:5]
        assert entities[row].tolist() == expected
        torch.testing.assert_close(values[row], scores[expected])
