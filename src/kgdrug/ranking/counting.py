"""Which candidates of a question count besides what filters say: not itself, and, asked for new ones, none known."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.graph import Annotation
from kgdrug.graph.metapath import symmetric
from kgdrug.models.arrays import Floats, Int
from kgdrug.ranking.questions import Question
from kgdrug.ranking.top import top_scores

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel

# statuses of annotations after which a treatment is no longer new; what is in a trial is still an open question
SETTLED = frozenset({"approved", "symptomatic", "contraindicated", "refuted"})
_NONE = np.empty(0, np.int64)


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


def itself(model: "ServedModel", entity: int, relations: Sequence[int]) -> Int:
    """The column of the entity that asks, `(1,)`, where it is a candidate but no known answer; else none, `(0,)`.

    Nobody who asks what resembles Metformin wants to be told Metformin.
    """
    candidates = model.graph.answers(relations[0])
    if entity not in candidates or model.facts.bits(np.array([[entity, r, entity] for r in relations])).any():
        return _NONE
    return np.array([entity - candidates.start])


def known(model: "ServedModel", asked: Question) -> Int:
    """The entities `(a,)` that are known to answer a question: by a fact, or by an annotation that settles it."""
    m = model.graph.relations
    turned = [(r + m) % (2 * m) for r in asked.relations if symmetric(model.graph.metaedges[r % m])]
    queries = np.array([[asked.entity, r] for r in dict.fromkeys([*asked.relations, *turned])])
    return np.concatenate([model.facts.of(queries)[1], _settled(model, asked)])


def _settled(model: "ServedModel", asked: Question) -> Int:
    """The entities `(a,)` whose treatment of, or by, the one that asks an annotation settles."""
    graph, m = model.graph, model.graph.relations
    settled = model.remembered("settled", lambda: _by_entity(graph.annotations), keep=True)
    ways = {r < m for r in asked.relations if r % m in graph.treatment_relations}
    found = [other for as_compound in ways for other in settled.get((asked.entity, as_compound), ())]
    candidates = graph.answers(asked.relations[0])
    return np.array([other for other in found if other in candidates], np.int64)


def _by_entity(annotations: Iterable[Annotation]) -> dict[tuple[int, bool], list[int]]:
    """The other ends of what is settled, by entity and whether that is the compound."""
    found = defaultdict[tuple[int, bool], list[int]](list)
    for note in annotations:
        if note.status in SETTLED:
            found[note.compound, True].append(note.disease)
            found[note.disease, False].append(note.compound)
    return dict(found)
