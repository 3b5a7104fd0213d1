"""Which candidates of a question count besides what filters say: not itself, and, asked for new ones, none known."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.graph import Annotation
from kgdrug.graph.metapath import either_way
from kgdrug.models.arrays import Floats, Int
from kgdrug.ranking.top import best_columns

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel

# statuses of annotations after which a treatment is no longer new; what is in a trial is still an open question
SETTLED = frozenset({"approved", "symptomatic", "contraindicated", "refuted"})
_NONE = np.empty(0, np.int64)


@dataclass(frozen=True, eq=False, slots=True)
class Counting:
    """Which of scores `(b, k)` count: in the eligible columns, or in all where these are None, those not in out.

    eligible: ascending; out: places among the scores laid flat, `row * k + column`.
    """

    eligible: Int | None
    out: Int

    def best(self, scores: Floats, top: int, ascending: Floats | None = None) -> list[Int]:
        """The columns of the best of each row, best first; ties in their order. ascending: see `best_columns`.

        A KgdrugError where a score that counts is no number.
        """
        counts = None
        if len(self.out):
            counts = np.ones(scores.shape, bool)
            counts.put(self.out, False)
        if self.eligible is None:
            return best_columns(scores, top, ascending, counts)
        eligible = scores.take(self.eligible, 1)  # which lies in rows; what is indexed lies in columns
        counts = None if counts is None else counts.take(self.eligible, 1)
        return [self.eligible.take(best) for best in best_columns(eligible, top, None, counts)]


def left_out(model: "ServedModel", entities: Int, relations: Sequence[int], novel: bool) -> Int:
    """What does not count of the scores `(b, k)` of entities `(b,)`: places `(o,)` among them laid flat.

    Each entity itself, see `itself`; with novel also what is known to answer it.
    """
    candidates, rows = model.graph.answers(relations[0]), itself(model, entities, relations)
    if not novel and not len(rows):
        return _NONE
    columns = entities[rows] - candidates.start
    if novel:
        known_rows, known = _known(model, entities, relations)
        rows, columns = np.concatenate([rows, known_rows]), np.concatenate([columns, known - candidates.start])
    places: Int = rows * len(candidates) + columns
    return places


def itself(model: "ServedModel", entities: Int, relations: Sequence[int]) -> Int:
    """Which of the entities `(b,)` that ask are candidates, but no known answers, of themselves; their rows, `(o,)`.

    Nobody who asks what resembles Metformin wants to be told Metformin.
    """
    candidates = model.graph.answers(relations[0])
    rows = [row for row, entity in enumerate(entities.tolist()) if entity in candidates]
    if not rows:
        return _NONE
    loops = np.array([[entity, r, entity] for entity in entities[rows].tolist() for r in relations])
    return np.array(rows)[~model.facts.bits(loops).reshape(len(rows), -1).any(1)]


def _known(model: "ServedModel", entities: Int, relations: Sequence[int]) -> tuple[Int, Int]:
    """What is known to answer the entities `(b,)`, by a fact or an annotation that settles it: rows and answers.

    A treatment is known by any fact that joins the two: what palliates a disease, or causes it, is not new to it.
    """
    graph = model.graph
    over = either_way(graph, relations)
    if any(r % graph.relations in graph.treatment_relations for r in relations):
        over = model.joining[graph.heads(relations[0]).start, graph.answers(relations[0]).start].tolist()
    queries = np.stack([entities.repeat(len(over)), np.tile(over, len(entities))], 1)
    rows, tails, _ = model.facts.of(queries)
    settled = np.array(_settled(model, entities, relations), np.int64).reshape(-1, 2)
    return np.concatenate([rows // len(over), settled[:, 0]]), np.concatenate([tails, settled[:, 1]])


def _settled(model: "ServedModel", entities: Int, relations: Sequence[int]) -> list[tuple[int, int]]:
    """The candidates whose treatment of, or by, one of the entities `(b,)` an annotation settles, with its row."""
    graph, m = model.graph, model.graph.relations
    settled = model.remembered("settled", lambda: _by_entity(graph.annotations), keep=True)
    ways = {r < m for r in relations if r % m in graph.treatment_relations}
    asking = [(row, (entity, as_compound)) for row, entity in enumerate(entities.tolist()) for as_compound in ways]
    candidates = graph.answers(relations[0])
    return [(row, other) for row, end in asking for other in settled.get(end, ()) if other in candidates]


def _by_entity(annotations: Iterable[Annotation]) -> dict[tuple[int, bool], list[int]]:
    """The other ends of what is settled, by entity and whether that is the compound."""
    found = defaultdict[tuple[int, bool], list[int]](list)
    for note in annotations:
        if note.status in SETTLED:
            found[note.compound, True].append(note.disease)
            found[note.disease, False].append(note.compound)
    return dict(found)
