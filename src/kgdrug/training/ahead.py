"""Batches made while a GPU computes."""

import queue
import threading
from collections.abc import Iterator
from contextlib import suppress

import torch

from kgdrug.training.batches import Batch

AHEAD = 4  # batches that wait


def ahead(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    """The same batches; for a GPU they are made and sent by a thread of their own.

    On the CPU the thread would take time from the step, so they come as they are.
    """
    return _by_thread(batches, device) if device.type == "cuda" else batches


def _by_thread(batches: Iterator[Batch], device: torch.device) -> Iterator[Batch]:
    waiting: queue.Queue[Batch | BaseException | None] = queue.Queue(AHEAD)
    given_up = threading.Event()

    def hand_over(item: Batch | BaseException | None) -> None:
        while not given_up.is_set():
            with suppress(queue.Full):
                waiting.put(item, timeout=0.1)
                return

    def make() -> None:
        try:
            for batch in batches:
                hand_over(batch.to(device))
                if given_up.is_set():
                    return
            hand_over(None)
        except BaseException as error:  # it is raised where the batches are asked for
            hand_over(error)

    maker = threading.Thread(target=make, name="batches", daemon=True)
    maker.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        given_up.set()
        maker.join()
