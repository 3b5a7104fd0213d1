"""Which candidates count: by what the graph says of them, by their structure, or by lists."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kgdrug.errors import UnknownNameError, UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.models.arrays import Int

if TYPE_CHECKING:
    from kgdrug.trained import ServedModel

# the relations that a target is sought by, where the graph has one of them; else every one that joins the two types
TARGETED = ("binds", "targets", "target", "target_of", "inhibits")
# types of what treats, where a graph has no treatment that says so
COMPOUNDS = ("chemical", "chemical entity", "compound", "drug", "medication", "molecule", "small molecule")


@dataclass(frozen=True)
class Filters:
    """What a candidate must be; each that is given must hold, each by id or name.

    classes: joined with one of these entities, such as a pharmacologic class, by any relation; targets: joined with
    one of these genes by a relation that means binding (`TARGETED`), or by any where the graph has none; approved: by
    the graph or an annotation a treatment of anything, or treated by anything where it is asked what is; smarts: its
    structure holds this pattern; only: one of these; exclude: none of these.

    What no candidate can be is a UsageError: classes, targets and smarts are about compounds, approved about both ends
    of treatments.
    """

    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    approved: bool = False
    smarts: str | None = None
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    def eligible(self, model: "ServedModel", relations: Sequence[int]) -> Int | None:
        """The columns that count of the candidates of a question over relations, ascending; None where all do.

        Remembered for the next question.
        """
        if self == NO_FILTERS:
            return None
        key = _key(self, model, relations)
        eligible: Int = model.remembered(key, lambda: np.flatnonzero(self._holds(model, *key[1:])))
        return eligible

    def ready(self, model: "ServedModel", relations: Sequence[int]) -> bool:
        """Whether `eligible` has nothing left to look for."""
        return self == NO_FILTERS or model.remembers(_key(self, model, relations))

    def _holds(self, model: "ServedModel", candidates: range, treated: bool) -> np.ndarray:
        graph = model.graph
        holds = np.ones(len(candidates), bool)
        kind = graph.type_of(candidates.start).name
        if self.only:
            holds &= _listed(self.only, model, candidates, "only")
        if self.exclude:
            holds &= ~_listed(self.exclude, model, candidates, "exclude")
        if self.classes:
            _of_compounds(graph, candidates, "class", "belongs to no pharmacologic class")
            holds &= _joined(self.classes, model, candidates, "class", ())
        if self.targets:
            _of_compounds(graph, candidates, "target", "has no target")
            holds &= _joined(self.targets, model, candidates, "target", TARGETED)
        if self.approved:
            if candidates not in [end(t) for t in graph.treatment_relations for end in (graph.heads, graph.answers)]:
                raise UsageError(
                    f"approved holds of what treats or is treated, and a {kind} does neither; leave it out here"
                )
            holds &= _approved(model, candidates, treated)
        if self.smarts is not None:
            from kgdrug.sources.molecules import Molecules, matches

            known = [i for i in candidates if i in graph.smiles]
            if not known:
                _of_compounds(graph, candidates, "smarts", "has no structure")
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


def _key(filters: Filters, model: "ServedModel", relations: Sequence[int]) -> tuple[Filters, range, bool]:
    """What decides which candidates count: filters, candidates, and whether these are what is treated.

    Of entities of one type a question over treatments says that; over others they are taken for treatments.
    """
    graph, m = model.graph, model.graph.relations
    candidates = graph.answers(relations[0])
    asked = [r for r in relations if r % m in graph.treatment_relations]
    ends = [(graph.heads(t), graph.answers(t)) for t in graph.treatment_relations]
    treated = asked[0] < m if asked else any(t == candidates for _, t in ends) and all(h != candidates for h, _ in ends)
    return filters, candidates, treated


def _of_compounds(graph: KnowledgeGraph, candidates: range, option: str, lack: str) -> None:
    """A UsageError where the candidates are known to be no compounds."""
    compounds = [graph.heads(t) for t in graph.treatment_relations]
    compounds += [t.range for t in graph.entity_types if t.name.casefold().replace("_", " ") in COMPOUNDS]
    if compounds and candidates not in compounds:
        kind = graph.type_of(candidates.start).name
        raise UsageError(f"{option} is for compounds; the answers here are of type {kind}: a {kind} {lack}")


def _find(graph: KnowledgeGraph, name: str, ranges: Sequence[range], kind: str | None, option: str) -> int:
    """The entity of this name; where it is several names with commas between, the error says so."""
    try:
        return graph.entities.find(name, ranges, kind)
    except UnknownNameError as error:
        parts = [part.strip() for part in name.split(",")]
        if len(parts) == 1 or not all(graph.entities.meant(part, ranges) for part in parts):
            raise
        each = " ".join(f"--{option} {shlex.quote(part)}" for part in parts)
        raise UsageError(f"unknown {error.kind} {name!r}: give each name by itself, {each}") from None


def _listed(names: Iterable[str], model: "ServedModel", candidates: range, option: str) -> np.ndarray:
    kind = model.graph.type_of(candidates.start).name if model.graph.typed else None
    listed = np.zeros(len(candidates), bool)
    for name in names:
        listed[_find(model.graph, name, [candidates], kind, option) - candidates.start] = True
    return listed


def _joined(
    names: Iterable[str], model: "ServedModel", candidates: range, what: str, preferred: tuple[str, ...]
) -> np.ndarray:
    """Whether a candidate is joined with one of the named entities, by a preferred relation where there is one."""
    graph, m = model.graph, model.graph.relations
    joined = np.zeros(len(candidates), bool)
    ends = [graph.answers(r) for r in range(2 * m) if graph.heads(r) == candidates]
    for name in names:
        entity = _find(graph, name, ends, what, what)
        relations = model.joining[graph.type_of(entity).start, candidates.start]
        meant = [r for r in relations.tolist() if graph.metaedges[r % m].relation.casefold() in preferred]
        queries = np.array([[entity, r] for r in meant or relations.tolist()])
        joined[model.facts.of(queries)[1] - candidates.start] = True
    return joined


def _approved(model: "ServedModel", candidates: range, treated: bool) -> np.ndarray:
    """Whether the graph, or an annotation as approved, says that a candidate treats something, or is treated."""
    graph, m = model.graph, model.graph.relations
    treating = [t + m if treated else t for t in graph.treatment_relations]
    heads, relations = np.divmod(model.facts.keys, 2 * m)
    noted = [a.disease if treated else a.compound for a in graph.annotations if a.status == "approved"]
    either = np.concatenate([heads[np.isin(relations, treating)], np.array(noted, np.int64)])
    approved = np.zeros(len(candidates), bool)
    approved[either[(either >= candidates.start) & (either < candidates.stop)] - candidates.start] = True
    return approved
