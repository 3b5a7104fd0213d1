"""The knowledge graph: typed entities, metaedges between their types, and triples of indices."""

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from kgdrug.errors import UnknownNameError
from kgdrug.graph.annotations import Annotation
from kgdrug.graph.known import distinct, triple_keys, triples_of
from kgdrug.graph.vocabulary import Vocabulary

MOST_NAMED = 30  # metaedges that are told where none is close to what was asked for

Int = NDArray[np.int64]


@dataclass(frozen=True)
class EntityType:
    """A type and the slice of entity indices that are of it."""

    name: str
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    @property
    def range(self) -> range:
        return range(self.start, self.stop)


ABOUT = ("licence", "source", "version")  # fields of Metaedge that say where its facts are from


@dataclass(frozen=True)
class Metaedge:
    """A typed relation, such as `CtD`: Compound, treats, Disease."""

    abbreviation: str
    head_type: str
    relation: str
    tail_type: str
    licence: str = ""
    source: str = ""
    version: str = ""

    def __str__(self) -> str:
        return f"{self.abbreviation} ({self.head_type} {self.relation} {self.tail_type})"


@dataclass(frozen=True, eq=False)
class KnowledgeGraph:
    """Entities grouped by type, metaedges, and triples; always in one canonical order.

    entities: types in the order of `entity_types`, ids ascending within a type; with names and synonyms.
    entity_types: consecutive slices that cover all `n` entities, types ascending by name.
    metaedges: ascending by abbreviation; a triple's relation is the index of its metaedge.
    treats: abbreviations of the metaedges that mean "this compound treats this disease".
    triples: `(t, 3)` int64 head, relation, tail; distinct, ascending by relation, head, tail.
    smiles: the structure of an entity, by index, where one is known.
    annotations: what is known about pairs outside the triples, ascending.
    made: where the graph came from and what was left out on the way, in words and counts.

    Relation `r + m` is the reciprocal of `r`: its head type is the tail type of `r` and the reverse.
    """

    entities: Vocabulary
    entity_types: tuple[EntityType, ...]
    metaedges: tuple[Metaedge, ...]
    triples: Int
    treats: tuple[str, ...] = ()
    name: str = "graph"
    smiles: Mapping[int, str] = field(default_factory=dict)
    annotations: tuple[Annotation, ...] = ()
    made: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        covered = [0, *(t.stop for t in self.entity_types)]
        if [t.start for t in self.entity_types] != covered[:-1] or covered[-1] != len(self.entities):
            raise ValueError("entity types are not consecutive slices of the entities")
        if self.triples.shape != (len(self.triples), 3) or self.triples.dtype != np.int64:
            raise ValueError(f"triples are {self.triples.dtype} {self.triples.shape}, not int64 (t, 3)")
        if len(self.triples) == 0:
            return
        relations = self.triples[:, 1]
        if relations.min() < 0 or relations.max() >= len(self.metaedges):
            raise ValueError("a triple has a relation without a metaedge")
        if (np.diff(relations) < 0).any():
            raise ValueError("triples are not distinct and ascending by relation, head, tail")
        bounds = np.searchsorted(relations, np.arange(len(self.metaedges) + 1)).tolist()
        for column, ends in ((0, self.relation_ranges[1]), (2, self.relation_ranges[0])):
            for r, (start, stop) in enumerate(itertools.pairwise(bounds)):
                of_relation, (first, last) = self.triples[start:stop, column], ends[r].tolist()
                if start < stop and (of_relation.min() < first or of_relation.max() >= last):
                    row = start + int(((of_relation < first) | (of_relation >= last)).argmax())
                    head, relation, tail = self.triples[row]
                    raise ValueError(f"triple ({head}, {relation}, {tail}) does not fit {self.metaedges[relation]}")
        if (np.diff(triple_keys(self.triples, len(self.entities))) <= 0).any():
            raise ValueError("triples are not distinct and ascending by relation, head, tail")

    def __repr__(self) -> str:
        """What it is and how large: all of it would fill a screen a hundred times."""
        numbers = (len(self.entities), "entity", "entities"), (len(self.entity_types), "type", "types")
        more = (len(self.triples), "triple", "triples"), (self.relations, "metaedge", "metaedges")
        entities, types, triples, metaedges = (f"{n:,} {one if n == 1 else many}" for n, one, many in (*numbers, *more))
        return f"KnowledgeGraph({self.name}, {entities} of {types}, {triples} of {metaedges})"

    @property
    def relations(self) -> int:
        """`m`, the number of metaedges; with reciprocals there are `2m` relations."""
        return len(self.metaedges)

    @property
    def typed(self) -> bool:
        """Whether there is more than one entity type, so that typed candidates differ from all entities."""
        return len(self.entity_types) > 1

    @cached_property
    def relation_ranges(self) -> tuple[Int, Int]:
        """First and past-the-last index of each relation's answers and of its heads: two `(2m, 2)` arrays."""
        ends = {t.name: (t.start, t.stop) for t in self.entity_types}
        heads = [ends[e.head_type] for e in self.metaedges]
        tails = [ends[e.tail_type] for e in self.metaedges]
        shape = (2 * len(self.metaedges), 2)
        return np.array(tails + heads, np.int64).reshape(shape), np.array(heads + tails, np.int64).reshape(shape)

    def answer_spans(self, every_entity: bool = False) -> list[tuple[slice, NDArray[np.bool_]]]:
        """The distinct slices of entities that answers come from, each with which relations have it, `(2m,)`.

        every_entity: answers of all relations come from all entities.
        """
        spans = self.relation_ranges[0]
        if every_entity:
            spans = np.tile(np.array([[0, len(self.entities)]]), (len(spans), 1))
        return [(slice(*span.tolist()), (spans == span).all(1)) for span in np.unique(spans, axis=0)]

    def answers(self, relation: int) -> range:
        """Indices that can answer a query with this relation, in `[0, 2m)`: the tail type of the relation."""
        return self._answers[relation]

    @cached_property
    def _answers(self) -> list[range]:
        return [range(start, stop) for start, stop in self.relation_ranges[0].tolist()]

    def heads(self, relation: int) -> range:
        """Indices that can be the head of a query with this relation, in `[0, 2m)`."""
        return self.answers((relation + self.relations) % (2 * self.relations))

    def entity_type(self, name: str) -> EntityType:
        """The type of this name, case-insensitive."""
        for entity_type in self.entity_types:
            if entity_type.name.casefold() == name.strip().casefold():
                return entity_type
        raise UnknownNameError("entity type", name, choices=[t.name for t in self.entity_types])

    def type_of(self, entity: int) -> EntityType:
        """The type of an entity index."""
        return next(t for t in self.entity_types if entity < t.stop)

    def relation(self, name: str) -> int:
        """The index of the metaedge with this abbreviation, or with this relation name where only one has it."""
        abbreviations = [e.abbreviation for e in self.metaedges]
        if name in abbreviations:
            return abbreviations.index(name)
        folded = name.strip().casefold()
        for spellings in (abbreviations, [e.relation for e in self.metaedges]):
            matches = [i for i, spelling in enumerate(spellings) if spelling.casefold() == folded]
            if len(matches) == 1:
                return matches[0]
        options = Vocabulary(abbreviations, (str(e) for e in self.metaedges))
        close = [self.metaedges[i].abbreviation for i in options.search(name, 5)]
        more = ["…"] if len(abbreviations) > MOST_NAMED else []
        raise UnknownNameError("relation", name, close, choices=[*abbreviations[:MOST_NAMED], *more])

    @cached_property
    def treatment_relations(self) -> list[int]:
        return [i for i, e in enumerate(self.metaedges) if e.abbreviation in self.treats]

    def find(self, text: str, relation: int | None = None) -> int:
        """The entity with this id, name or synonym, in any case; with a relation, among the heads of that relation."""
        if relation is None:
            return self.entities.find(text)
        heads = self.heads(relation)
        return self.entities.find(text, [heads], self.type_of(heads.start).name if self.typed else None)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the facts: entity ids by type, metaedges, triples; not of names, licences, or input order."""
        header = {
            "types": [[t.name, t.start, t.stop] for t in self.entity_types],
            "metaedges": [[e.abbreviation, e.head_type, e.relation, e.tail_type] for e in self.metaedges],
        }
        digest = hashlib.sha256(json.dumps(header).encode())
        digest.update("\n".join(self.entities.ids).encode())
        digest.update(np.ascontiguousarray(self.triples, "<i8").data)
        return digest.hexdigest()

    def with_triples(self, triples: Int) -> "KnowledgeGraph":
        """The same entities and metaedges with other triples, put into canonical order."""
        return replace(self, triples=canonical_triples(triples, len(self.entities)))

    def text(self, triple: Sequence[int] | Int) -> str:
        """A triple in words: `Metformin treats type 2 diabetes mellitus`."""
        head, relation, tail = (int(x) for x in triple)
        return f"{self.entities.names[head]} {self.metaedges[relation].relation} {self.entities.names[tail]}"


def canonical_triples(triples: Int, entities: int) -> Int:
    """Distinct triples `(t, 3)`, ascending by relation, head, tail."""
    triples = np.asarray(triples, np.int64).reshape(-1, 3)
    return triples_of(distinct(triple_keys(triples, entities)), entities)
