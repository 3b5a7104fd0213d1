"""One step: the queries of a batch are scored against shared candidates, and the rows that took part are changed."""

from typing import Any

import torch
from torch import Tensor

from kgdrug.config import TrainingConfig
from kgdrug.training.batches import Batch
from kgdrug.training.losses import n3_gradient, softmax_loss
from kgdrug.training.state import State

EPSILON = 1e-10


def step(state: State, batch: Batch, config: TrainingConfig, generator: torch.Generator, rate: float) -> float:
    """One step of Adagrad at a learning rate on one batch; the sum of its losses."""
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
        adagrad(model.entity, state.sums["entity"], touched, entity, entity.grad, rate)
        adagrad(model.relation, state.sums["relation"], relations, relation, relation.grad, rate)
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
