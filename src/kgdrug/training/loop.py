"""Training is a generator of epochs: the caller logs, saves, and stops when it likes.

One step: the queries of a batch are scored against shared candidates, the softmax loss and its gradient come from
that one matrix, and Adagrad changes only the rows that took part.

Read before: kbc's optimiser (1-vs-all cross-entropy, N3, Adagrad on whole tables) and DGL-KE (chunks that share
negatives, row-wise Adagrad). Kept from the first are loss and regulariser, from the second the shared negatives;
Adagrad is element-wise, which reaches a given valid MRR several times sooner than row-wise.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kgdrug.config import TrainingConfig
from kgdrug.errors import KgdrugError
from kgdrug.evaluation import Metrics, metrics, rank_triples
from kgdrug.models import TableModel
from kgdrug.splits import Split
from kgdrug.training.batches import Batch, Batches
from kgdrug.training.losses import n3_gradient, softmax_loss

EPSILON = 1e-10


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    of: how many there are at most; loss: mean over triples in both directions; seconds: of training alone;
    valid: metrics on the valid triples, None where this epoch did not look; best: whether its MRR is the best yet.
    """

    number: int
    of: int
    loss: float
    seconds: float
    triples_per_second: float
    valid: Metrics | None
    best: bool


@dataclass
class State:
    """What a run is made of between epochs: tensors, Adagrad's sums of their squares by name, and how far it got."""

    model: TableModel
    sums: dict[str, Tensor]
    epoch: int = 0
    best_mrr: float = -1.0
    best_epoch: int = 0

    @classmethod
    def fresh(cls, model: TableModel) -> "State":
        return cls(model, {name: torch.zeros_like(tensor) for name, tensor in model.tensors.items()})


def train(state: State, split: Split, config: TrainingConfig, seed: int) -> Iterator[Epoch]:
    """Train in place, yielding after each epoch, until `epochs` or until valid MRR has stopped rising.

    The caller keeps what it wants of the best epoch: the tables change on. A seed makes a CPU run repeat to the bit
    (on the same number of threads), also when it goes on from a state of an earlier epoch.
    """
    graph = split.graph
    batches = Batches(
        graph, split.known_in_training, config.batch_size, config.candidates, seed, config.treatment_repeats
    )
    generator = torch.Generator()
    looks_since_best = (state.epoch - state.best_epoch) // config.valid_every
    while state.epoch < config.epochs and looks_since_best < config.patience:
        state.epoch += 1
        generator.manual_seed((seed * 1_000_003 + state.epoch) % 2**63)
        started, loss, count = time.perf_counter(), 0.0, 0
        for batch in batches.epoch(state.epoch):
            loss += step(state, batch, config, generator)
            count += len(batch.answers)
        seconds = time.perf_counter() - started
        if not loss < float("inf"):
            raise KgdrugError(f"the loss is {loss} after epoch {state.epoch}; try a lower training.learning_rate")
        valid, best = None, False
        if state.epoch % config.valid_every == 0 or state.epoch == config.epochs:
            valid = metrics(rank_triples(state.model, split.valid, split.known, graph, config.candidates))
            best = valid["mrr"] > state.best_mrr or not len(split.valid)
            if best:
                state.best_epoch = state.epoch
                state.best_mrr = valid["mrr"] if len(split.valid) else state.best_mrr
            looks_since_best = 0 if best else looks_since_best + 1
        yield Epoch(state.epoch, config.epochs, loss / max(count, 1), seconds, count / 2 / seconds, valid, best)


