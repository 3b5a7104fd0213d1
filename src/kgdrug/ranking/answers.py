"""A question to ranked answers."""

import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.graph import Annotation, KnowledgeGraph
from kgdrug.graph.facts import PARTS
from kgdrug.graph.metapath import undirected as has_no_direction
from kgdrug.models.arrays import Floats, Int
from kgdrug.models.terms import Term
from kgdrug.ranking.filters import NO_FILTERS, Filters
from kgdrug.ranking.paths import Evidence, answered, paths
from kgdrug.ranking.questions import Question, question
from kgdrug.ranking.top import top_scores

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

log = logging.getLogger(__name__)
# statuses of annotations after which a treatment is no longer new; what is in a trial is still an open question
SETTLED = frozenset({"approved", "symptomatic", "contraindicated", "refuted"})
MOST_TERMS = 3
ALIKE = 20  # a member agrees to an answer that is among so many of its own, or as high as with the whole
SORTED = 20_000  # scores that are sorted as soon as those below each answer are counted
_WITHIN = re.compile(r"([A-Z]+)[a-z]+\1")  # GiG: between entities of one type, without a direction
_NONE = np.empty(0, np.int64)
AT_ONCE = 4_000_000  # scores that are made at once where many questions are asked: 16 MB a member


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A fact of the graph about the pair of question and answer, where it is from, and the part that holds it.

    part: of the split: train, valid, test or withheld; direction: `forward` where the question's entity is its head,
    `back` where it is its tail, `both` where the metaedge has no direction; one_type: whether the metaedge joins
    entities of one type, so that it does not say by itself which of the two is the head.
    """

    metaedge: str
    relation: str
    part: str
    licence: str = ""
    source: str = ""
    version: str = ""
    direction: str = "both"
    one_type: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Noted:
    """What is known about the pair outside the graph's triples; see `Annotation`."""

    status: str
    source: str
    licence: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One ranked candidate.

    rank: from 1 among the answers asked for; score: the model's, comparable within a question only, no probability,
    of several members the mean of their rank scores; percentile: share of all candidates of the question that score
    lower, in percent, ties counting half; usual_percentile: its mean percentile over the questions of this kind, so
    that one which is on top whatever is asked shows; known: the graph's facts about the pair, and annotations: what is
    known besides; agreement: share of the members that rank it, among the candidates that count, at least as high as
    the whole does, or among their own first 20, None where the model has one member; probability: that the graph holds
    the pair, among pairs as the calibration drew them, None where the model has no calibration; terms: the metapaths
    that raise the score most, where a member of the model is a regression on metapaths; evidence: metapaths that join
    the two, with the best path of each, never by the answered fact: supporting context, not proof. None where it was
    not asked for.
    """

    rank: int
    id: str
    name: str
    type: str
    score: float
    percentile: float
    usual_percentile: float
    known: tuple[KnownFact, ...] = ()
    annotations: tuple[Noted, ...] = ()
    agreement: float | None = None
    probability: float | None = None
    terms: tuple[Term, ...] = ()
    evidence: tuple[Evidence, ...] | None = None


Columns = Mapping[str, Sequence[Any]]  # of answers, by the field of Answer


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
    direction, such as `DrD`, whichever way the fact is written down; of treatments also those that an annotation
    settles (see `SETTLED`). Every other fact that joins a candidate with the question's entity is marked in `known`.
    filters: which candidates count; ranks are among them, percentiles among all. evidence: so many metapaths of each
    answer are told, those of the largest DWPC, with the best path of each; on Hetionet that takes some 10 ms an answer.
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
    return map(_made, answer_columns(model, questions, top, novel, filters, evidence))


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
        candidates = served.graph.answers(relations[0])
        eligible = filters.eligible(served, relations)
        step = max(1, AT_ONCE // max(1, len(candidates) * len(relations)))
        together = list(same)
        for start in range(0, len(together), step):
            block = together[start : start + step]
            voted, each = served.best_of(np.array([asked.entity for asked in block]), relations)
            ascending = in_order(voted)
            for row, (asked, scored) in enumerate(zip(block, voted, strict=True)):
                of_one = Scored(scored, each[:, row], ascending[row])
                columns = _ranked(served, asked, of_one, eligible, top, novel, offset)
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
    """Ranked answers to one question; see `question` and `answer`."""
    asked = question(model.graph, head=head, tail=tail, relation=relation, disease=disease, compound=compound)
    return answer(model, asked, top, novel, filters, evidence)


@dataclass(frozen=True, eq=False, slots=True)
class Scored:
    """The candidates of one question.

    scores: `(k,)`; each: those of every member, `(members, k)`; ascending: the scores sorted, `(k,)`, None where they
    are so many that counting is sooner than sorting.
    """

    scores: Floats
    each: Floats
    ascending: Floats | None

    def percentiles(self, own: Floats) -> Floats:
        """The share of the scores that are lower than each of `own` `(a,)`, which are among them, in percent."""
        scores, ascending = self.scores, self.ascending
        if ascending is None and len(own) < 100:
            twice = np.array([np.count_nonzero(scores < x) + np.count_nonzero(scores <= x) - 1 for x in own], np.int64)
        else:
            ascending = np.sort(scores) if ascending is None else ascending
            twice = ascending.searchsorted(own) + ascending.searchsorted(own, "right") - 1
        return 50 * twice / max(1, len(scores) - 1)


def in_order(scores: Floats) -> Floats | list[None]:
    """The scores of each row `(b, k)` sorted, as `Scored` wants them."""
    return np.sort(scores) if scores.shape[1] <= SORTED else [None] * len(scores)


def _ranked(
    model: "ServedModel",
    asked: Question,
    scored: Scored,
    eligible: Int | None,
    top: int,
    novel: bool,
    offset: int,
) -> Columns:
    """The answers of one question."""
    if not model.seen_in_training(asked.entity):
        label = model.graph.entities.label(asked.entity)
        log.warning("%s stands in no training triple: this ranking is arbitrary", label)
    start = model.graph.answers(asked.relations[0]).start
    out = itself(model, asked.entity, asked.relations)
    if novel:
        out = np.unique(np.concatenate([out, _known(model, asked) - start]))
    counting = Counting(eligible, out)
    columns = counting.best(scored.scores, offset + top, scored.ascending)[offset:]
    ranks = range(offset + 1, offset + 1 + len(columns))
    return _described(model, asked, scored, columns, ranks, _agreement(scored.each, counting, columns, ranks))


def itself(model: "ServedModel", entity: int, relations: Sequence[int]) -> Int:
    """The column of the entity that asks, `(1,)`, where it is a candidate but no known answer; else none, `(0,)`.

    Nobody who asks what resembles Metformin wants to be told Metformin.
    """
    candidates = model.graph.answers(relations[0])
    if entity not in candidates or model.facts.bits(np.array([[entity, r, entity] for r in relations])).any():
        return _NONE
    return np.array([entity - candidates.start])


def _known(model: "ServedModel", asked: Question) -> Int:
    """The entities `(a,)` that are known to answer a question: by a fact, or by an annotation that settles it."""
    m = model.graph.relations
    turned = [(r + m) % (2 * m) for r in asked.relations if undirected(model.graph, r)]
    queries = np.array([[asked.entity, r] for r in dict.fromkeys([*asked.relations, *turned])])
    return np.concatenate([model.facts.of(queries)[1], _settled(model, asked)])


def _settled(model: "ServedModel", asked: Question) -> Int:
    """The entities `(a,)` whose treatment of, or by, the one that asks an annotation settles."""
    graph, m = model.graph, model.graph.relations
    settled = model.remembered("settled", lambda: _by_entity(graph.annotations))
    ways = {r < m for r in asked.relations if r % m in graph.treatment_relations}
    found = [candidate for as_compound in ways for candidate in settled.get((asked.entity, as_compound), ())]
    return np.array(found, np.int64)


def _by_entity(annotations: Iterable[Annotation]) -> dict[tuple[int, bool], list[int]]:
    """The other ends of what is settled, by entity and whether that is the compound."""
    found = defaultdict[tuple[int, bool], list[int]](list)
    for note in annotations:
        if note.status in SETTLED:
            found[note.compound, True].append(note.disease)
            found[note.disease, False].append(note.compound)
    return dict(found)


def undirected(graph: KnowledgeGraph, relation: int) -> bool:
    """Whether a fact of this relation, in `[0, 2m)`, says the same of both its ends.

    That is for the metaedge to say; but a graph whose entities have no types says nothing by both ends being of one,
    and there a name such as `GiG` is needed, which tells the types and no direction.
    """
    metaedge = graph.metaedges[relation % graph.relations]
    return has_no_direction(metaedge) and (graph.typed or _WITHIN.fullmatch(metaedge.abbreviation) is not None)


@dataclass(frozen=True, eq=False, slots=True)
class Counting:
    """The columns of scores `(k,)` that count: of the eligible ones, or of all where these are None, those not in out.

    eligible: ascending; out: distinct.
    """

    eligible: Int | None
    out: Int

    def best(self, scores: Floats, top: int, ascending: Floats | None = None) -> Int:
        """Those of the best, best first; ties in their order. ascending: see `top_scores`."""
        if self.eligible is not None:
            eligible = np.setdiff1d(self.eligible, self.out, assume_unique=True) if len(self.out) else self.eligible
            best: Int = eligible[top_scores(scores[eligible], top)[1]]
            return best
        best = top_scores(scores, top + len(self.out), ascending)[1]
        if len(self.out):
            counts = np.ones(len(scores), bool)
            counts[self.out] = False
            best = best[counts[best]]
        return best[:top]


def _agreement(each: Floats, counting: Counting, columns: Int, ranks: Sequence[int]) -> list[float] | None:
    """The share of several members that rank each of these candidates no worse than its rank, or `ALIKE` if larger.

    each: `(members, k)`, ranked among what counts; columns and ranks: `(a,)` each.
    """
    if len(each) == 1:
        return None
    enough = np.maximum(ALIKE, np.asarray(ranks, np.int64))
    most = int(enough.max(initial=ALIKE))
    agreeing = np.zeros(len(columns), np.int64)
    for own in each:
        best = counting.best(own, most)
        places = np.full(len(own), most + 1)
        places[best] = np.arange(1, len(best) + 1)
        agreeing += places[columns] <= enough
    shares: list[float] = (agreeing / len(each)).tolist()
    return shares


def _described(
    model: "ServedModel",
    asked: Question,
    scored: Scored,
    columns: Int,
    ranks: Sequence[int],
    agreed: Sequence[float] | None,
) -> Columns:
    """Everything that is said of the candidates in these columns of the scores."""
    start, ids, names = (
        model.graph.answers(asked.relations[0]).start,
        model.graph.entities.ids,
        model.graph.entities.names,
    )
    own, entities, none = scored.scores[columns], columns + start, [None] * len(columns)
    nothing: list[tuple[()]] = [()] * len(columns)
    places, probabilities = entities.tolist(), model.probabilities(asked.entity, asked.relations, entities)
    return {
        "rank": ranks,
        "id": [ids[entity] for entity in places],
        "name": [names[entity] for entity in places],
        "type": [model.graph.type_of(start).name] * len(columns),
        "score": own.tolist(),
        "percentile": scored.percentiles(own).tolist(),
        "usual_percentile": model.usual(asked.relations)[columns].tolist(),
        "known": _known_facts(model, asked.entity, entities),
        "annotations": [_noted(model, asked.entity, entity) for entity in places] if model.annotated else nothing,
        "agreement": none if agreed is None else agreed,
        "probability": none if probabilities is None else probabilities.tolist(),
        "terms": [_terms(model, asked, entity) for entity in places] if model.has_terms else nothing,
        "evidence": none,
    }


def _with_evidence(model: "ServedModel", asked: Question, columns: Columns, metapaths: int) -> Columns:
    """The same answers with the paths that join each with what was asked."""
    graph = model.graph
    pairs = (asked.pair(graph.entities.index(entity), graph) for entity in columns["id"])
    own = answered(graph, asked.relations)
    found = [paths(graph, model.facts, *pair, without=own, per_metapath=1, metapaths=metapaths) for pair in pairs]
    return {**columns, "evidence": found}


def _made(columns: Columns) -> list[Answer]:
    return [Answer(*fields) for fields in zip(*columns.values(), strict=True)]


def _known_facts(model: "ServedModel", entity: int, candidates: Int) -> list[tuple[KnownFact, ...]]:
    """Facts of every relation, direction and part between the entity and each of the candidates."""
    facts: list[tuple[KnownFact, ...]] = [()] * len(candidates)
    said: dict[tuple[int, int], tuple[KnownFact, ...]] = model.remembered("known facts", dict)  # they are few
    for r, at, bits in model.facts.between(entity, candidates):
        more = said.get((r, bits)) or said.setdefault((r, bits), _facts_of(model, r, bits))
        # what has no direction may be written down in both
        facts[at] = facts[at] + tuple(fact for fact in more if fact not in facts[at]) if facts[at] else more
    return facts


def _facts_of(model: "ServedModel", relation: int, bits: int) -> tuple[KnownFact, ...]:
    """One fact for each part that holds it."""
    metaedge = model.graph.metaedges[relation % model.graph.relations]
    about = metaedge.licence, metaedge.source, metaedge.version
    direction = "forward" if relation < model.graph.relations else "back"
    if undirected(model.graph, relation):
        direction = "both"
    within = metaedge.head_type == metaedge.tail_type
    return tuple(
        KnownFact(metaedge.abbreviation, metaedge.relation, part, *about, direction, within)
        for part, bit in PARTS.items()
        if bits & bit
    )


def _noted(model: "ServedModel", entity: int, candidate: int) -> tuple[Noted, ...]:
    notes = model.annotated.get((entity, candidate), ()) or model.annotated.get((candidate, entity), ())
    return tuple(Noted(note.status, note.source, note.licence, note.date) for note in notes)


def _terms(model: "ServedModel", asked: Question, candidate: int) -> tuple[Term, ...]:
    """The `MOST_TERMS` terms that raise the candidate's score most."""
    terms = model.terms(*asked.pair(candidate, model.graph))
    return tuple(term for term in terms[:MOST_TERMS] if term.contribution > 0)
