"""A question to ranked answers."""

import logging
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.known import Int
from kgdrug.models import MetapathModel, Term
from kgdrug.ranking.top import top_scores
from kgdrug.trained import TrainedModel

log = logging.getLogger(__name__)
MOST_TERMS = 3


@dataclass(frozen=True)
class KnownFact:
    """A fact of the graph about the pair of question and answer, where it is from, and the part that holds it."""

    metaedge: str
    relation: str
    part: str  # of the split: train, valid, test or withheld
    licence: str = ""
    source: str = ""
    version: str = ""


@dataclass(frozen=True)
class Answer:
    """One ranked candidate.

    rank: from 1 among the answers asked for; score: the model's, comparable within a question only, no probability,
    of several members the mean of their rank scores; percentile: share of all candidates of the question that score
    lower, in percent, ties counting half; agreement: share of the members whose own answers to the question, as many
    as were asked for, hold this one, None where the model has one member;
    terms: the metapaths that raise the score most, where a member of the model is a regression on metapaths.
    """

    rank: int
    id: str
    name: str
    type: str
    score: float
    percentile: float
    known: tuple[KnownFact, ...] = ()
    agreement: float | None = None
    terms: tuple[Term, ...] = ()


@dataclass(frozen=True)
class Question:
    """An entity and the relations it is asked over; a relation of `r + m` asks for heads of `r`.

    With several relations (a graph may have more than one that means "treats") a candidate's score is its best.
    """

    entity: int
    relations: tuple[int, ...]

    def text(self, graph: KnowledgeGraph) -> str:
        """The question in words, with `?` for the answer: `? treats asthma`."""
        parts = []
        for r in self.relations:
            metaedge = graph.metaedges[r % graph.relations]
            name = graph.entities.names[self.entity]
            words = (name, metaedge.relation, "?") if r < graph.relations else ("?", metaedge.relation, name)
            parts.append(" ".join(words))
        return " or ".join(dict.fromkeys(parts))


def question(
    graph: KnowledgeGraph,
    *,
    head: str | None = None,
    tail: str | None = None,
    relation: str | None = None,
    disease: str | None = None,
    compound: str | None = None,
) -> Question:
    """The question of one given entity, by id or name: head or tail with a relation, or disease or compound.

    disease asks "which compounds treat it?", compound "which diseases does it treat?", over the treatment relations.
    """
    given = {"head": head, "tail": tail, "disease": disease, "compound": compound}
    given = {key: value for key, value in given.items() if value is not None}
    if len(given) != 1:
        came = " and ".join(given) or "none"
        raise UsageError(f"give one of disease, compound, head or tail; {came} came")
    (key, text), m = given.popitem(), graph.relations
    assert text is not None
    if key in ("head", "tail"):
        if relation is None:
            raise UsageError(
                f"{key} needs a relation: one of {', '.join(e.abbreviation for e in graph.metaedges[:30])}"
            )
        r = graph.relation(relation) + (m if key == "tail" else 0)
        return Question(graph.find(text, r), (r,))
    if relation is not None:
        raise UsageError(f"{key} asks over the treatment relations; with relation give head or tail")
    if not graph.treatment_relations:
        raise UsageError(f"the graph {graph.name} names no treatment relation; ask with head or tail and a relation")
    relations = [r + m if key == "disease" else r for r in graph.treatment_relations]
    ranges = list(dict.fromkeys(graph.heads(r) for r in relations))
    entity = graph.entities.find(text, ranges, key)
    fitting = tuple(r for r in relations if entity in graph.heads(r))
    first = graph.answers(fitting[0])
    return Question(entity, tuple(r for r in fitting if graph.answers(r) == first))


