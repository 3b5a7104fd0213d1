"""What a model's graph says of one entity."""

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kgdrug.errors import AbsentError, UsageError
from kgdrug.graph.facts import PARTS
from kgdrug.ranking.addresses import links

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A fact about an entity. direction: `out` where the entity asked about is its head, else `in`; id, name, type: of
    the other end; parts: of the split that hold it.
    """

    metaedge: str
    relation: str
    direction: str
    id: str
    name: str
    type: str
    parts: tuple[str, ...]
    licence: str = ""
    source: str = ""


def about_entity(model: "ServedModel", name: str) -> dict[str, Any]:
    """Id, name, type, synonyms, links, structure, and how many facts of each metaedge, of an entity by id or name."""
    graph = model.graph
    entity = graph.entities.find(name)
    kind = graph.type_of(entity).name
    about = graph.entities.ids[entity], kind, graph.entities.names[entity]
    counts = Counter((model.facts.about(entity)[0] % graph.relations).tolist())
    return {
        "id": about[0],
        "name": about[2],
        "type": kind,
        "synonyms": list(graph.entities.synonyms.get(entity, ())),
        "links": links(*about),
        "smiles": graph.smiles.get(entity),
        "facts": {graph.metaedges[r].abbreviation: counts[r] for r in sorted(counts)},
    }


def neighbours(
    model: "ServedModel", name: str, relation: str | None = None, limit: int = 100, offset: int = 0
) -> list[Neighbour]:
    """The facts of an entity, by id or name, in the order of the metaedges, outward ones first."""
    graph, m = model.graph, model.graph.relations
    entity = graph.entities.find(name)
    relations, others, bits = model.facts.about(entity)
    if relation is not None:
        wanted = relations % m == graph.relation(relation)
        relations, others, bits = relations[wanted], others[wanted], bits[wanted]
    rows = zip(relations.tolist(), others.tolist(), bits.tolist(), strict=True)
    found = []
    for r, other, held in list(rows)[offset : offset + limit]:
        metaedge = graph.metaedges[r % m]
        found.append(
            Neighbour(
                metaedge.abbreviation,
                metaedge.relation,
                "out" if r < m else "in",
                graph.entities.ids[other],
                graph.entities.names[other],
                graph.type_of(other).name,
                tuple(part for part, bit in PARTS.items() if held & bit),
                metaedge.licence,
                metaedge.source,
            )
        )
    return found


def draw(model: "ServedModel", name: str, width: int = 300, height: int = 200, highlight: str | None = None) -> str:
    """The structure of an entity as SVG; the atoms of a SMARTS pattern are marked."""
    from kgdrug.sources.molecules import drawing

    entity = model.graph.entities.find(name)
    label = model.graph.entities.label(entity)
    if entity not in model.graph.smiles:
        raise AbsentError(f"the graph {model.graph.name} holds no structure of {label}")
    drawn = drawing(model.graph.smiles[entity], width, height, highlight)
    if drawn is None:
        raise UsageError(f"the structure of {label} cannot be read: {model.graph.smiles[entity]}")
    return drawn
