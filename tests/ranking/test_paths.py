"""Paths met in the middle are those of walking the graph entity by entity."""

import math
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import UsageError
from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary, canonical_triples
from kgdrug.graph.facts import PARTS, Facts
from kgdrug.graph.metapath import Step, abbreviation
from kgdrug.models.metapaths import Steps, metapaths, path_counts, take_out_own_edges
from kgdrug.ranking.paths import Evidence, paths
from kgdrug.ranking.walks import Walks

SIZES = {"Compound": 3, "Disease": 3, "Gene": 4}
METAEDGES = (
    Metaedge("CbG", "Compound", "binds", "Gene", "CC BY 4.0", "DrugCentral", "2021"),
    Metaedge("CrC", "Compound", "resembles", "Compound"),
    Metaedge("CtD", "Compound", "treats", "Disease"),
    Metaedge("DaG", "Disease", "associates", "Gene"),
    Metaedge("GiG", "Gene", "interacts", "Gene"),
    Metaedge("Gr>G", "Gene", "regulates", "Gene"),
    Metaedge("link", "Disease", "is linked to", "Gene"),
)
NAMES = [metaedge.abbreviation for metaedge in METAEDGES]
Fact = tuple[int, int, int]


def graph_of(sizes: dict[str, int] = SIZES, metaedges: tuple[Metaedge, ...] = METAEDGES) -> KnowledgeGraph:
    """A graph that names its entities, as `Gene2`, and holds no triple."""
    starts = np.cumsum([0, *sizes.values()]).tolist()
    types = tuple(EntityType(name, s, s + size) for (name, size), s in zip(sizes.items(), starts, strict=False))
    names = [f"{name}{i}" for name, size in sizes.items() for i in range(size)]
    return KnowledgeGraph(Vocabulary([f"x::{n}" for n in names], names), types, metaedges, np.empty((0, 3), np.int64))


GRAPH = graph_of()


def facts_of(graph: KnowledgeGraph, parts: dict[str, list[Fact]]) -> Facts:
    by_bit = {PARTS[part]: np.array(rows, np.int64).reshape(-1, 3) for part, rows in parts.items()}
    return Facts.of_parts(by_bit, len(graph.entities), graph.relations)


def entity(graph: KnowledgeGraph, name: str) -> int:
    return graph.entities.names.index(name)


def fact(graph: KnowledgeGraph, head: str, metaedge: str, tail: str) -> Fact:
    names = [e.abbreviation for e in graph.metaedges]
    return entity(graph, head), names.index(metaedge), entity(graph, tail)


@dataclass
class Plain:
    """Paths by lists and recursion."""

    graph: KnowledgeGraph
    triples: set[Fact]
    damping: float

    def steps(self, one: int) -> list[tuple[Step, int]]:
        """Every step from an entity, and where it leads."""
        found = set()
        for h, r, t in self.triples:
            metaedge = self.graph.metaedges[r]
            either = metaedge.head_type == metaedge.tail_type and ">" not in metaedge.abbreviation
            if h == one != t:
                found.add((Step(r), t))
            if t == one != h:
                found.add((Step(r, back=not either), h))
        return sorted(found)

    def degree(self, one: int, step: Step) -> int:
        return sum(way == step for way, _ in self.steps(one))

    def reverse(self, step: Step) -> Step:
        metaedge = self.graph.metaedges[step.relation]
        either = metaedge.head_type == metaedge.tail_type and ">" not in metaedge.abbreviation
        return step if either else Step(step.relation, not step.back)

    def walks(
        self, begun: tuple[int, ...], target: int, left: int
    ) -> Iterator[tuple[tuple[Step, ...], tuple[int, ...]]]:
        if begun[-1] == target:
            yield (), begun
        elif left:
            for step, to in self.steps(begun[-1]):
                if to not in begun:
                    for steps, entities in self.walks((*begun, to), target, left - 1):
                        yield (step, *steps), entities

    def weight(self, steps: tuple[Step, ...], entities: tuple[int, ...]) -> float:
        product = 1
        for step, one, other in zip(steps, entities, entities[1:], strict=False):
            product *= self.degree(one, step) * self.degree(other, self.reverse(step))
        return math.pow(product, -self.damping)

    def evidence(self, source: int, target: int, hops: int, most: int) -> list[tuple]:
        """Name, count, sum, and the best paths as weight and entities, in the order in which they are told."""
        if source == target:
            return []
        groups = defaultdict(list)
        for steps, entities in self.walks((source,), target, hops):
            groups[steps].append((self.weight(steps, entities), entities))
        order = sorted(groups, key=lambda s: (-float(f"{sum(w for w, _ in groups[s]):.12g}"), len(s), s))
        told = []
        for steps in order:
            best = sorted(groups[steps], key=lambda path: (-path[0], path[1]))
            types = tuple(self.graph.type_of(e).name for e in best[0][1])
            name = abbreviation(self.graph, steps, types)
            told.append((name, len(best), sum(weight for weight, _ in best), best[:most]))
        return told


