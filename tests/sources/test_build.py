from dataclasses import replace

import pytest

from kgdrug.errors import BadInputError, UnknownNameError, UsageError
from kgdrug.graph import save_graph
from kgdrug.sources import Reading, build_graph, load_graph

TOML = """\
[[edges]]
file = "{name}.csv"
relation = "{relation}"
abbreviation = "{abbreviation}"
head = "x"
tail = "y"
head_type = "{head}"
tail_type = "{tail}"
licence = "{licence}"
"""


@pytest.fixture
def sources(write):
    """Treatments under CC0, side effects under a non-commercial licence, and treatments with types of other names."""
    tables = {
        "treatments": ("treats", "CtD", "Compound", "Disease", "CC0 1.0", "DB1,1\nDB2,1\nDB2,1\n"),
        "effects": ("causes", "CcSE", "Compound", "Side Effect", "CC BY-NC 4.0", "DB1,7\nDB3,8\n"),
        "others": ("treats", "CtD", "drug", "Disease", "CC0 1.0", "DBX,2\nDB2,1\n"),
    }
    paths = []
    for name, (relation, abbreviation, head, tail, licence, rows) in tables.items():
        write(f"{name}.csv", "x,y\n" + rows)
        about = {"relation": relation, "abbreviation": abbreviation, "head": head, "tail": tail, "licence": licence}
        paths.append(write(f"{name}.toml", TOML.format(name=name, **about)))
    return paths


def test_one_source_is_the_graph_that_it_is(sources):
    built = build_graph(sources[:1])
    assert built.graph.digest == load_graph(sources[0]).digest
    assert (built.graph.name, built.merge) == ("treatments", None)
    assert built.notes == ("dropped 1 duplicate line",)


def test_several_sources_are_merged_and_the_notes_say_what_joined(sources):
    built = build_graph(sources, rename_types={"drug": "Compound"}, mapping=[("DBX", "DB3")], name="all")
    assert built.graph.name == "all"
    assert {e.abbreviation for e in built.graph.metaedges} == {"CtD", "CcSE"}
    assert built.notes == (
        "dropped 1 duplicate line",
        "treatments has 3 entities and 2 triples",
        "effects adds 3 entities and 2 triples",
        "others adds 1 entity and 1 triple",
        "joined 4 entities, 1 of them by the mapping, 1 triple, 1 metaedge",
        "mapping: 1 pair used, 0 unused",
    )
    assert built.merge is not None
    assert built.merge.joined == 4


def test_duplicates_of_a_source_are_counted_once(sources):
    assert load_graph(sources[0]).made["duplicates"] == 1
    assert build_graph(sources).graph.made["duplicates"] == 1
    assert build_graph(sources[::-1]).graph.made["duplicates"] == 1


def test_a_mapping_that_joins_nothing_is_said_even_of_one_graph(sources):
    built = build_graph(sources[:1], mapping=[("q", "z"), ("DB1", "1")])
    assert built.notes[1:] == (
        "mapping: 0 pairs used, 2 unused, for want of two ids of one type in the graphs",
        "1 clash of types of a mapping:",
        "  DB1 (Compound) and 1 (Disease) are not of one type, and stay apart",
    )


def test_a_cut_that_leaves_nothing_out_changes_nothing_and_another_names_all_that_goes(sources, write, tmp_path):
    known = write("known.tsv", "compound\tdisease\tstatus\nDB1\t1\ttrial\nDB3\t1\ttrial\n")
    whole = build_graph(sources[:2], annotations=[known]).graph
    (tmp_path / "whole").mkdir()
    save_graph(replace(whole, triples=whole.triples[:-1]), tmp_path / "whole")  # so that an entity has no triple
    same = build_graph([tmp_path / "whole"], drop_licences=["share-alike"])
    assert same.graph.digest == load_graph(tmp_path / "whole").digest
    assert same.notes == ("left out nothing: every triple stays",)
    built = build_graph([tmp_path / "whole"], keep=["CcSE"])
    gone = len(whole.entities) - len(built.graph.entities)
    assert built.notes == (f"left out CtD: 1 triple, {gone} entities without others, 2 annotations about these",)
    assert built.graph.annotations == ()


