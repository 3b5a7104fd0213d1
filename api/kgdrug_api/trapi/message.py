"""What was found, as a message of TRAPI: a knowledge graph, results that bind its nodes and edges, auxiliary graphs."""

from collections.abc import Iterable, Sequence
from typing import Any

import kgdrug
from kgdrug_api.trapi.query import Asked

TERMS = "the metapaths that raise the score of the model's regression most, and by how much"
SCORING = "share of all candidates of the question that the model scores lower, ties counting half"
NO_PATH = "paths were looked for: none of up to three steps joins the two, treatments of the pair left aside"


def message(
    asked: Asked, found: kgdrug.Found, own: str, sought: Sequence[bool] = (), meant: str | None = None
) -> dict[str, Any]:
    """The message of an answer.

    own: the information resource that answers; sought: of each hit, whether paths were looked for; meant: what a
    probability of the model is of.
    """
    writing = _Writing(own, meant)
    looked = sought or [False] * len(found.hits)
    results = [writing.result(asked, hit, one) for hit, one in zip(found.hits, looked, strict=True)]
    return {
        "query_graph": asked.graph,
        "knowledge_graph": {"nodes": writing.nodes, "edges": writing.edges},
        "results": results,
        "auxiliary_graphs": writing.auxiliary,
    }


