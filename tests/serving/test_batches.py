"""Questions asked at once, against the same questions asked alone."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import torch

from kgdrug import Filters, Run, answer, answer_all, question
from kgdrug.errors import KgdrugError, UnknownNameError
from kgdrug.models.arrays import ArrayMetapaths, TorchScorer
from kgdrug.serving import batches
from kgdrug.serving.batches import Batches
from kgdrug.trained import ServedModel


def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, bool]]:
    """Of each batch from now on how many questions it has, and whether the loop itself answers, with nothing."""
    seen = []

    def counted(served: object, asked: list, *rest: object) -> Iterator[list]:
        seen.append((len(asked), threading.current_thread() is threading.main_thread()))
        return iter([[] for _ in asked])

    monkeypatch.setattr(batches, "answer_columns", counted)
    return seen


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
    model, sizes = trained_run.model.served, watched(monkeypatch)
    monkeypatch.setattr(batches, "READ", 0)  # so that a thread answers
    one = question(model.graph, disease="asthma")

    async def three() -> None:
        together = Batches()
        first = asyncio.create_task(together.answer(model, one))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.gather(first, together.answer(model, one), together.answer(model, one))

    asyncio.run(three())
    assert [size for size, _ in sizes] == [1, 2]


def test_who_asks_a_turn_of_the_loop_later_is_answered_with_the_others(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, sizes = trained_run.model.served, watched(monkeypatch)
    one = question(model.graph, disease="asthma")
    model.usual(one.relations)

    async def later(together: Batches) -> None:
        await asyncio.sleep(0)
        await together.answer(model, one)

    async def two() -> None:
        together = Batches()
        await asyncio.gather(together.answer(model, one), later(together))

    asyncio.run(two())
    assert [size for size, _ in sizes] == [2]


def test_who_asks_in_the_same_turn_of_the_loop_is_answered_together_and_by_no_thread(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, sizes = trained_run.model.served, watched(monkeypatch)
    one, approved = question(model.graph, disease="asthma"), Filters(approved=True)
    model.usual(one.relations)

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


def threads(model: ServedModel, count: int, monkeypatch: pytest.MonkeyPatch, **words: int) -> set[bool]:
    """Whether so many questions at once are answered on the loop, by a thread, or some here and some there."""
    seen = watched(monkeypatch)
    one = question(model.graph, disease="asthma")

    async def everything() -> None:
        together = Batches()
        await asyncio.gather(*(together.answer(model, one, **words) for _ in range(count)))

    asyncio.run(everything())
    return {on_loop for _, on_loop in seen}


def test_what_is_answered_on_the_loop_is_counted_over_all_of_a_batch(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = trained_run.model.served
    asked = question(model.graph, disease="asthma")
    model.usual(asked.relations)
    assert threads(model, 50, monkeypatch, top=20) == {True}
    assert threads(model, 51, monkeypatch, top=20) == {False}
    assert threads(model, 2, monkeypatch, top=20, offset=481) == {False}
    monkeypatch.setattr(batches, "MULTIPLIED", 8 * model.work(asked.relations))
    assert threads(model, 8, monkeypatch) == {True}
    assert threads(model, 9, monkeypatch) == {False}
    monkeypatch.setattr(batches, "READ", model.work(asked.relations) - 1)
    assert threads(model, 1, monkeypatch) == {False}


@pytest.mark.parametrize("score", ["transe", "transe-l1", "rotate"])
def test_scores_that_are_no_product_are_made_by_a_thread(
    trained_run: Run, score: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = trained_run.model.served
    slow = replace(served, members=[replace(served.tables[0], score=score)])
    monkeypatch.setattr(ServedModel, "usual_ready", lambda *_: True)
    assert threads(slow, 1, monkeypatch) == {False}


def test_scores_of_torch_are_made_by_a_thread_and_those_of_metapaths_are_not(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = trained_run.model.served
    monkeypatch.setattr(ServedModel, "usual_ready", lambda *_: True)
    torches = replace(served, members=[TorchScorer(trained_run.model.members[0])])
    none = torch.empty(0)
    looked_up = replace(served, members=[ArrayMetapaths(range(1), range(1), 1, (), none, (), none, none)])
    assert threads(torches, 1, monkeypatch) == {False}
    assert threads(looked_up, 1, monkeypatch) == {True}


def test_the_first_question_of_a_kind_is_answered_by_a_thread(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = ServedModel.of(trained_run.model)
    assert threads(fresh, 1, monkeypatch) == {False}
    fresh.usual(question(fresh.graph, disease="asthma").relations)
    assert threads(fresh, 1, monkeypatch) == {True}


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


def test_a_loop_that_was_closed_leaves_no_question_behind(trained_run: Run) -> None:
    model, together = trained_run.model.served, Batches()
    one = question(model.graph, disease="asthma")
    model.usual(one.relations)

    async def left() -> None:
        asked = asyncio.ensure_future(together.answer(model, one))
        await asyncio.sleep(0)
        assert not asked.done()

    asyncio.run(left())
    assert not together._waiting
    assert asyncio.run(asyncio.wait_for(together.answer(model, one), 20))["id"]


def test_loops_in_several_threads_wait_for_their_own_answers_alone(trained_run: Run) -> None:
    model, together = trained_run.model.served, Batches()
    one = question(model.graph, disease="asthma")
    expected = [a.id for a in answer(model, one)]

    def ask(_: int) -> list[str]:
        return asyncio.run(asyncio.wait_for(together.answer(model, one), 20))["id"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(100))) == [expected] * 100


def test_no_question_with_evidence_waits_for_another(trained_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    model, sizes = trained_run.model.served, watched(monkeypatch)
    one = question(model.graph, disease="asthma")

    async def three() -> None:
        together = Batches()
        await asyncio.gather(*(together.answer(model, one, evidence=1) for _ in range(3)))

    asyncio.run(three())
    assert [size for size, _ in sizes] == [1, 1, 1]


def test_who_is_alone_is_answered_at_once_unless_it_takes_long_or_others_wait(
    trained_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, sizes = trained_run.model.served, watched(monkeypatch)
    one = question(model.graph, disease="asthma")
    model.usual(one.relations)

    async def all_of_it() -> None:
        together = Batches()
        assert together.at_once(model, one) == []
        assert together.at_once(model, one, top=1001) is None
        waiting = asyncio.create_task(together.answer(model, one))
        await asyncio.sleep(0)
        assert together.at_once(model, one) is None
        await waiting
        assert together.at_once(model, one) == []

    asyncio.run(all_of_it())
    assert sizes == [(1, True)] * 3
