"""What is said of an answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
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
SORTED = 20_000  # scores of a question that are all sorted; of more, those not below the lowest that is told
FEW = 8  # answers, of so many scores, up to which to count is sooner than to sort


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
    the whole does, or among their own first 20, None where the model has one member or no more than 20 candidates
    count; probability: that the graph holds the pair, among pairs as the calibration drew them, None where the model
    has no calibration; terms: the metapaths that raise the score most, where a member of the model is a regression on
    metapaths; evidence: metapaths that join the two, with the best path of each, never by the answered fact: supporting
    context, not proof. None where it was not asked for.
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
    """The candidates of questions over the same relations.

    scores: `(b, k)`; each: those of every member, `(members, b, k)`; ascending: the scores of each row sorted,
    `(b, k)`, None where they are more than `SORTED`.
    """

    scores: Floats
    each: Floats
    ascending: Floats | None

    @classmethod
    def of(cls, model: "ServedModel", entities: Int, relations: tuple[int, ...]) -> "Scored":
        """What the model says of entities `(b,)`; whether these are numbers is left to those who choose of them."""
        scores, each = model.best_of(entities, relations)
        return cls(scores, each, np.sort(scores) if scores.shape[1] <= SORTED else None)

    def row(self, row: int) -> "Scored":
        """The candidates of one question alone."""
        one = slice(row, row + 1)
        return Scored(self.scores[one], self.each[:, one], None if self.ascending is None else self.ascending[one])

    def percentiles(self, told: Sequence[Floats]) -> Floats:
        """The share of each row's scores that are lower than each of `told` `(a,)`, which are among them, in percent.

        Those of one row after another.
        """
        twice, k = [], self.scores.shape[1]
        for row, own in enumerate(told):
            if self.ascending is not None:
                ascending = self.ascending[row]
                twice.append(ascending.searchsorted(own) + ascending.searchsorted(own, "right"))
                continue
            scores = self.scores[row]
            if len(own) <= FEW:
                twice.append(
                    np.array([np.count_nonzero(scores < x) + np.count_nonzero(scores <= x) for x in own], np.int64)
                )
            else:
                above = np.sort(scores[scores >= own.min(initial=np.inf)])
                twice.append(above.searchsorted(own) + above.searchsorted(own, "right") + 2 * (k - len(above)))
        percentiles: Floats = 50 * (np.concatenate(twice) - 1) / max(1, k - 1)
        return percentiles


@dataclass(frozen=True, eq=False, slots=True)
class Chosen:
    """The candidates of questions over the same relations that are told.

    columns: theirs among the scores, `(a,)` of each question, distinct; ranks: of each; agreed: see `agreement`.
    """

    asked: Sequence[Question]
    scored: Scored
    columns: Sequence[Int]
    ranks: Sequence[Sequence[int]]
    agreed: Sequence[Sequence[float] | None]


def described(model: "ServedModel", chosen: Chosen) -> Iterator[Columns]:
    """Everything that is said of the candidates of each question, of which there is one at least."""
    graph, relations, scored = model.graph, chosen.asked[0].relations, chosen.scored
    start, ids, names = graph.answers(relations[0]).start, graph.entities.ids, graph.entities.names
    kind, annotated = graph.type_of(start).name, bool(model.annotated)
    entities, columns = np.array([asked.entity for asked in chosen.asked]), np.concatenate(chosen.columns)
    counts = [len(own) for own in chosen.columns]
    ends = list(accumulate(counts, initial=0))
    spans = list(map(slice, ends, ends[1:]))  # of the candidates of each question among those of all
    places = np.arange(len(counts)).repeat(counts) * scored.scores.shape[1] + columns
    candidates, own = columns + start, scored.scores.take(places)
    others, scores, usual = candidates.tolist(), own.tolist(), model.usual(relations).take(columns).tolist()
    percentiles = scored.percentiles([own[span] for span in spans]).tolist()
    known = known_facts(model, entities, relations[0], places)
    for asked, span, ranks, agreed in zip(chosen.asked, spans, chosen.ranks, chosen.agreed, strict=True):
        told, none = others[span], [None] * len(ranks)
        nothing: list[tuple[()]] = [()] * len(ranks)
        probabilities = model.probabilities(asked.entity, relations, candidates[span])
        yield {
            "rank": ranks,
            "id": [ids[entity] for entity in told],
            "name": [names[entity] for entity in told],
            "type": [kind] * len(ranks),
            "score": scores[span],
            "percentile": percentiles[span],
            "usual_percentile": usual[span],
            "known": known[span],
            "annotations": [noted(model, asked.entity, entity) for entity in told] if annotated else nothing,
            "agreement": none if agreed is None else agreed,
            "probability": none if probabilities is None else probabilities.tolist(),
            "terms": [_terms(model, asked, entity) for entity in told] if model.has_terms else nothing,
            "evidence": none,
        }


def made(columns: Columns) -> list[Answer]:
    """The answers themselves."""
    return [Answer(*fields) for fields in zip(*columns.values(), strict=True)]


def agreement(
    each: Floats, counting: Counting, columns: Sequence[Int], ranks: Sequence[Sequence[int]]
) -> Sequence[list[float] | None]:
    """The share of several members that rank each of these candidates no worse than its rank, or `ALIKE` if larger.

    each: `(members, b, k)`, ranked among what counts; columns and ranks: `(a,)` each, of each question. None for each
    question where there is one member, and where no more than `ALIKE` candidates count: to these all members agree.
    """
    if len(each) == 1:
        return [None] * len(columns)
    enough = [np.maximum(ALIKE, np.asarray(own, np.int64)) for own in ranks]
    most = max(int(own.max(initial=ALIKE)) for own in enough)
    agreeing = [np.zeros(len(own), np.int64) for own in columns]
    counted = [0] * len(columns)
    for scores in each:
        for row, best in enumerate(counting.best(scores, most + 1)):
            counted[row] = len(best)
            places = np.full(scores.shape[1], most + 1)
            places[best] = np.arange(1, len(best) + 1)
            agreeing[row] += places[columns[row]] <= enough[row]
    shares = [(own / len(each)).tolist() for own in agreeing]
    return [own if count > ALIKE else None for own, count in zip(shares, counted, strict=True)]


def known_facts(model: "ServedModel", entities: Int, relation: int, places: Int) -> list[tuple[KnownFact, ...]]:
    """Facts of every relation, direction and part that join entities with candidates, of one pair after another.

    entities: `(b,)`, heads of the relation, in `[0, 2m)`; places: `(p,)` of the pairs, distinct, among those `(b, k)`
    of all entities with all answers, laid flat.
    """
    span = model.graph.answers(relation)
    k, joining = len(span), model.joining[model.graph.heads(relation).start, span.start]
    asked = np.zeros(len(entities) * k, np.int32)  # which of those asked about each pair is, from 1; 0 where it is none
    asked[places] = np.arange(1, len(places) + 1)
    queries = np.empty((len(entities), len(joining), 2), np.int64)
    queries[:, :, 0], queries[:, :, 1] = entities[:, None], joining
    rows, tails, bits = model.facts.of(queries.reshape(-1, 2))
    found = asked.take(rows // len(joining) * k + tails - span.start)
    (hits,) = found.nonzero()
    told: list[tuple[KnownFact, ...]] = [()] * len(places)
    said: dict[tuple[int, int], tuple[KnownFact, ...]] = model.remembered("known facts", dict, keep=True)
    relations, each = joining.tolist(), (found[hits].tolist(), rows[hits].tolist(), bits[hits].tolist())
    for which, row, parts in zip(*each, strict=True):
        r, before = relations[row % len(relations)], told[which - 1]
        more = said.get((r, parts))
        if more is None:
            more = said[r, parts] = _facts_of(model, r, parts)
        # what has no direction may be written down in both
        told[which - 1] = before + tuple(fact for fact in more if fact not in before) if before else more
    return told


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
