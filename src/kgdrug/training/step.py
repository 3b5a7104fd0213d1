"""One step: the queries of a batch are scored against shared candidates, and the rows that took part are changed.

The rows of the tables are gathered once and written back once. Between, queries are made of heads and relations
(autograd goes back through that, it is small), and the two products that are the gradient of a matrix of scores are
written out, so that nothing else of its shape is kept and products can be taken in bfloat16 while tables and sums stay
as they are. Memory beyond the tables: two matrices of the shape of the scores, `(b, k)`.

Read before: kbc's optimiser (1-vs-all cross-entropy, N3, Adagrad on whole tables) and DGL-KE (chunks that share
negatives, row-wise Adagrad). Kept from the first are loss and regulariser, from the second the shared negatives;
Adagrad is element-wise, which reaches a given valid MRR several times sooner than row-wise.
"""

from itertools import pairwise

import torch
from torch import Tensor
from torch.optim.adagrad import adagrad as torch_adagrad

from kgdrug.config import TrainingConfig
from kgdrug.models import TableModel
from kgdrug.models.scores import ScoreFunction
from kgdrug.training.batches import Batch
from kgdrug.training.losses import add_n3, sampled_softmax_loss, softmax_loss
from kgdrug.training.state import State

EPSILON = 1e-10
PAD = 512  # answers whose relations are asked for are filled up to a multiple of it
TILE = 500_000  # numbers of a table that are changed at once, few enough to stay in the cache


def step(
    state: State, batch: Batch, config: TrainingConfig, rate: float, precision: torch.dtype | None = None
) -> Tensor:
    """One step of Adagrad at a learning rate on one batch; the sum of its losses, a tensor without dimensions.

    precision: that of matrix products; by default the tables' own.
    """
    model, sums, function = state.model, state.sums, state.model.function
    batch, precision = batch.to(model.entity.device), precision or model.entity.dtype
    heads = model.entity.index_select(0, batch.heads).requires_grad_()
    answers = model.entity.index_select(0, batch.answers).requires_grad_() if batch.with_answers else None
    relations = model.relation.index_select(0, batch.relations).requires_grad_()
    weights = {name: weight.detach().requires_grad_() for name, weight in model.weights.items()}

    queries = function.query(heads, relations, weights)
    kept = _kept(queries, config.dropout, batch.seed) if config.dropout else None
    asked = queries.detach() if kept is None else queries.detach() * kept
    if answers is None or batch.sample is None:
        loss, for_asked, for_rows = _all_candidates(function, asked, model.entity[batch.candidates], batch, precision)
    else:
        sample = model.entity.index_select(0, batch.sample)
        loss, for_asked, for_rows = _sampled_candidates(function, asked, sample, answers, batch, precision)
    queries.backward(for_asked if kept is None else for_asked * kept)
    all_relations = None
    if config.relation_prediction and answers is not None:
        all_relations = _predict_relations(model, batch, heads, answers, config.relation_prediction, precision)

    with torch.no_grad():
        strength = config.n3 / len(batch.answers)
        ones = torch.ones_like(batch.answers, dtype=heads.dtype)
        gradients = [_with_n3(function, heads, batch.counts, strength, False)]
        if answers is not None:
            gradients.append(_with_n3(function, answers, ones, strength, False))
        if batch.sample is None:
            some = batch.entity_places.sums(torch.cat(gradients))
            _change_candidates(model.entity, sums["entity"], batch, for_rows, some, rate)
        else:
            some = batch.entity_places.sums(torch.cat([*gradients, for_rows]))
            adagrad(model.entity, sums["entity"], batch.entity_places.ids, some, rate)
        some = batch.relation_places.sums(_with_n3(function, relations, batch.counts, strength, True))
        if all_relations is None:
            adagrad(model.relation, sums["relation"], batch.relation_places.ids, some, rate)
        else:
            all_relations.index_add_(0, batch.relation_places.ids, some)
            adagrad(model.relation, sums["relation"], slice(0, len(model.relation)), all_relations, rate)
        for name, weight in weights.items():
            adagrad(model.weights[name], sums[name], slice(0, len(weight)), _gradient(weight), rate)
    return loss