def answer(model: TrainedModel, asked: Question, top: int = 20, novel: bool = False) -> list[Answer]:
    """The best `top` answers of the question's answer type, best first; ties in the order of the entity table.

    novel: leave out candidates that the graph, in any part, already holds for an asked relation. Every other fact
    that joins a candidate with the question's entity is marked in `known`.
    """
    if top < 1:
        raise UsageError(f"top is {top}; it must be at least 1")
    graph, candidates = model.graph, model.graph.answers(asked.relations[0])
    if "train" in model.known and not _seen_in_training(model, asked.entity):
        log.warning("%s stands in no training triple: this ranking is arbitrary", graph.entities.label(asked.entity))
    queries = torch.tensor([[asked.entity, r] for r in asked.relations])
    span = slice(candidates.start, candidates.stop)
    each = [member.scores(queries, span).amax(0, keepdim=True) for member in model.members]
    by_member = torch.cat(each).cpu().numpy()
    scores = model.vote(each)[0].cpu().numpy()
    known = _known_facts(model, asked.entity, candidates)
    eligible = np.arange(len(candidates))
    if novel:
        for tails in model.known.values():
            eligible = np.setdiff1d(eligible, tails.of(queries.numpy())[1] - candidates.start)
    order = _best(scores, eligible, top)
    votes = np.zeros(len(candidates), np.int64)
    for own in by_member if len(each) > 1 else ():
        votes[_best(own, eligible, top)] += 1
    ascending = np.sort(scores)
    below = np.searchsorted(ascending, scores[order]) + np.searchsorted(ascending, scores[order], "right") - 1
    percentiles = 100 * below / 2 / max(1, len(scores) - 1)
    return [
        Answer(
            rank=rank,
            id=graph.entities.ids[entity],
            name=graph.entities.names[entity],
            type=graph.type_of(entity).name,
            score=float(scores[entity - candidates.start]),
            percentile=float(percentile),
            known=tuple(known.get(entity, ())),
            agreement=None if len(each) == 1 else float(votes[entity - candidates.start]) / len(each),
            terms=_terms(model, asked, entity),
        )
        for rank, (entity, percentile) in enumerate(
            zip((order + candidates.start).tolist(), percentiles, strict=True), 1
        )
    ]


def _terms(model: TrainedModel, asked: Question, candidate: int) -> tuple[Term, ...]:
    """The `MOST_TERMS` terms that raise the candidate's score most, of the first member that has any."""
    for member in model.members:
        if isinstance(member, MetapathModel):
            turned = asked.relations[0] >= model.graph.relations
            head, tail = (candidate, asked.entity) if turned else (asked.entity, candidate)
            return tuple(term for term in member.terms(head, tail)[:MOST_TERMS] if term.contribution > 0)
    return ()


def predict(
    model: TrainedModel,
    *,
    head: str | None = None,
    tail: str | None = None,
    relation: str | None = None,
    disease: str | None = None,
    compound: str | None = None,
    top: int = 20,
    novel: bool = False,
) -> list[Answer]:
    """Ranked answers to one question; see `question` and `answer`."""
    asked = question(model.graph, head=head, tail=tail, relation=relation, disease=disease, compound=compound)
    return answer(model, asked, top, novel)


def _best(scores: NDArray[np.floating], eligible: Int, top: int) -> Int:
    """The best eligible candidates, best first; ties in their order."""
    columns = top_scores(torch.from_numpy(scores[eligible])[None], top)[1][0]
    best: Int = eligible[columns.numpy()]
    return best


def _known_facts(model: TrainedModel, entity: int, candidates: range) -> dict[int, list[KnownFact]]:
    """Facts of every relation, direction and part between the entity and each candidate."""
    graph, m = model.graph, model.graph.relations
    joining = [r for r in range(2 * m) if entity in graph.heads(r) and graph.answers(r) == candidates]
    queries = np.array([[entity, r] for r in joining], np.int64).reshape(-1, 2)
    facts: dict[int, list[KnownFact]] = defaultdict(list)
    for part, tails in model.known.items():
        rows, found = tails.of(queries)
        for row, candidate in zip(rows.tolist(), found.tolist(), strict=True):
            metaedge = graph.metaedges[joining[row] % m]
            about = metaedge.licence, metaedge.source, metaedge.version
            fact = KnownFact(metaedge.abbreviation, metaedge.relation, part, *about)
            if fact not in facts[candidate]:
                facts[candidate].append(fact)
    return facts


def _seen_in_training(model: TrainedModel, entity: int) -> bool:
    queries = np.array([[entity, r] for r in range(2 * model.graph.relations)], np.int64)
    return len(model.known["train"].of(queries)[0]) > 0
