"""Each score function against the formula of its paper, over Python's own floats and complex numbers."""

import cmath
import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from kgdrug.models import SCORES
from kgdrug.models.scores import distances  # the module, for its TILE

NAMES = sorted(SCORES)
TILES = [1, 7, 60, 10**9]


def as_complex(row: list[float]) -> list[complex]:
    half = len(row) // 2
    return [complex(real, imaginary) for real, imaginary in zip(row[:half], row[half:], strict=True)]


def transe(head: list[float], relation: list[float], tail: list[float]) -> float:
    """Bordes et al. 2013, the squared distance."""
    return -sum((h + r - t) ** 2 for h, r, t in zip(head, relation, tail, strict=True))


def transe_l2(head: list[float], relation: list[float], tail: list[float]) -> float:
    """Bordes et al. 2013, the distance itself."""
    return -math.dist([h + r for h, r in zip(head, relation, strict=True)], tail)


def distmult(head: list[float], relation: list[float], tail: list[float]) -> float:
    """Yang et al. 2015."""
    return sum(h * r * t for h, r, t in zip(head, relation, tail, strict=True))


def complex_(head: list[float], relation: list[float], tail: list[float]) -> float:
    """Trouillon et al. 2016."""
    factors = zip(as_complex(head), as_complex(relation), as_complex(tail), strict=True)
    return sum(h * r * t.conjugate() for h, r, t in factors).real


def rotate(head: list[float], phases: list[float], tail: list[float]) -> float:
    """Sun et al. 2019; relations are angles in radians."""
    factors = zip(as_complex(head), phases, as_complex(tail), strict=True)
    return -sum(abs(h * cmath.exp(1j * phase) - t) for h, phase, t in factors)


PAPERS = {"transe": transe, "transe-l2": transe_l2, "distmult": distmult, "complex": complex_, "rotate": rotate}


def random_rows(score: str, seed: int, b: int, k: int, half: int) -> tuple[Tensor, Tensor, Tensor]:
    """Heads `(b, d)`, relations `(b, w)` and candidate rows `(k, d)`, in float64."""
    generator = torch.Generator().manual_seed(seed)
    shapes = ((b, 2 * half), (b, SCORES[score].width(2 * half)), (k, 2 * half))
    heads, relations, rows = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return heads, relations, rows


@pytest.fixture(params=TILES)
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(distances, "TILE", request.param)
    return int(request.param)


def test_every_score_function_has_an_oracle() -> None:
    assert set(PAPERS) == set(SCORES)


@pytest.mark.parametrize("score", NAMES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), b=st.integers(1, 4), k=st.integers(1, 5), half=st.integers(1, 4))
def test_the_score_is_the_formula_of_its_paper(score: str, seed: int, b: int, k: int, half: int) -> None:
    heads, relations, rows = random_rows(score, seed, b, k, half)
    expected = [
        [PAPERS[score](head, relation, row) for row in rows.tolist()]
        for head, relation in zip(heads.tolist(), relations.tolist(), strict=True)
    ]
    function = SCORES[score]
    scores = function.compare(function.query(heads, relations, {}), rows)
    assert scores.tolist() == [pytest.approx(row, rel=1e-9, abs=1e-9) for row in expected]
    single = function.compare(function.query(heads.float(), relations.float(), {}), rows.float())
    assert single.dtype == torch.float32
    assert single.tolist() == [pytest.approx(row, rel=1e-4, abs=1e-4) for row in expected]


@pytest.mark.parametrize("score", NAMES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), b=st.integers(1, 6), half=st.integers(1, 4))
def test_a_row_beside_its_query_scores_as_it_does_among_all(score: str, seed: int, b: int, half: int) -> None:
    queries, _, rows = random_rows(score, seed, b, b, half)
    function = SCORES[score]
    torch.testing.assert_close(function.pairwise(queries, rows), function.compare(queries, rows).diagonal())


@pytest.mark.parametrize("score", NAMES)
def test_the_gradients_of_a_score_are_its_finite_differences(score: str) -> None:
    heads, relations, rows = (t.requires_grad_() for t in random_rows(score, 5, 3, 3, 2))
    function = SCORES[score]
    assert torch.autograd.gradcheck(
        lambda h, r, e: function.compare(function.query(h, r, {}), e), (heads, relations, rows)
    )
    assert torch.autograd.gradcheck(
        lambda h, r, e: function.pairwise(function.query(h, r, {}), e), (heads, relations, rows)
    )


def dense_sum_of_moduli(queries: Tensor, rows: Tensor) -> Tensor:
    q, e = (torch.complex(*t.chunk(2, -1)) for t in (queries, rows))
    return -(q[:, None, :] - e[None, :, :]).abs().sum(2)


def test_rotate_scores_the_same_in_tiles_of_any_size(tile: int) -> None:
    queries, _, rows = random_rows("rotate", 1, 5, 23, 3)
    torch.testing.assert_close(SCORES["rotate"].compare(queries, rows), dense_sum_of_moduli(queries, rows))


