"""Splits that keep drugs, diseases, areas and groups together, and splits by time, beside brute force."""

import hashlib
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.graph import Annotation, EntityType, KnowledgeGraph, Metaedge, Vocabulary
from kgdrug.sources import load_graph
from kgdrug.splits import (
    Draw,
    disease_areas,
    hold_out_areas,
    hold_out_diseases,
    hold_out_drugs,
    hold_out_groups,
    hold_out_later,
    hold_out_pairs,
    treated_pairs,
)
from kgdrug.splits.treated import is_turned

PARTS = ("train", "valid", "test")
treated = st.sets(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=6)


def facts_of(pairs):
    """Each pair is treated, every second one by DiC from the disease's side, and every third has another relation."""
    ordered = sorted(pairs)
    facts = [(f"C{c}", "CtD", f"D{d}") if i % 2 else (f"D{d}", "DiC", f"C{c}") for i, (c, d) in enumerate(ordered)]
    return facts + [(f"C{c}", "CpD", f"D{d}") for c, d in ordered[::3]]


def named(graph, triples):
    ids, relations = graph.entities.ids, [e.abbreviation for e in graph.metaedges]
    return {(ids[h], relations[r], ids[t]) for h, r, t in triples.tolist()}


def ends(fact, kind):
    """The drug (`C`) or disease (`D`) of a fact, whichever end it is."""
    return next(end for end in (fact[0], fact[2]) if end[0] == kind)


@settings(deadline=None, max_examples=80)
@given(treated, st.sampled_from("CD"), st.integers(0, 9), st.booleans())
def test_training_holds_no_fact_of_a_held_out_pair_and_no_treatment_of_a_cold_entity(build, pairs, cold, seed, fold):
    graph = build(facts_of(pairs), ("CtD", "DiC"))
    draw = Draw(0.2, seed=seed, folds=2, fold=1) if fold else Draw(0.2, 0.3, seed)
    try:
        split = (hold_out_drugs if cold == "C" else hold_out_diseases)(graph, draw)
    except UsageError:
        assume(False)  # few drugs cannot fill every part
    facts = {part: named(graph, getattr(split, part)) for part in (*PARTS, "withheld")}
    assert set().union(*facts.values()) == set(facts_of(pairs))
    assert sum(map(len, facts.values())) == len(set(facts_of(pairs)))
    treatments = {part: {f for f in facts[part] if f[1] != "CpD"} for part in PARTS}
    cold_ends = {part: {ends(f, cold) for f in treatments[part]} for part in PARTS}
    for part in ("valid", "test"):
        assert facts[part] == treatments[part]
        assert not any(cold_ends[part] & cold_ends[other] for other in PARTS if other != part)
        held = {(ends(f, "C"), ends(f, "D")) for f in facts[part]}
        assert not {(ends(f, "C"), ends(f, "D")) for f in facts["train"]} & held
    kind = {"C": "cold-drug", "D": "cold-disease"}[cold]
    assert split.made == {"kind": kind, **draw.settings}


def test_the_drug_of_a_treatment_is_told_by_the_types_of_its_metaedge(build):
    graph = build([("C0", "CtD", "D0"), ("D1", "DiC", "C1"), ("C2", "CtD", "D2"), ("D2", "DiC", "C2")], ("CtD", "DiC"))
    pairs, ids = treated_pairs(graph), graph.entities.ids
    found = sorted(zip((ids[i] for i in pairs.drug), (ids[i] for i in pairs.disease), strict=True))
    assert found == [("C0", "D0"), ("C1", "D1"), ("C2", "D2")]


def test_treatments_by_drugs_of_several_types_are_all_drawn():
    graph = KnowledgeGraph(
        Vocabulary(["b0", "b1", "b2", "c0", "c1", "c2", "d0"]),
        (EntityType("Biologic", 0, 3), EntityType("Compound", 3, 6), EntityType("Disease", 6, 7)),
        (Metaedge("BtD", "Biologic", "treats", "Disease"), Metaedge("CtD", "Compound", "treats", "Disease")),
        np.array([(0, 0, 6), (1, 0, 6), (2, 0, 6), (3, 1, 6), (4, 1, 6), (5, 1, 6)]),
        ("BtD", "CtD"),
    )
    assert treated_pairs(graph).drug.tolist() == [0, 1, 2, 3, 4, 5]
    tested = {i for seed in range(30) for i in hold_out_drugs(graph, Draw(0.2, 0.2, seed)).test[:, 0].tolist()}
    assert tested == {0, 1, 2, 3, 4, 5}


# two areas that one link joins, and a disease without any
LINKS = [(0, 1), (1, 2), (0, 2), (3, 4), (2, 3)]


