"""The loss and the regulariser against sums written out one by one."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kgdrug.models import SCORES
from kgdrug.training.losses import add_n3, sampled_softmax_loss, softmax_loss

shapes = st.tuples(st.integers(1, 4), st.integers(1, 6), st.integers(1, 8), st.integers(0, 10**6))

NOBODY = torch.empty(0, dtype=torch.int64), torch.empty(0, dtype=torch.int64)


def random_batch(b: int, k: int, p: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    """Scores `(b, k)`, and for each of `p` answers its query and its column."""
    generator = torch.Generator().manual_seed(seed)
    scores = 3 * torch.randn(b, k, generator=generator, dtype=torch.float64)
    rows, columns = (torch.randint(top, (p,), generator=generator) for top in (b, k))
    return scores, rows, columns


def cross_entropy(scores: Tensor, cells: list[tuple[int, int]]) -> Tensor:
    rows, columns = zip(*cells, strict=True)
    targets = torch.tensor(columns)
    return torch.nn.functional.cross_entropy(scores[list(rows)], targets, reduction="sum")


@settings(max_examples=40, deadline=None)
@given(shapes, st.data())
def test_with_every_candidate_loss_and_gradient_are_those_of_the_cross_entropy(
    shape: tuple[int, int, int, int], data: st.DataObject
) -> None:
    scores, _, _ = random_batch(*shape)
    b, k = scores.shape
    cells = sorted(data.draw(st.sets(st.tuples(st.integers(0, b - 1), st.integers(0, k - 1)), min_size=1)))
    rows, columns = torch.tensor(cells).T
    counts = torch.bincount(rows, minlength=b)
    leaf = scores.clone().requires_grad_()
    expected = cross_entropy(leaf, cells)
    expected.backward()
    loss, softmax = softmax_loss(scores, rows, columns, counts)
    torch.testing.assert_close(loss, expected.detach())
    torch.testing.assert_close(softmax * counts[:, None], leaf.grad)


def test_scores_far_apart_do_not_overflow() -> None:
    scores, rows, columns = torch.tensor([[1e4, -1e4, 9e3]]), torch.tensor([0]), torch.tensor([0])
    assert softmax_loss(scores, rows, columns, torch.tensor([1]))[0] == 0
    capped, gradient = softmax_loss(scores, rows, torch.tensor([2]), torch.tensor([1]))
    assert float(capped) == pytest.approx(87.3, abs=0.1)
    assert gradient.tolist() == [[1, 0, -1]]
    for positive, expected in ((2e4, 0.0), (-2e4, 3e4)):
        loss, softmax, weight, by_positive = sampled_softmax_loss(
            scores.clone(), torch.tensor([positive]), rows, NOBODY, 3
        )
        assert float(loss) == expected
        assert softmax.isfinite().all()
        assert weight.tolist() == [-float(by_positive)] == [float(positive < 0)]


@settings(max_examples=40, deadline=None)
@given(shapes, st.floats(1, 50), st.data())
def test_a_sample_stands_for_its_population_without_the_answers_in_it(
    shape: tuple[int, int, int, int], times: float, data: st.DataObject
) -> None:
    scores, rows, _ = random_batch(*shape)
    (b, k), population = scores.shape, round(scores.shape[1] * times)
    positive = scores[rows].mean(1).requires_grad_()
    cells = data.draw(st.sets(st.tuples(st.integers(0, b - 1), st.integers(0, k - 1)), max_size=b * k - 1))
    known = torch.tensor(sorted(cells), dtype=torch.int64).reshape(-1, 2)
    leaf = scores.clone().requires_grad_()
    losses = []
    for i, row in enumerate(rows.tolist()):
        others = [leaf[row, c] + math.log(population / k) for c in range(k) if (row, c) not in cells]
        losses.append(torch.stack([positive[i], *others]).logsumexp(0) - positive[i])
    expected = torch.stack(losses).sum()
    expected.backward()

    hits = known[:, 0], known[:, 1]
    loss, softmax, weight, by_positive = sampled_softmax_loss(scores, positive.detach(), rows, hits, population)

    torch.testing.assert_close(loss, expected.detach())
    for_scores = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad  # None where every one is an answer
    torch.testing.assert_close(softmax * weight[:, None], for_scores)
    torch.testing.assert_close(by_positive, positive.grad)


def test_a_sample_worked_by_hand() -> None:
    # two of eight candidates: e⁰ = 1 and e^ln3 = 3; the second query knows the 3
    scores = torch.tensor([[0.0, math.log(3)], [0.0, math.log(3)]])
    positive, rows = torch.full((2,), math.log(4)), torch.tensor([0, 1])
    loss, *_ = sampled_softmax_loss(scores, positive, rows, (torch.tensor([1]), torch.tensor([1])), 8)
    expected = math.log((4 + 8 / 2 * (1 + 3)) / 4) + math.log((4 + 8 / 2 * 1) / 4)
    assert float(loss) == pytest.approx(expected)


def test_a_sample_of_nothing_but_answers_costs_nothing_and_has_no_gradient() -> None:
    hits = torch.tensor([0, 0]), torch.tensor([0, 1])
    loss, softmax, weight, by_positive = sampled_softmax_loss(
        torch.zeros(1, 2), torch.zeros(1), torch.tensor([0]), hits, 100
    )
    assert float(loss) == 0
    assert (softmax * weight[:, None]).tolist() == [[0.0, 0.0]]
    assert by_positive.tolist() == [0.0]


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
    gradient = torch.ones_like(plain)
    add_n3(gradient, plain, SCORES[score].moduli(plain, relation), weight, 0.3)
    torch.testing.assert_close(gradient - 1, table.grad)