def _all_candidates(
    function: ScoreFunction, asked: Tensor, rows: Tensor, batch: Batch, precision: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """The sum of the losses against every candidate, and the gradients of their mean by queries and rows."""
    scores, factors = _scores(function, asked, rows, precision)
    loss, softmax = softmax_loss(scores.detach(), batch.rows, batch.answers - batch.candidates.start, batch.counts)
    return loss, *_back(function, rows, factors, scores, softmax, batch.counts / len(batch.answers))


def _sampled_candidates(
    function: ScoreFunction, asked: Tensor, sample: Tensor, answers: Tensor, batch: Batch, precision: torch.dtype
) -> tuple[Tensor, Tensor, Tensor]:
    """The same against a sample of the candidates; the gradient by the answers is left with them."""
    scores, factors = _scores(function, asked, sample, precision)
    by_hand = function.product
    mine = asked.index_select(0, batch.rows).requires_grad_(not by_hand)
    with torch.set_grad_enabled(not by_hand):
        positive = function.pairwise(mine, answers)
    population = batch.candidates.stop - batch.candidates.start
    loss, softmax, weight, missed = sampled_softmax_loss(
        scores.detach(), positive.detach(), batch.rows, batch.hits, population
    )
    for_asked, for_rows = _back(function, sample, factors, scores, softmax, weight / len(batch.answers))
    missed /= len(batch.answers)
    if by_hand:
        own = _of_queries(function.answers(answers.detach()), batch, missed)
        answers.grad = _in_rows(function, mine.mul_(missed[:, None]), answers)
    else:
        positive.backward(missed)
        own = _of_queries(_gradient(mine), batch)
    return loss, for_asked + own, for_rows


def _of_queries(rows: Tensor, batch: Batch, weight: Tensor | None = None) -> Tensor:
    """Rows `(p, v)`, one an answer, each times its weight, summed by the query that it answers; `(b, v)`."""
    counts = batch.counts.long()
    places, starts = torch.arange(len(rows), device=rows.device), counts.cumsum(0) - counts
    return torch.nn.functional.embedding_bag(places, rows.contiguous(), starts, mode="sum", per_sample_weights=weight)


def _predict_relations(
    model: TableModel, batch: Batch, heads: Tensor, answers: Tensor, strength: float, precision: torch.dtype
) -> Tensor:
    """Ask which relation joins each head and answer, with a weight (Chen et al. 2021, arXiv 2110.02834).

    Leaves the gradient of the mean with heads and answers, and returns that by the relation table, `(2m, w)`.
    """
    asked = model.function.ask_relation(heads.index_select(0, batch.rows), answers)
    count, table = len(asked), model.relation.to(precision)
    # rows of nothing, to few lengths: oneDNN prepares, and keeps, a program of its own for each shape of a product
    padded = torch.nn.functional.pad(asked.detach(), (0, 0, 0, -count % PAD)).to(precision)
    each = torch.arange(count, device=asked.device)
    ones = torch.ones(len(padded), dtype=heads.dtype, device=heads.device)
    _, softmax = softmax_loss(padded @ table.T, each, batch.relations[batch.rows], ones)
    scale = strength / count
    asked.backward((softmax @ table)[:count].to(heads.dtype) * scale)
    return (softmax.T @ padded).to(heads.dtype).mul_(scale)  # nothing comes of the rows of nothing


def _scores(
    function: ScoreFunction, asked: Tensor, rows: Tensor, precision: torch.dtype
) -> tuple[Tensor, tuple[Tensor, Tensor]]:
    """The scores `(b, k)`, and what they were made of, for `_back`."""
    if function.product:
        factors = asked.to(precision), function.answers(rows).to(precision)
        return factors[0] @ factors[1].T, factors
    factors = asked.clone().requires_grad_(), rows.clone().requires_grad_()
    return function.compare(*factors), factors


def _back(
    function: ScoreFunction,
    table: Tensor,
    factors: tuple[Tensor, Tensor],
    scores: Tensor,
    gradient: Tensor,
    weight: Tensor,
) -> tuple[Tensor, Tensor]:
    """The gradients by queries and rows, from that by the scores: `gradient`, each row times its weight `(b,)`."""
    asked, rows = factors
    if not function.product:
        scores.backward(gradient * weight[:, None])
        return _gradient(asked), _gradient(rows)
    weight = weight[:, None]
    wide = torch.promote_types(asked.dtype, torch.float32)
    for_asked = (gradient @ rows).to(wide) * weight
    by_answers = gradient.T @ (asked * weight).to(asked.dtype)
    return for_asked, _in_rows(function, by_answers, table)


def _in_rows(function: ScoreFunction, by_answers: Tensor, table: Tensor) -> Tensor:
    """The gradient by rows of the table, from that by what a score function takes of them."""
    if by_answers.shape == table.shape:
        return by_answers
    for_rows = by_answers.new_zeros(table.shape)
    function.answers(for_rows).copy_(by_answers)
    return for_rows


def _change_candidates(table: Tensor, sums: Tensor, batch: Batch, for_rows: Tensor, some: Tensor, rate: float) -> None:
    """Adagrad on every candidate, with gradients `for_rows` `(k, d)`, and on the batch's places, with `some` `(u, d)`.

    A place may be a candidate: the two gradients are summed first. On the CPU tile by tile, so that each number of the
    table is fetched and written once.
    """
    (start, stop), ids = (batch.candidates.start, batch.candidates.stop), batch.entity_places.ids
    first, last = batch.inside
    edges, cuts = [start, stop], [first, last]
    if table.device.type == "cpu":
        tile = max(1, TILE // table.shape[1])
        edges = [*range(start, stop, tile), stop]
        cuts = torch.searchsorted(ids, torch.tensor(edges)).tolist()
    for (low, high), (i, j) in zip(pairwise(edges), pairwise(cuts), strict=True):
        gradient = for_rows[low - start : high - start].to(table.dtype)
        gradient.index_add_(0, ids[i:j] - low, some[i:j])
        adagrad(table, sums, slice(low, high), gradient, rate)
    if first > 0 or last < len(ids):
        outside, gradient = (torch.cat([part[:first], part[last:]]) for part in (ids, some))
        adagrad(table, sums, outside, gradient, rate)


def adagrad(table: Tensor, sums: Tensor, rows: Tensor | slice, gradient: Tensor, rate: float) -> None:
    """Adagrad (Duchi et al. 2011), element-wise, on distinct rows of a table.

    rows: `(u,)`, or a slice of u rows; gradient: `(u, d)`. Other rows, and their sums, stay as they are.
    """
    if isinstance(rows, slice):
        _change(table[rows], sums[rows], gradient, rate)
        return
    values, seen = table.index_select(0, rows), sums.index_select(0, rows)
    _change(values, seen, gradient, rate)
    _put(table, rows, values)
    _put(sums, rows, seen)


def _change(values: Tensor, seen: Tensor, gradient: Tensor, rate: float) -> None:
    """Adagrad on all of these values and their sums; on the CPU in one pass over them."""
    torch_adagrad(
        [values], [gradient], [seen], [torch.zeros(())], fused=values.device.type == "cpu", foreach=False,
        lr=rate, eps=EPSILON, weight_decay=0.0, lr_decay=0.0, maximize=False,
    )  # fmt: skip


def _put(table: Tensor, rows: Tensor, values: Tensor) -> None:
    """`table[rows] = values`; numpy copies whole rows, a third of the time of torch's `index_copy_` on the CPU."""
    if table.device.type == "cpu":
        table.numpy()[rows.numpy()] = values.numpy()
    else:
        table.index_copy_(0, rows, values)


def _with_n3(function: ScoreFunction, leaf: Tensor, weight: Tensor, strength: float, relation: bool) -> Tensor:
    """The gradient of a leaf with that of the N3 regulariser, where it has any strength."""
    gradient = _gradient(leaf)
    if strength:
        add_n3(gradient, leaf, function.moduli(leaf, relation), weight, strength)
    return gradient


def _gradient(leaf: Tensor) -> Tensor:
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad


def _kept(queries: Tensor, dropout: float, seed: int) -> Tensor:
    """What is left of each number of the queries: none, or what makes up for those that are dropped."""
    device = queries.device
    generator = torch.Generator("cpu" if device.type == "meta" else device).manual_seed(seed)
    kept = torch.rand(queries.shape, generator=generator, device=device, dtype=queries.dtype) >= dropout
    return kept.to(queries.dtype).div_(1 - dropout)
