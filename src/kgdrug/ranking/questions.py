"""What can be asked: an entity, and the relations it is asked over."""

from dataclasses import dataclass

from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.vocabulary import OtherKindError


@dataclass(frozen=True)
class Question:
    """An entity and the relations it is asked over; a relation of `r + m` asks for heads of `r`.

    With several relations (a graph may have more than one that means "treats") a candidate's score is its best.
    """

    entity: int
    relations: tuple[int, ...]

    def pair(self, candidate: int, graph: KnowledgeGraph) -> tuple[int, int]:
        """Head and tail of the fact that a candidate is asked about."""
        return (candidate, self.entity) if self.relations[0] >= graph.relations else (self.entity, candidate)

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
    ends = (("head", head), ("tail", tail), ("disease", disease), ("compound", compound))
    given, m = [(key, text) for key, text in ends if text is not None], graph.relations
    if len(given) != 1:
        came = " and ".join(key for key, _ in given) or "none"
        raise UsageError(f"give one of disease, compound, head or tail; {came} came")
    ((key, text),) = given
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
    ranges = [graph.heads(r) for r in relations]
    try:
        entity = graph.entities.find(text, ranges, key)
    except OtherKindError as error:
        others = graph.entities.meant(text)
        told = [f"{graph.entities.label(i)} of type {graph.type_of(i).name}" for i in others[:3]]
        raise OtherKindError(key, error.name, told, error.close, _ways(graph, relations, key, others)) from None
    fitting = [r for r, heads in zip(relations, ranges, strict=True) if entity in heads]
    return Question(entity, tuple(r for r in fitting if graph.answers(r) == graph.answers(fitting[0])))


def _ways(graph: KnowledgeGraph, relations: list[int], key: str, others: list[int]) -> str:
    """How to ask about entities that the question over these relations is not about: `; ask with …`, or nothing."""
    answers, m = {graph.answers(r) for r in relations}, graph.relations
    rest = [i for i in others if not any(i in span for span in answers)]
    ways = [] if len(rest) == len(others) else ["compound" if key == "disease" else "disease"]
    for end, first in (("head", 0), ("tail", m)):
        fitting = [
            graph.metaedges[r % m].abbreviation
            for r in range(first, first + m)
            if any(i in graph.heads(r) for i in rest)
        ]
        if fitting:
            ways.append(f"{end} and relation {' or '.join(fitting[:3])}")
    return f"; ask with {', or with '.join(ways)}" if ways else ""
