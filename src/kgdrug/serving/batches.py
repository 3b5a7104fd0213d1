"""Questions that wait for the same product are answered by one.

Who is known to be alone is answered at once. Who else asks in the same turn of the event loop, or the next, is answered
together, and who comes while a product is made joins the next one. Where a question looks at few numbers it
is answered on the loop itself, which costs less than passing it to another thread; see docs/decisions/0014.
"""

import asyncio
from collections.abc import Hashable, Iterator, Sequence
from itertools import repeat

from kgdrug.models.arrays import ArrayMetapaths, ArrayTable, Scorer
from kgdrug.ranking import Columns, Filters, Question, answer_columns
from kgdrug.ranking.filters import NO_FILTERS
from kgdrug.trained import ServedModel

MOST = 64  # questions of one product, so that the first of them does not wait for many others
TOLD = 1000  # answers that are described in two or three milliseconds
READ, MULTIPLIED = 2_000_000, 20_000_000  # numbers read, and multiplied for a batch, in less than a millisecond
Shared = tuple[int, bool, Filters, int, int]  # by questions of one product: top, novel, filters, evidence, offset


class Batches:
    """Questions under way, of one event loop."""

    def __init__(self) -> None:
        self._waiting: dict[Hashable, list[tuple[Question, asyncio.Future[Columns]]]] = {}
        self._working: set[asyncio.Task[None]] = set()  # the loop itself forgets tasks that nobody holds

    async def answer(
        self,
        model: ServedModel,
        asked: Question,
        top: int = 20,
        novel: bool = False,
        filters: Filters = NO_FILTERS,
        evidence: int = 0,
        offset: int = 0,
    ) -> Columns:
        """What `kgdrug.answer_columns` says of one question, together with what others ask alike."""
        shared, loop = (top, novel, filters, evidence, offset), asyncio.get_running_loop()
        key, future = (loop, model, asked.relations, *shared), loop.create_future()
        if key in self._waiting:
            self._waiting[key].append((asked, future))
        else:
            self._waiting[key] = [(asked, future)]
            task = asyncio.create_task(self._work(key, model, shared))
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        found: Columns = await future
        return found

    def at_once(
        self,
        model: ServedModel,
        asked: Question,
        top: int = 20,
        novel: bool = False,
        filters: Filters = NO_FILTERS,
        evidence: int = 0,
        offset: int = 0,
    ) -> Columns | None:
        """The same of a question that nobody else is expected to ask with; None where others would wait for it."""
        shared = (top, novel, filters, evidence, offset)
        if self._waiting or _slow(model, [asked], shared):
            return None
        return next(answer_columns(model, [asked], *shared))

    async def _work(self, key: Hashable, model: ServedModel, shared: Shared) -> None:
        """Answer what waits under a key, product after product, until nothing does."""
        *_, evidence, _ = shared
        most = 1 if evidence else MOST  # paths are looked for one answer after the other
        try:
            await asyncio.sleep(0)  # what comes meanwhile joins; so sixteen who ask at once nearly always do
            while self._waiting[key]:
                batch, self._waiting[key] = self._waiting[key][:most], self._waiting[key][most:]
                questions = [question for question, _ in batch]
                try:
                    if _slow(model, questions, shared):
                        answers = await asyncio.to_thread(_answers, model, questions, shared)
                    else:
                        answers = _answers(model, questions, shared)
                except BaseException as error:  # of no question: the loop is being closed
                    answers = [error] * len(batch)
                for (_, future), found in zip(batch, answers, strict=True):
                    if future.done():  # who asked may have gone
                        continue
                    if isinstance(found, BaseException):
                        future.set_exception(found)
                    else:
                        future.set_result(found)
        finally:  # nobody waits for what will not come
            for _, future in self._waiting.pop(key):
                future.cancel()


def answer_each(
    model: ServedModel,
    questions: Sequence[Question],
    top: int = 20,
    novel: bool = False,
    filters: Filters = NO_FILTERS,
    evidence: int = 0,
    offset: int = 0,
) -> Iterator[Columns | Exception]:
    """What `kgdrug.answer_columns` says of each question, all over the same relations; the error of one that fails is
    in its place.

    They are answered together; where that fails they are asked one by one, so that only those are told who are wrong.
    """
    shared, done, failed = (top, novel, filters, evidence, offset), 0, None
    try:
        if questions:
            filters.eligible(model, questions[0].relations)
    except Exception as error:  # which all of them share
        yield from repeat(error, len(questions))
        return
    try:
        for found in answer_columns(model, questions, *shared):
            yield found
            done += 1
    except Exception as error:
        failed = error
    if failed is not None and len(questions) == 1:
        yield failed
    elif failed is not None:
        for one in questions[done:]:
            yield from answer_each(model, [one], *shared)


def _slow(model: ServedModel, questions: list[Question], shared: Shared) -> bool:
    """Whether the answers may take so long that others should not wait for them.

    Many questions of one product are multiplied some six times as fast as each alone, which waits for memory; scores
    that are no product, or torch's, always take long, and so does the first question of a kind, whose usual
    percentiles are still to be made.
    """
    (top, _, filters, evidence, offset), relations = shared, questions[0].relations
    work = model.work(relations)
    return (
        evidence > 0
        or (offset + top) * len(questions) > TOLD
        or work > READ
        or work * len(questions) > MULTIPLIED
        or not model.usual_ready(relations)
        or not filters.ready(model, relations)
        or not all(map(_quick, model.members))
    )


def _quick(member: Scorer) -> bool:
    """Whether its scores are a product, or only looked up."""
    return member.product if isinstance(member, ArrayTable) else isinstance(member, ArrayMetapaths)


def _answers(model: ServedModel, questions: list[Question], shared: Shared) -> list[Columns | BaseException]:
    return list(answer_each(model, questions, *shared))