def step(state: State, batch: Batch, config: TrainingConfig, generator: torch.Generator) -> float:
    """One step of Adagrad on one batch; the sum of its losses."""
    model, device = state.model, state.model.entity.device
    start, stop = batch.candidates.start, batch.candidates.stop
    heads, count = batch.queries[:, 0].contiguous(), len(batch.answers)
    sampled = config.negatives != "all" and stop - start > 2 * config.negatives
    if sampled:
        candidates = start + torch.randint(stop - start, (int(config.negatives),), generator=generator)
        candidates = candidates.unique()
        touched, place = torch.cat([heads, batch.answers, candidates]).unique(return_inverse=True)
        head_at, answer_at, candidate_at = place.split([len(heads), count, len(candidates)])
    else:
        outside = heads[(heads < start) | (heads >= stop)]
        touched = torch.cat([outside, torch.arange(start, stop)]).unique()
        head_at, answer_at = (torch.searchsorted(touched, part) for part in (heads, batch.answers))
        first = int(torch.searchsorted(touched, start))
        candidate_at = None
    relations, relation_at = batch.queries[:, 1].unique(return_inverse=True)
    touched, relations, rows = touched.to(device), relations.to(device), batch.rows.to(device)
    head_at, answer_at, relation_at = head_at.to(device), answer_at.to(device), relation_at.to(device)

    entity = model.entity.index_select(0, touched).requires_grad_()
    relation = model.relation.index_select(0, relations).requires_grad_()
    queries = model.function.query(take_rows(entity, head_at), take_rows(relation, relation_at), model.weights)
    if candidate_at is not None:
        scores = model.function.compare(queries, take_rows(entity, candidate_at.to(device)))
        positive = model.function.pairwise(take_rows(queries, rows), take_rows(entity, answer_at))
        column = torch.full((len(touched),), -1, device=device)
        column[candidate_at.to(device)] = torch.arange(len(candidate_at), device=device)
        hit = column[answer_at]
        known = hit >= 0
        loss = softmax_loss(scores, positive, rows, (rows[known], hit[known]), stop - start)
    else:
        scores = model.function.compare(queries, entity[first : first + stop - start])
        loss = softmax_loss(scores, scores[rows, answer_at - first], rows)
    loss_sum = loss.sum()
    (loss_sum / count).backward()
    assert entity.grad is not None
    assert relation.grad is not None

    with torch.no_grad():
        if config.n3:
            answered = torch.bincount(rows, minlength=len(queries)).to(entity.dtype)
            weight = torch.bincount(answer_at, minlength=len(touched)).to(entity.dtype)
            weight.index_add_(0, head_at, answered)
            entity.grad += n3_gradient(entity, model.function.moduli(entity, False), weight, config.n3 / count)
            weight = torch.zeros(len(relations), dtype=entity.dtype, device=device).index_add_(0, relation_at, answered)
            relation.grad += n3_gradient(relation, model.function.moduli(relation, True), weight, config.n3 / count)
        adagrad(model.entity, state.sums["entity"], touched, entity, entity.grad, config.learning_rate)
        adagrad(model.relation, state.sums["relation"], relations, relation, relation.grad, config.learning_rate)
    return float(loss_sum.detach())


class _TakeRows(torch.autograd.Function):
    """`index_select` whose gradient is one `index_add_` of whole rows (torch's own scatters element by element)."""

    @staticmethod
    def forward(ctx: Any, table: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        ctx.size = len(table)
        return table.index_select(0, rows)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (rows,) = ctx.saved_tensors
        return gradient.new_zeros(ctx.size, gradient.shape[1]).index_add_(0, rows, gradient), None


def take_rows(table: Tensor, rows: Tensor) -> Tensor:
    """Rows of a table, `(k, d)`."""
    taken: Tensor = _TakeRows.apply(table, rows)  # type: ignore[no-untyped-call]
    return taken


def adagrad(table: Tensor, sums: Tensor, rows: Tensor, values: Tensor, gradient: Tensor, rate: float) -> None:
    """Adagrad (Duchi et al. 2011), element-wise, on the given distinct rows `(u,)` of a table.

    values: the rows as they are, `(u, d)`; gradient: `(u, d)`. Other rows, and their sums, stay as they are.
    """
    seen = sums.index_select(0, rows).addcmul_(gradient, gradient)
    sums.index_copy_(0, rows, seen)
    table.index_copy_(0, rows, values.detach().addcdiv(gradient, seen.sqrt_().add_(EPSILON), value=-rate))
