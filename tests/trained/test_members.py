"""Several members answer as one: the definitions in plain lists."""

import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from kgdrug.trained import mean_rank_scores

rows = st.integers(1, 9).flatmap(
    lambda k: st.lists(st.lists(st.integers(-3, 3).map(float), min_size=k, max_size=k), min_size=1, max_size=5)
)


def plain_rank_score(row: list[float], score: float) -> float:
    rank = 1 + sum(s > score for s in row) + (sum(s == score for s in row) - 1) / 2
    return 1 - (rank - 1) / (len(row) - 1) if len(row) > 1 else 0.0


@given(rows)
def test_a_score_is_the_mean_over_members_of_one_less_the_share_of_ranks_above(members: list[list[float]]) -> None:
    expected = [sum(plain_rank_score(row, row[i]) for row in members) / len(members) for i in range(len(members[0]))]
    (came,) = mean_rank_scores([torch.tensor([row]) for row in members]).tolist()
    assert all(math.isclose(a, b, abs_tol=1e-6) for a, b in zip(came, expected, strict=True))


@given(rows)
def test_each_query_is_ranked_for_itself(queries: list[list[float]]) -> None:
    together = mean_rank_scores([torch.tensor(queries), -torch.tensor(queries)])
    for row, query in zip(together, queries, strict=True):
        assert torch.equal(row, mean_rank_scores([torch.tensor([query]), -torch.tensor([query])])[0])


@given(st.lists(st.permutations(range(7)), min_size=3, max_size=3))
def test_candidates_whose_ranks_have_the_same_sum_are_equal_to_the_bit(orders: list[list[int]]) -> None:
    (scores,) = mean_rank_scores([torch.tensor([order], dtype=torch.float32) for order in orders])
    sums = [sum(ranks) for ranks in zip(*orders, strict=True)]
    for a in range(7):
        for b in range(7):
            assert (scores[a] < scores[b]) == (sums[a] < sums[b])


def test_the_scale_of_a_member_does_not_count() -> None:
    loud, soft = torch.tensor([[1e6, 2e6, 3e6]]), torch.tensor([[0.3, 0.2, 0.1]])
    assert mean_rank_scores([loud, soft]).tolist() == [[0.5, 0.5, 0.5]]


def test_a_score_that_is_no_number_is_not_hidden_by_ranks() -> None:
    fine, broken = torch.tensor([[1.0, 2.0], [1.0, 2.0]]), torch.tensor([[1.0, math.nan], [1.0, 2.0]])
    scores = mean_rank_scores([broken, fine])
    assert scores[0].isnan().all()
    assert scores[1].tolist() == [0.0, 1.0]