def test_rotate_has_the_gradient_of_the_dense_sum_in_tiles_of_any_size(tile: int) -> None:
    queries, _, rows = (t.requires_grad_() for t in random_rows("rotate", 2, 5, 23, 3))
    upstream = torch.randn(5, 23, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    tiled = torch.autograd.grad(SCORES["rotate"].compare(queries, rows), (queries, rows), upstream)
    dense = torch.autograd.grad(dense_sum_of_moduli(queries, rows), (queries, rows), upstream)
    torch.testing.assert_close(tiled, dense)


def test_rotate_makes_no_tensor_larger_than_a_tile(monkeypatch: pytest.MonkeyPatch) -> None:
    class Largest(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            Largest.elements = max([Largest.elements, *(t.numel() for t in tensors_in(made))])
            return made

    def tensors_in(made: Any) -> Iterator[Tensor]:
        yield from (t for t in (made if isinstance(made, tuple | list) else [made]) if isinstance(t, Tensor))

    queries, _, rows = (t.requires_grad_() for t in random_rows("rotate", 3, 10, 50, 20))
    monkeypatch.setattr(distances, "TILE", 2000)  # rows has 2,000 elements, all pairs would have 20,000
    with Largest():
        SCORES["rotate"].compare(queries, rows).sum().backward()
    assert 500 <= Largest.elements <= 2000


@pytest.mark.parametrize("score", ["rotate", "transe-l2"])
def test_a_distance_has_a_finite_gradient_where_a_row_is_its_query(score: str) -> None:
    rows = torch.tensor([[1.0, -2.0, 0.5, 0.0], [0.0, 0.0, 0.0, 0.0], [0.1, 0.2, 0.3, 0.7]])
    for compare in (SCORES[score].compare, SCORES[score].pairwise):
        queries, answers = rows.clone().requires_grad_(), rows.clone().requires_grad_()
        compare(queries, answers).sum().backward()
        assert queries.grad is not None
        assert answers.grad is not None
        assert bool(queries.grad.isfinite().all())
        assert bool(answers.grad.isfinite().all())


def test_a_squared_distance_below_zero_by_rounding_is_no_nan() -> None:
    """Where rows are long and alike, `|q|² + |e|² - 2qe` in float32 comes out on either side of zero."""
    generator = torch.Generator().manual_seed(3)
    rows = 100 + torch.rand(200, 40, generator=generator)
    squares = -SCORES["transe"].compare(rows, rows).diagonal()
    assert bool((squares < 0).any())
    queries, answers = rows.clone().requires_grad_(), rows.clone().requires_grad_()
    scores = SCORES["transe-l2"].compare(queries, answers)
    scores.sum().backward()
    assert queries.grad is not None
    assert bool(scores.isfinite().all())
    assert bool(queries.grad.isfinite().all())


def test_the_distance_ranks_as_its_square_does() -> None:
    queries, _, rows = random_rows("transe", 9, 5, 30, 3)
    squares, distances = (SCORES[score].compare(queries, rows) for score in ("transe", "transe-l2"))
    assert squares.argsort(1).tolist() == distances.argsort(1).tolist()
    torch.testing.assert_close(-(distances**2), squares)


def test_distmult_is_symmetric_in_head_and_tail() -> None:
    heads, relations, tails = random_rows("distmult", 4, 6, 6, 3)
    function = SCORES["distmult"]
    there = function.pairwise(function.query(heads, relations, {}), tails)
    back = function.pairwise(function.query(tails, relations, {}), heads)
    torch.testing.assert_close(there, back)


def test_complex_is_symmetric_for_a_real_and_antisymmetric_for_an_imaginary_relation() -> None:
    heads, relations, tails = random_rows("complex", 4, 6, 6, 3)
    function = SCORES["complex"]
    real, imaginary = relations.clone(), relations.clone()
    real[:, 3:] = 0
    imaginary[:, :3] = 0
    for relation, sign in ((real, 1.0), (imaginary, -1.0)):
        there = function.pairwise(function.query(heads, relation, {}), tails)
        back = function.pairwise(function.query(tails, relation, {}), heads)
        torch.testing.assert_close(there, sign * back)
        assert bool((there.abs() > 1e-3).all())


@pytest.mark.parametrize("score", ["transe", "transe-l2", "rotate"])
def test_no_row_is_closer_than_the_moved_head_itself(score: str) -> None:
    heads, relations, rows = random_rows(score, 6, 4, 30, 3)
    function = SCORES[score]
    moved = function.query(heads, relations, {})
    scores = function.compare(moved, torch.cat([moved, rows]))
    torch.testing.assert_close(scores.diagonal(), torch.zeros(4, dtype=torch.float64))
    assert scores.argmax(1).tolist() == [0, 1, 2, 3]


def test_rotate_turns_a_head_and_does_not_stretch_it() -> None:
    heads, relations, _ = random_rows("rotate", 7, 4, 1, 3)
    function = SCORES["rotate"]
    moved = function.query(heads, relations, {})
    torch.testing.assert_close(function.moduli(moved, False), function.moduli(heads, False))
    assert not torch.allclose(moved, heads)


@pytest.mark.parametrize("score", ["transe", "transe-l2", "distmult"])
@pytest.mark.parametrize("relation", [False, True])
def test_the_modulus_of_a_real_number_is_its_size(score: str, relation: bool) -> None:
    table = torch.tensor([[3.0, -4.0], [0.0, 2.0]])
    assert SCORES[score].moduli(table, relation).tolist() == [[3.0, 4.0], [0.0, 2.0]]


@pytest.mark.parametrize(("score", "relation"), [("complex", False), ("complex", True), ("rotate", False)])
def test_both_halves_of_a_complex_number_have_its_modulus(score: str, relation: bool) -> None:
    table = torch.tensor([[3.0, 0.0, -4.0, 5.0]])  # 3 - 4i and 5i
    assert SCORES[score].moduli(table, relation).tolist() == [[5.0, 5.0, 5.0, 5.0]]


def test_the_phases_of_rotate_are_no_numbers_to_shrink() -> None:
    assert SCORES["rotate"].moduli(torch.tensor([[1.0, -3.0]]), True).tolist() == [[0.0, 0.0]]
