"""Questions that wait for the same product are answered by one.

Whoever comes while a product is made joins the next one, so nobody waits for company: a lone question starts at once.
Where a question looks at few numbers, answering it costs less than passing it to another thread; see
docs/decisions/0014.
"""

import asyncio
from collections.abc import Hashable
from typing import Any

from kgdrug.ranking import Answer, Filters, Question, answer_all
from kgdrug.trained import ServedModel

MOST = 64  # questions of one product, so that the first of them does not wait for many others


class Batches:
    """Questions under way, of one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[tuple[Question, asyncio.Future[list[Answer]]]]] = {}
        self._working: set[asyncio.Task[None]] = set()  # the loop itself forgets tasks that nobody holds

    async def answer(
        self, model: ServedModel, asked: Question, top: int = 20, novel: bool = False, filters: Filters | None = None
    ) -> list[Answer]:
        """What `kgdrug.answer` says, together with what others ask alike."""
        shared = top, novel, filters or Filters()
        key = model, asked.relations, *shared
        future = asyncio.get_running_loop().create_future()
        if key in self._waiting:
            self._waiting[key].append((asked, future))
        else:
            self._waiting[key] = [(asked, future)]
            task = asyncio.create_task(self._work(key, model, shared))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        answers: list[Answer] = await future
        return answers

    async def _work(self, key: Hashable, model: ServedModel, shared: tuple[Any, ...]) -> None:
        """Answer what waits under a key, product after product, until nothing does."""
        while self._waiting[key]:
            batch, self._waiting[key] = self._waiting[key][:MOST], self._waiting[key][MOST:]
            questions = [question for question, _ in batch]
            try:
                answers = await asyncio.to_thread(_answers, model, questions, shared)
            except BaseException as error:
                for _, future in batch:
                    if not future.done():  # who asked may have gone
                        future.set_exception(error)
            else:
                for (_, future), found in zip(batch, answers, strict=True):
                    if not future.done():
                        future.set_result(found)
        del self._waiting[key]


def _answers(model: ServedModel, questions: list[Question], shared: tuple[Any, ...]) -> list[list[Answer]]:
    return list(answer_all(model, questions, *shared))
