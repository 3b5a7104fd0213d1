"""Vectors that DGL-KE trained, as a `TrainedModel`: those published with DRKG, or any that `dglke_train` wrote.

Scores are those of DGL-KE without its constant gamma, which raises every score alike and so changes no ranking.
Read before: awslabs/dgl-ke, `models/pytorch/score_fun.py`, where the scores are defined.
"""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from kgdrug.config import experiment_from
from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary, canonical_triples
from kgdrug.graph.known import Int
from kgdrug.models import SCORES, TableModel
from kgdrug.sources import load_graph
from kgdrug.sources.forms.drkg import TREATS, parse_relation, type_of
from kgdrug.sources.forms.triples import UNTYPED
from kgdrug.splits import Split
from kgdrug.trained.dglke_files import (
    CONFIG,
    ENTITY_NAMES,
    RELATION_NAMES,
    Files,
    Names,
    find_files,
    open_vectors,
    read_names,
    read_rows,
)
from kgdrug.trained.folder import TrainedModel

log = logging.getLogger(__name__)

IMPORTABLE = {  # DGL-KE's name of a model, and the score function that is the same; its plain TransE is TransE_l2
    "TransE_l2": "transe-l2",
    "TransE": "transe-l2",
    "DistMult": "distmult",
    "ComplEx": "complex",
    "RotatE": "rotate",
}
_ROTATE_MARGIN = 2.0  # DGL-KE's numbers begin within (gamma + 2) / hidden_dim of zero


@dataclass(frozen=True)
class _Schema:
    """The type of each entity and the metaedge of each relation, in the order of their numbers."""

    types: Sequence[str]
    metaedges: Sequence[Metaedge]


def read_dglke(
    folder: str | Path, graph: KnowledgeGraph | str | Path | None = None, name: str | None = None
) -> TrainedModel:
    """The model whose vectors lie in a folder of DGL-KE's or DRKG's form; see `dglke_files`.

    graph: the graph that the vectors were trained on, or its source: its triples are the known facts, and its names,
    structures and annotations come along. The entities and relations are those of the folder; a triple of others is a
    UsageError. Without a graph nothing is known. name: of the model, by default the folder's.

    Types and metaedges are those that names of DRKG's form say (`Type::id`, `SOURCE::code::HeadType:TailType`); else
    the graph's, where it has every entity and relation; else all entities are of one type.
    Memory: one table of the vectors as float32; the files are mapped.
    """
    folder = Path(folder)
    files = find_files(folder, tuple(IMPORTABLE))
    score, title = IMPORTABLE[files.model], folder.resolve().name
    entities, relations = read_names(files, *ENTITY_NAMES), read_names(files, *RELATION_NAMES)
    vectors = open_vectors(files.entity, entities), open_vectors(files.relation, relations)
    _check_widths(files, *vectors)
    known = load_graph(graph) if isinstance(graph, str | Path) else graph
    learnt, orders = _graph(_schema(entities, relations, known), entities, relations, known)
    if known is not None:
        learnt = _with_facts(learnt, known, entities, relations)
    source = str(folder) if graph is None else graph.name if isinstance(graph, KnowledgeGraph) else str(graph)
    learnt = replace(
        learnt,
        name=known.name if known is not None else files.dataset or title,
        made={"sources": list(dict.fromkeys([str(folder), source])), "form": "dglke"},
    )
    entity = read_rows(files.entity, vectors[0], orders[0], entities)
    relation = read_rows(files.relation, vectors[1], orders[1], relations)
    if score == "rotate":
        relation /= _half_turn(files, relation.shape[1]) / math.pi
    experiment = experiment_from(
        {
            "name": name or title,
            "graph": {"source": source},
            "model": {"score": score, "dimension": entity.shape[1]},
            "training": {"candidates": "all"},  # DGL-KE's negatives are of every type
        },
        str(folder),
    )
    imported = {"from": "dglke", "dataset": files.dataset, "model": files.model, "gamma": files.gamma}
    nothing = np.empty((0, 3), np.int64)
    return TrainedModel(
        [TableModel(score, entity, with_reciprocals(score, relation))],
        Split(learnt, learnt.triples, nothing, nothing, made={"kind": "imported"}),
        experiment,
        {"imported": {key: value for key, value in imported.items() if value not in (None, "")}},
    )