def test_an_area_is_what_links_join_most(build):
    graph = build([(f"D{a}", "DrD", f"D{b}") for a, b in LINKS] + [("C0", "CtD", "D0")])
    ids = graph.entities.ids
    assert {i[1:]: int(area) for i, area in zip(ids, disease_areas(graph), strict=True) if i[0] == "D"} == {
        "0": 0, "1": 0, "2": 0, "3": 1, "4": 1, "5": 2,
    }  # fmt: skip
    assert disease_areas(graph)[:6].tolist() == [-1] * 6


def test_a_held_out_area_has_no_treatment_in_training(build):
    treatments = [(f"C{c}", "CtD", f"D{d}") for c in range(4) for d in range(6)]
    graph = build([(f"D{a}", "DrD", f"D{b}") for a, b in LINKS] + treatments)
    seen = set()
    for seed in range(10):
        split = hold_out_areas(graph, Draw(0.15, 0.3, seed))
        areas = [{int(a) for a in disease_areas(graph)[getattr(split, part)[:, 2]]} for part in ("valid", "test")]
        trained = {int(a) for a in disease_areas(graph)[split.train[split.train[:, 1] == 2, 2]]}
        assert not areas[0] & areas[1]
        assert not (areas[0] | areas[1]) & trained
        seen.add((frozenset(areas[0]), frozenset(areas[1])))
    assert len(seen) > 1


def test_areas_need_links_between_diseases_that_are_no_treatments(build):
    graph = build([("C0", "CtD", "D0")])
    with pytest.raises(UsageError, match="toy has no metaedge between diseases"):
        hold_out_areas(replace(graph, metaedges=graph.metaedges[:4]), Draw())
    with pytest.raises(UsageError, match="toy has no fact of DrD, which areas are made of"):
        hold_out_areas(build([("C0", "CtD", "D0"), ("C1", "CtD", "D1")]), Draw())
    untyped = replace(
        build([("C0", "CtD", "D0"), ("C1", "CtD", "D1")]),
        entity_types=(EntityType("thing", 0, 12),),
        metaedges=tuple(replace(e, head_type="thing", tail_type="thing") for e in build([]).metaedges),
    )
    with pytest.raises(UsageError, match="drugs and diseases are of one type, thing"):
        hold_out_areas(untyped, Draw())


@pytest.fixture
def table(tmp_path: Path):
    def write(*lines: str, name: str = "table.tsv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join("\t".join(line.split()) for line in lines), encoding="utf-8")  # no newline at the end
        return path

    return write


@pytest.fixture
def grid(build) -> KnowledgeGraph:
    return build([(f"C{c}", "CtD", f"D{d}") for c in range(6) for d in range(6)])


def test_a_group_of_a_table_goes_to_one_part_and_its_last_line_counts(grid, table):
    path = table("entity group", "C0 a", "C1 a", "C2 b", "C3 b", "C4 c", "X9 c")
    for seed in range(10):
        split = hold_out_groups(grid, Draw(0.3, 0.3, seed), path)
        where = defaultdict(set)
        for part in PARTS:
            for head in getattr(split, part)[:, 0].tolist():
                where[grid.entities.ids[head]].add(part)
        assert where["C0"] == where["C1"]
        assert where["C2"] == where["C3"]
        assert where["C5"] == {"train"}
        assert {*where["C0"], *where["C2"], *where["C4"]} == {"train", "valid", "test"}
        assert split.made["counts"] == {"pairs_without_group": 6, "lines_about_others": 1}
        assert split.made["groups"] == str(path)
        assert len(split.made["sha256"]) == 64


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["entity group", "C0 a", "C1 b", "C0 b"], "line 4: C0 is in the group 'a' already, and here in 'b'"),
        (["entity group", "X0 a"], "line 2: names no entity of toy; the first is 'X0'"),
        (["entity scaffold", "C0 a"], "header with entity group"),
        (["entity group", "C0 a", "D0 b"], r"table.tsv: there are groups of drugs and of diseases"),
    ],
)
def test_a_table_of_groups_that_cannot_be_used_is_refused(grid, table, lines, message):
    with pytest.raises((BadInputError, UsageError), match=message):
        hold_out_groups(grid, Draw(), table(*lines))


def test_a_table_that_is_not_there_is_named(grid, tmp_path):
    with pytest.raises(UsageError, match=r"no such table of groups: 'none\.tsv'"):
        hold_out_groups(grid, Draw(), "none.tsv")


dates = st.dictionaries(
    st.tuples(st.integers(0, 5), st.integers(0, 5)), st.sampled_from(["2001-05", "2010-01", "2012-03", "2015-07"])
)


