"""The treated pairs of a graph, drug and disease told apart whatever way round a metaedge has them."""

from dataclasses import dataclass

import numpy as np

from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph, Metaedge
from kgdrug.graph.known import Int

# types, without case, spaces and the prefix of Biolink
DRUGS = {"compound", "drug", "medication", "chemical", "chemicalentity", "chemicalsubstance", "smallmolecule",
         "molecularentity", "molecularmixture", "biologic", "biologicalproduct"}  # fmt: skip
DISEASES = {"disease", "condition", "indication", "phenotype", "phenotypicfeature", "diseaseorphenotypicfeature",
            "effect/phenotype", "symptom", "sideeffect"}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Treated:
    """Distinct treated pairs, ascending by key: `key` `(p,)` of `pair_keys`, `drug` `(p,)` and `disease` `(p,)`."""

    key: Int
    drug: Int
    disease: Int


def pair_keys(graph: KnowledgeGraph, triples: Int) -> Int:
    """One integer for the unordered pair of entities of each triple; `(t,)`."""
    ends = triples[:, [0, 2]]
    keys: Int = ends.min(1) * len(graph.entities) + ends.max(1)
    return keys


def treated_pairs(graph: KnowledgeGraph) -> Treated:
    """Every pair that a treatment metaedge joins. A UsageError where the graph names no treatment relation."""
    if not graph.treatment_relations:
        raise UsageError(f"the graph {graph.name} names no treatment relation; use split kind 'triples'")
    of_each = []
    for r in graph.treatment_relations:
        triples = graph.triples[graph.triples[:, 1] == r]
        of_each.append(triples[:, [2, 0]] if is_turned(graph.metaedges[r]) else triples[:, [0, 2]])
    drug, disease = np.concatenate(of_each).T
    keys = pair_keys(graph, np.stack([drug, drug, disease], 1))
    key, first = np.unique(keys, return_index=True)
    return Treated(key, drug[first], disease[first])


def is_turned(metaedge: Metaedge) -> bool:
    """Whether a treatment metaedge has the disease as its head, by the names of its types; else its head treats."""
    head, tail = _plain_type(metaedge.head_type), _plain_type(metaedge.tail_type)
    return (head in DISEASES and tail not in DISEASES) or (tail in DRUGS and head not in DRUGS)


def _plain_type(name: str) -> str:
    return "".join(name.casefold().removeprefix("biolink:").replace("_", " ").split())
