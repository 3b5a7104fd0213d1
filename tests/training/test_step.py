"""One step against the same step over whole tables, with torch's own autograd and Adagrad."""

import math
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.functional import cross_entropy, unfold

from kgdrug.config import TrainingConfig
from kgdrug.models import SCORES, TableModel
from kgdrug.training import State
from kgdrug.training.batches import make_batch
from kgdrug.training.step import _kept, adagrad
from kgdrug.training.step import step as one_step

NAMES = sorted(SCORES)
ENTITIES, RELATIONS = 12, 2
DIMENSIONS = {score: 10 if score in ("conve", "transe-l1") else 4 for score in NAMES}
# Adagrad's sums begin with it: the first step from sums of zero is the sign of a gradient, be that only rounding
BEGUN = 0.01


@dataclass(frozen=True)
class Asked:
    """Queries `(b, 2)`, their answers `(p,)` in the order of the queries, the query of each, and the candidates."""

    queries: Tensor
    answers: Tensor
    rows: Tensor
    candidates: slice


def step(state: State, asked: Asked, config: TrainingConfig, seed: int = 0, rate: float | None = None) -> float:
    """A step on a batch of these questions, with everything random drawn from the seed; the sum of its losses."""
    counts = np.bincount(asked.rows.numpy(), minlength=len(asked.queries))
    queries, answers = asked.queries.numpy(), asked.answers.numpy()
    batch = make_batch(queries, counts, answers, asked.candidates, config, np.random.default_rng(seed))
    return float(one_step(state, batch, config, config.learning_rate if rate is None else rate))


def as_complex(table: Tensor) -> Tensor:
    return torch.complex(*table.chunk(2, -1))


def hamilton_matrices(relations: Tensor) -> Tensor:
    """What a unit quaternion does to one that it multiplies from the right; `(b, d / 4, 4, 4)`."""
    r = relations.unflatten(1, (4, -1)).transpose(1, 2)
    a, b, c, d = (r / r.norm(dim=2, keepdim=True)).unbind(2)
    rows = [(a, b, c, d), (-b, a, -d, c), (-c, d, a, -b), (-d, -c, b, a)]
    return torch.stack([torch.stack(row, 2) for row in rows], 2)


