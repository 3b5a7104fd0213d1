"""What is said of an answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kgdrug.graph.facts import PARTS
from kgdrug.graph.metapath import symmetric
from kgdrug.models.arrays import Floats, Int
from kgdrug.models.terms import Term
from kgdrug.ranking.counting import Counting
from kgdrug.ranking.paths import Evidence
from kgdrug.ranking.questions import Question

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel

MOST_TERMS = 3
ALIKE = 20  # a member agrees to an answer that is among so many of its own, or as high as with the whole
SORTED = 20_000  # scores that are sorted as soon as those below each answer are counted


@dataclass(frozen=True, slots=True)
class KnownFact:
    """A fact of the graph about the pair of question and answer, where it is from, and the part that holds it.

    part: of the split: train, valid, test or withheld; direction: of a metaedge within one type, `forward` where the
    question's entity is the head, `back` where it is the tail, `both` where the metaedge has no direction; empty where
    the types say which is which.
    """

    metaedge: str
    relation: str
    part: str
    licence: str = ""
    source: str = ""
    version: str = ""
    direction: str = ""


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


@dataclass(frozen=True, eq=False, slots=True)
class Chosen:
    """The candidates of one question that are told.

    columns: `(a,)`, theirs among the scores; ranks: of each; agreed: see `agreement`.
    """

    asked: Question
    scored: Scored
    columns: Int
    ranks: Sequence[int]
    agreed: Sequence[float] | None


def described(model: "ServedModel", chosen: Sequence[Chosen]) -> Iterator[Columns]:
    """Everything that is said of the candidates of each question, all of them over the same relations."""
    if not chosen:
        return
    graph, relations = model.graph, chosen[0].asked.relations
    start, ids, names = graph.answers(relations[0]).start, graph.entities.ids, graph.entities.names
    kind, usual, annotated = graph.type_of(start).name, model.usual(relations), bool(model.annotated)
    entities = np.array([one.asked.entity for one in chosen])
    known = known_facts(model, entities, relations[0], [one.columns for one in chosen])
    for one, facts in zip(chosen, known, strict=True):
        asked, columns, count = one.asked, one.columns, len(one.columns)
        own, candidates, none = one.scored.scores[columns], columns + start, [None] * count
        nothing: list[tuple[()]] = [()] * count
        places, probabilities = candidates.tolist(), model.probabilities(asked.entity, relations, candidates)
        yield {
            "rank": one.ranks,
            "id": [ids[entity] for entity in places],
            "name": [names[entity] for entity in places],
            "type": [kind] * count,
            "score": own.tolist(),
            "percentile": one.scored.percentiles(own).tolist(),
            "usual_percentile": usual[columns].tolist(),
            "known": facts,
            "annotations": [noted(model, asked.entity, entity) for entity in places] if annotated else nothing,
            "agreement": none if one.agreed is None else one.agreed,
            "probability": none if probabilities is None else probabilities.tolist(),
            "terms": [_terms(model, asked, entity) for entity in places] if model.has_terms else nothing,
            "evidence": none,
        }


def made(columns: Columns) -> list[Answer]:
    """The answers themselves."""
    return [Answer(*fields) for fields in zip(*columns.values(), strict=True)]


def agreement(each: Floats, counting: Counting, columns: Int, ranks: Sequence[int]) -> list[float] | None:
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


def known_facts(
    model: "ServedModel", entities: Int, relation: int, columns: Sequence[Int]
) -> Iterator[list[tuple[KnownFact, ...]]]:
    """Facts of every relation, direction and part that join each entity with its candidates.

    entities: `(b,)`, heads of the relation, in `[0, 2m)`; columns: b times `(a,)`, candidates as places among its
    answers.
    """
    span = model.graph.answers(relation)
    k, joining = len(span), model.joining[model.graph.heads(relation).start, span.start]
    wanted = np.zeros(len(entities) * k, bool)
    for i, places in enumerate(columns):
        wanted[places + i * k] = True
    queries = np.empty((len(entities), len(joining), 2), np.int64)
    queries[:, :, 0], queries[:, :, 1] = entities[:, None], joining
    rows, tails, bits = model.facts.of(queries.reshape(-1, 2))
    (hits,) = wanted.take(rows // len(joining) * k + tails - span.start).nonzero()
    told: list[dict[int, tuple[KnownFact, ...]]] = [{} for _ in columns]
    said: dict[tuple[int, int], tuple[KnownFact, ...]] = model.remembered("known facts", dict, keep=True)
    relations, each = joining.tolist(), (rows[hits].tolist(), tails[hits].tolist(), bits[hits].tolist())
    for row, tail, parts in zip(*each, strict=True):
        (i, which), place = divmod(row, len(relations)), tail - span.start
        r, before = relations[which], told[i].get(place)
        more = said.get((r, parts))
        if more is None:
            more = said[r, parts] = _facts_of(model, r, parts)
        # what has no direction may be written down in both
        told[i][place] = before + tuple(fact for fact in more if fact not in before) if before else more
    for facts, places in zip(told, columns, strict=True):
        yield [facts.get(place, ()) for place in places.tolist()]


def _facts_of(model: "ServedModel", relation: int, bits: int) -> tuple[KnownFact, ...]:
    """One fact for each part that holds it."""
    metaedge = model.graph.metaedges[relation % model.graph.relations]
    about = metaedge.licence, metaedge.source, metaedge.version
    direction = "forward" if relation < model.graph.relations else "back"
    if symmetric(metaedge):
        direction = "both"
    elif metaedge.head_type != metaedge.tail_type:
        direction = ""
    return tuple(
        KnownFact(metaedge.abbreviation, metaedge.relation, part, *about, direction)
        for part, bit in PARTS.items()
        if bits & bit
    )


def noted(model: "ServedModel", entity: int, candidate: int) -> tuple[Noted, ...]:
    notes = model.annotated.get((entity, candidate), ()) or model.annotated.get((candidate, entity), ())
    return tuple(Noted(note.status, note.source, note.licence, note.date) for note in notes)


def _terms(model: "ServedModel", asked: Question, candidate: int) -> tuple[Term, ...]:
    """The `MOST_TERMS` terms that raise the candidate's score most."""
    terms = model.terms(*asked.pair(candidate, model.graph))
    return tuple(term for term in terms[:MOST_TERMS] if term.contribution > 0)
