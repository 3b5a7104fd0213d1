"""What a model says of many given triples or pairs at once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np

from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.models.arrays import Floats, Int
from kgdrug.ranking.answers import at_once
from kgdrug.ranking.counting import Counting, itself
from kgdrug.ranking.described import Answer, Chosen, Scored, agreement, described, made
from kgdrug.ranking.export import about_model, column_of, flat_rows
from kgdrug.ranking.questions import Question, question
from kgdrug.ranking.top import numbers

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel, TrainedModel

RANK_MEANS = "from 1, among all candidates, known ones too, but not the question's own entity"
# what is said of a row; terms where a member of the model has any, probability where it has a calibration
SCORED = (
    "score", "percentile", "rank", "usual_percentile", "known", "known_sources", "annotations", "annotation_sources",
    "agreement", "terms", "probability",
)  # fmt: skip


def score(model: "TrainedModel | ServedModel", rows: Iterable[Sequence[str]]) -> list[Answer]:
    """What is said of each triple `(head, relation, tail)`, or pair `(compound, disease)`, given by ids or names.

    A triple is the tail's answer to "head relation ?", among all entities of the tail's type; a pair the compound's to
    "? treats disease", among all compounds and over the treatment relations. Each is what `predict` says of it, ranked
    among all candidates, known ones too, though not the head itself. The scores of a question are made once: 100,000
    pairs of Hetionet take 1.2 s of one core.
    """
    finder = Finder(model.graph)
    asked = []
    for place, row in enumerate(rows):
        found = finder.find(pair_or_triple(place, row))
        if isinstance(found, Unknown):
            raise found.error(model.graph)
        asked.append(found)
    return score_asked(model, asked)


def pair_or_triple(place: int, row: object) -> tuple[str, ...]:
    """A row that is scored, which came in this place; a UsageError where it is neither a pair nor a triple of texts."""
    given = tuple(row) if isinstance(row, Iterable) and not isinstance(row, str | Mapping) else ()
    if len(given) not in (2, 3) or not all(isinstance(text, str) for text in given):
        pair, triple = "pair of compound and disease", "triple of head, relation and tail"
        raise UsageError(f"rows[{place}] is {row!r}; give a {pair}, or a {triple}, each as text")
    return given


def score_asked(model: "TrainedModel | ServedModel", asked: Sequence[tuple[Question, int]]) -> list[Answer]:
    """What is said of each candidate as the answer to its question, whatever its rank."""
    served = model.served
    rows: dict[tuple[int, ...], dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
    for row, (one, _) in enumerate(asked):
        rows[one.relations][one.entity].append(row)
    told: list[Answer | None] = [None] * len(asked)
    for relations, of in rows.items():
        candidates, entities = served.graph.answers(relations[0]), np.array(list(of), np.int64)
        step = at_once(served, relations)
        for start in range(0, len(entities), step):
            block = entities[start : start + step]
            scored, questions = Scored.of(served, block, relations), [Question(e, relations) for e in block.tolist()]
            numbers(scored.scores)
            given = [np.array([asked[row][1] for row in of[one.entity]]) - candidates.start for one in questions]
            columns, places = zip(*(np.unique(own, return_inverse=True) for own in given), strict=True)
            out = {i: questions[i].entity - candidates.start for i in itself(served, block, relations).tolist()}
            answers = _told(served, questions, scored, columns, out)
            for i, left in out.items():
                for place in np.flatnonzero(columns[i] == left):  # asked for nevertheless
                    answers[i][place] = _told(served, [questions[i]], scored.row(i), [columns[i][[place]]], {})[0][0]
            for i, one in enumerate(questions):
                for row, place in zip(of[one.entity], places[i].tolist(), strict=True):
                    told[row] = answers[i][place]
    return [answer for answer in told if answer is not None]


def answer_of(model: "TrainedModel | ServedModel", asked: Question, candidate: int) -> Answer:
    """What is said of one candidate among all, whatever its rank."""
    graph = model.served.graph
    candidates = graph.answers(asked.relations[0])
    if candidate not in candidates:
        label, kind = graph.entities.label(candidate), graph.type_of(candidates.start).name
        raise UsageError(f"{label} cannot answer {asked.text(graph)}: answers are of type {kind}")
    return score_asked(model, [(asked, candidate)])[0]


def score_file(
    model: "TrainedModel | ServedModel",
    path: str | Path,
    out: str | Path | TextIO,
    form: str | None = None,
    skip_unknown: bool = False,
    force: bool = False,
) -> tuple[int, list[str]]:
    """Write a table of triples or pairs with what is said of each row in columns after its own; see `score`.

    The table is tab-separated, `.csv` or `.parquet`, with columns `head relation tail` or `compound disease`; form: of
    what is written, by default what the name of `out` says, else the table's own. A row with an unknown id is a
    BadInputError with its line and close matches; with skip_unknown its new columns stay empty. Returns how many rows
    there are, and what is unknown in those that were left empty.
    """
    from kgdrug.sources.rows import read_rows, write_rows
    from kgdrug.sources.sheets import FORMS

    served = model.served
    there = {"terms": served.has_terms, "probability": served.calibrated is not None}
    names = [name for name in SCORED if there.get(name, True)]
    rows, finder = read_rows(Path(path), names), Finder(served.graph)
    found = [finder.find(row) for row in rows.asked]
    unknown = {i: one for i, one in enumerate(found) if isinstance(one, Unknown)}
    if unknown and not skip_unknown:
        first = min(unknown)
        raise rows.error(first, str(unknown[first].error(served.graph)))
    asked = [one for one in found if not isinstance(one, Unknown)]
    told = iter(flat_rows(score_asked(served, asked)))
    said = [{} if isinstance(one, Unknown) else next(told) for one in found]
    about = about_model(served, asked=(question for question, _ in asked), scored=Path(path).name)
    means = {**about, "rank_means": RANK_MEANS}
    added = {column_of(name, means): [one.get(name) for one in said] for name in names}
    place = Path(out) if isinstance(out, str) else out
    ending = place.suffix.removeprefix(".") if isinstance(place, Path) else ""
    write_rows(rows, added, form or (ending if ending in FORMS else rows.form), about, place, force)
    return len(found), [f"{rows.where(i)}: {one.kind} {one.text!r}" for i, one in unknown.items()]


@dataclass(frozen=True)
class Unknown:
    """A text that no entity of these ranges, or no relation, goes by, or that several do."""

    text: str
    ranges: tuple[range, ...]
    kind: str

    def error(self, graph: KnowledgeGraph) -> UsageError:
        """What is wrong with it, with close matches: to look for those is slow."""
        try:
            if self.kind == "relation":
                graph.relation(self.text)
            else:
                graph.entities.find(self.text, self.ranges, self.kind)
        except UsageError as error:
            return error
        return UnknownNameError(self.kind, self.text)


class Finder:
    """What rows ask: their entities by id, name or synonym, each text looked up once."""

    def __init__(self, graph: KnowledgeGraph) -> None:
        self.graph = graph
        self._diseases = tuple(dict.fromkeys(graph.answers(r) for r in graph.treatment_relations))
        self._relation = cache(self._find_relation)
        self._entity = cache(self._find_entity)
        self._question = cache(self._ask)

    def find(self, row: tuple[str, ...]) -> tuple[Question, int] | Unknown:
        """The question of a row, and the candidate that is asked about."""
        graph = self.graph
        if len(row) == 3:
            head, relation, tail = row
            r = self._relation(relation)
            if r is None:
                return Unknown(relation, (), "relation")
            ends: list[int] = []
            for text, span in ((head, graph.heads(r)), (tail, graph.answers(r))):
                entity = self._entity(text, (span,))
                if entity is None:
                    return Unknown(text, (span,), graph.type_of(span.start).name if graph.typed else "entity")
                ends.append(entity)
            return Question(ends[0], (r,)), ends[1]
        compound, disease = row
        if not self._diseases:
            raise UsageError(f"the graph {graph.name} names no treatment relation; give head, relation and tail")
        entity = self._entity(disease, self._diseases)
        if entity is None:
            return Unknown(disease, self._diseases, "disease")
        asked, compounds = self._question(entity)
        candidate = self._entity(compound, (compounds,))
        return Unknown(compound, (compounds,), "compound") if candidate is None else (asked, candidate)

    def _ask(self, disease: int) -> tuple[Question, range]:
        asked = question(self.graph, disease=self.graph.entities.ids[disease])
        return asked, self.graph.answers(asked.relations[0])

    def _find_relation(self, text: str) -> int | None:
        try:
            return self.graph.relation(text)
        except UsageError:
            return None

    def _find_entity(self, text: str, ranges: tuple[range, ...]) -> int | None:
        entities = self.graph.entities
        for span in ranges:  # tables hold bare ids more often than names that are somebody else's
            whole = f"{self.graph.type_of(span.start).name}::{text}"
            if whole in entities and entities.index(whole) in span:
                return entities.index(whole)
        found = entities.meant(text, ranges)
        return found[0] if len(found) == 1 else None


def _told(
    served: "ServedModel",
    questions: Sequence[Question],
    scored: Scored,
    columns: Sequence[Int],
    out: Mapping[int, int],
) -> list[list[Answer]]:
    """What is said of these columns of each question, ranked among all; out: without this one, by the question."""
    ranks = [_ranks(scores, own) for scores, own in zip(scored.scores, columns, strict=True)]
    for row, left in out.items():
        ranks[row] -= _before(scored.scores[row], left, columns[row])
    k, ranked = scored.scores.shape[1], [own.tolist() for own in ranks]
    counting = Counting(None, np.array([row * k + left for row, left in out.items()], np.int64))
    agreed = agreement(scored.each, counting, columns, ranked)
    return [made(one) for one in described(served, Chosen(questions, scored, columns, ranked, agreed))]


def _before(scores: Floats, one: int, columns: Int) -> np.ndarray:
    """Whether one column of the scores stands before each of these; ties in their order."""
    others = scores[columns]
    before: np.ndarray = (scores[one] > others) | ((scores[one] == others) & (one < columns))
    return before


def _ranks(scores: Floats, columns: Int) -> Int:
    """The rank from 1 of each of these columns among scores `(k,)`; ties in their order."""
    if len(columns) * 8 < len(scores):  # counting is sooner than sorting
        before = [np.count_nonzero(scores > scores[c]) + np.count_nonzero(scores[:c] == scores[c]) for c in columns]
        return np.array(before, np.int64) + 1
    ranks: Int = np.empty(len(scores), np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks[columns]