@settings(deadline=None, max_examples=60)
@given(dates)
def test_pairs_are_parted_by_their_first_date(build, given_dates):
    graph = build([(f"C{c}", "CtD", f"D{d}") for c in range(6) for d in range(6)])
    later = [Annotation(c, 6 + d, "trial", "register", date="2020-01") for c, d in given_dates]
    first = [Annotation(c, 6 + d, "approved", "label", date=date) for (c, d), date in given_dates.items()]
    no_evidence = [Annotation(c, d, "refuted", "review", date="1999-01") for c in range(6) for d in range(6, 12)]
    graph = replace(graph, annotations=tuple(sorted(later + first + no_evidence)))
    wanted = {
        part: {(c, 6 + d) for (c, d), date in given_dates.items() if low <= date < high}
        for part, low, high in (("valid", "2010-01", "2012-03"), ("test", "2012-03", "9"))
    }
    if not wanted["valid"] or not wanted["test"]:
        with pytest.raises(UsageError, match=r"has no pair|has a date"):
            hold_out_later(graph, "2010-01", "2012-03")
        return
    split = hold_out_later(graph, "2010-01", "2012-03")
    for part, pairs in wanted.items():
        assert {(h, t) for h, _, t in getattr(split, part).tolist()} == pairs
    assert split.made["counts"] == {"pairs_without_date": 36 - len(given_dates)}


def test_dates_come_from_a_table_too_and_trials_count_by_their_number(grid, table):
    rows = ["C0 D0 NCT00000100", "C1 D1 NCT01000000", "C2 D2 NCT02000000", "C2 D2 NCT00000001", "C3 D3 NCT02000000"]
    path = table("compound disease date", *rows)
    split = hold_out_later(grid, "NCT00500000", "NCT01500000", path)
    assert named(grid, split.valid) == {("C1", "CtD", "D1")}
    assert named(grid, split.test) == {("C3", "CtD", "D3")}
    assert split.made["dates"] == str(path)


def test_a_table_of_trials_is_read_as_it_comes(grid, table):
    header = "compound_id disease_id compound_name n_trials first_nct_id last_nct_id"
    path = table(header, "C1 D1 x 2 NCT01000000 NCT09000000", "X1 D1 x 1 NCT01000000 NCT01000000",
                 "C3 D3 x 1 NCT02000000 NCT02000000")  # fmt: skip
    split = hold_out_later(grid, "NCT00500000", "NCT01500000", path)
    assert named(grid, split.valid) == {("C1", "CtD", "D1")}
    assert named(grid, split.test) == {("C3", "CtD", "D3")}
    assert split.made["counts"] == {"pairs_without_date": 34, "lines_about_others": 1}
    assert split.passed_over == ["34 pairs without date", "1 line about others"]


def annotated(grid, *rows):
    return replace(grid, annotations=tuple(Annotation(c, d, "trial", "register", date=date) for c, d, date in rows))


def test_the_dates_that_parted_a_graph_are_pinned_wherever_they_came_from(grid, table):
    rows = [(0, 6, "2009"), (1, 7, "2011"), (2, 8, "2013")]
    one = hold_out_later(annotated(grid, *rows), "2010", "2012")
    lines = "C0 D0 2009\nC1 D1 2011\nC2 D2 2013\n"
    assert one.made["sha256"] == hashlib.sha256(lines.encode()).hexdigest()
    again = hold_out_later(annotated(grid, (2, 8, "2014"), *rows[::-1]), "2010", "2012")
    assert again.made["sha256"] == one.made["sha256"]
    path = table("disease date compound", *("{1} {2} {0}".format(*line.split()) for line in lines.splitlines()))
    assert hold_out_later(grid, "2010", "2012", path).made["sha256"] == one.made["sha256"]
    other = hold_out_later(annotated(grid, (0, 6, "2008"), *rows[1:]), "2010", "2012")
    assert other.made["sha256"] != one.made["sha256"]


@pytest.mark.parametrize(
    ("date", "cut", "later"),
    [
        ("2014", "2014-01-01", True),
        ("2014", "2014-01", True),
        ("2014-05", "2014-05-01", True),
        ("2014-05", "2014", True),
        ("2013", "2014-01-01", False),
        ("2014", "2014-02", None),
        ("2014-05", "2014-05-02", None),
    ],
)
def test_a_date_without_day_is_told_from_a_cut_where_every_day_of_it_is_on_one_side(grid, table, date, cut, later):
    path = table("compound disease date", f"C0 D0 {date}", "C1 D1 2015", "C2 D2 2020")
    if later is None:
        with pytest.raises(UsageError, match=f"whether {date} is before {cut} cannot be told"):
            hold_out_later(grid, cut, "2019", path)
    else:
        assert (("C0", "CtD", "D0") in named(grid, hold_out_later(grid, cut, "2019", path).valid)) == later


