"""Batches from a thread are the batches, in their order, and nothing is left behind."""

import itertools
import threading
from collections.abc import Iterator

import numpy as np
import pytest
import torch

from kgdrug.config import TrainingConfig
from kgdrug.training import ahead as ahead_module
from kgdrug.training.ahead import ahead
from kgdrug.training.batches import Batch, make_batch

CPU, META = torch.device("cpu"), torch.device("meta")


def batches() -> Iterator[Batch]:
    """Without end, the n-th of n queries."""
    for n in itertools.count(1):
        queries = np.stack([np.arange(n), np.zeros(n, np.int64)], 1)
        answers, rng = np.arange(n), np.random.default_rng(0)
        yield make_batch(queries, np.ones(n, np.int64), answers, slice(0, 99), TrainingConfig(negatives="all"), rng)


def no_thread_is_left() -> bool:
    return not any(thread.name == "batches" for thread in threading.enumerate())


def test_on_the_processor_batches_come_as_they_are() -> None:
    made = batches()
    assert ahead(made, CPU) is made


@pytest.mark.parametrize("asked", [1, 10])
def test_a_thread_hands_batches_over_in_order_until_nobody_asks(asked: int) -> None:
    came = ahead_module._by_thread(batches(), META)
    sizes = [len(batch.heads) for batch in itertools.islice(came, asked)]
    assert sizes == list(range(1, asked + 1))
    came.close()  # type: ignore[attr-defined]
    assert no_thread_is_left()


def test_batches_of_a_thread_are_on_the_device() -> None:
    batch = next(ahead_module._by_thread(itertools.islice(batches(), 1), META))
    assert batch.heads.device == batch.entity_places.order.device == META


def test_a_thread_ends_with_its_batches() -> None:
    came = list(ahead_module._by_thread(itertools.islice(batches(), 3), CPU))
    assert [len(batch.heads) for batch in came] == [1, 2, 3]
    assert no_thread_is_left()


def test_what_fails_in_the_thread_is_raised_where_batches_are_asked_for() -> None:
    def failing() -> Iterator[Batch]:
        yield from itertools.islice(batches(), 2)
        raise ValueError("no more")

    came = ahead_module._by_thread(failing(), CPU)
    assert len([next(came), next(came)]) == 2
    with pytest.raises(ValueError, match="no more"):
        next(came)
    assert no_thread_is_left()
