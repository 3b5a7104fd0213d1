"""The loss and the regulariser against sums written out one by one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kgdrug.models import SCORES
from kgdrug.training.losses import n3_gradient, softmax_loss

shapes = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 8), st.integers(0, 10**6))


def random_batch(b: int, k: int, p: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Scores `(b, k)`, and for each of `p` answers its query and its column."""
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(b, k, generator=generator, dtype=torch.float64)
    rows, columns = (torch.randint(top, (p,), generator=generator) for top in (b, k))
    return scores, rows, columns


@settings(max_examples=40, deadline=None)
@given(shapes)
def test_with_every_candidate_the_loss_is_the_cross_entropy(shape: tuple[int, int, int, int]) -> None:
    scores, rows, columns = random_batch(*shape)
    loss = softmax_loss(scores, scores[rows, columns], rows)
    assert loss.shape == rows.shape
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(scores[rows], columns, reduction="none"))


def test_large_scores_do_not_overflow() -> None:
    scores, rows, columns = torch.tensor([[1e4, -1e4, 9e3]]), torch.tensor([0, 0]), torch.tensor([0, 2])
    assert softmax_loss(scores, scores[rows, columns], rows).tolist() == [0.0, 1000.0]
    nobody = (torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64))
    sampled = softmax_loss(scores, torch.tensor([2e4, -2e4]), rows, nobody, 3)
    assert sampled.tolist() == [0.0, 3e4]


@settings(max_examples=40, deadline=None)
@given(shapes, st.floats(1, 50), st.data())
def test_a_sample_stands_for_its_population_without_the_known_answers(
    shape: tuple[int, int, int, int], times: float, data: st.DataObject
) -> None:
    scores, rows, _ = random_batch(*shape)
    (b, k), population = scores.shape, round(scores.shape[1] * times)
    positive = scores[rows].mean(1)
    cells = data.draw(st.sets(st.tuples(st.integers(0, b - 1), st.integers(0, k - 1)), max_size=b * k))
    known = torch.tensor(sorted(cells), dtype=torch.int64).reshape(-1, 2)

    loss = softmax_loss(scores, positive, rows, (known[:, 0], known[:, 1]), population)

    for i, row in enumerate(rows.tolist()):
        others = sum(math.exp(s) for column, s in enumerate(scores[row].tolist()) if (row, column) not in cells)
        mine = math.exp(float(positive[i]))
        assert float(loss[i]) == pytest.approx(-math.log(mine / (mine + population / k * others)), rel=1e-9, abs=1e-12)


def test_a_sample_of_everyone_gives_the_exact_loss() -> None:
    scores, rows, columns = random_batch(3, 6, 3, 0)
    rows = torch.arange(3)
    exact = softmax_loss(scores, scores[rows, columns], rows)
    sampled = softmax_loss(scores, scores[rows, columns], rows, (rows, columns), 6)
    torch.testing.assert_close(sampled, exact)


def test_a_sample_worked_by_hand() -> None:
    # two of eight candidates: e⁰ = 1 and e^ln3 = 3; the second query knows the 3
    scores = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]])
    positive, rows = torch.tensor([math.log(4), math.log(4), math.log(4)]), torch.tensor([0, 1, 1])
    loss = softmax_loss(scores, positive, rows, (torch.tensor([1]), torch.tensor([1])), 8)
    expected = [math.log((4 + 8 / 2 * (1 + 3)) / 4), math.log((4 + 8 / 2 * 1) / 4), math.log(2)]
    assert loss.tolist() == pytest.approx(expected)


def test_a_known_answer_among_the_sample_is_not_pushed_down() -> None:
    scores = torch.zeros(1, 3, requires_grad=True)
    rows = known_rows = torch.tensor([0])
    softmax_loss(scores, torch.zeros(1), rows, (known_rows, torch.tensor([1])), 100).sum().backward()
    assert scores.grad is not None
    assert scores.grad[0, 1] == 0
    assert scores.grad[0, 0] == scores.grad[0, 2] > 0


def test_a_sample_of_nothing_but_answers_costs_nothing_and_has_a_finite_gradient() -> None:
    scores, positive = torch.zeros(1, 2, requires_grad=True), torch.zeros(1, requires_grad=True)
    loss = softmax_loss(scores, positive, torch.tensor([0]), (torch.tensor([0, 0]), torch.tensor([0, 1])), 100)
    assert loss.tolist() == [0.0]
    loss.sum().backward()
    assert scores.grad is not None
    assert positive.grad is not None
    assert scores.grad.tolist() == [[0.0, 0.0]]
    assert positive.grad.tolist() == [0.0]


def real_cubes(table: Tensor) -> Tensor:
    return (table.abs() ** 3).sum(1)


def complex_cubes(table: Tensor) -> Tensor:
    return (torch.complex(*table.chunk(2, 1)).abs() ** 3).sum(1)


@pytest.mark.parametrize(
    ("score", "cubes"), [("distmult", real_cubes), ("transe", real_cubes), ("complex", complex_cubes)]
)
@pytest.mark.parametrize("relation", [False, True])
def test_the_gradient_of_n3_is_that_of_the_weighted_cubes(score: str, cubes: object, relation: bool) -> None:
    assert callable(cubes)
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(5, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    weight = torch.tensor([0.0, 1.0, 2.0, 7.0, 1.0], dtype=torch.float64)
    (0.3 * (weight * cubes(table)).sum()).backward()
    assert table.grad is not None
    plain = table.detach()
    torch.testing.assert_close(n3_gradient(plain, SCORES[score].moduli(plain, relation), weight, 0.3), table.grad)