def with_reciprocals(score: str, relations: Tensor) -> Tensor:
    """Relations `(m, w)` and, below them, those that lead back: `score(t, r + m, h)` is `score(h, r, t)`; `(2m, w)`."""
    if score == "distmult":  # symmetric
        back = relations
    elif score == "complex":  # the conjugate
        real, imaginary = relations.chunk(2, 1)
        back = torch.cat([real, -imaginary], 1)
    else:  # translations and phases
        back = -relations
    return torch.cat([relations, back])


def _check_widths(files: Files, entity: NDArray[Any], relation: NDArray[Any]) -> None:
    function, d, w = SCORES[IMPORTABLE[files.model]], entity.shape[1], relation.shape[1]
    if d == 0 or (d % function.multiple):
        raise BadInputError(files.entity, f"has rows of {d} numbers, which {files.model} cannot have")
    if w != function.width(d):
        due = f"{function.width(d)} where {files.entity.name} has {d}"
        raise BadInputError(files.relation, f"has rows of {w} numbers; {files.model} has {due}")


def _half_turn(files: Files, width: int) -> float:
    """The number that DGL-KE's RotatE keeps for a phase of pi."""
    where = files.folder / CONFIG
    if files.gamma is None:
        example = '{"gamma": 12.0}'
        message = f"should give the gamma that RotatE was trained with, on which its phases depend, such as {example}"
        raise BadInputError(where, message)
    hidden = files.said.get("hidden_dim") or files.said.get("emb_size") or width
    if hidden != width:
        message = f"says that an entity has {hidden} complex numbers, and {files.relation.name} has {width} phases"
        raise BadInputError(where, message)
    return (files.gamma + _ROTATE_MARGIN) / width


def _schema(entities: Names, relations: Names, known: KnowledgeGraph | None) -> _Schema:
    names = relations.names.to_list()
    parsed = [parse_relation(name) for name in names]
    metaedges = [metaedge for metaedge in parsed if metaedge is not None]
    if len(metaedges) == len(names):
        return _drkg_schema(entities, relations, metaedges)
    if known is not None:
        said = {e.abbreviation: e for e in known.metaedges}
        strangers = [entity for entity in entities.names if entity not in known.entities]
        if all(name in said for name in names) and not strangers:
            types = [t.name for t in known.entity_types for _ in t.range]
            return _Schema([types[known.entities.index(i)] for i in entities.names], [said[name] for name in names])
        if strangers and known.typed:
            counts = f"{len(strangers):,} of {len(entities):,} entities"
            log.warning("%s, such as %s, are not in %s: none has a type", counts, strangers[0], known.name)
    if metaedges:
        odd = parsed.index(None)
        message = f"{names[odd]!r} is no relation of the form SOURCE::code::HeadType:TailType, as others here are"
        raise BadInputError(relations.file, message, relations.lines[odd])
    return _Schema([UNTYPED] * len(entities), [Metaedge(name, UNTYPED, name, UNTYPED) for name in names])


def _drkg_schema(entities: Names, relations: Names, metaedges: Sequence[Metaedge]) -> _Schema:
    fitting = entities.names.str.contains("^[^:]+::").to_numpy()
    if not fitting.all():
        odd = int(fitting.argmin())
        message = f"{entities.names[odd]!r} is no id of the form Type::id, which relations of DRKG's form need"
        raise BadInputError(entities.file, message, entities.lines[odd])
    types = type_of(entities.names).to_list()
    there = set(types)
    for metaedge, line in zip(metaedges, relations.lines, strict=True):
        for end in (metaedge.head_type, metaedge.tail_type):
            if end not in there:
                message = f"{metaedge.abbreviation} joins entities of type {end!r}; {entities.file.name} has none"
                raise BadInputError(relations.file, message, line)
    return _Schema(types, metaedges)


