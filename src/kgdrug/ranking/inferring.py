"""Questions of one step that a model answers: treatments, ranked, with what the graph says of them and between them."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.biolink import narrowest
from kgdrug.ranking.answers import answer
from kgdrug.ranking.filters import NO_FILTERS, Filters
from kgdrug.ranking.hops import Asked, Found, Hit, Hop, Prediction, Support
from kgdrug.ranking.paths import Path, answered, paths
from kgdrug.ranking.questions import Question
from kgdrug.ranking.statements import Concept, Statement

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

METAPATHS, PER_METAPATH = 5, 2  # of the paths that are told of one answer


@dataclass(frozen=True)
class Inferred(Found):
    """What a model answers to a question of one step.

    sought: of each hit, whether paths were looked for, so that one without any has none; unfit: what was given and is
    known, but of a type that no predicted treatment has at that end.
    """

    sought: tuple[bool, ...] = ()
    unfit: tuple[Concept, ...] = ()


def infer(model: "TrainedModel | ServedModel", hop: Hop, top: int = 500, explained: int = 10) -> Inferred:
    """The best `top` answers to each object, or subject where there is no object, that the model predicts.

    On a graph of one type a pair may come twice, once for each direction, where both are asked for. The model predicts
    treatments, over those of the graph's treatment metaedges that are asked for. What else the graph says
    that was asked for stands beside. The best of each question have paths, `explained` of all answers. Where both ends
    are given the subjects are ranked.
    """
    served, m = model.served, model.graph.relations
    asked = Asked.of(hop, served, bool(hop.objects))
    treating = {r % m for r in served.graph.treatment_relations}
    predicted = [r for r in asked.relations if r % m in treating]
    questions = list(_questions(asked, predicted))
    share = max(1, explained // max(1, len(questions)))
    hits: list[Hit] = []
    sought: list[bool] = []
    for question, filters in questions:
        known: dict[int, dict[str, Statement]] = {}
        for _, other, statement in asked.facts([question.entity]):
            known.setdefault(other, {})[statement.id] = statement
        back = question.relations[0] >= m
        stated = tuple((r + m) % (2 * m) if back else r for r in question.relations)
        said = narrowest(asked.speaker.meanings[r].predicate for r in stated)
        for place, one in enumerate(answer(served, question, top, filters=filters)):
            candidate = served.graph.entities.index(one.id)
            explain = place < share and explained > 0
            explained -= explain
            head, tail = question.pair(candidate, served.graph)
            # said as the graph says its treatments, with the narrowest predicate that holds for all
            statement = asked.speaker.predicted(head, said, tail, served.digest[:12] or "predicted")
            supports = tuple(_supports(asked, head, tail, stated)) if explain else ()
            pair = asked.pair(question.entity, candidate)
            hits.append(Hit(*pair, tuple(known.get(candidate, {}).values()), Prediction(statement, one, supports)))
            sought.append(explain)
    warnings = dict.fromkeys(served.warning(one.entity, one.relations) for one, _ in questions)
    return Inferred(
        tuple(hits),
        asked.unknown,
        bool(predicted),
        warnings=tuple(filter(None, warnings)),
        sought=tuple(sought),
        unfit=tuple(_unfit(asked, predicted)) if predicted else (),
    )


def _unfit(asked: Asked, relations: Sequence[int]) -> Iterator[Concept]:
    """What was given and stands at no such end of any of the relations, nor does what else goes by its CURIE."""
    graph = asked.model.graph
    given: tuple[tuple[Iterable[int], list[range]], ...] = (
        (asked.starts, [graph.heads(r) for r in relations]),
        (sorted(asked.ends or ()), [graph.answers(r) for r in relations]),
    )
    for entities, spans in given:
        named = [(asked.speaker.concept(entity), any(entity in span for span in spans)) for entity in entities]
        fitting = {concept.curie for concept, fits in named if fits}
        yield from {concept.curie: concept for concept, _ in named if concept.curie not in fitting}.values()


def _questions(asked: Asked, relations: Sequence[int]) -> Iterator[tuple[Question, Filters]]:
    """What the model is asked, and which candidates count.

    A question for each start, type of its answers, and direction: where both ends are of one type, it is one question
    what treats the start, and another what it treats.
    """
    graph = asked.model.graph
    for start in asked.starts:
        alike: dict[tuple[range, bool], list[int]] = {}
        for r in asked.leaving(start, relations):
            alike.setdefault((graph.answers(r), r >= graph.relations), []).append(r)
        for (candidates, _), own in alike.items():
            if asked.ends is None:
                yield Question(start, tuple(own)), NO_FILTERS
            elif only := sorted(asked.ends.intersection(candidates)):
                yield Question(start, tuple(own)), Filters(only=tuple(graph.entities.ids[i] for i in only))


def _supports(asked: Asked, head: int, tail: int, relations: Sequence[int]) -> Iterator[Support]:
    found = paths(
        asked.model.graph,
        asked.model.facts,
        head,
        tail,
        without=answered(asked.model.graph, relations),
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