def test_clashes_are_listed_by_kind_and_the_rest_counted(write):
    for name in ("one", "other"):
        facts = "".join(f"{i},r\n" for i in range(7))
        write(f"{name}/nodes.csv", ":ID,name,:LABEL\n" + "".join(f"{i},{name},C\n" for i in range(7)) + "r,,C\n")
        path = write(f"{name}/relationships.csv", ":START_ID,:END_ID,:TYPE\n" + facts.replace("\n", ",x\n"))
    built = build_graph([path.parents[1] / "one", path.parents[1] / "other"])
    assert built.notes[3] == "7 clashes of name; the first word was kept:"
    assert built.notes[4] == "  0: 'one' is kept, other has 'other'"
    assert (len(built.notes), built.notes[-1]) == (10, "  and 2 more")


def test_metaedges_are_kept_by_abbreviation_or_relation_and_the_notes_say_what_went(sources):
    whole = build_graph(sources[:2]).graph
    for name in ("CtD", "treats"):
        built = build_graph(sources[:2], keep=[name])
        assert [e.abbreviation for e in built.graph.metaedges] == ["CtD"]
        assert built.notes[-1] == "left out CcSE: 2 triples, 3 entities without others"
    assert len(whole.triples) == 4
    with pytest.raises(UnknownNameError, match=r"unknown relation 'CtX'; did you mean .*CtD"):
        build_graph(sources[:2], keep=["CtX"])


def test_licences_are_dropped_by_kind(sources):
    built = build_graph(sources[:2], drop_licences=["non-commercial"])
    assert [e.abbreviation for e in built.graph.metaedges] == ["CtD"]
    assert built.notes[-1] == "left out CcSE: 2 triples, 3 entities without others"
    assert build_graph(sources[:2], drop_licences=["share-alike"]).notes[-1] == "left out nothing: every triple stays"
    with pytest.raises(UsageError, match="unknown kind of licence 'noncommercial'; did you mean non-commercial"):
        build_graph(sources[:2], drop_licences=["noncommercial"])


def test_treats_says_which_metaedges_mean_treatment(sources):
    assert build_graph(sources[:2]).graph.treats == ("CtD",)
    assert build_graph(sources[:2], treats=["causes"]).graph.treats == ("CcSE",)
    assert build_graph(sources[:2], treats=[]).graph.treats == ()


def test_annotations_are_those_of_the_graph_that_is_left(sources, write):
    header = "compound\tdisease\tstatus\n"
    one = write("one.tsv", header + "DB2\t1\ttrial\nDB3\t1\ttrial\n")
    other = write("other.tsv", header + "DB2\t1\ttrial\nDB1\t1\trefuted\n")
    built = build_graph(sources[:2], keep=["CtD"], annotations=[one, other])
    assert built.notes[-2:] == (
        f"{one}: 1 annotation; 1 about pairs that the graph does not have",
        f"{other}: 2 annotations; 0 about pairs that the graph does not have",
    )
    names = built.graph.entities.names
    assert [(names[a.compound], a.status) for a in built.graph.annotations] == [("DB1", "refuted"), ("DB2", "trial")]


def test_bad_lines_of_every_source_are_set_aside_in_one_reading(sources, write):
    write("effects.csv", "x,y\nDB1,7\nDB3\n")
    annotations = write("known.tsv", "compound\tdisease\tstatus\nDB1\t1\twrong\nDB1\t1\ttrial\n")
    with pytest.raises(BadInputError, match=r"effects\.csv, line 3"):
        build_graph(sources[:2])
    reading = Reading(skip_bad_lines=True)
    built = build_graph(sources[:2], annotations=[annotations], reading=reading)
    assert reading.kinds == {"columns": 1, "unknown status": 1}
    assert len(built.graph.annotations) == 1