def _graph(
    schema: _Schema, entities: Names, relations: Names, known: KnowledgeGraph | None
) -> tuple[KnowledgeGraph, tuple[Int, Int]]:
    """The graph of these entities and metaedges, without triples, and the number of each of its entities and metaedges.

    The names and synonyms are those of the known graph.
    """
    ids, abbreviations = entities.names.to_list(), relations.names.to_list()
    order = sorted(range(len(ids)), key=lambda i: (schema.types[i], ids[i]))
    relation_order = sorted(range(len(abbreviations)), key=abbreviations.__getitem__)
    ordered = [ids[i] for i in order]
    display = {} if known is None else dict(zip(known.entities.ids, known.entities.names, strict=True))
    others = {} if known is None else {known.entities.ids[i]: texts for i, texts in known.entities.synonyms.items()}
    types, starts = np.unique([schema.types[i] for i in order], return_index=True)
    stops = [*starts[1:].tolist(), len(ids)]
    treats = {*TREATS, *(known.treats if known is not None else ())} & set(abbreviations)
    graph = KnowledgeGraph(
        Vocabulary(
            ordered,
            (display.get(entity, entity) for entity in ordered),
            synonyms={i: others[entity] for i, entity in enumerate(ordered) if entity in others},
        ),
        tuple(map(EntityType, types.tolist(), starts.tolist(), stops)),
        tuple(schema.metaedges[i] for i in relation_order),
        np.empty((0, 3), np.int64),
        tuple(sorted(treats)),
    )
    return graph, (np.array(order, np.int64), np.array(relation_order, np.int64))


def _with_facts(graph: KnowledgeGraph, known: KnowledgeGraph, entities: Names, relations: Names) -> KnowledgeGraph:
    """The graph with the triples of a known one, all of which have to be of its own entities and metaedges.

    Structures and annotations of entities that both have come along.
    """
    index = {entity: i for i, entity in enumerate(graph.entities.ids)}
    place = np.array([index.get(entity, -1) for entity in known.entities.ids], np.int64)
    metaedge = {e.abbreviation: r for r, e in enumerate(graph.metaedges)}
    relation_place = np.array([metaedge.get(e.abbreviation, -1) for e in known.metaedges], np.int64)
    heads, kinds, tails = known.triples.T
    triples = np.stack([place[heads], relation_place[kinds], place[tails]], 1)
    strange = (triples < 0).any(1)
    if strange.any():
        words = [known.entities.ids[i] for i in np.unique(known.triples[:, [0, 2]]) if place[i] < 0]
        words += [known.metaedges[r].abbreviation for r in np.unique(kinds) if relation_place[r] < 0]
        shown = ", ".join(words[:3]) + (f" and {len(words) - 3:,} more" if len(words) > 3 else "")
        raise UsageError(
            f"{strange.sum():,} of the {len(triples):,} triples of {known.name} are of entities or relations that "
            f"{entities.file.name} and {relations.file.name} lack: {shown}; give the graph that the vectors are of"
        )
    answers, starts = (ranges[triples[:, 1]] for ranges in graph.relation_ranges)
    misfit = (triples[:, 2] < answers[:, 0]) | (triples[:, 2] >= answers[:, 1])
    misfit |= (triples[:, 0] < starts[:, 0]) | (triples[:, 0] >= starts[:, 1])
    if misfit.any():
        head, r, tail = triples[misfit.argmax()].tolist()
        pair = f"{graph.entities.ids[head]} and {graph.entities.ids[tail]}"
        raise UsageError(
            f"{misfit.sum():,} of the {len(triples):,} triples of {known.name} do not fit their metaedge: "
            f"{graph.metaedges[r].abbreviation} does not join {pair}"
        )
    smiles = {int(place[i]): text for i, text in known.smiles.items() if place[i] >= 0}
    moved = (replace(a, compound=int(place[a.compound]), disease=int(place[a.disease])) for a in known.annotations)
    annotations = tuple(sorted(a for a in moved if a.compound >= 0 and a.disease >= 0))
    return replace(
        graph, triples=canonical_triples(triples, len(graph.entities)), smiles=smiles, annotations=annotations
    )
