"""Sources to one graph: read, merge, keep and drop, annotate."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from kgdrug.graph import KnowledgeGraph, drop_licences, keep_metaedges
from kgdrug.sources.annotations import read_annotations
from kgdrug.sources.load import load_graph
from kgdrug.sources.merge import MergeReport, merge_graphs
from kgdrug.sources.reading import Reading

_MOST_SHOWN = 5  # clashes of one kind that the notes name one by one


@dataclass(frozen=True)
class Built:
    """A graph, what happened on the way in plain lines, and the report of the merge where there was one."""

    graph: KnowledgeGraph
    notes: tuple[str, ...] = field(default=())
    merge: MergeReport | None = None


def build_graph(
    sources: Sequence[str | Path],
    *,
    form: str | None = None,
    equivalent: Sequence[tuple[str, str]] = (),
    types: Mapping[str, str] | None = None,
    keep: Sequence[str] = (),
    drop: Sequence[str] = (),
    treats: Sequence[str] | None = None,
    annotations: Sequence[Path] = (),
    name: str | None = None,
    reading: Reading | None = None,
) -> Built:
    """The graph of one source, or of several merged by id.

    form: see `load_graph`; equivalent, types: see `merge_graphs`; keep: metaedges to keep, by abbreviation or relation;
    drop: kinds of licence to leave out; treats: the metaedges that mean treatment, where the sources do not say it;
    annotations: files of what is known about pairs.
    """
    reading = reading or Reading()
    graphs = [load_graph(source, form, reading) for source in sources]
    notes = [f"dropped {reading.duplicates:,} duplicate lines"] if reading.duplicates else []
    graph, merge = graphs[0], None
    if len(graphs) > 1 or types or equivalent:
        graph, merge = merge_graphs(graphs, equivalent, types)
        notes += _merged(merge) if len(graphs) > 1 else []
    for wanted, change in ((keep, keep_metaedges), (drop, drop_licences)):
        if wanted:
            before, graph = graph, change(graph, wanted)
            gone = [
                e.abbreviation
                for e in before.metaedges
                if e.abbreviation not in {k.abbreviation for k in graph.metaedges}
            ]
            lost = len(before.entities) - len(graph.entities), len(before.triples) - len(graph.triples)
            notes.append(
                f"left out {', '.join(gone) or 'nothing'}: {lost[1]:,} triples, {lost[0]:,} entities without others"
            )
    if treats is not None:
        graph = replace(graph, treats=tuple(graph.metaedges[graph.relation(t)].abbreviation for t in treats))
    for path in annotations:
        found, others = read_annotations(path, graph, reading)
        graph = replace(graph, annotations=tuple(sorted({*graph.annotations, *found})))
        notes.append(f"{path}: {len(found):,} annotations; {others:,} are about pairs that the graph does not have")
    return Built(replace(graph, name=name) if name else graph, tuple(notes), merge)


def _merged(report: MergeReport) -> list[str]:
    notes = []
    for i, graph in enumerate(report.graphs):
        which = "has" if i == 0 else "adds"
        notes.append(f"{graph} {which} {report.entities[i]:,} entities and {report.triples[i]:,} triples")
    by_mapping = f", {report.equivalent:,} of them by the mapping" if report.equivalent else ""
    notes.append(
        f"joined {report.joined:,} entities{by_mapping}, {report.shared:,} triples, {len(report.metaedges)} metaedges"
    )
    for kind in dict.fromkeys(clash.kind for clash in report.clashes):
        texts = [clash.text for clash in report.clashes if clash.kind == kind]
        notes.append(f"{len(texts):,} clashes of {kind}; the first word was kept:")
        notes += [f"  {text}" for text in texts[:_MOST_SHOWN]]
        notes += [f"  and {len(texts) - _MOST_SHOWN:,} more"] if len(texts) > _MOST_SHOWN else []
    return notes
