"""Each score function against the formula of its paper, over Python's own floats and complex numbers."""

import cmath
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from kgdrug.models import SCORES
from kgdrug.models.scores import distances  # the module, for its TILE
from kgdrug.models.scores.conve import grid

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


def transe_l1(head: list[float], relation: list[float], tail: list[float]) -> float:
    """Bordes et al. 2013, the city-block distance."""
    return -sum(abs(h + r - t) for h, r, t in zip(head, relation, tail, strict=True))


UNITS = {  # Hamilton 1843: the product of two of 1, i, j, k is a sign and one of them
    (0, 0): (1, 0), (0, 1): (1, 1), (0, 2): (1, 2), (0, 3): (1, 3),
    (1, 0): (1, 1), (1, 1): (-1, 0), (1, 2): (1, 3), (1, 3): (-1, 2),
    (2, 0): (1, 2), (2, 1): (-1, 3), (2, 2): (-1, 0), (2, 3): (1, 1),
    (3, 0): (1, 3), (3, 1): (1, 2), (3, 2): (-1, 1), (3, 3): (-1, 0),
}  # fmt: skip


def quate(head: list[float], relation: list[float], tail: list[float]) -> float:
    """Zhang et al. 2019."""
    quarter, score = len(head) // 4, 0.0
    for n in range(quarter):
        h, r, t = (row[n::quarter] for row in (head, relation, tail))
        for (a, b), (sign, c) in UNITS.items():
            score += sign * h[a] * (r[b] / math.hypot(*r)) * t[c]
    return score


def cp(head: list[float], relation: list[float], tail: list[float]) -> float:
    """Lacroix et al. 2018: the first half of a row is the entity as head, the second as tail."""
    half = len(relation)
    return distmult(head[:half], relation, tail[half:])


def simple(head: list[float], relation: list[float], tail: list[float]) -> float:
    """Kazemi and Poole 2018."""
    half = len(head) // 2
    return (cp(head, relation[:half], tail) + cp(tail, relation[half:], head)) / 2


def rescal(head: list[float], matrix: list[float], tail: list[float]) -> float:
    """Nickel et al. 2011."""
    d = len(head)
    return sum(head[i] * matrix[i * d + j] * tail[j] for i in range(d) for j in range(d))


HEIGHTS = {10: 2, 20: 4, 30: 5, 40: 5}  # of ConvE's images


def normal(numbers: list[float]) -> list[float]:
    """Ba et al. 2016, layer normalisation."""
    mean = sum(numbers) / len(numbers)
    deviation = math.sqrt(sum((x - mean) ** 2 for x in numbers) / len(numbers))
    return [(x - mean) / deviation for x in numbers]


def conve(head: list[float], relation: list[float], tail: list[float], weights: dict[str, Any]) -> float:
    """Dettmers et al. 2018, with layer normalisation before the convolution and after the projection."""
    height = HEIGHTS[len(head)]
    width = len(head) // height
    pixels = normal([*head[:-1], 0.0, *relation])
    image = [pixels[row * width : (row + 1) * width] for row in range(2 * height)]
    features = []
    for (filter_,), bias in zip(weights["filters"], weights["filter_bias"], strict=True):
        for y in range(2 * height - 2):
            for x in range(width - 2):
                seen = sum(filter_[dy][dx] * image[y + dy][x + dx] for dy in range(3) for dx in range(3))
                features.append(max(0.0, seen + bias))
    columns = zip(*weights["projection"], strict=True)
    moved = normal([sum(f * w for f, w in zip(features, column, strict=True)) for column in columns])
    query = [max(0.0, m + bias) for m, bias in zip(moved, weights["projection_bias"], strict=True)]
    return sum(q * t for q, t in zip(query, tail[:-1], strict=True)) + tail[-1]


PAPERS: dict[str, Callable[..., float]] = {
    "transe": transe,
    "transe-l1": transe_l1,
    "transe-l2": transe_l2,
    "rotate": rotate,
    "distmult": distmult,
    "complex": complex_,
    "quate": quate,
    "cp": cp,
    "simple": simple,
    "rescal": rescal,
    "conve": conve,
}


def random_rows(score: str, seed: int, b: int, k: int, size: int) -> tuple[Tensor, Tensor, Tensor]:
    """Heads `(b, d)`, relations `(b, w)` and candidate rows `(k, d)`, in float64; `d` is `size` times the multiple."""
    function, generator = SCORES[score], torch.Generator().manual_seed(seed)
    d = size * function.multiple
    shapes = ((b, d), (b, function.width(d)), (k, d))
    heads, relations, rows = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return heads, relations, rows


