"""One step against the same step over whole tables, with torch's own autograd and Adagrad."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy

from kgdrug.config import TrainingConfig
from kgdrug.models import SCORES, TableModel
from kgdrug.training import State
from kgdrug.training.batches import Batch
from kgdrug.training.step import adagrad
from kgdrug.training.step import step as step_at_rate

NAMES = sorted(SCORES)
ENTITIES, RELATIONS = 12, 2


def step(state: State, batch: Batch, config: TrainingConfig, generator: torch.Generator) -> float:
    return step_at_rate(state, batch, config, generator, config.learning_rate)


def as_complex(table: Tensor) -> Tensor:
    return torch.complex(*table.chunk(2, -1))


def dense_scores(score: str, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
    """The formulas of the papers for heads and relations `(b, ·)` and all tails; `(b, n)`."""
    h, r, t = heads[:, None], relations[:, None], tails[None]
    if score == "transe":
        return -((h + r - t) ** 2).sum(2)
    if score == "transe-l2":
        return -torch.linalg.vector_norm(h + r - t, dim=2)
    if score == "distmult":
        return (h * r * t).sum(2)
    if score == "complex":
        return (as_complex(h) * as_complex(r) * as_complex(t).conj()).real.sum(2)
    return -(as_complex(h) * torch.exp(1j * r) - as_complex(t)).abs().sum(2)


def cubes(score: str, table: Tensor) -> Tensor:
    return ((as_complex(table) if score in ("complex", "rotate") else table).abs() ** 3).sum(1)


def dense_steps(model: TableModel, batches: list[Batch], config: TrainingConfig) -> tuple[Tensor, Tensor, list[float]]:
    """The tables after a step on each batch, and the sums of the losses without the regulariser."""
    entity, relation = (table.clone().requires_grad_() for table in (model.entity, model.relation))
    optimizer = torch.optim.Adagrad([entity, relation], lr=config.learning_rate, eps=1e-10)
    losses = []
    for batch in batches:
        heads, relations = batch.queries[batch.rows].T
        scores = dense_scores(model.score, entity[heads], relation[relations], entity)[:, batch.candidates]
        loss = cross_entropy(scores, batch.answers - batch.candidates.start, reduction="none")
        regulariser = cubes(model.score, entity[heads]) + cubes(model.score, entity[batch.answers])
        if model.score != "rotate":  # its relations have modulus 1 whatever the phase
            regulariser = regulariser + cubes(model.score, relation[relations])
        optimizer.zero_grad()
        (loss.mean() + config.n3 * regulariser.mean()).backward()
        optimizer.step()
        losses.append(float(loss.detach().sum()))
    return entity.detach(), relation.detach(), losses


def create(score: str, seed: int) -> TableModel:
    """A model in float64, away from zero."""
    generator = torch.Generator().manual_seed(seed)
    shapes = (ENTITIES, 4), (2 * RELATIONS, SCORES[score].width(4))
    entity, relation = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return TableModel(score, entity, relation)


@st.composite
def some_batches(draw: st.DrawFn) -> list[Batch]:
    """Two batches of distinct queries with distinct answers out of a stretch of the entities."""
    made = []
    for _ in range(2):
        start = draw(st.integers(0, ENTITIES - 2))
        stop = draw(st.integers(start + 1, ENTITIES))
        query = st.tuples(st.integers(0, ENTITIES - 1), st.integers(0, 2 * RELATIONS - 1))
        queries = sorted(draw(st.sets(query, min_size=1, max_size=5)))
        answers = [sorted(draw(st.sets(st.integers(start, stop - 1), min_size=1, max_size=4))) for _ in queries]
        pairs = [(row, answer) for row, of_query in enumerate(answers) for answer in of_query]
        rows, flat = (torch.tensor(part) for part in zip(*pairs, strict=True))
        made.append(Batch(torch.tensor(queries), flat, rows, slice(start, stop)))
    return made


@pytest.mark.parametrize("score", NAMES)
@settings(max_examples=20, deadline=None)
@given(batches=some_batches(), n3=st.sampled_from([0.0, 0.2]), seed=st.integers(0, 10**6))
def test_steps_over_all_candidates_are_those_of_dense_autograd_and_adagrad(
    score: str, batches: list[Batch], n3: float, seed: int
) -> None:
    config = TrainingConfig(negatives="all", n3=n3, learning_rate=0.3)
    state = State.fresh(create(score, seed))
    entity, relation, losses = dense_steps(state.model, batches, config)
    assert [step(state, batch, config, torch.Generator()) for batch in batches] == pytest.approx(losses)
    torch.testing.assert_close(state.model.entity, entity, rtol=1e-5, atol=1e-7)
    torch.testing.assert_close(state.model.relation, relation, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("score", NAMES)
@pytest.mark.parametrize("n3", [0.0, 0.2])
def test_a_step_in_single_precision_is_that_of_dense_autograd_and_adagrad(score: str, n3: float) -> None:
    config = TrainingConfig(negatives="all", n3=n3, learning_rate=0.3)
    model = create(score, 7)
    model = TableModel(score, model.entity.float(), model.relation.float())
    batch = Batch(
        torch.tensor([[0, 1], [9, 3], [9, 0]]), torch.tensor([5, 8, 9, 5]), torch.tensor([0, 0, 1, 2]), slice(4, 11)
    )
    entity, relation, losses = dense_steps(model, [batch], config)
    state = State.fresh(model)
    assert step(state, batch, config, torch.Generator()) == pytest.approx(losses[0], rel=1e-5)
    moved = entity != create(score, 7).entity.float()
    assert 7 * 4 <= int(moved.sum()) <= 8 * 4  # the seven candidates, and the head that is none
    torch.testing.assert_close(state.model.entity, entity, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(state.model.relation, relation, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("score", NAMES)
@pytest.mark.parametrize("negatives", ["all", 1])
def test_a_step_leaves_the_rows_that_took_no_part_as_they_were(score: str, negatives: int | str) -> None:
    state = State.fresh(create(score, 3))
    before = state.model.clone()
    batch = Batch(torch.tensor([[0, 1], [1, 1]]), torch.tensor([5, 7]), torch.tensor([0, 1]), slice(4, 9))
    step(state, batch, TrainingConfig(negatives=negatives, n3=0.0), torch.Generator().manual_seed(0))  # type: ignore[arg-type]
    changed = (state.model.entity != before.entity).any(1)
    assert set(changed.nonzero().flatten().tolist()) <= {0, 1, *range(4, 9)}
    assert {0, 1, 5, 7} <= set(changed.nonzero().flatten().tolist())
    assert (state.model.relation != before.relation).any(1).tolist() == [False, True, False, False]
    assert torch.equal((state.sums["entity"] != 0).any(1), changed)


@pytest.mark.parametrize("score", NAMES)
def test_a_sample_touches_no_more_rows_than_heads_answers_and_negatives(score: str) -> None:
    generator = torch.Generator().manual_seed(0)
    entity = torch.randn(1000, 4, generator=generator)
    state = State.fresh(TableModel(score, entity, torch.randn(2, SCORES[score].width(4), generator=generator)))
    before = state.model.clone()
    batch = Batch(torch.tensor([[1, 0], [2, 0]]), torch.tensor([3, 4, 5]), torch.tensor([0, 1, 1]), slice(0, 1000))
    step(state, batch, TrainingConfig(negatives=20, n3=0.0), generator)
    changed = int((state.model.entity != before.entity).any(1).sum())
    assert 5 + 10 < changed <= 5 + 20


@pytest.mark.parametrize("score", NAMES)
def test_more_negatives_than_candidates_are_all_candidates(score: str) -> None:
    batch = Batch(torch.tensor([[0, 1], [1, 1]]), torch.tensor([5, 7]), torch.tensor([0, 1]), slice(4, 9))
    states = [State.fresh(create(score, 3)) for _ in range(2)]
    losses = [
        step(state, batch, TrainingConfig(negatives=negatives, n3=0.0), torch.Generator())  # type: ignore[arg-type]
        for state, negatives in zip(states, ("all", 5), strict=True)
    ]
    assert losses[0] == losses[1]
    assert torch.equal(states[0].model.entity, states[1].model.entity)


@pytest.mark.parametrize("negatives", ["all", 8, 64, 256])
def test_a_model_that_knows_nothing_loses_the_logarithm_of_the_population(negatives: int | str) -> None:
    n = 2000
    state = State.fresh(TableModel("distmult", torch.zeros(n, 4), torch.zeros(2, 4)))
    batch = Batch(torch.tensor([[0, 0], [1, 1]]), torch.tensor([10, 11, 12]), torch.tensor([0, 0, 1]), slice(0, n))
    config = TrainingConfig(negatives=negatives)  # type: ignore[arg-type]
    loss = step(state, batch, config, torch.Generator().manual_seed(0))
    assert loss / 3 == pytest.approx(math.log(n), rel=0.01)


def test_a_sample_in_which_every_entity_is_an_answer_teaches_nothing() -> None:
    state = State.fresh(create("distmult", 0))
    before = state.model.clone()
    batch = Batch(torch.tensor([[0, 1]]), torch.arange(2, 12), torch.zeros(10, dtype=torch.int64), slice(2, 12))
    assert step(state, batch, TrainingConfig(negatives=3, n3=0.0), torch.Generator()) == 0
    assert torch.equal(state.model.entity, before.entity)
    assert torch.equal(state.model.relation, before.relation)


@pytest.mark.parametrize("score", NAMES)
@pytest.mark.parametrize("negatives", ["all", 4])
def test_a_small_step_lowers_the_loss_of_its_own_batch(score: str, negatives: int | str) -> None:
    config = TrainingConfig(negatives=negatives, learning_rate=0.01)  # type: ignore[arg-type]
    batch = Batch(torch.tensor([[0, 1], [1, 1]]), torch.tensor([5, 7, 8]), torch.tensor([0, 1, 1]), slice(0, 12))
    state = State.fresh(create(score, 11))
    first, second = (step(state, batch, config, torch.Generator().manual_seed(5)) for _ in range(2))
    assert second < first


def test_adagrad_is_torchs_own_on_the_rows_of_a_step() -> None:
    generator = torch.Generator().manual_seed(0)
    table, sums = torch.randn(8, 3, generator=generator), torch.zeros(8, 3)
    dense = table.clone().requires_grad_()
    optimizer = torch.optim.Adagrad([dense], lr=0.7, eps=1e-10)
    for rows in ([2, 5], [5, 0, 7], [2], [7, 5, 2]):
        at, gradient = torch.tensor(rows), torch.randn(len(rows), 3, generator=generator)
        gradient[0, 0] = 0.0
        dense.grad = torch.zeros_like(dense).index_copy_(0, at, gradient)
        optimizer.step()
        adagrad(table, sums, at, table[at], gradient, 0.7)
        torch.testing.assert_close(table, dense.detach())
        torch.testing.assert_close(sums, optimizer.state[dense]["sum"])


def test_adagrad_leaves_other_rows_and_their_sums_as_they_are() -> None:
    table, sums = torch.arange(12.0).reshape(6, 2), torch.full((6, 2), 4.0)
    before = table.clone()
    rows = torch.tensor([4, 1])
    adagrad(table, sums, rows, table[rows], torch.tensor([[1.0, 0.0], [-2.0, 3.0]]), 0.1)
    others = [0, 2, 3, 5]
    assert torch.equal(table[others], before[others])
    assert bool((sums[others] == 4).all())
    assert sums[rows].tolist() == [[5.0, 4.0], [8.0, 13.0]]
    expected = [[8 - 0.1 / 5**0.5, 9.0], [2 + 0.2 / 8**0.5, 3 - 0.3 / 13**0.5]]
    torch.testing.assert_close(table[rows], torch.tensor(expected))