class _Writing:
    """The nodes, edges and auxiliary graphs that results refer to, each written once."""

    def __init__(self, own: str, meant: str | None) -> None:
        self.own, self.meant = own, meant
        self.nodes: dict[str, dict[str, Any]] = {}
        self.edges: dict[str, dict[str, Any]] = {}
        self.auxiliary: dict[str, dict[str, Any]] = {}
        self._origins: dict[object, tuple[list[dict[str, Any]], list[dict[str, Any]]]] = {}

    def result(self, asked: Asked, hit: kgdrug.Hit, sought: bool) -> dict[str, Any]:
        """sought: whether paths were looked for."""
        bound = [self.edge(statement) for statement in hit.statements]
        analysis: dict[str, Any] = {"resource_id": self.own}
        scored: dict[str, Any] = {}
        if hit.prediction is not None:
            supports = self.supports(hit.prediction)
            predicted = self.edge(hit.prediction.statement, _of_prediction(hit.prediction, supports, self.meant))
            bound.insert(0, predicted)
            percentile = hit.prediction.answer.percentile
            analysis |= {"score": percentile / 100, "scoring_method": SCORING}
            analysis |= {"support_graphs": supports} if supports else {}
            attributes = []
            if terms := hit.prediction.answer.terms:
                said = [{"name": term.name, "contribution": term.contribution} for term in terms]
                attributes.append(_attribute("kgdrug:terms", said, TERMS))
            if sought and not supports:
                attributes.append(_attribute("kgdrug:no_path", True, NO_PATH))
            analysis |= {"attributes": attributes} if attributes else {}
            scored = {"normalized_score": percentile}
        analysis["edge_bindings"] = {asked.edge: [{"id": edge, "attributes": []} for edge in bound]}
        ends = ((asked.subject, hit.subject, asked.hop.subjects), (asked.object, hit.object, asked.hop.objects))
        bindings = {key: [self.binding(concept, ids)] for key, concept, ids in ends}
        return {"node_bindings": bindings, "analyses": [analysis], **scored}

    def binding(self, concept: kgdrug.Concept, ids: tuple[str, ...]) -> dict[str, Any]:
        """A node; one that was asked for by the graph's own id says so."""
        self.node(concept)
        bound: dict[str, Any] = {"id": concept.curie, "attributes": []}
        return bound if not ids or concept.curie in ids else bound | {"query_id": concept.id}

    def node(self, concept: kgdrug.Concept) -> None:
        """Entities that share a CURIE are one node, of all their categories."""
        node = self.nodes.setdefault(concept.curie, {"name": concept.name, "categories": [], "attributes": []})
        if concept.category not in node["categories"]:
            node["categories"].append(concept.category)

    def edge(self, statement: kgdrug.Statement, attributes: Iterable[dict[str, Any]] = ()) -> str:
        """attributes: beside those that all facts of a metaedge share."""
        if statement.id not in self.edges:
            self.node(statement.subject)
            self.node(statement.object)
            sources, shared = self.origin(statement)
            edge = {
                "subject": statement.subject.curie,
                "predicate": statement.predicate,
                "object": statement.object.curie,
                "sources": sources,
                "attributes": [*shared, *attributes],
            }
            if statement.qualifiers:
                edge["qualifiers"] = [
                    {"qualifier_type_id": name, "qualifier_value": value}
                    for name, value in statement.qualifiers.items()
                ]
            self.edges[statement.id] = edge
        return statement.id

    def origin(self, statement: kgdrug.Statement) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Where a statement is from: its sources, and attributes; the same lists for all facts that share them."""
        key = statement.metaedge, statement.parts
        if key not in self._origins:
            of, e = statement.provenance, statement.metaedge
            attributes = [
                _attribute("biolink:knowledge_level", of.level) | {"attribute_source": self.own},
                _attribute("biolink:agent_type", of.agent) | {"attribute_source": self.own},
            ]
            if e is not None:
                said = {
                    "kgdrug:metaedge": e.abbreviation,
                    "kgdrug:source": e.source,
                    "biolink:license": e.licence,
                    "biolink:version": e.version,
                    "kgdrug:part": list(statement.parts),
                }
                attributes += [_attribute(name, value) for name, value in said.items() if value]
            self._origins[key] = self.sources(of), attributes
        return self._origins[key]

    def sources(self, of: kgdrug.Provenance) -> list[dict[str, Any]]:
        """From who made a statement to who tells it here."""
        chain = list(dict.fromkeys(one for one in (of.primary, of.aggregator, self.own) if one))
        roles = ["primary_knowledge_source", *["aggregator_knowledge_source"] * (len(chain) - 1)]
        upstream = [list(of.supporting), *([one] for one in chain)]
        return [
            {"resource_id": one, "resource_role": role, **({"upstream_resource_ids": above} if above else {})}
            for one, role, above in zip(chain, roles, upstream, strict=False)
        ] + [{"resource_id": one, "resource_role": "supporting_data_source"} for one in of.supporting]

    def supports(self, prediction: kgdrug.Prediction) -> list[str]:
        """Auxiliary graphs, one for each path."""
        names = []
        for number, support in enumerate(prediction.supports, 1):
            names.append(f"{prediction.statement.id} path {number}")
            self.auxiliary[names[-1]] = {
                "edges": [self.edge(statement) for statement in support.statements],
                "attributes": [
                    _attribute("kgdrug:metapath", support.metapath),
                    _attribute("kgdrug:path_weight", support.weight),
                ],
            }
        return names


def _attribute(name: str, value: object, description: str | None = None) -> dict[str, Any]:
    said = {"attribute_type_id": name, "value": value}
    return said if description is None else said | {"description": description}


def _of_prediction(prediction: kgdrug.Prediction, supports: list[str], meant: str | None) -> list[dict[str, Any]]:
    """What the model says of a pair; meant: what its probability is of."""
    one = prediction.answer
    said = {
        "biolink:support_graphs": supports or None,
        "biolink:has_confidence_score": one.probability,
        "kgdrug:rank": one.rank,
        "kgdrug:score": one.score,
        "kgdrug:percentile": one.percentile,
        "kgdrug:usual_percentile": one.usual_percentile,
        "kgdrug:agreement": one.agreement,
    }
    means = {"biolink:has_confidence_score": meant}
    attributes = [_attribute(name, value, means.get(name)) for name, value in said.items() if value is not None]
    for note in one.annotations:
        about = ", ".join(text for text in (note.source, note.date) if text)
        licence = [_attribute("biolink:license", note.licence)] if note.licence else []
        attributes.append(
            _attribute("kgdrug:annotation", note.status, about) | ({"attributes": licence} if licence else {})
        )
    return attributes