def as_plain(found: tuple[Evidence, ...], graph: KnowledgeGraph = GRAPH) -> list[tuple]:
    """What was found as `Plain` tells it."""
    return [
        (e.metapath, e.count, pytest.approx(e.dwpc), [
            (pytest.approx(p.weight), tuple(graph.entities.ids.index(n.id) for n in p.entities)) for p in e.paths
        ]) for e in found
    ]  # fmt: skip


def every_fact(graph: KnowledgeGraph) -> list[Fact]:
    """All facts that the metaedges allow, an entity joined with itself among them."""
    ranges = {t.name: t.range for t in graph.entity_types}
    return [(h, r, t) for r, e in enumerate(graph.metaedges) for h in ranges[e.head_type] for t in ranges[e.tail_type]]


@st.composite
def some_facts(draw: st.DrawFn) -> list[Fact]:
    """A few of all facts, or a quarter or a half of them, so that paths are many."""
    possible = every_fact(GRAPH)
    few = st.lists(st.sampled_from(possible), max_size=15, unique=True)
    masks = st.lists(st.integers(0, 2 ** len(possible) - 1), min_size=1, max_size=2)
    many = masks.map(lambda m: [f for i, f in enumerate(possible) if (m[0] & m[-1]) >> i & 1])
    return draw(few | many)


entities = st.integers(0, len(GRAPH.entities) - 1)
relations = st.integers(0, 2 * GRAPH.relations - 1)


@settings(max_examples=200, deadline=None)
@given(some_facts(), entities, entities, st.data())
def test_metapaths_counts_weights_and_best_paths_are_those_of_walking(
    facts: list[Fact], source: int, target: int, data: st.DataObject
) -> None:
    joining = [r + turn for h, r, t in facts if {h, t} == {source, target} for turn in (0, GRAPH.relations)]
    without = data.draw(st.lists(st.sampled_from(joining) if joining else relations, max_size=2))
    damping, hops = data.draw(st.sampled_from([0.0, 0.4, 1.0])), data.draw(st.integers(1, 3))
    most, kept = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 20))
    answered = {r % GRAPH.relations for r in without}
    left = {(h, r, t) for h, r, t in facts if not (r in answered and {h, t} == {source, target})}
    expected = Plain(GRAPH, left, damping).evidence(source, target, hops, most)
    found = paths(
        GRAPH, facts_of(GRAPH, {"train": facts}), source, target,
        most_hops=hops, without=without, per_metapath=most, metapaths=kept, damping=damping,
    )  # fmt: skip
    assert as_plain(found) == expected[:kept]


@settings(max_examples=60, deadline=None)
@given(some_facts(), entities, entities)
def test_from_the_other_end_weights_are_the_same_and_metapaths_reversed(
    facts: list[Fact], source: int, target: int
) -> None:
    known = facts_of(GRAPH, {"train": facts})
    there, back = (paths(GRAPH, known, *ends, metapaths=10**6) for ends in ((source, target), (target, source)))
    turned = {"forward": "back", "back": "forward", "both": "both"}

    def told(found: tuple[Evidence, ...], reverse: bool) -> dict[tuple, tuple]:
        result = {}
        for e in found:
            steps = tuple((s.metaedge, turned[s.direction] if reverse else s.direction) for s in e.paths[0].steps)
            weights = tuple(pytest.approx(p.weight) for p in e.paths)
            result[steps[::-1] if reverse else steps] = e.count, pytest.approx(e.dwpc), weights
        return result

    assert told(there, False) == told(back, True)


@settings(max_examples=60, deadline=None)
@given(some_facts(), entities, entities, relations)
def test_the_answered_edge_might_as_well_not_be_there(
    facts: list[Fact], source: int, target: int, relation: int
) -> None:
    answered = {(source, relation % GRAPH.relations, target), (target, relation % GRAPH.relations, source)}
    without = facts_of(GRAPH, {"train": [f for f in facts if f not in answered]})
    known = facts_of(GRAPH, {"train": facts})
    expected = paths(GRAPH, without, source, target)
    assert paths(GRAPH, known, source, target, without=[relation]) == expected
    assert paths(GRAPH, without, source, target, without=[relation]) == expected


