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

import torch

from kgdrug.config import TrainingConfig
from kgdrug.errors import KgdrugError
from kgdrug.evaluation import Metrics, metrics, rank_triples
from kgdrug.models import product_precision
from kgdrug.splits import Split
from kgdrug.training.batches import Batches
from kgdrug.training.state import State
from kgdrug.training.step import step


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


def train(state: State, split: Split, config: TrainingConfig, seed: int) -> Iterator[Epoch]:
    """Train in place, yielding after each epoch, until `epochs` or until valid MRR has stopped rising.

    The caller keeps what it wants of the best epoch: the tables change on. A seed makes a CPU run repeat to the bit
    (on the same number of threads), also when it goes on from a state of an earlier epoch.
    """
    graph = split.graph
    batches = Batches(graph, split.known_in_training, config, seed)
    precision = product_precision(config.precision, state.model.entity.device)
    looks_since_best = (state.epoch - state.best_epoch) // config.valid_every
    while state.epoch < config.epochs and looks_since_best < config.patience:
        state.epoch += 1
        started, total, count = time.perf_counter(), torch.zeros((), dtype=torch.float64), 0
        for batch in batches.epoch(state.epoch):
            total = total + step(state, batch, config, config.learning_rate, precision)
            count += len(batch.answers)
        loss = float(total)
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