def convolved(heads: Tensor, relations: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """ConvE's queries for images of 2 by 5, without their last number; `(b, 9)`."""
    heads = heads * (torch.arange(10) < 9)
    pixels = torch.cat([heads, relations], 1)
    pixels = (pixels - pixels.mean(1, keepdim=True)) / pixels.std(1, correction=0, keepdim=True)
    patches = unfold(pixels.view(-1, 1, 4, 5), 3)  # (b, 9, 6)
    features = (weights["filters"].view(32, 9) @ patches + weights["filter_bias"][:, None]).relu()
    moved = features.flatten(1) @ weights["projection"]
    moved = (moved - moved.mean(1, keepdim=True)) / moved.std(1, correction=0, keepdim=True)
    return (moved + weights["projection_bias"]).relu()


def dense_scores(score: str, heads: Tensor, relations: Tensor, tails: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """The formulas of the papers for heads and relations `(b, ·)` and all tails; `(b, n)`."""
    h, r, t = heads[:, None], relations[:, None], tails[None]
    h_1, h_2, t_1, t_2 = (*h.chunk(2, -1), *t.chunk(2, -1))
    if score == "transe":
        return -((h + r - t) ** 2).sum(2)
    if score == "transe-l1":
        return -torch.linalg.vector_norm(h + r - t, ord=1, dim=2)
    if score == "transe-l2":
        return -torch.linalg.vector_norm(h + r - t, dim=2)
    if score == "rotate":
        return -(as_complex(h) * torch.exp(1j * r) - as_complex(t)).abs().sum(2)
    if score == "distmult":
        return (h * r * t).sum(2)
    if score == "complex":
        return (as_complex(h) * as_complex(r) * as_complex(t).conj()).real.sum(2)
    if score == "quate":
        quaternions, answers = (rows.unflatten(1, (4, -1)) for rows in (heads, tails))
        return torch.einsum("bpn,bnpq,kqn->bk", quaternions, hamilton_matrices(relations), answers)
    if score == "cp":
        return (h_1 * r * t_2).sum(2)
    if score == "simple":
        r_1, r_2 = r.chunk(2, -1)
        return (h_1 * r_1 * t_2 + t_1 * r_2 * h_2).sum(2) / 2
    if score == "rescal":
        return torch.einsum("bi,bij,kj->bk", heads, relations.view(-1, 4, 4), tails)
    assert score == "conve"
    return convolved(heads, relations, weights) @ tails[:, :-1].T + tails[:, -1]


def relation_scores(score: str, heads: Tensor, relations: Tensor, tails: Tensor, weights: dict[str, Tensor]) -> Tensor:
    """The scores of heads and tails `(p, d)` with every relation; `(p, 2m)`."""
    each = [dense_scores(score, heads, r.expand(len(heads), -1), tails, weights).diagonal() for r in relations]
    return torch.stack(each, 1)


def cubes(score: str, table: Tensor, relation: bool) -> Tensor:
    if relation and score in ("rotate", "quate"):  # turns have modulus 1, whatever their numbers
        return torch.zeros(())
    parts = {"complex": 2, "rotate": 2, "quate": 4}.get(score, 1)
    return (table.unflatten(1, (parts, -1)).norm(dim=1) ** 3).sum(1)


class Dense:
    """The tensors of a model as autograd's leaves, changed whole by torch's own Adagrad."""

    def __init__(self, model: TableModel, rate: float, begun: float = BEGUN) -> None:
        self.score = model.score
        self.tensors = {name: tensor.clone().requires_grad_() for name, tensor in model.tensors.items()}
        self.entity, self.relation = self.tensors["entity"], self.tensors["relation"]
        self.weights = {name: self.tensors[name] for name in model.weights}
        self.optimizer = torch.optim.Adagrad(
            list(self.tensors.values()), lr=rate, eps=1e-10, initial_accumulator_value=begun
        )

    def scores(self, heads: Tensor, relations: Tensor) -> Tensor:
        return dense_scores(self.score, self.entity[heads], self.relation[relations], self.entity, self.weights)

    def regulariser(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        entities = cubes(self.score, self.entity[heads], False) + cubes(self.score, self.entity[tails], False)
        return (entities + cubes(self.score, self.relation[relations], True)).mean()

    def which_relation(self, heads: Tensor, relations: Tensor, tails: Tensor) -> Tensor:
        heads, tails = self.entity[heads], self.entity[tails]
        return cross_entropy(relation_scores(self.score, heads, self.relation, tails, self.weights), relations)

    def change(self, loss: Tensor) -> None:
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()


def dense_steps(
    model: TableModel, batches: list[Asked], config: TrainingConfig, begun: float = BEGUN
) -> tuple[Dense, list[float]]:
    """What a step on each batch leaves, and the sums of the losses without the regulariser."""
    dense, losses = Dense(model, config.learning_rate, begun), []
    for batch in batches:
        heads, relations = batch.queries[batch.rows].T
        scores = dense.scores(heads, relations)[:, batch.candidates]
        loss = cross_entropy(scores, batch.answers - batch.candidates.start, reduction="none")
        total = loss.mean() + config.n3 * dense.regulariser(heads, relations, batch.answers)
        if config.relation_prediction:
            total = total + config.relation_prediction * dense.which_relation(heads, relations, batch.answers)
        dense.change(total)
        losses.append(float(loss.detach().sum()))
    return dense, losses


def create(score: str, seed: int) -> TableModel:
    """A model in float64, away from zero."""
    generator = torch.Generator().manual_seed(seed)
    function, d = SCORES[score], DIMENSIONS[score]
    shapes = (ENTITIES, d), (2 * RELATIONS, function.width(d))
    entity, relation = (torch.randn(*shape, generator=generator, dtype=torch.float64) for shape in shapes)
    entity, relation = (table + 0.1 * table.sign() for table in (entity, relation))
    weights = {name: weight.double() for name, weight in function.weights(d, generator).items()}
    return TableModel(score, entity, relation, weights)


def begun(model: TableModel) -> State:
    state = State.fresh(model)
    for sums in state.sums.values():
        sums.fill_(BEGUN)
    return state


def assert_same(model: TableModel, dense: Dense) -> None:
    for name, tensor in model.tensors.items():
        expected = dense.tensors[name].detach()
        torch.testing.assert_close(tensor, expected, rtol=1e-6, atol=1e-7)


@st.composite
def some_batches(draw: st.DrawFn) -> list[Asked]:
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
        made.append(Asked(torch.tensor(queries), flat, rows, slice(start, stop)))
    return made


@pytest.mark.parametrize("score", NAMES)
@settings(max_examples=20, deadline=None)
@given(batches=some_batches(), n3=st.sampled_from([0.0, 0.2]), seed=st.integers(0, 10**6))
def test_steps_over_all_candidates_are_those_of_dense_autograd_and_adagrad(
    score: str, batches: list[Asked], n3: float, seed: int
) -> None:
    # where all candidates lie on one side of a query, nothing but rounding is the gradient of its city-block distance
    assume(score != "transe-l1" or n3)
    config = TrainingConfig(negatives="all", n3=n3, learning_rate=0.3)
    state = begun(create(score, seed))
    dense, losses = dense_steps(state.model, batches, config)
    assert [step(state, batch, config) for batch in batches] == pytest.approx(losses)
    assert_same(state.model, dense)


@pytest.mark.parametrize("score", [name for name in NAMES if SCORES[name].linear])
@settings(max_examples=15, deadline=None)
@given(batches=some_batches(), n3=st.sampled_from([0.0, 0.2]), seed=st.integers(0, 10**6))
def test_predicting_relations_adds_the_cross_entropy_over_all_of_them(
    score: str, batches: list[Asked], n3: float, seed: int
) -> None:
    config = TrainingConfig(negatives="all", n3=n3, learning_rate=0.3, relation_prediction=0.7)
    state = begun(create(score, seed))
    dense, losses = dense_steps(state.model, batches, config)
    assert [step(state, batch, config) for batch in batches] == pytest.approx(losses)
    assert_same(state.model, dense)


@pytest.mark.parametrize("score", NAMES)
@settings(max_examples=15, deadline=None)
@given(
    batches=some_batches(), n3=st.sampled_from([0.0, 0.2]), dropout=st.sampled_from([0.0, 0.5]),
    seed=st.integers(0, 10**6),
)  # fmt: skip
def test_a_step_over_a_sample_is_that_of_dense_autograd_on_the_sampled_softmax(
    score: str, batches: list[Asked], n3: float, dropout: float, seed: int
) -> None:
    assume(score != "transe-l1" or n3)
    function = SCORES[score]
    config = TrainingConfig(
        negatives=2, n3=n3, learning_rate=0.3, relation_prediction=0.7 * function.linear, dropout=dropout
    )
    asked, model = batches[0], create(score, seed)
    counts = np.bincount(asked.rows.numpy())
    candidates = slice(0, ENTITIES)
    drawn = np.random.default_rng(seed)
    batch = make_batch(asked.queries.numpy(), counts, asked.answers.numpy(), candidates, config, drawn)
    assert batch.sample is not None

    dense = Dense(model, 0.3)
    heads, relations = asked.queries[asked.rows].T
    scores, losses = dense.scores(heads, relations), []
    if dropout:
        moved = function.query(dense.entity[batch.heads], dense.relation[batch.relations], dense.weights)
        scores = function.compare(moved * _kept(moved, dropout, batch.seed), dense.entity)[asked.rows]
    for i, (row, answer) in enumerate(zip(asked.rows.tolist(), asked.answers.tolist(), strict=True)):
        own = set(asked.answers[asked.rows == row].tolist())
        others = [scores[i, e] for e in batch.sample.tolist() if e not in own]
        stand_for = math.log(ENTITIES / len(batch.sample))
        losses.append(
            torch.stack([scores[i, answer], *(s + stand_for for s in others)]).logsumexp(0) - scores[i, answer]
        )
    total = torch.stack(losses).mean() + n3 * dense.regulariser(heads, relations, asked.answers)
    if config.relation_prediction:
        total = total + config.relation_prediction * dense.which_relation(heads, relations, asked.answers)
    dense.change(total)

    state = begun(model)
    assert float(one_step(state, batch, config, 0.3)) == pytest.approx(float(torch.stack(losses).detach().sum()))
    assert_same(state.model, dense)


@pytest.mark.parametrize("negatives", ["all", 50])
@pytest.mark.parametrize("score", ["complex", "distmult"])
def test_products_in_bfloat16_change_a_step_by_their_rounding_alone(score: str, negatives: int | str) -> None:
    generator = torch.Generator().manual_seed(0)
    tables = torch.randn(300, 16, generator=generator), torch.randn(4, 16, generator=generator)
    asked = Asked(torch.tensor([[1, 0], [2, 3]]), torch.tensor([3, 4, 5]), torch.tensor([0, 1, 1]), slice(0, 300))
    config = TrainingConfig(negatives=negatives, n3=0.01, relation_prediction=0.5)  # type: ignore[arg-type]
    moved = []
    for precision in (torch.float32, torch.bfloat16):
        state = State.fresh(TableModel(score, *(table.clone() for table in tables)))
        counts, drawn = np.array([1, 2]), np.random.default_rng(0)
        batch = make_batch(asked.queries.numpy(), counts, asked.answers.numpy(), asked.candidates, config, drawn)
        loss = float(one_step(state, batch, config, 1.0, precision))
        moved.append((loss, state.sums["entity"].sqrt(), state.sums["relation"].sqrt()))
    (loss, *sums), (rough, *others) = moved
    assert rough == pytest.approx(loss, rel=0.02)
    assert rough != loss
    for exact, rounded in zip(sums, others, strict=True):
        assert float((exact - rounded).norm() / exact.norm()) < 0.03


def test_dropout_leaves_numbers_of_the_queries_out_and_makes_up_for_them() -> None:
    n, d = 50, 4000
    entity = torch.ones(n, d)
    asked = Asked(torch.tensor([[0, 0]]), torch.tensor([1]), torch.tensor([0]), slice(0, n))
    moved = []
    for seed in (0, 0, 1):
        state = State.fresh(TableModel("distmult", entity.clone(), torch.ones(2, d)))
        step(state, asked, TrainingConfig(negatives="all", dropout=0.25), seed)
        moved.append(state.sums["entity"])
    assert torch.equal(moved[0], moved[1])  # what is dropped follows from the seed
    assert not torch.equal(moved[0], moved[2])
    answer = moved[0][1].sqrt()  # its gradient is the query times what the softmax lacks
    assert float((answer == 0).double().mean()) == pytest.approx(0.25, abs=0.03)
    assert len(answer[answer > 0].unique()) == 1
    whole = State.fresh(TableModel("distmult", entity.clone(), torch.ones(2, d)))
    step(whole, asked, TrainingConfig(negatives="all"))
    assert float(answer.max()) == pytest.approx(float(whole.sums["entity"][1].sqrt().max()) / 0.75, rel=1e-4)


@pytest.mark.parametrize("score", NAMES)
@pytest.mark.parametrize("negatives", ["all", 3])
def test_a_step_runs_on_whatever_device_the_tables_are_on(score: str, negatives: int | str) -> None:
    model = create(score, 0)
    state = State.fresh(model.to("meta"))
    asked = Asked(torch.tensor([[0, 1], [1, 1]]), torch.tensor([5, 7]), torch.tensor([0, 1]), slice(0, ENTITIES))
    config = TrainingConfig(
        negatives=negatives,  # type: ignore[arg-type]
        n3=0.1,
        dropout=0.5,
        relation_prediction=0.5 * SCORES[score].linear,
    )
    counts, drawn = np.array([1, 1]), np.random.default_rng(0)
    batch = make_batch(asked.queries.numpy(), counts, asked.answers.numpy(), asked.candidates, config, drawn)
    loss = one_step(state, batch, config, 0.1, torch.bfloat16 if SCORES[score].product else None)
    assert loss.device.type == "meta"  # nothing was computed, so nothing was hard-coded or waited for
    assert loss.shape == ()


@pytest.mark.parametrize("score", NAMES)
@pytest.mark.parametrize("n3", [0.0, 0.2])
def test_a_step_in_single_precision_is_that_of_dense_autograd_and_adagrad(score: str, n3: float) -> None:
    config = TrainingConfig(negatives="all", n3=n3, learning_rate=0.3)
    before = create(score, 7)
    model = TableModel.of(score, {name: tensor.float() for name, tensor in before.tensors.items()})
    batch = Asked(
        torch.tensor([[0, 1], [9, 3], [9, 0]]), torch.tensor([5, 8, 9, 5]), torch.tensor([0, 0, 1, 2]), slice(4, 11)
    )
    dense, losses = dense_steps(model, [batch], config, begun=0.0)
    exact, _ = dense_steps(before, [batch], config, begun=0.0)
    # a first step of Adagrad is the rate, or nothing but enlarged rounding where the gradient is zero
    moved = {name: (tensor - exact.tensors[name]).abs() > 0.2 for name, tensor in before.tensors.items()}
    assert moved["entity"].any(1).nonzero().flatten().tolist() == [0, *range(4, 11)]  # a head, and the candidates
    assert moved["relation"].any(1).tolist() == [True, True, False, True]
    state = State.fresh(model)
    assert step(state, batch, config) == pytest.approx(losses[0], rel=1e-5)
    for name, where in moved.items():
        torch.testing.assert_close(state.model.tensors[name][where], dense.tensors[name][where], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("score", NAMES)
@pytest.mark.parametrize("negatives", ["all", 1])
def test_a_step_leaves_the_rows_that_took_no_part_as_they_were(score: str, negatives: int | str) -> None:
    state = State.fresh(create(score, 3))
    before = state.model.clone()
    batch = Asked(torch.tensor([[0, 1], [1, 1]]), torch.tensor([5, 7]), torch.tensor([0, 1]), slice(4, 9))
    step(state, batch, TrainingConfig(negatives=negatives, n3=0.0), 0)  # type: ignore[arg-type]
    changed = (state.model.entity != before.entity).any(1)
    assert set(changed.nonzero().flatten().tolist()) <= {0, 1, *range(4, 9)}
    assert {0, 1, 5, 7} <= set(changed.nonzero().flatten().tolist())
    assert (state.model.relation != before.relation).any(1).tolist() == [False, True, False, False]
    assert torch.equal((state.sums["entity"] != 0).any(1), changed)


@pytest.mark.parametrize("score", NAMES)
def test_a_sample_touches_no_more_rows_than_heads_answers_and_negatives(score: str) -> None:
    generator = torch.Generator().manual_seed(0)
    function, d = SCORES[score], DIMENSIONS[score]
    entity = torch.randn(1000, d, generator=generator)
    relation = torch.randn(2, function.width(d), generator=generator)
    state = State.fresh(TableModel(score, entity, relation, function.weights(d, generator)))
    before = state.model.clone()
    batch = Asked(torch.tensor([[1, 0], [2, 0]]), torch.tensor([3, 4, 5]), torch.tensor([0, 1, 1]), slice(0, 1000))
    step(state, batch, TrainingConfig(negatives=20, n3=0.0))
    changed = int((state.model.entity != before.entity).any(1).sum())
    assert 5 + 10 < changed <= 5 + 20


@pytest.mark.parametrize("score", NAMES)
def test_more_negatives_than_candidates_are_all_candidates(score: str) -> None:
    batch = Asked(torch.tensor([[0, 1], [1, 1]]), torch.tensor([5, 7]), torch.tensor([0, 1]), slice(4, 9))
    states = [State.fresh(create(score, 3)) for _ in range(2)]
    losses = [
        step(state, batch, TrainingConfig(negatives=negatives, n3=0.0))  # type: ignore[arg-type]
        for state, negatives in zip(states, ("all", 5), strict=True)
    ]
    assert losses[0] == losses[1]
    assert torch.equal(states[0].model.entity, states[1].model.entity)


@pytest.mark.parametrize("negatives", ["all", 8, 64, 256])
def test_a_model_that_knows_nothing_loses_the_logarithm_of_the_population(negatives: int | str) -> None:
    n = 2000
    state = State.fresh(TableModel("distmult", torch.zeros(n, 4), torch.zeros(2, 4)))
    batch = Asked(torch.tensor([[0, 0], [1, 1]]), torch.tensor([10, 11, 12]), torch.tensor([0, 0, 1]), slice(0, n))
    config = TrainingConfig(negatives=negatives)  # type: ignore[arg-type]
    loss = step(state, batch, config, 0)
    assert loss / 3 == pytest.approx(math.log(n), rel=0.01)


def test_a_sample_in_which_every_entity_is_an_answer_teaches_nothing() -> None:
    state = State.fresh(create("distmult", 0))
    before = state.model.clone()
    batch = Asked(torch.tensor([[0, 1]]), torch.arange(2, 12), torch.zeros(10, dtype=torch.int64), slice(2, 12))
    assert step(state, batch, TrainingConfig(negatives=3, n3=0.0)) == 0
    assert torch.equal(state.model.entity, before.entity)
    assert torch.equal(state.model.relation, before.relation)


@pytest.mark.parametrize("score", NAMES)
@pytest.mark.parametrize("negatives", ["all", 4])
def test_a_small_step_lowers_the_loss_of_its_own_batch(score: str, negatives: int | str) -> None:
    config = TrainingConfig(negatives=negatives, learning_rate=0.01)  # type: ignore[arg-type]
    batch = Asked(torch.tensor([[0, 1], [1, 1]]), torch.tensor([5, 7, 8]), torch.tensor([0, 1, 1]), slice(0, 12))
    state = State.fresh(create(score, 11))
    first, second = (step(state, batch, config, 5) for _ in range(2))
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
        adagrad(table, sums, at, gradient, 0.7)
        torch.testing.assert_close(table, dense.detach())
        torch.testing.assert_close(sums, optimizer.state[dense]["sum"])


def test_adagrad_leaves_other_rows_and_their_sums_as_they_are() -> None:
    table, sums = torch.arange(12.0).reshape(6, 2), torch.full((6, 2), 4.0)
    before = table.clone()
    rows = torch.tensor([4, 1])
    adagrad(table, sums, rows, torch.tensor([[1.0, 0.0], [-2.0, 3.0]]), 0.1)
    others = [0, 2, 3, 5]
    assert torch.equal(table[others], before[others])
    assert bool((sums[others] == 4).all())
    assert sums[rows].tolist() == [[5.0, 4.0], [8.0, 13.0]]
    expected = [[8 - 0.1 / 5**0.5, 9.0], [2 + 0.2 / 8**0.5, 3 - 0.3 / 13**0.5]]
    torch.testing.assert_close(table[rows], torch.tensor(expected))