@settings(max_examples=30, deadline=None)
@given(some_facts(), st.integers(0, 2), st.integers(3, 5))
def test_sums_are_those_that_metapath_models_count_for_all_pairs_at_once(
    facts: list[Fact], compound: int, disease: int
) -> None:
    graph = replace(GRAPH, triples=canonical_triples(np.array(facts).reshape(-1, 3), len(GRAPH.entities)))
    ways = [way for way in metapaths(graph, "Compound", "Disease", 3) if len(way) > 1]
    steps, expected = Steps(graph, 0.4), {}
    for place, dwpc in path_counts(steps, ways):
        take_out_own_edges(dwpc, ways[place], steps)
        if dwpc[compound, disease - 3]:
            expected[str(ways[place])] = pytest.approx(dwpc[compound, disease - 3])
    everything = range(GRAPH.relations)  # they leave out whatever joins the pair
    found = paths(graph, facts_of(graph, {"train": facts}), compound, disease, without=everything, metapaths=10**6)
    assert {e.metapath: e.dwpc for e in found} == expected


@settings(max_examples=40, deadline=None)
@given(some_facts(), entities, entities)
def test_hubs_that_are_walked_in_parts_come_to_the_same(facts: list[Fact], source: int, target: int) -> None:
    known = facts_of(GRAPH, {"train": facts})
    whole = paths(GRAPH, known, source, target)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("kgdrug.ranking.walks.CELLS", 2)
        in_parts = paths(GRAPH, known, source, target)
    assert as_plain(whole) == as_plain(in_parts)


def test_no_part_of_a_walk_is_larger_than_was_asked_for_and_one_entitys_facts() -> None:
    graph = graph_of({"Gene": 400})
    graph = replace(graph, metaedges=(Metaedge("GiG", "Gene", "interacts", "Gene"),))
    rng = np.random.default_rng(0)
    facts = np.stack([rng.integers(0, 400, 9000), np.zeros(9000, int), rng.integers(0, 400, 9000)], 1)
    walks = Walks(graph, Facts.of_parts({1: facts}, 400, 1), 0.4)
    everything, most = np.arange(400), 500
    parts = list(walks.steps(everything, 0, everything, 0, most))
    largest = int(walks.degrees(everything, 0).max())
    assert max(len(rows) for rows, _ in parts) <= most + largest
    assert len(parts) > 10
    pairs = {(h, t) for h, _, t in facts.tolist() if h != t}
    assert [pair for part in parts for pair in zip(*(a.tolist() for a in part), strict=True)] == sorted(
        pairs | {(t, h) for h, t in pairs}
    )


def test_a_path_is_put_in_words_with_its_directions_and_held_out_facts() -> None:
    rows = {
        "train": [fact(GRAPH, "Compound1", "CbG", "Gene0"), fact(GRAPH, "Gene2", "GiG", "Gene0")],
        "test": [fact(GRAPH, "Disease2", "DaG", "Gene2")],
        "withheld": [fact(GRAPH, "Disease2", "DaG", "Gene2"), fact(GRAPH, "Gene0", "GiG", "Gene2")],
    }
    (evidence,) = paths(GRAPH, facts_of(GRAPH, rows), entity(GRAPH, "Compound1"), entity(GRAPH, "Disease2"))
    (path,) = evidence.paths
    assert (evidence.metapath, evidence.count) == ("CbGiGaD", 1)
    assert path.text() == "Compound1 -binds-> Gene0 -interacts- Gene2 <-associates (test, withheld)- Disease2"
    assert [step.parts for step in path.steps] == [("train",), ("train", "withheld"), ("test", "withheld")]
    assert (path.steps[0].licence, path.steps[0].source, path.steps[0].version) == ("CC BY 4.0", "DrugCentral", "2021")
    assert [(e.id, e.type) for e in path.entities[:2]] == [("x::Compound1", "Compound"), ("x::Gene0", "Gene")]


