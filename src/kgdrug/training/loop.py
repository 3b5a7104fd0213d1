"""Training is a generator of epochs: the caller logs, saves, and stops when it likes."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch

from kgdrug.config import TrainingConfig
from kgdrug.errors import KgdrugError, UsageError
from kgdrug.evaluation import Metrics, metrics, rank_triples
from kgdrug.models import SCORES, product_precision
from kgdrug.splits import Split
from kgdrug.training.ahead import ahead
from kgdrug.training.batches import Batches
from kgdrug.training.state import State
from kgdrug.training.step import step

LAST_RATE = 0.01  # what the linear schedule leaves of the learning rate


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    of: how many there are at most; seed: of this training; loss: mean over triples in both directions; seconds: of
    training alone; learning_rate: of the last step; valid: metrics on the valid triples, None where this epoch did not
    look; best: whether its MRR is the best yet; best_mrr: the best up to here, None before the first look.
    """

    number: int
    of: int
    seed: int
    loss: float
    seconds: float
    triples_per_second: float
    learning_rate: float
    valid: Metrics | None
    best: bool
    best_mrr: float | None


def train(
    state: State, split: Split, config: TrainingConfig, seed: int, stop: Callable[[], bool] = lambda: False
) -> Iterator[Epoch]:
    """Train in place, yielding after each epoch, until `epochs` or until valid MRR has stopped rising.

    The caller keeps what it wants of the best epoch: the tables change on. A seed makes a CPU run repeat to the bit
    (on the same number of threads), also when it goes on from a state that was kept on the way.
    stop: asked before each step; once it says so the epochs end, and the state goes on from there another time.
    """
    graph, device = split.graph, state.model.entity.device
    check_trainable(state.model.score, config)
    batches = Batches(graph, split.known_in_training, config, seed)
    precision = product_precision(config.precision, device)
    steps = len(batches)
    while not is_over(state, config):
        number, first = state.epoch + 1, state.batch
        started = time.perf_counter() - state.seconds
        done, stopped = first, False
        total, count = torch.tensor(state.loss, dtype=_widest(device), device=device), state.triples
        for batch in ahead(batches.epoch(number, first), device):
            stopped = stop()
            if stopped:
                break
            rate = learning_rate(config, (number - 1) * steps + done, config.epochs * steps)
            total = total + step(state, batch, config, rate, precision)
            done, count = done + 1, count + len(batch.answers)
        loss = float(total)
        seconds = time.perf_counter() - started
        if not loss < float("inf"):
            raise KgdrugError(f"the loss is {loss} in epoch {number}; try a lower training.learning_rate")
        if stopped or stop():  # the second: a look at valid may take long
            state.batch, state.loss, state.triples, state.seconds = done, loss, count, seconds
            return
        state.complete_epoch()
        valid, best = None, False
        if number % config.valid_every == 0 or number == config.epochs:
            valid, best = look(state, split, config)
        yield Epoch(
            number=number,
            of=config.epochs,
            seed=seed,
            loss=loss / max(count, 1),
            seconds=seconds,
            triples_per_second=count / 2 / seconds,
            learning_rate=learning_rate(config, number * steps - 1, config.epochs * steps),
            valid=valid,
            best=best,
            best_mrr=state.best_mrr if state.best_mrr >= 0 else None,
        )


def look(state: State, split: Split, config: TrainingConfig) -> tuple[Metrics, bool]:
    """Metrics on the valid triples after the last complete epoch, and whether it is the best yet, which is noted."""
    valid = metrics(rank_triples(state.model, split.valid, split.known, split.graph, config.candidates))
    best = valid["mrr"] > state.best_mrr or not len(split.valid)
    if best:
        state.best_epoch = state.epoch
        state.best_mrr = valid["mrr"] if len(split.valid) else state.best_mrr
    return valid, best


def check_trainable(score: str, config: TrainingConfig) -> None:
    """Refuse settings that mean nothing for a score function."""
    for setting, able in (("relation_prediction", "linear"), ("dropout", "product")):
        if getattr(config, setting) and not getattr(SCORES[score], able):
            names = ", ".join(name for name, function in SCORES.items() if getattr(function, able))
            what = {"linear": "that is linear in the relation", "product": "that is a product"}[able]
            raise UsageError(f"training.{setting} needs a score {what} ({names}), not {score}")


def _widest(device: torch.device) -> torch.dtype:
    return torch.float32 if device.type == "mps" else torch.float64


def is_over(state: State, config: TrainingConfig) -> bool:
    """Whether every epoch is done, or valid MRR has not risen for `patience` looks."""
    looks_since_best = (state.epoch - state.best_epoch) // config.valid_every
    return state.epoch >= config.epochs or looks_since_best >= config.patience


def learning_rate(config: TrainingConfig, step: int, steps: int) -> float:
    """The rate of a step, counted from 0 over all epochs, of which there are `steps` steps.

    `constant` is `training.learning_rate` always; `linear` falls from there to 1 % of it at the last step.
    """
    if config.schedule == "constant":
        return config.learning_rate
    return config.learning_rate * (1 - (1 - LAST_RATE) * step / max(steps - 1, 1))