def random_weights(score: str, seed: int, size: int) -> dict[str, Tensor]:
    """What the queries share, none of it zero, in float64."""
    function, generator = SCORES[score], torch.Generator().manual_seed(seed)
    fresh = function.weights(size * function.multiple, generator)
    return {name: torch.randn(w.shape, generator=generator, dtype=torch.float64) for name, w in fresh.items()}


def by_hand(score: str, heads: Tensor, relations: Tensor, rows: Tensor, weights: dict[str, Tensor]) -> list[Any]:
    """The paper's score of each head and relation with each row; `(b, k)`."""
    shared = [{name: weight.tolist() for name, weight in weights.items()}] if weights else []
    asked = zip(heads.tolist(), relations.tolist(), strict=True)
    return [[PAPERS[score](head, relation, row, *shared) for row in rows.tolist()] for head, relation in asked]


@pytest.fixture(params=TILES)
def tile(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(distances, "TILE", request.param)
    return int(request.param)


def test_every_score_function_has_an_oracle() -> None:
    assert set(PAPERS) == set(SCORES)


@pytest.mark.parametrize("score", NAMES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), b=st.integers(1, 4), k=st.integers(1, 5), size=st.integers(1, 4))
def test_the_score_is_the_formula_of_its_paper(score: str, seed: int, b: int, k: int, size: int) -> None:
    heads, relations, rows = random_rows(score, seed, b, k, size)
    weights = random_weights(score, seed, size)
    expected = by_hand(score, heads, relations, rows, weights)
    function = SCORES[score]
    scores = function.compare(function.query(heads, relations, weights), rows)
    assert scores.tolist() == [pytest.approx(row, rel=1e-9, abs=1e-9) for row in expected]
    weights = {name: weight.float() for name, weight in weights.items()}
    single = function.compare(function.query(heads.float(), relations.float(), weights), rows.float())
    assert single.dtype == torch.float32
    assert single.tolist() == [pytest.approx(row, rel=1e-4, abs=1e-4) for row in expected]


@pytest.mark.parametrize("score", NAMES)
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), b=st.integers(1, 6), size=st.integers(1, 4))
def test_a_row_beside_its_query_scores_as_it_does_among_all(score: str, seed: int, b: int, size: int) -> None:
    heads, relations, rows = random_rows(score, seed, b, b, size)
    function = SCORES[score]
    queries = function.query(heads, relations, random_weights(score, seed, size))
    torch.testing.assert_close(function.pairwise(queries, rows), function.compare(queries, rows).diagonal())


@pytest.mark.parametrize("score", NAMES)
def test_the_gradients_of_a_score_are_its_finite_differences(score: str) -> None:
    size = 1 if score == "conve" else 2
    names, weights = list(random_weights(score, 5, size)), list(random_weights(score, 5, size).values())
    inputs = [t.requires_grad_() for t in (*random_rows(score, 5, 3, 3, size), *weights)]
    function = SCORES[score]
    for compare in (function.compare, function.pairwise):
        assert torch.autograd.gradcheck(
            lambda h, r, e, *w, compare=compare: compare(function.query(h, r, dict(zip(names, w, strict=True))), e),
            inputs,
        )


@pytest.mark.parametrize("score", NAMES)
def test_a_query_scores_alone_as_it_does_in_company(score: str) -> None:
    heads, relations, rows = random_rows(score, 8, 5, 7, 3)
    function, weights = SCORES[score], random_weights(score, 8, 3)
    together = function.compare(function.query(heads, relations, weights), rows)
    alone = [function.compare(function.query(heads[i, None], relations[i, None], weights), rows) for i in range(5)]
    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("score", NAMES)
def test_what_is_compared_of_a_row_is_a_view_and_for_products_all_there_is(score: str) -> None:
    heads, relations, rows = random_rows(score, 8, 5, 7, 3)
    function = SCORES[score]
    queries, answers = function.query(heads, relations, random_weights(score, 8, 3)), function.answers(rows)
    assert answers.untyped_storage().data_ptr() == rows.untyped_storage().data_ptr()
    assert answers.shape == (7, queries.shape[1])
    same = torch.allclose(function.compare(queries, rows), queries @ answers.T)
    assert same == function.product == (score not in ("transe", "transe-l1", "transe-l2", "rotate"))


LINEAR = ["complex", "cp", "distmult", "rescal", "simple"]


def test_what_multiplies_a_relation_as_it_is_is_linear_in_it() -> None:
    assert [score for score in NAMES if SCORES[score].linear] == LINEAR


