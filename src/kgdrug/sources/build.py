"""Sources to one graph: read, merge, keep and drop, annotate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kgdrug.graph import KnowledgeGraph, keep_metaedges
from kgdrug.graph import drop_licences as without_licences
from kgdrug.sources.annotations import read_annotations
from kgdrug.sources.bad_lines import Reading
from kgdrug.sources.load import load_graph
from kgdrug.sources.merge import OF_MAPPING, MergeReport, merge_graphs

_MOST_SHOWN = 5  # clashes of one kind that the notes name one by one


@dataclass(frozen=True)
class Built:
    """A graph, what happened on the way in plain lines, and the report of the merge where there was one."""

    graph: KnowledgeGraph
    notes: tuple[str, ...] = field(default=())
    merge: MergeReport | None = None


def counted(number: int, one: str, several: str | None = None) -> str:
    """`1 line`, `2 lines`: a number with its noun; several: the plural, by default with an s."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def build_graph(
    sources: Sequence[str | Path],
    *,
    form: str | None = None,
    mapping: Sequence[tuple[str, str]] = (),
    rename_types: Mapping[str, str] | None = None,
    keep: Sequence[str] = (),
    drop_licences: Sequence[str] = (),
    treats: Sequence[str] | None = None,
    annotations: Sequence[Path] = (),
    name: str | None = None,
    reading: Reading | None = None,
) -> Built:
    """The graph of one source, or of several merged by id.

    form: see `load_graph`; mapping, rename_types: see `merge_graphs`; keep: metaedges to keep, by abbreviation or
    relation; drop_licences: kinds of licence to leave out; treats: the metaedges that mean treatment, where the sources
    do not say it; annotations: files of what is known about pairs. Where keep and drop_licences leave nothing out, the
    graph stays as it is, with the entities that have no triple.
    """
    reading = reading or Reading()
    graphs = [load_graph(source, form, reading) for source in sources]
    notes = [f"dropped {counted(reading.duplicates, 'duplicate line')}"] if reading.duplicates else []
    graph, merge = graphs[0], None
    if len(graphs) > 1 or rename_types or mapping:
        graph, merge = merge_graphs(graphs, mapping, rename_types)
        notes += _merged(merge)
    if keep:
        graph = _cut(graph, keep_metaedges(graph, keep), notes)
    if drop_licences:
        graph = _cut(graph, without_licences(graph, drop_licences), notes)
    if treats is not None:
        graph = replace(graph, treats=tuple(graph.metaedges[graph.relation(t)].abbreviation for t in treats))
    for path in annotations:
        found, others = read_annotations(path, graph, reading)
        graph = replace(graph, annotations=tuple(sorted({*graph.annotations, *found})))
        notes.append(
            f"{path}: {counted(len(found), 'annotation')}; {others:,} about pairs that the graph does not have"
        )
    return Built(replace(graph, name=name) if name else graph, tuple(notes), merge)


def _cut(before: KnowledgeGraph, after: KnowledgeGraph, notes: list[str]) -> KnowledgeGraph:
    """The graph after a cut, or as it was where every triple stays; what is left out is added to the notes."""
    triples = len(before.triples) - len(after.triples)
    if not triples:
        notes.append("left out nothing: every triple stays")
        return before
    there = {e.abbreviation for e in after.metaedges}
    gone = ", ".join(e.abbreviation for e in before.metaedges if e.abbreviation not in there)
    entities = len(before.entities) - len(after.entities)
    annotations = len(before.annotations) - len(after.annotations)
    lost = [counted(triples, "triple"), f"{counted(entities, 'entity', 'entities')} without others"]
    if annotations:
        lost.append(f"{counted(annotations, 'annotation')} about these")
    notes.append(f"left out {gone}: {', '.join(lost)}")
    return after


def _merged(report: MergeReport) -> list[str]:
    notes = []
    several = len(report.graphs) > 1
    for i, graph in enumerate(report.graphs if several else ()):
        brought = counted(report.entities[i], "entity", "entities"), counted(report.triples[i], "triple")
        notes.append(f"{graph} {'adds' if i else 'has'} {brought[0]} and {brought[1]}")
    if several:
        by_mapping = f", {report.equivalent:,} of them by the mapping" if report.equivalent else ""
        common = counted(report.shared, "triple"), counted(len(report.metaedges), "metaedge")
        notes.append(f"joined {counted(report.joined, 'entity', 'entities')}{by_mapping}, {common[0]}, {common[1]}")
    used, unused = report.mapping
    if used or unused:
        why = ", for want of two ids of one type in the graphs" if unused else ""
        notes.append(f"mapping: {counted(used, 'pair')} used, {unused:,} unused{why}")
    for kind in dict.fromkeys(clash.kind for clash in report.clashes):
        texts = [clash.text for clash in report.clashes if clash.kind == kind]
        kept = "" if kind in OF_MAPPING else "; the first word was kept"
        notes.append(f"{counted(len(texts), 'clash', 'clashes')} of {kind}{kept}:")
        notes += [f"  {text}" for text in texts[:_MOST_SHOWN]]
        notes += [f"  and {len(texts) - _MOST_SHOWN:,} more"] if len(texts) > _MOST_SHOWN else []
    return notes
