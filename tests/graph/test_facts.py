"""Facts by query and by entity, compared with a scan of all triples."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgdrug.errors import BadInputError
from kgdrug.graph.facts import Facts, open_facts, save_facts

N, M = 5, 2
triples = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, M - 1), st.integers(0, N - 1)), max_size=20)


def both(parts: dict[int, list[tuple[int, int, int]]]) -> dict[tuple[int, int, int], int]:
    """The bits of each fact, in both directions."""
    found: dict[tuple[int, int, int], int] = {}
    for bit, rows in parts.items():
        for h, r, t in rows:
            for fact in ((h, r, t), (t, r + M, h)):
                found[fact] = found.get(fact, 0) | bit
    return found


def made(parts: dict[int, list[tuple[int, int, int]]]) -> Facts:
    return Facts.of_parts({bit: np.array(rows, np.int64).reshape(-1, 3) for bit, rows in parts.items()}, N, M)


@given(triples, triples)
def test_every_query_and_every_entity_has_the_facts_that_a_scan_finds(first: list, second: list) -> None:
    parts = {1: first, 4: second}
    facts, expected = made(parts), both(parts)
    queries = [(h, r) for h in range(N) for r in range(2 * M)]
    rows, tails, bits = facts.of(np.array(queries))
    found = [(*queries[row], t, b) for row, t, b in zip(rows.tolist(), tails.tolist(), bits.tolist(), strict=True)]
    assert found == sorted((*fact, bit) for fact, bit in expected.items())
    for entity in range(N):
        relations, others, bits = facts.about(entity)
        told = zip(relations.tolist(), others.tolist(), bits.tolist(), strict=True)
        assert list(told) == sorted((r, t, b) for (h, r, t), b in expected.items() if h == entity)
    assert len(facts) == len({fact for rows in parts.values() for fact in rows})


@given(triples, triples)
def test_the_parts_of_any_triple_are_those_a_scan_finds(first: list, second: list) -> None:
    parts = {1: first, 4: second}
    facts, expected = made(parts), both(parts)
    asked = [(h, r, t) for h in range(N) for r in range(2 * M) for t in range(N)]
    assert facts.bits(np.array(asked)).tolist() == [expected.get(triple, 0) for triple in asked]
    assert len(facts.bits(np.empty((0, 3), np.int64))) == 0


@given(triples, st.integers(0, 2 * M - 1), st.booleans())
def test_the_degree_of_an_entity_counts_each_other_entity_once(rows: list, relation: int, either: bool) -> None:
    facts, known = made({1: rows, 2: rows}), set(both({1: rows}))
    over = {relation, (relation + M) % (2 * M)} if either else {relation}
    expected = [len({t for h, r, t in known if h == entity != t and r in over}) for entity in range(N)]
    for _ in range(2):  # the second time from what was kept
        assert facts.degrees(np.arange(N), relation, either).tolist() == expected


@pytest.mark.parametrize("parts", [{}, {1: [(0, 0, 1), (0, 1, 1)], 2: [(3, 1, 4)]}])
def test_facts_on_disk_are_those_in_memory(tmp_path: Path, parts: dict) -> None:
    facts = made(parts)
    save_facts(facts, tmp_path)
    opened = open_facts(tmp_path, M)
    for name in ("keys", "offsets", "tails", "parts"):
        np.testing.assert_array_equal(getattr(opened, name), getattr(facts, name))


@pytest.mark.parametrize("damage", [b"", b"no array", None])
def test_a_damaged_file_is_named(tmp_path: Path, damage: bytes | None) -> None:
    save_facts(made({1: [(0, 0, 1)]}), tmp_path)
    path = tmp_path / "tails.npy"
    path.unlink() if damage is None else path.write_bytes(damage)
    with pytest.raises(BadInputError, match=r"tails\.npy"):
        open_facts(tmp_path, M)


def test_arrays_that_do_not_fit_each_other_are_refused(tmp_path: Path) -> None:
    save_facts(made({1: [(0, 0, 1)]}), tmp_path)
    np.save(tmp_path / "tails.npy", np.zeros(3, np.int32))
    with pytest.raises(BadInputError, match="do not fit"):
        open_facts(tmp_path, M)
    np.save(tmp_path / "tails.npy", np.zeros(2, np.float32))
    with pytest.raises(BadInputError, match="float32"):
        open_facts(tmp_path, M)