@pytest.mark.parametrize("score", LINEAR)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), b=st.integers(1, 4), size=st.integers(1, 4))
def test_asking_for_the_relation_scores_every_relation(score: str, seed: int, b: int, size: int) -> None:
    heads, relations, tails = random_rows(score, seed, b, b, size)
    scores = SCORES[score].ask_relation(heads, tails) @ relations.T
    for i, (head, tail) in enumerate(zip(heads.tolist(), tails.tolist(), strict=True)):
        expected = [PAPERS[score](head, relation, tail) for relation in relations.tolist()]
        assert scores[i].tolist() == pytest.approx(expected, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("score", sorted(set(NAMES) - set(LINEAR)))
def test_a_score_that_is_not_linear_cannot_be_asked_for_the_relation(score: str) -> None:
    heads, _, tails = random_rows(score, 0, 2, 2, 1)
    with pytest.raises(NotImplementedError, match="not linear"):
        SCORES[score].ask_relation(heads, tails)


def dense_sum_of_moduli(queries: Tensor, rows: Tensor) -> Tensor:
    q, e = (torch.complex(*t.chunk(2, -1)) for t in (queries, rows))
    return -(q[:, None, :] - e[None, :, :]).abs().sum(2)


def dense_sum_of_sizes(queries: Tensor, rows: Tensor) -> Tensor:
    return -(queries[:, None, :] - rows[None, :, :]).abs().sum(2)


DENSE = {"rotate": dense_sum_of_moduli, "transe-l1": dense_sum_of_sizes}


@pytest.mark.parametrize("score", DENSE)
def test_a_sum_over_dimensions_is_the_same_in_tiles_of_any_size(score: str, tile: int) -> None:
    queries, _, rows = random_rows(score, 1, 5, 23, 3)
    torch.testing.assert_close(SCORES[score].compare(queries, rows), DENSE[score](queries, rows))


@pytest.mark.parametrize("score", DENSE)
def test_a_sum_in_tiles_of_any_size_has_the_gradient_of_the_dense_one(score: str, tile: int) -> None:
    queries, _, rows = (t.requires_grad_() for t in random_rows(score, 2, 5, 23, 3))
    upstream = torch.randn(5, 23, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    tiled = torch.autograd.grad(SCORES[score].compare(queries, rows), (queries, rows), upstream)
    dense = torch.autograd.grad(DENSE[score](queries, rows), (queries, rows), upstream)
    torch.testing.assert_close(tiled, dense)


@pytest.mark.parametrize("score", DENSE)
def test_a_sum_over_dimensions_makes_no_tensor_larger_than_a_tile(score: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Largest(TorchDispatchMode):
        elements = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            made = func(*args, **(kwargs or {}))
            sizes = [t.numel() for t in tensors_in(made)]
            if "cdist" in str(func):  # on CUDA its gradient makes a tensor of all pairs and dimensions
                queries, rows = args[1:3] if "backward" in str(func) else args[:2]
                sizes.append(queries.numel() * len(rows))
            Largest.elements = max(Largest.elements, *sizes)
            return made

    def tensors_in(made: Any) -> Iterator[Tensor]:
        yield from (t for t in (made if isinstance(made, tuple | list) else [made]) if isinstance(t, Tensor))

    queries, _, rows = (t.requires_grad_() for t in random_rows(score, 3, 10, 50, 40 // SCORES[score].multiple))
    monkeypatch.setattr(distances, "TILE", 2000)  # rows has 2,000 elements, all pairs would have 20,000
    with Largest():
        SCORES[score].compare(queries, rows).sum().backward()
    assert 500 <= Largest.elements <= 2000


@pytest.mark.parametrize("score", ["rotate", "transe-l1", "transe-l2"])
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


@pytest.mark.parametrize("score", ["transe", "transe-l1", "transe-l2", "rotate"])
def test_no_row_is_closer_than_the_moved_head_itself(score: str) -> None:
    heads, relations, rows = random_rows(score, 6, 4, 30, 3)
    function = SCORES[score]
    moved = function.query(heads, relations, {})
    scores = function.compare(moved, torch.cat([moved, rows]))
    torch.testing.assert_close(scores.diagonal(), torch.zeros(4, dtype=torch.float64))
    assert scores.argmax(1).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("score", ["rotate", "quate"])
def test_a_turn_does_not_stretch_a_head(score: str) -> None:
    heads, relations, _ = random_rows(score, 7, 4, 1, 3)
    function = SCORES[score]
    moved = function.query(heads, relations, {})
    torch.testing.assert_close(function.moduli(moved, False), function.moduli(heads, False))
    assert not torch.allclose(moved, heads)


def test_quate_takes_a_relation_of_any_length_as_the_same_turn() -> None:
    heads, relations, _ = random_rows("quate", 7, 4, 1, 3)
    function = SCORES["quate"]
    moved = function.query(heads, relations, {})
    for length in (1e-6, 1e6):
        torch.testing.assert_close(function.query(heads, length * relations, {}), moved)


def test_quate_has_a_finite_gradient_where_a_relation_is_zero() -> None:
    heads, relations, _ = random_rows("quate", 7, 4, 1, 3)
    relations = torch.zeros_like(relations, requires_grad=True)
    SCORES["quate"].query(heads, relations, {}).sum().backward()
    assert relations.grad is not None
    assert bool(relations.grad.isfinite().all())


def test_quate_turns_otherwise_in_the_other_order() -> None:
    i, j, k = torch.eye(4)[1:, None]
    function = SCORES["quate"]
    assert torch.equal(function.query(i, j, {}), k)
    assert torch.equal(function.query(j, i, {}), -k)


def test_cp_uses_one_half_of_a_head_and_the_other_of_a_tail() -> None:
    heads, relations, tails = random_rows("cp", 7, 4, 4, 3)
    function = SCORES["cp"]
    scores = function.pairwise(function.query(heads, relations, {}), tails)
    heads[:, 3:], tails[:, :3] = 100.0, 100.0
    assert torch.equal(function.pairwise(function.query(heads, relations, {}), tails), scores)


def test_simple_leads_back_where_its_two_relations_change_places() -> None:
    heads, relations, tails = random_rows("simple", 7, 4, 4, 3)
    function = SCORES["simple"]
    there = function.pairwise(function.query(heads, relations, {}), tails)
    back = function.pairwise(function.query(tails, relations.roll(3, 1), {}), heads)
    torch.testing.assert_close(there, back)


def test_rescal_with_a_diagonal_matrix_is_distmult() -> None:
    heads, relations, _ = random_rows("distmult", 7, 4, 4, 3)
    matrices = torch.diag_embed(relations).flatten(1)
    moved = SCORES["rescal"].query(heads, matrices, {})
    torch.testing.assert_close(moved, SCORES["distmult"].query(heads, relations, {}))


def test_the_last_number_of_a_row_is_the_bias_of_conve_as_a_tail_and_nothing_as_a_head() -> None:
    heads, relations, tails = random_rows("conve", 7, 4, 4, 2)
    function, weights = SCORES["conve"], random_weights("conve", 7, 2)
    queries = function.query(heads, relations, weights)
    scores = function.compare(queries, tails)
    heads[:, -1] += 5.0
    assert torch.equal(function.query(heads, relations, weights), queries)
    tails[:, -1] += torch.arange(4)
    torch.testing.assert_close(function.compare(queries, tails), scores + torch.arange(4))


@pytest.mark.parametrize(
    ("dimension", "shape"), [(10, (2, 5)), (40, (5, 8)), (70, (7, 10)), (200, (10, 20)), (310, (10, 31))]
)
def test_the_images_of_conve_are_as_square_as_can_be(dimension: int, shape: tuple[int, int]) -> None:
    assert grid(dimension) == shape


@pytest.mark.parametrize("score", ["transe", "transe-l1", "transe-l2", "distmult", "cp", "simple", "rescal", "conve"])
@pytest.mark.parametrize("relation", [False, True])
def test_the_modulus_of_a_real_number_is_its_size(score: str, relation: bool) -> None:
    table = torch.tensor([[3.0, -4.0], [0.0, 2.0]])
    assert SCORES[score].moduli(table, relation).tolist() == [[3.0, 4.0], [0.0, 2.0]]


@pytest.mark.parametrize(("score", "relation"), [("complex", False), ("complex", True), ("rotate", False)])
def test_the_two_halves_of_a_complex_number_have_one_modulus(score: str, relation: bool) -> None:
    table = torch.tensor([[3.0, 0.0, -4.0, 5.0]])  # 3 - 4i and 5i
    assert SCORES[score].moduli(table, relation).tolist() == [[5.0, 5.0]]


def test_the_four_parts_of_a_quaternion_have_one_modulus() -> None:
    table = torch.tensor([[1.0, 4.0, -4.0, 0.0, 8.0, 0.0, 0.0, -3.0]])  # 1 - 4i + 8j and 4 - 3k
    assert SCORES["quate"].moduli(table, False).tolist() == [[9.0, 5.0]]


@pytest.mark.parametrize(("score", "relation"), [("rotate", [[1.0, -3.0]]), ("quate", [[1.0, -3.0, 0.0, 2.0]])])
def test_turns_are_no_numbers_to_shrink(score: str, relation: list[list[float]]) -> None:
    assert SCORES[score].moduli(torch.tensor(relation), True).count_nonzero() == 0
