"""What is in a graph, in numbers."""

from typing import Any

import numpy as np

from kgdrug.graph.graph import KnowledgeGraph


def describe(graph: KnowledgeGraph) -> dict[str, Any]:
    """Counts of entities by type and of triples by metaedge, treatments, isolated entities, and the digest."""
    degree = np.bincount(graph.triples[:, [0, 2]].ravel(), minlength=len(graph.entities))
    per_relation = np.bincount(graph.triples[:, 1], minlength=graph.relations)
    metaedges = {
        e.abbreviation: {
            "head_type": e.head_type,
            "relation": e.relation,
            "tail_type": e.tail_type,
            "triples": int(count),
            "licence": e.licence,
            "source": e.source,
        }
        for e, count in zip(graph.metaedges, per_relation, strict=True)
    }
    return {
        "name": graph.name,
        "digest": graph.digest,
        "entities": len(graph.entities),
        "triples": len(graph.triples),
        "entity_types": {t.name: len(t) for t in graph.entity_types},
        "metaedges": metaedges,
        "treats": list(graph.treats),
        "treatments": int(per_relation[graph.treatment_relations].sum()),
        "isolated": int((degree == 0).sum()),
    }
