"""Facts of a graph in the words of Biolink, and what its relations say read in either direction."""

from collections.abc import Mapping
from dataclasses import dataclass

from kgdrug.biolink import ancestors, categories, category, curie, inverse, knowledge, predicate, qualifiers, resources
from kgdrug.biolink import turned as turned_round
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.graph.facts import PARTS

TREATS, OF_TREATMENT = "biolink:treats", "biolink:treats_or_applied_or_studied_to_treat"


@dataclass(frozen=True, slots=True)
class Concept:
    """An entity in the words of Biolink; id: as the graph has it."""

    curie: str
    name: str
    category: str
    id: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a statement is from: its level of knowledge, the agent that made it, and information resources.

    primary: the one that made it, empty where it is not known to the registry, and of a prediction; supporting: whose
    data it was made of; aggregator: the graph that passed it on, empty where that is none of the registry's.
    """

    level: str
    agent: str
    primary: str
    supporting: tuple[str, ...]
    aggregator: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A fact of a graph, or a prediction, in the words of Biolink.

    id: of no other statement about this graph; metaedge: of a fact, None of a prediction; parts: of the split that
    hold the fact.
    """

    id: str
    subject: Concept
    predicate: str
    object: Concept
    qualifiers: Mapping[str, str]
    provenance: Provenance
    metaedge: Metaedge | None = None
    parts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the facts of a relation in `[0, 2m)` say from head to tail; a reciprocal says it turned round.

    subject, object: every category that the entities of the two types may be asked for by.
    """

    relation: int
    subject: frozenset[str]
    predicate: str
    object: frozenset[str]
    qualifiers: Mapping[str, str]


def meanings(graph: KnowledgeGraph) -> list[Meaning]:
    """The meanings of all relations, by index.

    A treatment whose relation has no word in Biolink, or one that is about something else, is `biolink:treats`.
    """
    found, back = [], []
    for r, e in enumerate(graph.metaedges):
        heads, tails, said = categories(e.head_type), categories(e.tail_type), _predicate(graph, e)
        of_fact = qualifiers(e.relation, e.head_type, e.tail_type)
        found.append(Meaning(r, heads, said, tails, of_fact))
        back.append(Meaning(r + graph.relations, tails, inverse(said) or said, heads, turned_round(of_fact)))
    return found + back


def _predicate(graph: KnowledgeGraph, e: Metaedge) -> str:
    said = predicate(e.relation, e.head_type, e.tail_type)
    either_way = ancestors(said) | ancestors(inverse(said) or said)
    return TREATS if e.abbreviation in graph.treats and OF_TREATMENT not in either_way else said


class Speaker:
    """Says the entities and facts of one graph in the words of Biolink."""

    def __init__(self, graph: KnowledgeGraph) -> None:
        self.graph, self.meanings = graph, meanings(graph)
        self.resource = next(iter(resources(graph.name)), "")
        self._concepts: dict[int, Concept] = {}
        self._provenances: dict[int, Provenance] = {}

    def concept(self, entity: int) -> Concept:
        """The entity of an index."""
        if entity not in self._concepts:
            name, kind = self.graph.entities.ids[entity], self.graph.type_of(entity).name
            concept = Concept(curie(name, kind), self.graph.entities.names[entity], category(kind), name)
            self._concepts[entity] = concept
        return self._concepts[entity]

    def fact(self, head: int, relation: int, tail: int, bits: int) -> Statement:
        """The statement of a triple; one of a relation `r + m` is turned back, to say what the graph does."""
        m = self.graph.relations
        if relation >= m:
            head, relation, tail = tail, relation - m, head
        e, said = self.graph.metaedges[relation], self.meanings[relation]
        return Statement(
            f"{self.graph.entities.ids[head]} {e.abbreviation} {self.graph.entities.ids[tail]}",
            self.concept(head),
            said.predicate,
            self.concept(tail),
            said.qualifiers,
            self._provenance(relation),
            e,
            tuple(part for part, bit in PARTS.items() if bits & bit),
        )

    def predicted(self, head: int, predicate: str, tail: int, by: str) -> Statement:
        """What a model says of two entities; by: what tells its statements from those of others."""
        return Statement(
            f"{self.graph.entities.ids[head]} {by} {self.graph.entities.ids[tail]}",
            self.concept(head),
            predicate,
            self.concept(tail),
            {},
            Provenance("prediction", "computational_model", "", (self.resource,) if self.resource else (), ""),
        )

    def _provenance(self, relation: int) -> Provenance:
        """A source that stands alone made the fact; of several, nobody says which it was."""
        if relation not in self._provenances:
            source = self.graph.metaedges[relation].source
            of_facts, known = knowledge(self.meanings[relation].predicate, source), resources(source)
            if len(known) == 1 and known[0]:
                aggregator = self.resource if self.resource != known[0] else ""
                found = Provenance(*of_facts, known[0], (), aggregator)
            else:
                supporting = tuple(dict.fromkeys(one for one in known if one and one != self.resource))
                found = Provenance(*of_facts, self.resource, supporting, "")
            self._provenances[relation] = found
        return self._provenances[relation]
