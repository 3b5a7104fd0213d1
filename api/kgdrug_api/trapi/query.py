"""Queries of TRAPI: their form, and the one-step question that one asks."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StrictBool

import kgdrug
from kgdrug_api.complaints import known_fields, known_patterns
from kgdrug_api.problems import TooLargeError, UnsupportedError

MOST_IDS = 1000  # of one node
MOST_INFERRED = 100  # of the node whose treatments are asked for
SUPPORTED = "supported are query graphs of two nodes, at least one with ids, that one edge joins"

Id = Annotated[str, Field(min_length=1, max_length=500)]
CATEGORY, PREDICATE = r"^biolink:[A-Z][a-zA-Z]*$", r"^biolink:[a-z][a-z_]*$"
Category = Annotated[str, Field(pattern=CATEGORY, max_length=200)]
Predicate = Annotated[str, Field(pattern=PREDICATE, max_length=200)]
Level = Literal["ERROR", "WARNING", "INFO", "DEBUG"]


class Qualifier(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)

    qualifier_type_id: Predicate
    qualifier_value: str = Field(max_length=500)


class QualifierConstraint(BaseModel):
    """Qualifiers that a statement must have, all of them."""

    model_config = ConfigDict(extra="forbid", defer_build=True)

    qualifier_set: list[Qualifier] = Field(max_length=20)


class QNode(BaseModel):
    model_config = ConfigDict(extra="allow", defer_build=True)

    ids: list[Id] | None = Field(None, min_length=1, description="CURIEs, any of them.")
    categories: list[Category] | None = Field(None, min_length=1, max_length=100)
    set_interpretation: Literal["BATCH", "ALL", "MANY"] | None = None
    member_ids: list[str] | None = None
    constraints: list[dict[str, Any]] | None = None


class QEdge(BaseModel):
    model_config = ConfigDict(extra="allow", defer_build=True)

    subject: str
    object: str
    predicates: list[Predicate] | None = Field(None, min_length=1, max_length=100)
    knowledge_type: Literal["lookup", "inferred"] | None = None
    attribute_constraints: list[dict[str, Any]] | None = None
    qualifier_constraints: list[QualifierConstraint] | None = Field(None, max_length=100)


class QueryGraph(BaseModel):
    model_config = ConfigDict(extra="allow", defer_build=True)

    nodes: dict[str, QNode]
    edges: dict[str, QEdge] = {}


class TrapiMessage(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)

    query_graph: QueryGraph
    knowledge_graph: dict[str, Any] | None = None
    results: list[Any] | None = None
    auxiliary_graphs: dict[str, Any] | None = None


class Operation(BaseModel):
    model_config = ConfigDict(extra="allow", defer_build=True)

    id: str


class TrapiQuery(BaseModel):
    """A query: two nodes, at least one with ids, and one edge; without `inferred` it is looked up."""

    model_config = ConfigDict(
        extra="allow",
        defer_build=True,  # few services are asked so, and all should start soon
        json_schema_extra={
            "examples": [
                {
                    "message": {
                        "query_graph": {
                            "nodes": {
                                "drug": {"categories": ["biolink:ChemicalEntity"]},
                                "disease": {"ids": ["DOID:2841"]},
                            },
                            "edges": {
                                "treats": {
                                    "subject": "drug",
                                    "object": "disease",
                                    "predicates": ["biolink:treats"],
                                    "knowledge_type": "inferred",
                                }
                            },
                        }
                    }
                }
            ]
        },
    )

    message: TrapiMessage
    log_level: Level | None = None
    workflow: list[Operation] | None = None
    submitter: str | None = None
    bypass_cache: StrictBool | None = None


known_fields(TrapiMessage)
known_patterns(
    {
        CATEGORY: "a category of Biolink, such as biolink:Disease",
        PREDICATE: "a word of Biolink, such as biolink:treats",
    }
)


@dataclass(frozen=True)
class Asked:
    """A query that can be answered.

    graph: as it came; edge, subject, object: keys of its only edge and its two nodes; strange: properties that TRAPI
    does not know.
    """

    graph: orjson.Fragment
    edge: str
    subject: str
    object: str
    hop: kgdrug.Hop
    inferred: bool
    strange: tuple[str, ...]


def asked_by(query: TrapiQuery) -> Asked:
    """The question of a query; one that is none is a UsageError, one that is not answered here an UnsupportedError."""
    graph = query.message.query_graph
    if other := [step.id for step in query.workflow or () if step.id != "lookup"]:
        raise UnsupportedError(f"workflow: {', '.join(other)} is not supported, lookup alone is")
    if "paths" in (graph.model_extra or {}):
        raise UnsupportedError(f"query_graph.paths: paths are not sought; {SUPPORTED}")
    for key, edge in graph.edges.items():
        for end, name in (("subject", edge.subject), ("object", edge.object)):
            if name not in graph.nodes:
                raise kgdrug.UsageError(f"query_graph.edges.{key}.{end}: there is no node {name}")
    if len(graph.nodes) != 2 or len(graph.edges) != 1:
        came = f"{len(graph.nodes)} nodes and {len(graph.edges)} edges came"
        raise UnsupportedError(f"query_graph: {came}; {SUPPORTED}")
    ((key, edge),) = graph.edges.items()
    if edge.subject == edge.object:
        raise UnsupportedError(f"query_graph.edges.{key}: an edge from a node to itself is not looked for; {SUPPORTED}")
    for name, node in graph.nodes.items():
        _check_node(name, node)
    _refuse_constraints(f"query_graph.edges.{key}.attribute_constraints", edge.attribute_constraints)
    subject, object_ = graph.nodes[edge.subject], graph.nodes[edge.object]
    if not subject.ids and not object_.ids:
        raise UnsupportedError(f"query_graph: neither node has ids; {SUPPORTED}")
    inferred = edge.knowledge_type == "inferred"
    given = edge.object if object_.ids else edge.subject
    if inferred and len(graph.nodes[given].ids or ()) > MOST_INFERRED:
        raise TooLargeError(
            f"query_graph.nodes.{given}.ids: treatments are inferred of {MOST_INFERRED} at once; ask in parts"
        )
    hop = kgdrug.Hop(
        tuple(subject.ids or ()),
        tuple(object_.ids or ()),
        tuple(subject.categories or ()),
        tuple(object_.categories or ()),
        tuple(edge.predicates or ()),
        tuple(_qualifiers(key, constraint) for constraint in edge.qualifier_constraints or ()),
    )
    return Asked(_as_it_came(graph), key, edge.subject, edge.object, hop, inferred, tuple(_strange(graph)))


def _check_node(name: str, node: QNode) -> None:
    if len(node.ids or ()) > MOST_IDS:
        raise TooLargeError(f"query_graph.nodes.{name}.ids: {len(node.ids or ()):,} came; {MOST_IDS:,} are looked up")
    if node.set_interpretation in ("ALL", "MANY"):
        raise UnsupportedError(
            f"query_graph.nodes.{name}.set_interpretation: {node.set_interpretation} is not supported, BATCH is"
        )
    if node.member_ids:
        raise kgdrug.UsageError(f"query_graph.nodes.{name}.member_ids: a BATCH has ids, no members")
    _refuse_constraints(f"query_graph.nodes.{name}.constraints", node.constraints)


def _refuse_constraints(where: str, constraints: list[dict[str, Any]] | None) -> None:
    if constraints:
        names = ", ".join(str(one.get("name") or one.get("id") or "one without a name") for one in constraints)
        raise UnsupportedError(f"{where}: UnsupportedConstraint: none on attributes is supported; came {names}")


def _qualifiers(key: str, constraint: QualifierConstraint) -> dict[str, str]:
    found: dict[str, str] = {}
    for one in constraint.qualifier_set:
        if found.setdefault(one.qualifier_type_id, one.qualifier_value) != one.qualifier_value:
            raise kgdrug.UsageError(
                f"query_graph.edges.{key}.qualifier_constraints: {one.qualifier_type_id} stands twice in a set"
            )
    return found


def _strange(graph: QueryGraph) -> list[str]:
    parts = {"query_graph": graph.model_extra}
    parts |= {f"query_graph.nodes.{name}": node.model_extra for name, node in graph.nodes.items()}
    parts |= {f"query_graph.edges.{name}": edge.model_extra for name, edge in graph.edges.items()}
    return [f"{where}.{name}" for where, extra in parts.items() for name in extra or ()]


def _as_it_came(graph: QueryGraph) -> orjson.Fragment:
    try:
        return orjson.Fragment(orjson.dumps(graph.model_dump(exclude_unset=True)))
    except orjson.JSONEncodeError as error:  # a number of more than 64 bits
        raise kgdrug.UsageError(f"query_graph: holds what cannot be said back: {error}") from None