def test_a_step_says_which_way_the_graph_has_its_fact_where_no_arrow_is_written() -> None:
    """`IS_A` is walked from either end, as `GiG` is, but `A IS_A B` is not `B IS_A A`."""
    metaedges = (Metaedge("GiG", "Gene", "interacts", "Gene"), Metaedge("IS_A", "Gene", "is a", "Gene"))
    graph = graph_of({"Gene": 4}, metaedges)
    rows = {
        "train": [fact(graph, "Gene0", "IS_A", "Gene1"), fact(graph, "Gene3", "IS_A", "Gene1")],
        "test": [fact(graph, "Gene2", "IS_A", "Gene1"), fact(graph, "Gene1", "IS_A", "Gene2")],
    }
    known = facts_of(graph, rows)
    (there,) = (path for e in paths(graph, known, 0, 3) for path in e.paths)
    assert there.text() == "Gene0 -is a-> Gene1 <-is a- Gene3"
    (back,) = (path for e in paths(graph, known, 3, 0) for path in e.paths)
    assert back.text() == "Gene3 -is a-> Gene1 <-is a- Gene0"
    (also,) = (path for e in paths(graph, known, 0, 2) for path in e.paths)
    assert [step.direction for step in also.steps] == ["forward", "both"]
    assert also.steps[1].parts == ("test",)
    (one,) = (path for e in paths(graph, known, 1, 0) for path in e.paths)
    assert one.text() == "Gene1 <-is a- Gene0"
    symmetric = facts_of(graph, {"train": [fact(graph, "Gene0", "GiG", "Gene1")]})
    (one,) = (path for e in paths(graph, symmetric, 1, 0) for path in e.paths)
    assert one.text() == "Gene1 -interacts- Gene0"


def test_of_equal_paths_those_of_earlier_entities_are_told() -> None:
    rows = [fact(GRAPH, c, m, f"Gene{i}") for i in (3, 1, 2, 0) for c, m in (("Compound0", "CbG"), ("Disease0", "DaG"))]
    (evidence,) = paths(GRAPH, facts_of(GRAPH, {"train": rows}), 0, 3, per_metapath=2)
    assert [path.entities[1].name for path in evidence.paths] == ["Gene0", "Gene1"]
    assert (evidence.count, evidence.dwpc) == (4, pytest.approx(4 * 16**-0.4))


def test_many_paths_through_hubs_weigh_less_than_one_that_is_rare() -> None:
    sizes = {"Compound": 2, "Disease": 40, "Gene": 2}
    graph = graph_of(sizes)
    hub = [fact(graph, "Compound0", "CbG", "Gene0"), *(fact(graph, f"Disease{i}", "DaG", "Gene0") for i in range(40))]
    rare = [fact(graph, "Compound0", "CbG", "Gene1"), fact(graph, "Disease7", "link", "Gene1")]
    found = paths(graph, facts_of(graph, {"train": hub + rare}), 0, entity(graph, "Disease7"))
    assert [e.metapath for e in found] == ["Compound: CbG ~link", "CbGaD"]


def test_where_nothing_joins_the_two_there_is_no_evidence() -> None:
    known = facts_of(GRAPH, {"train": [fact(GRAPH, "Compound0", "CtD", "Disease0")]})
    treats = [NAMES.index("CtD")]
    assert paths(GRAPH, known, 0, 0) == ()
    assert paths(GRAPH, known, 0, 3, without=treats) == ()
    assert paths(GRAPH, known, 0, 4) == ()
    assert paths(GRAPH, known, 8, 9) == ()
    assert paths(GRAPH, facts_of(GRAPH, {}), 0, 3) == ()
    assert [e.metapath for e in paths(GRAPH, known, 0, 3)] == ["CtD"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"most_hops": 0}, "1 to 3"),
        ({"most_hops": 4}, "1 to 3"),
        ({"damping": -0.1}, "must be 0 or more"),
        ({"metapaths": 0}, "metapaths is 0 and per_metapath 3; both must be at least 1"),
        ({"per_metapath": 0}, "metapaths is 12 and per_metapath 0; both must be at least 1"),
    ],
)
def test_what_cannot_be_walked_is_refused(asked: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        paths(GRAPH, facts_of(GRAPH, {}), 0, 3, **asked)


def test_nothing_but_numpy_is_loaded_to_explain() -> None:
    code = """
import sys, types, kgdrug
room = types.ModuleType("kgdrug.ranking")
room.__path__ = [kgdrug.__path__[0] + "/ranking"]
sys.modules["kgdrug.ranking"] = room  # what else the room loads is not looked at
import kgdrug.ranking.influence, kgdrug.ranking.paths
print(sorted({"torch", "pandas", "scipy", "polars", "sklearn"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
