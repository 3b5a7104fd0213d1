"""What a fact is said to do to a score is what refitting the row without it does."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import Tensor

from kgdrug.graph import EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.graph.facts import Facts
from kgdrug.models import SCORES
from kgdrug.ranking.influence import Influence, influences

METAEDGES = (
    Metaedge("CbG", "Compound", "binds", "Gene"),
    Metaedge("CpD", "Compound", "palliates", "Disease"),
    Metaedge("CrC", "Compound", "resembles", "Compound"),
    Metaedge("CtD", "Compound", "treats", "Disease"),
    Metaedge("DaG", "Disease", "associates", "Gene"),
)
RELATION = {metaedge.abbreviation: i for i, metaedge in enumerate(METAEDGES)}
M = len(METAEDGES)
SCORED = ("distmult", "complex", "quate", "cp", "simple", "rescal")  # dot products, linear in the head
Fact = tuple[int, int, int]


def graph_of(compounds: int = 12, diseases: int = 8, genes: int = 20) -> KnowledgeGraph:
    sizes = {"Compound": compounds, "Disease": diseases, "Gene": genes}
    starts = np.cumsum([0, *sizes.values()]).tolist()
    types = tuple(EntityType(name, s, s + size) for (name, size), s in zip(sizes.items(), starts, strict=False))
    names = [f"{name}{i}" for name, size in sizes.items() for i in range(size)]
    return KnowledgeGraph(Vocabulary(names), types, METAEDGES, np.empty((0, 3), np.int64), ("CtD",))


@dataclass
class Example:
    """A graph with random facts and tables, and how it is trained."""

    graph: KnowledgeGraph
    facts: list[Fact]
    score: str
    entity: Tensor
    relation: Tensor
    repeats: int = 1
    n3: float = 0.05
    ridge: float = 1.0
    left_out: tuple[int, ...] = ()

    @classmethod
    def random(cls, score: str, seed: int = 1, count: int = 110, graph: KnowledgeGraph | None = None) -> "Example":
        graph, rng, dimension = graph or graph_of(), np.random.default_rng(seed), 8
        facts = set()
        while len(facts) < count:
            r = int(rng.integers(M))
            head, tail = (int(rng.choice(ends)) for ends in (graph.heads(r), graph.answers(r)))
            if head != tail:
                facts.add((head, r, tail))
        width = SCORES[score].width(dimension)
        entity, relation = rng.normal(0, 0.8, (len(graph.entities), dimension)), rng.normal(0, 0.8, (2 * M, width))
        return cls(graph, sorted(facts), score, torch.tensor(entity), torch.tensor(relation))

    def of(self, end: int) -> list[tuple[int, int]]:
        """Relation and other end of each fact of an entity, in both directions."""
        return [(r, t) for h, r, t in self.facts if h == end] + [(r + M, h) for h, r, t in self.facts if t == end]

    def query(self, heads: Tensor, relations: Tensor) -> Tensor:
        return SCORES[self.score].query(heads, relations, {})

    def loss(self, row: Tensor, end: int, facts: Sequence[tuple[int, int]]) -> Tensor:
        """The whole loss of an entity's row."""
        function, own, n = SCORES[self.score], self.graph.type_of(end), len(self.entity)
        relations, others = (torch.tensor(column) for column in zip(*facts, strict=True))
        spans = torch.tensor([[r.start, r.stop] for r in map(self.graph.answers, relations.tolist())])
        inside = (torch.arange(n) >= spans[:, :1]) & (torch.arange(n) < spans[:, 1:])
        table = torch.cat([self.entity[:end], row[None], self.entity[end + 1 :]])
        out = function.compare(self.query(row.expand(len(facts), -1), self.relation[relations]), table)
        out = out.masked_fill(~inside, -torch.inf).log_softmax(1).gather(1, others[:, None])[:, 0]
        asked_back = self.query(self.entity[others], self.relation[(relations + M) % (2 * M)])
        back = function.compare(asked_back, table[own.start : own.stop]).log_softmax(1)[:, end - own.start]
        n3 = 2 * self.n3 * (function.moduli(row[None], False) ** 3).sum()
        weights = torch.where(relations % M == RELATION["CtD"], self.repeats, 1)
        return self.ridge / 2 * row @ row + (weights * (n3 - out - back)).sum()

    def refitted(self, end: int, facts: Sequence[tuple[int, int]]) -> Tensor:
        """The row at the optimum of its loss, by Newton's steps as long as they lower it."""
        row = self.entity[end].clone()

        def loss(at: Tensor) -> Tensor:
            return self.loss(at, end, facts)

        for _ in range(50):
            gradient = torch.autograd.functional.jacobian(loss, row)
            if gradient.norm() < 1e-8:
                break
            hessian = torch.autograd.functional.hessian(loss, row, vectorize=True)
            step = torch.linalg.solve(hessian, gradient)
            step = step if step @ gradient > 0 else gradient
            while loss(row - step) > loss(row) and step.norm() > 1e-9:
                step = step / 2
            row = row - step
        return row

    def scored(self, head: int, relation: int, tail: int) -> float:
        asked = self.query(self.entity[head][None], self.relation[relation][None])
        return float(SCORES[self.score].pairwise(asked, self.entity[tail][None]))

    def fitted(self, *ends: int) -> "Example":
        """The same with these rows at their optimum, one after the other until they stand still."""
        for _ in range(5):
            for end in ends:
                self.entity[end] = self.refitted(end, self.of(end))
        return self

    def changes(self, asked: Fact) -> dict[Fact, float]:
        """The score without each fact of either end less the score with it, by refitting; of both ends, the sum."""
        head, _, tail = asked
        before, found = self.scored(*asked), {}
        for end in (head, tail):
            kept, all_facts = self.entity[end].clone(), self.of(end)
            for i, (r, other) in enumerate(all_facts):
                self.entity[end] = self.refitted(end, all_facts[:i] + all_facts[i + 1 :])
                fact = (end, r, other) if r < M else (other, r - M, end)
                found[fact] = found.get(fact, 0.0) + self.scored(*asked) - before
                self.entity[end] = kept
        return found

    def told(self, asked: Fact, most: int = 1000, held_out: Sequence[Fact] = ()) -> tuple[Influence, ...]:
        function = SCORES[self.score]

        def query(heads: np.ndarray, relations: np.ndarray) -> np.ndarray:
            return function.query(torch.from_numpy(heads), torch.from_numpy(np.array(relations)), {}).numpy()

        def answers(rows: np.ndarray) -> np.ndarray:
            return function.answers(torch.from_numpy(rows)).numpy()

        def moduli(rows: np.ndarray) -> np.ndarray:
            found = function.moduli(torch.from_numpy(rows), False).numpy()
            return np.tile(found, rows.shape[1] // found.shape[1])

        parts = {1: np.array(self.facts), 4: np.array(held_out, np.int64).reshape(-1, 3)}
        tables = (table.numpy().astype(np.float32) for table in (self.entity, self.relation))
        return influences(
            self.graph, Facts.of_parts(parts, len(self.graph.entities), M), query, answers, *tables, asked, most,
            n3=self.n3, ridge=self.ridge, treatment_repeats=self.repeats, left_out=self.left_out, moduli=moduli,
        )  # fmt: skip

    def as_fact(self, influence: Influence) -> Fact:
        index = self.graph.entities.index
        return index(influence.head.id), RELATION[influence.metaedge], index(influence.tail.id)


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    ranks = [np.argsort(np.argsort(values)) for values in (one, other)]
    return float(np.corrcoef(*ranks)[0, 1])


def treats(example: Example, disease: str, compound: str) -> Fact:
    """The question which compound treats a disease, and one that might."""
    index = example.graph.entities.index
    return index(disease), RELATION["CtD"] + M, index(compound)


def both(example: Example, asked: Fact) -> tuple[np.ndarray, np.ndarray]:
    """What is told of each fact, and what refitting says."""
    expected = example.fitted(asked[0], asked[2]).changes(asked)
    told = {example.as_fact(one): one.change for one in example.told(asked)}
    head, relation, tail = asked
    expected.pop((tail, relation - M, head), None)
    assert set(told) == set(expected)
    return np.array(list(told.values())), np.array([expected[fact] for fact in told])


@pytest.mark.parametrize(("score", "repeats"), [*((score, 1) for score in SCORED), ("distmult", 3)])
def test_facts_move_a_score_in_the_order_and_direction_of_refitting_without_them(score: str, repeats: int) -> None:
    example = Example.random(score)
    example.repeats = repeats
    told, expected = both(example, treats(example, "Disease3", "Compound5"))
    assert len(told) > 12
    assert rank_correlation(told, expected) > 0.9
    clear = np.abs(expected) > 0.03
    assert (np.sign(told) == np.sign(expected))[clear].all()
    assert np.median(np.abs(told - expected) / np.abs(expected)) < 0.3


@pytest.mark.parametrize("score", SCORED)
def test_small_changes_are_told_as_they_are(score: str) -> None:
    example = Example.random(score, seed=2)
    example.ridge = 60.0  # holds the row, so that no fact moves it far
    told, expected = both(example, treats(example, "Disease3", "Compound5"))
    assert np.abs(told - expected).max() < 0.05 * np.abs(expected).max()


def test_those_that_raise_the_score_most_come_first_and_then_those_that_lower_it_most() -> None:
    example = Example.random("complex")
    asked = treats(example, "Disease3", "Compound5")
    everything = example.told(asked)
    changes = [one.change for one in everything]
    raising = sorted(change for change in changes if change < 0)
    lowering = sorted((change for change in changes if change > 0), reverse=True)
    assert changes == raising + lowering
    assert [one.change for one in example.told(asked, most=2)] == raising[:2] + lowering[:2]


def test_the_answered_fact_is_not_told_in_whatever_direction_it_is_asked() -> None:
    example = Example.random("complex")
    disease, relation, compound = treats(example, "Disease3", "Compound5")
    answered, other = (compound, RELATION["CtD"], disease), (compound, RELATION["CpD"], disease)
    example.facts = sorted({*example.facts, answered, other})
    for asked in ((disease, relation, compound), (compound, RELATION["CtD"], disease)):
        told = {example.as_fact(one): one for one in example.told(asked)}
        assert answered not in told
        assert told[other].end == "both"
        assert told[other].text() == "Compound5 palliates Disease3"
    like = (0, RELATION["CrC"], 1)
    example.facts = sorted({*example.facts, like, (1, RELATION["CrC"], 0)})
    assert not {like, (1, like[1], 0)} & {example.as_fact(one) for one in example.told(like)}, "it has no direction"


def test_ends_are_told_apart() -> None:
    example = Example.random("distmult")
    asked = treats(example, "Disease3", "Compound5")
    for one in example.told(asked):
        ends = {one.head.name, one.tail.name}
        joined = "both" if ends == {"Disease3", "Compound5"} else "question" if "Disease3" in ends else "candidate"
        assert one.end == joined
        assert one.end == "question" or "Compound5" in ends


def test_facts_that_training_lacks_change_nothing() -> None:
    example = Example.random("complex")
    asked = treats(example, "Disease3", "Compound5")
    held_out = [(asked[2], RELATION["CbG"], g) for g in range(20, 40)]
    held_out = [fact for fact in held_out if fact not in example.facts]
    assert held_out
    assert example.told(asked, held_out=held_out) == example.told(asked)


def test_entities_without_training_facts_have_none_that_move_the_score() -> None:
    example = Example.random("complex")
    asked = treats(example, "Disease3", "Compound5")
    example.facts = [fact for fact in example.facts if not {fact[0], fact[2]} & {asked[0], asked[2]}]
    assert example.told(asked) == ()
    example.facts.append((asked[2], RELATION["CrC"], asked[2]))
    assert example.told(asked) == (), "a fact that joins an entity with itself is not told"


def test_facts_that_training_was_not_shown_move_nothing() -> None:
    example = Example.random("complex")
    asked = treats(example, "Disease3", "Compound5")
    hidden = (RELATION["CbG"], RELATION["DaG"])
    whole = example.told(asked)
    assert hidden[0] in {RELATION[one.metaedge] for one in whole}
    example.left_out = hidden
    told = example.told(asked)
    example.left_out, example.facts = (), [fact for fact in example.facts if fact[1] not in hidden]
    assert told == example.told(asked)
    assert told
    assert told != whole


def test_a_fact_that_is_asked_for_is_not_its_reverse_where_the_metaedge_may_have_a_direction() -> None:
    edges = list(METAEDGES)
    edges[RELATION["CrC"]] = Metaedge("IS_A", "Compound", "is a", "Compound")
    example = Example.random("complex", graph=replace(graph_of(), metaedges=tuple(edges)))
    example.facts = sorted({*example.facts, (0, RELATION["CrC"], 1), (1, RELATION["CrC"], 0)})
    told = {one.text() for one in example.told((0, RELATION["CrC"], 1))}
    assert "Compound1 is a Compound0" in told
    assert "Compound0 is a Compound1" not in told
    told = {one.text() for one in example.told((0, RELATION["CrC"] + M, 1))}
    assert "Compound0 is a Compound1" in told
    assert "Compound1 is a Compound0" not in told


LARGE = graph_of(compounds=60, diseases=40, genes=900)


@pytest.mark.parametrize(("setting", "near"), [("DRAWN", 0.1), ("CELLS", 0.02)])
@pytest.mark.parametrize("size", [0.3, 1.0])
def test_hubs_and_large_types_are_approximated_closely(
    setting: str, near: float, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    example = Example.random("complex", count=4000, graph=LARGE)
    example.entity *= size  # the smaller, the more alike are all candidates
    asked = treats(example, "Disease3", "Compound5")
    found = []
    for exact in (True, False):
        monkeypatch.setattr(f"kgdrug.ranking.influence.{setting}", 10**9 if exact else 100)
        found.append({example.as_fact(one): one.change for one in example.told(asked)})
    assert found[0].keys() == found[1].keys()
    one, other = (np.array([changes[fact] for fact in found[0]]) for changes in found)
    assert len(one) > 60
    assert not np.array_equal(one, other)
    assert rank_correlation(one, other) > 0.97
    assert np.median(np.abs(one - other) / np.abs(one)) < near
