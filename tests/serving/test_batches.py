"""Questions asked at once, against the same questions asked alone."""

import asyncio
import threading
from dataclasses import replace

import pytest
import torch

from kgdrug import Filters, Run, answer, answer_all, question
from kgdrug.errors import KgdrugError, UnknownNameError
from kgdrug.serving import batches
from kgdrug.serving.batches import Batches


def test_questions_at_once_have_the_answers_that_each_has_alone(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "MOST", 3)
    model = trained_run.model.served
    asked = [question(model.graph, disease=d) for d in ("asthma", "hypertension", "migraine")] * 3
    asked.append(question(model.graph, compound="Metformin"))

    async def everything() -> list:
        together = Batches()
        found = await asyncio.gather(*(together.answer(model, one, 5, True) for one in asked))
        assert not together._waiting
        return found

    for one, found in zip(asked, asyncio.run(everything()), strict=True):
        alone = answer(model, one, 5, True)
        assert found["id"] == [a.id for a in alone]
        assert found["score"] == pytest.approx([a.score for a in alone], rel=1e-5)


def test_who_comes_during_a_product_joins_the_next(trained_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    model, sizes = trained_run.model.served, []

    def counted(served: object, asked: list, *rest: object) -> list:
        sizes.append(len(asked))
        return [[] for _ in asked]

    monkeypatch.setattr(batches, "answer_columns", counted)
    monkeypatch.setattr(batches, "QUICK", 0)  # so that a thread answers
    one = question(model.graph, disease="asthma")

    async def three() -> None:
        together = Batches()
        first = asyncio.create_task(together.answer(model, one))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(first, together.answer(model, one), together.answer(model, one))

    asyncio.run(three())
    assert sizes == [1, 2]


def test_who_asks_in_the_same_turn_of_the_loop_is_answered_together_and_by_no_thread(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, sizes = trained_run.model.served, []

    def counted(served: object, asked: list, *rest: object) -> list:
        sizes.append((len(asked), threading.current_thread() is threading.main_thread()))
        return [[] for _ in asked]

    monkeypatch.setattr(batches, "answer_columns", counted)
    one, approved = question(model.graph, disease="asthma"), Filters(approved=True)

    async def five() -> None:
        together = Batches()
        await asyncio.gather(*(together.answer(model, one) for _ in range(3)))
        await together.answer(model, one, novel=True)
        await together.answer(model, one, top=1001)
        await together.answer(model, one, filters=approved)
        list(answer_all(model, [one], filters=approved))  # what a filter holds for is remembered
        await together.answer(model, one, filters=approved)

    asyncio.run(five())
    assert sizes == [(3, True), (1, True), (1, False), (1, False), (1, True)]


def test_what_fails_fails_for_who_asked_it(trained_run: Run) -> None:
    model = trained_run.model.served
    one = question(model.graph, disease="asthma")

    async def both() -> list:
        together = Batches()
        bad = together.answer(model, one, filters=Filters(only=("nobody",)))
        return await asyncio.gather(bad, together.answer(model, one), return_exceptions=True)

    bad, good = asyncio.run(both())
    assert isinstance(bad, UnknownNameError)
    assert good["id"] == [a.id for a in answer(model, one)]


def test_one_question_that_fails_fails_no_other_of_its_batch(trained_run: Run) -> None:
    model = trained_run.model
    broken = model.members[0].entity.clone()
    broken[model.graph.find("hypertension")] = torch.nan
    served = replace(model, members=[replace(model.members[0], entity=broken)]).served
    asked = [question(served.graph, disease=d) for d in ("asthma", "hypertension", "migraine")]

    async def everything() -> list:
        together = Batches()
        found = await asyncio.gather(*(together.answer(served, one) for one in asked), return_exceptions=True)
        assert not together._waiting
        return found

    first, wrong, last = asyncio.run(everything())
    assert isinstance(wrong, KgdrugError)
    for one, found in ((asked[0], first), (asked[2], last)):
        assert found["id"] == [a.id for a in answer(served, one)]


def test_who_leaves_takes_nobody_along(trained_run: Run) -> None:
    model = trained_run.model.served
    one = question(model.graph, disease="asthma")

    async def two() -> list:
        together = Batches()
        gone, stays = (asyncio.create_task(together.answer(model, one)) for _ in range(2))
        await asyncio.sleep(0)
        gone.cancel()
        return await stays

    assert asyncio.run(two())
