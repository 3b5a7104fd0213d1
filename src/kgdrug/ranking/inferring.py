"""Questions of one step that a model answers: treatments, ranked, with what the graph says of them and between them."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.biolink import narrowest
from kgdrug.ranking.answers import answer
from kgdrug.ranking.described import Answer
from kgdrug.ranking.filters import NO_FILTERS, Filters
from kgdrug.ranking.hops import Asked, Found, Hit, Hop, Prediction, Support
from kgdrug.ranking.paths import Path, paths
from kgdrug.ranking.questions import Question
from kgdrug.ranking.statements import Statement

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

METAPATHS, PER_METAPATH = 5, 2  # of the paths that are told of one answer


def infer(model: "TrainedModel | ServedModel", hop: Hop, top: int = 500, explained: int = 10) -> Found:
    """The best `top` answers to each object, or subject where there is no object, that the model predicts.

    It predicts treatments, over those of the graph's treatment metaedges that are asked for. What else the graph says
    that was asked for stands beside. The best of each question have paths, `explained` of all answers. Where both ends
    are given the subjects are ranked.
    """
    served = model.served
    asked = Asked.of(hop, served, bool(hop.objects))
    treating = {r % served.graph.relations for r in served.graph.treatment_relations}
    predicted = [r for r in asked.relations if r % served.graph.relations in treating]
    questions = list(_questions(asked, predicted))
    share = max(1, explained // max(1, len(questions)))
    hits: list[Hit] = []
    for question, filters in questions:
        said: dict[int, dict[str, Statement]] = {}
        for _, other, statement in asked.facts([question.entity]):
            said.setdefault(other, {})[statement.id] = statement
        for place, one in enumerate(answer(served, question, top, filters=filters)):
            candidate = served.graph.entities.index(one.id)
            explain = place < share and explained > 0
            explained -= explain
            prediction = _prediction(asked, question, candidate, one, explain)
            pair = asked.pair(question.entity, candidate)
            hits.append(Hit(*pair, tuple(said.get(candidate, {}).values()), prediction))
    arbitrary = dict.fromkeys(q.entity for q, _ in questions if not served.seen_in_training(q.entity))
    labels = tuple(served.graph.entities.label(entity) for entity in arbitrary)
    return Found(tuple(hits), asked.unknown, bool(predicted), arbitrary=labels)


def _questions(asked: Asked, relations: Sequence[int]) -> Iterator[tuple[Question, Filters]]:
    """What the model is asked, a question for each start and type of its answers, and which candidates count."""
    graph = asked.model.graph
    for start in asked.starts:
        by_answers: dict[range, list[int]] = {}
        for r in asked.leaving(start, relations):
            by_answers.setdefault(graph.answers(r), []).append(r)
        for candidates, own in by_answers.items():
            if asked.ends is None:
                yield Question(start, tuple(own)), NO_FILTERS
            elif only := sorted(asked.ends.intersection(candidates)):
                yield Question(start, tuple(own)), Filters(only=tuple(graph.entities.ids[i] for i in only))


def _prediction(asked: Asked, question: Question, candidate: int, one: Answer, explain: bool) -> Prediction:
    """Said as the graph says its treatments, from head to tail, with the narrowest predicate that holds for all."""
    m, speaker = asked.model.graph.relations, asked.speaker
    back = question.relations[0] >= m
    head, tail = (candidate, question.entity) if back else (question.entity, candidate)
    stated = [(r + m) % (2 * m) if back else r for r in question.relations]
    said = narrowest(speaker.meanings[r].predicate for r in stated)
    statement = speaker.predicted(head, said, tail, asked.model.digest[:12] or "predicted")
    return Prediction(statement, one, tuple(_supports(asked, head, tail, stated)) if explain else ())


def _supports(asked: Asked, head: int, tail: int, without: Sequence[int]) -> Iterator[Support]:
    found = paths(
        asked.model.graph,
        asked.model.facts,
        head,
        tail,
        without=without,
        per_metapath=PER_METAPATH,
        metapaths=METAPATHS,
    )
    for evidence in found:
        for path in evidence.paths:
            yield Support(evidence.metapath, path.weight, tuple(_steps(asked, path)))


def _steps(asked: Asked, path: Path) -> Iterator[Statement]:
    """What the graph says at each step; two statements where a step goes in both directions and both are facts."""
    graph, m, facts = asked.model.graph, asked.model.graph.relations, asked.model.facts
    entities = [graph.entities.index(entity.id) for entity in path.entities]
    for step, (here, there) in zip(path.steps, itertools.pairwise(entities), strict=True):
        r = graph.relation(step.metaedge)
        ways = {"forward": (r,), "back": (r + m,), "both": (r, r + m)}[step.direction]
        bits = facts.bits(np.array([(here, way, there) for way in ways], np.int64)).tolist()
        for way, held in zip(ways, bits, strict=True):
            if held:
                yield asked.speaker.fact(here, way, there, held)
