"""Which candidates count: by what the graph says of them, by their structure, or by lists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.vocabulary import OtherKindError
from kgdrug.models.arrays import Int

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel

# the relations that a target is sought by, where one of them joins the two types; else every one that does
TARGETED = ("binds", "targets", "target", "target_of", "inhibits")
# the types, in small letters, that classes and targets are of, where candidates are joined with one of them
CLASSES = ("pharmacologic class", "atc", "drug class")
TARGETS = ("gene", "gene/protein", "protein")


@dataclass(frozen=True)
class Filters:
    """What a candidate must be; each that is given must hold, each by id or name.

    classes: joined with one of these pharmacologic classes (`CLASSES`), by any relation; targets: joined with one of
    these genes (`TARGETS`) by a relation that means binding (`TARGETED`), or by any where none of these joins the types
    of the two; where candidates are joined with no such type, entities of any; approved: by the graph or an annotation
    a treatment of anything, or treated by anything where it is asked what is; smarts: its structure holds this pattern;
    only: one of these, None where all may answer; exclude: none of these.

    What no candidate can be is a UsageError: classes or targets of a type that no relation joins with theirs, approved
    where they are no end of a treatment and in no annotation, smarts where no structure of them is known,
    only of nothing.
    """

    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    approved: bool = False
    smarts: str | None = None
    only: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()

    def eligible(self, model: "ServedModel", relations: Sequence[int]) -> Int | None:
        """The columns that count of the candidates of a question over relations, ascending; None where all do.

        Remembered for the next question over the same relations.
        """
        if self == NO_FILTERS:
            return None
        key = self, tuple(relations)
        eligible: Int = model.remembered(key, lambda: np.flatnonzero(self._holds(model, relations)))
        return eligible

    def ready(self, model: "ServedModel", relations: Sequence[int]) -> bool:
        """Whether `eligible` has nothing left to look for."""
        return self == NO_FILTERS or model.remembers((self, tuple(relations)))

    def _holds(self, model: "ServedModel", relations: Sequence[int]) -> np.ndarray:
        graph = model.graph
        candidates = graph.answers(relations[0])
        holds = np.ones(len(candidates), bool)
        if self.only is not None:
            if not self.only:
                raise UsageError("only names nothing, so that nothing could answer; leave it out where all may")
            holds &= _listed(self.only, model, candidates)
        if self.exclude:
            holds &= ~_listed(self.exclude, model, candidates)
        if self.classes:
            holds &= _joined(self.classes, model, candidates, "class", CLASSES, ())
        if self.targets:
            holds &= _joined(self.targets, model, candidates, "target", TARGETS, TARGETED)
        if self.approved:
            holds &= _approved(model, candidates, _treated(graph, relations))
        if self.smarts is not None:
            from kgdrug.sources.molecules import Molecules, matches

            known = [i for i in candidates if i in graph.smiles]
            if not known:
                kind = graph.type_of(candidates.start).name
                raise UsageError(
                    f"the graph {graph.name} holds no structure of any {kind}: smarts cannot be looked for"
                )
            structures = model.remembered(
                ("structures", candidates), lambda: Molecules(graph.smiles[i] for i in known), keep=True
            )
            holding = np.zeros(len(candidates), bool)
            holding[np.array(known) - candidates.start] = matches(structures, self.smarts)
            holds &= holding
        return holds


NO_FILTERS = Filters()


def _treated(graph: KnowledgeGraph, relations: Sequence[int]) -> bool:
    """Whether the candidates are what is treated, not treatments.

    Of entities of one type a question over treatments says that; over others they are taken for treatments.
    """
    m, candidates = graph.relations, graph.answers(relations[0])
    asked = [r for r in relations if r % m in graph.treatment_relations]
    ends = [(graph.heads(t), graph.answers(t)) for t in graph.treatment_relations]
    return asked[0] < m if asked else any(t == candidates for _, t in ends) and all(h != candidates for h, _ in ends)


class SeveralNamesError(UnknownNameError):
    """Nothing goes by this name, which is several names that something goes by, with commas between."""

    def __init__(self, kind: str, name: str, parts: Sequence[str]) -> None:
        super().__init__(kind, name)
        self.args = (f"{self.args[0]}: give each name by itself: {', '.join(map(repr, parts))}",)


def _find(graph: KnowledgeGraph, name: str, ranges: Sequence[range], kind: str | None) -> int:
    """The entity of this name; where it is several names with commas between, the error says so."""
    try:
        return graph.entities.find(name, ranges, kind)
    except UnknownNameError as error:
        parts = [part.strip() for part in name.split(",")]
        if len(parts) == 1 or not all(graph.entities.meant(part, ranges) for part in parts):
            raise
        raise SeveralNamesError(error.kind, error.name, parts) from None


def _listed(names: Iterable[str], model: "ServedModel", candidates: range) -> np.ndarray:
    kind = model.graph.type_of(candidates.start).name if model.graph.typed else None
    listed = np.zeros(len(candidates), bool)
    for name in names:
        listed[_find(model.graph, name, [candidates], kind) - candidates.start] = True
    return listed


def _joined(
    names: Iterable[str],
    model: "ServedModel",
    candidates: range,
    what: str,
    types: tuple[str, ...],
    preferred: tuple[str, ...],
) -> np.ndarray:
    """Whether a candidate is joined with one of the named entities, by a preferred relation where there is one.

    types: of the entities, where a relation joins one of these with the candidates. A UsageError where no relation of
    the graph could join the types, or an entity is of another.
    """
    graph, m = model.graph, model.graph.relations
    joined = np.zeros(len(candidates), bool)
    every = [graph.answers(r) for r in range(2 * m) if graph.heads(r) == candidates]
    ends = [end for end in every if graph.type_of(end.start).name.casefold() in types] or every
    for name in names:
        try:
            entity = _find(graph, name, ends, what)
        except OtherKindError:
            others = dict.fromkeys(graph.type_of(i).name for i in graph.entities.meant(name))
            if graph.entities.meant(name, every):
                kinds = " or ".join(dict.fromkeys(graph.type_of(end.start).name for end in ends))
                raise UsageError(f"{name!r} is of type {' or '.join(others)}; a {what} is of type {kinds}") from None
            raise UsageError(
                f"no answer here can pass the {what} {name!r}: no relation of the graph {graph.name} joins "
                f"type {graph.type_of(candidates.start).name} with type {' or '.join(others)}"
            ) from None
        relations = model.joining[graph.type_of(entity).start, candidates.start]
        meant = [r for r in relations.tolist() if graph.metaedges[r % m].relation.casefold() in preferred]
        queries = np.array([[entity, r] for r in meant or relations.tolist()])
        joined[model.facts.of(queries)[1] - candidates.start] = True
    return joined


def _approved(model: "ServedModel", candidates: range, treated: bool) -> np.ndarray:
    """Whether the graph, or an annotation as approved, says that a candidate treats something, or is treated.

    Of candidates that are no end of a treatment the annotations say which of the two is meant.
    """
    graph, m = model.graph, model.graph.relations
    if candidates not in [end(t) for t in graph.treatment_relations for end in (graph.heads, graph.answers)]:
        treated = not any(a.compound in candidates for a in graph.annotations)
        if treated and not any(a.disease in candidates for a in graph.annotations):
            raise UsageError(
                "approved holds of what treats or is treated, and nothing in the graph "
                f"{graph.name} says either of type {graph.type_of(candidates.start).name}; leave it out here"
            )
    treating = [t + m if treated else t for t in graph.treatment_relations]
    heads, relations = np.divmod(model.facts.keys, 2 * m)
    noted = [a.disease if treated else a.compound for a in graph.annotations if a.status == "approved"]
    either = np.concatenate([heads[np.isin(relations, treating)], np.array(noted, np.int64)])
    approved = np.zeros(len(candidates), bool)
    approved[either[(either >= candidates.start) & (either < candidates.stop)] - candidates.start] = True
    return approved