@pytest.mark.parametrize(
    ("dates", "message"),
    [
        (["May 2014", "2016"], r"the date of an annotation of C0 and D0 is 'May 2014'; write a date"),
        (["2014", "NCT01000000"], r"C1 and D1 is NCT01000000, which cannot be compared with 2014"),
    ],
)
def test_annotations_made_in_python_with_other_dates_are_refused(grid, dates, message):
    with pytest.raises(UsageError, match=message):
        hold_out_later(annotated(grid, *((i, 6 + i, date) for i, date in enumerate(dates))), "2010", "2015")


@pytest.fixture
def numbered() -> KnowledgeGraph:
    """Entities whose bare ids are those of another type too."""
    ids = ["Compound::1", "Compound::2", "Compound::3", "Compound::7", "Anatomy::1", "Disease::4", "Disease::7"]
    ids = sorted(ids)  # Anatomy first
    facts = [(c, 0, d) for c in range(1, 5) for d in (5, 6)]
    return KnowledgeGraph(
        Vocabulary(ids),
        (EntityType("Anatomy", 0, 1), EntityType("Compound", 1, 5), EntityType("Disease", 5, 7)),
        (Metaedge("CtD", "Compound", "treats", "Disease"),),
        np.array(facts),
        ("CtD",),
        "toy",
    )


def test_a_bare_id_of_several_types_is_that_of_a_treated_pair(numbered, table):
    split = hold_out_groups(numbered, Draw(0.3, 0.3), table("entity group", "1 a", "2 b", "3 c", "Compound::7 d"))
    assert split.made["counts"] == {"pairs_without_group": 0, "lines_about_others": 0}


def test_a_bare_id_of_a_drug_and_of_a_disease_is_refused_with_its_line(numbered, table):
    message = "line 3: '7' may be Compound::7 or Disease::7; write it whole"
    with pytest.raises(BadInputError, match=message):
        hold_out_groups(numbered, Draw(), table("entity group", "2 a", "7 b"))
    path = table("compound disease date", "2 4 2012", "7 4 2014")
    with pytest.raises(BadInputError, match=message):
        hold_out_later(numbered, "2010", "2012", path)


def test_a_folder_is_no_table(grid, tmp_path):
    with pytest.raises(UsageError, match="is a folder; give a file, the table of groups"):
        hold_out_groups(grid, Draw(), tmp_path)
    with pytest.raises(UsageError, match="is a folder; give a file, the table of dates"):
        hold_out_later(grid, "2010", "2012", tmp_path)


@pytest.mark.parametrize(
    ("head", "tail", "turned"),
    [("Disease", "Compound", True), ("Compound", "Disease", False), ("thing", "other", False),
     ("biolink:PhenotypicFeature", "biolink:SmallMolecule", True), ("Disease Or Phenotypic Feature", "node", True),
     ("node", "chemical_entity", True), ("SmallMolecule", "Disease", False), ("effect/phenotype", "drug", True)],
)  # fmt: skip
def test_the_words_for_types_tell_which_end_is_the_drug(head, tail, turned):
    assert is_turned(Metaedge("x", head, "treats", tail)) == turned


@pytest.mark.parametrize(
    ("cuts", "lines", "message"),
    [
        (("2010", "May 2012"), [], "split.test_from is 'May 2012'; write a date"),
        (("2012", "2010"), [], "the first must be earlier"),
        (("2010", "NCT01000000"), [], "the first must be earlier"),
        (("2010", "2012"), ["C0 D0 20110"], "line 2: the date '20110' is not written as"),
        (("2010", "2012"), ["C0 D0 2011", "C1 D1 NCT01000000"], "line 3: 'NCT01000000' cannot be compared"),
        (("2010-06", "2012"), ["C0 D0 2010", "C1 D1 2013"], "C0 and D0: whether 2010 is before 2010-06 cannot be told"),
        (("2010", "2012"), ["C0 D0 NCT01000000"], "cannot be told"),
        (("2010", "2012"), ["C0 D0 2013"], "1 of 36 treated pairs have a date; .* valid has no pair"),
        (("2010", "2012"), ["X0 D0 2013"], "is about no pair of toy"),
    ],
)
def test_dates_that_cannot_be_used_are_refused(grid, table, cuts, lines, message):
    with pytest.raises((BadInputError, UsageError), match=message):
        hold_out_later(grid, *cuts, table("compound disease date", *(lines or ["C0 D0 2011"])))


def test_without_dated_annotations_a_table_is_asked_for(grid):
    with pytest.raises(UsageError, match=r"no annotation of toy .* has a date; give a table"):
        hold_out_later(grid, "2010", "2012")


def test_the_sample_graph_can_be_split_every_way_that_is_drawn():
    graph = load_graph("essential")
    digests = {
        hold_out(graph, Draw()).digest
        for hold_out in (hold_out_pairs, hold_out_drugs, hold_out_diseases, hold_out_areas)
    }
    assert len(digests) == 4
