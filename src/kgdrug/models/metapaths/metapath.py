"""Which metapaths there are from one entity type to another."""

from collections.abc import Iterator

from kgdrug.errors import UsageError
from kgdrug.graph import KnowledgeGraph
from kgdrug.graph.metapath import Metapath, Step, abbreviation, steps_from

MOST = 20_000  # metapaths that are enumerated before this is refused


def metapaths(graph: KnowledgeGraph, source: str, target: str, length: int) -> list[Metapath]:
    """Every metapath of 1 to `length` steps from one entity type to another, by length, then by its steps.

    A metaedge without a triple leads nowhere and is left out. More than `MOST` are a UsageError.
    """
    source, target = graph.entity_type(source).name, graph.entity_type(target).name
    walked = set(graph.triples[:, 1].tolist())
    onward = {
        t.name: [(step, to) for step, to in steps_from(graph, t.name) if step.relation in walked]
        for t in graph.entity_types
    }
    left = _steps_left(onward, target, length)
    found: list[Metapath] = []
    for exact in range(1, length + 1):
        for steps, types in _walks(onward, left, (), (source,), exact):
            found.append(Metapath(steps, types, abbreviation(graph, steps, types)))
            if len(found) > MOST:
                raise UsageError(
                    f"there are more than {MOST:,} metapaths of up to {length} steps from {source} to {target}; "
                    "lower metapaths.length, or leave metaedges out of the graph"
                )
    return found


Onward = dict[str, list[tuple[Step, str]]]


def _steps_left(onward: Onward, target: str, length: int) -> list[set[str]]:
    """For 0, 1, ... steps, the types from which that many lead to the target."""
    reach = [{target}]
    for _ in range(length):
        reach.append({name for name, steps in onward.items() if any(to in reach[-1] for _, to in steps)})
    return reach


def _walks(
    onward: Onward, left: list[set[str]], steps: tuple[Step, ...], types: tuple[str, ...], more: int
) -> Iterator[tuple[tuple[Step, ...], tuple[str, ...]]]:
    if more == 0:
        yield steps, types
        return
    for step, to in onward[types[-1]]:
        if to in left[more - 1]:
            yield from _walks(onward, left, (*steps, step), (*types, to), more - 1)
