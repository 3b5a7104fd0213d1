"""A question to ranked answers."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.models.arrays import Int
from kgdrug.ranking.counting import Counting, left_out
from kgdrug.ranking.described import Answer, Chosen, Columns, Scored, agreement, described, made
from kgdrug.ranking.filters import NO_FILTERS, Filters
from kgdrug.ranking.paths import answered, paths
from kgdrug.ranking.questions import Question, question
from kgdrug.ranking.top import numbers

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

log = logging.getLogger(__name__)
# Questions, and scores of all members, that are made at once where many are asked: 64 MB, and with what is made of them
# up to 180. A product of few rows spends its time on copying the candidates: of 47,031 with 200 numbers it takes 266 us
# a question on one core where 85 are asked at once, 162 where 340 are.
TOGETHER, AT_ONCE = 500, 16_000_000


def answer(
    model: "TrainedModel | ServedModel",
    asked: Question,
    top: int = 20,
    novel: bool = False,
    filters: Filters = NO_FILTERS,
    evidence: int = 0,
) -> list[Answer]:
    """The best `top` answers of the question's answer type, best first; ties in the order of the entity table.

    The question's own entity is none of them, unless the graph holds that for an asked relation; percentiles count it.

    novel: leave out candidates that the graph, in any part, already holds for an asked relation; where that has no
    direction, such as `DrD`, whichever way the fact is written down; asked for treatments, those that any fact of the
    graph joins with the question's entity, and those that an annotation settles (`counting.SETTLED`). Every other fact
    that joins a candidate with the question's entity is marked in `known`. filters: which candidates count; ranks are
    among them, percentiles among all. evidence: so many metapaths of each answer are told, those of the largest DWPC,
    with the best path of each; on Hetionet that takes some 10 ms an answer.
    """
    return next(answer_all(model, [asked], top, novel, filters, evidence))


def answer_all(
    model: "TrainedModel | ServedModel",
    questions: Iterable[Question],
    top: int = 20,
    novel: bool = False,
    filters: Filters = NO_FILTERS,
    evidence: int = 0,
) -> Iterator[list[Answer]]:
    """The answers to each question, in their order; consecutive ones over the same relations are scored together."""
    return map(made, answer_columns(model, questions, top, novel, filters, evidence))


def answer_columns(
    model: "TrainedModel | ServedModel",
    questions: Iterable[Question],
    top: int = 20,
    novel: bool = False,
    filters: Filters = NO_FILTERS,
    evidence: int = 0,
    offset: int = 0,
) -> Iterator[Columns]:
    """What `answer_all` says, each question's answers as a column for each field of `Answer`, in the order of these.

    For what goes on to be written: making the answers themselves takes as long as finding them. offset: so many answers
    are left out at the beginning, and ranks go on after them.
    """
    if top < 1:
        raise UsageError(f"top is {top}; it must be at least 1")
    if evidence < 0:
        raise UsageError(f"evidence is {evidence}; it is a number of metapaths, 0 or more")
    served = model.served
    for relations, same in groupby(questions, key=lambda asked: asked.relations):
        eligible = filters.eligible(served, relations)
        step = at_once(served, relations)
        together = list(same)
        for start in range(0, len(together), step):
            block = together[start : start + step]
            answers = described(served, _chosen(served, block, eligible, top, novel, offset))
            for asked, columns in zip(block, answers, strict=True):
                yield _with_evidence(served, asked, columns, evidence) if evidence else columns


def predict(
    model: "TrainedModel | ServedModel",
    *,
    head: str | None = None,
    tail: str | None = None,
    relation: str | None = None,
    disease: str | None = None,
    compound: str | None = None,
    top: int = 20,
    novel: bool = False,
    filters: Filters = NO_FILTERS,
    evidence: int = 0,
) -> list[Answer]:
    """Ranked answers to one question; see `question` and `answer`. What `ServedModel.warning` says is logged."""
    asked = question(model.graph, head=head, tail=tail, relation=relation, disease=disease, compound=compound)
    if warning := model.served.warning(asked.entity, asked.relations):
        log.warning("%s", warning)
    return answer(model, asked, top, novel, filters, evidence)


def at_once(model: "ServedModel", relations: Sequence[int]) -> int:
    """How many questions over these relations are scored together."""
    scores = len(model.graph.answers(relations[0])) * len(relations) * len(model.members)
    return max(1, min(TOGETHER, AT_ONCE // max(1, scores)))


def _chosen(
    model: "ServedModel",
    questions: Sequence[Question],
    eligible: Int | None,
    top: int,
    novel: bool,
    offset: int,
) -> Chosen:
    """The candidates that answer questions over the same relations."""
    entities, relations = np.array([asked.entity for asked in questions]), questions[0].relations
    scored = Scored.of(model, entities, relations)
    counting = Counting(eligible, left_out(model, entities, relations, novel))
    if eligible is not None or len(counting.out):
        numbers(scored.scores)  # else all are looked at
    best = counting.best(scored.scores, offset + top, scored.ascending)
    columns = [own[offset:] for own in best]
    ranks = [range(offset + 1, offset + 1 + len(own)) for own in columns]
    return Chosen(questions, scored, columns, ranks, agreement(scored.each, counting, columns, ranks))


def _with_evidence(model: "ServedModel", asked: Question, columns: Columns, metapaths: int) -> Columns:
    """The same answers with the paths that join each with what was asked."""
    graph = model.graph
    pairs = (asked.pair(graph.entities.index(entity), graph) for entity in columns["id"])
    own = answered(graph, asked.relations)
    found = [paths(graph, model.facts, *pair, without=own, per_metapath=1, metapaths=metapaths) for pair in pairs]
    return {**columns, "evidence": found}
