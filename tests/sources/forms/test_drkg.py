"""DRKG: real triples, all 107 names of its relations, what it has room for, and lines that are wrong."""

import csv
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgdrug.errors import BadInputError, UsageError
from kgdrug.sources import Reading, load_graph, write_graph
from kgdrug.sources.forms.drkg import TREATS, parse_relation

NAME = "drkg.tsv"


def test_real_triples_are_read(published, put, tmp_path, facts_of):
    files = published("drkg")
    graph = load_graph(put("drkg", files, tmp_path))
    assert facts_of(graph) == {tuple(line.split("\t")) for line in files[NAME].splitlines()}
    assert [t.name for t in graph.entity_types] == ["Atc", "Compound", "Disease", "Gene"]
    assert graph.type_of(graph.entities.index("Disease::SARS-CoV2 E")).name == "Disease"
    assert {e.abbreviation: (e.head_type, e.relation, e.tail_type, e.licence, e.source) for e in graph.metaedges} == {
        "DRUGBANK::treats::Compound:Disease": ("Compound", "treats", "Disease", "CC BY-NC 4.0", "DRUGBANK"),
        "DRUGBANK::x-atc::Compound:Atc": ("Compound", "x-atc", "Atc", "CC BY-NC 4.0", "DRUGBANK"),
        "GNBR::T::Compound:Disease": ("Compound", "T", "Disease", "CC BY-NC 4.0", "GNBR"),
        "Hetionet::CtD::Compound:Disease": ("Compound", "CtD", "Disease", "mixed, in part non-commercial", "Hetionet"),
        "bioarx::Coronavirus_ass_host_gene::Disease:Gene": (
            "Disease",
            "Coronavirus_ass_host_gene",
            "Gene",
            "non-commercial",
            "bioarx",
        ),
        "bioarx::Covid2_acc_host_gene::Disease:Gene": (
            "Disease",
            "Covid2_acc_host_gene",
            "Gene",
            "non-commercial",
            "bioarx",
        ),
        "bioarx::HumGenHumGen:Gene:Gene": ("Gene", "HumGenHumGen", "Gene", "non-commercial", "bioarx"),
    }
    assert graph.treats == TREATS
    assert graph.name == "drkg"


def test_every_relation_of_drkg_is_of_the_types_that_its_authors_give(shared_data):
    with (shared_data / "drkg" / "relations.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 107
    for row in rows:
        parsed = parse_relation(row["relation"])
        assert (parsed.head_type, parsed.tail_type) == (row["head_type"], row["tail_type"])
        assert row["relation"].startswith(f"{parsed.source}::{parsed.relation}:")
        assert parsed.licence


@pytest.mark.parametrize("name", ["covid19-host-genes.tsv", "coronavirus-related-host-genes.tsv"])
def test_the_host_genes_of_drkg_are_of_its_form(shared_data, tmp_path, facts_of, name):
    graph = load_graph(shared_data / "drkg" / name)
    lines = (shared_data / "drkg" / name).read_text().splitlines()
    assert graph.made["form"] == "drkg"
    assert facts_of(graph) == {tuple(line.split("\t")) for line in lines}
    assert {t.name for t in graph.entity_types} == {"Disease", "Gene"}
    assert graph.treats == ()


@pytest.mark.parametrize("name", ["", "treats", "a::b", "a::b::Gene", "a::b::Gene:", "a::b:::Gene", "::b::Gene:Gene"])
def test_what_is_no_name_of_a_relation_is_none(name):
    assert parse_relation(name) is None


@pytest.mark.parametrize(
    ("line", "text", "kind", "message"),
    [
        (1, "head\trelation\ttail", "header", "the first line is a header; this form has none: delete it"),
        (3, "Gene::2157\tbioarx::HumGenHumGen:Gene:Gene", "columns", "2 fields where 3"),
        (3, "", "columns", "1 field where 3"),
        (3, "Gene::1\t\tGene::2", "empty field", "an empty field"),
        (3, "Gene::1\tbioarx::HumGenHumGen:Gene:Gene\tGene::2\t0.5", "columns", "4 fields where 3"),
        (
            9,
            "Gene::1\tbioarx::HumGenHumGen:Gene:Gene\t5264",
            "id without a type",
            "'5264' is no id of the form Type::id",
        ),
        (9, "Gene::1\tbioarx::HumGenHumGen:Gene:Gene\tGene::", "id without a type", "'Gene::' is no id of the form"),
        (
            9,
            "Gene::1\tinteracts\tGene::5264",
            "unknown metaedge",
            "'interacts' is no relation of the form SOURCE::code::",
        ),
        (
            9,
            "Compound::DB1\tbioarx::HumGenHumGen:Gene:Gene\tGene::5264",
            "misfit",
            "'Compound::DB1' is a Compound, which does not fit the metaedge bioarx::HumGenHumGen:Gene:Gene",
        ),
        (2, "Gene::é\tbioarx::HumGenHumGen:Gene:Gene\tGene::1".encode("latin-1"), "encoding", "(byte 0xe9)"),
        (2, "Gene::1\0\tbioarx::HumGenHumGen:Gene:Gene\tGene::1", "NUL", "holds a NUL"),
    ],
)
def test_a_bad_line_is_named_or_set_aside(bad_line, line, text, kind, message):
    bad_line("drkg", NAME, line, text, kind, message)


def test_nothing_but_bad_lines_is_an_error_even_where_they_are_set_aside(put, tmp_path):
    path = put("drkg", {NAME: "a\tb\tc\nGene::1\tr::r::Gene:Gene\n"}, tmp_path)
    with pytest.raises(BadInputError, match="holds only bad lines"):
        load_graph(path, "drkg", Reading(skip_bad_lines=True))


def test_a_graph_of_this_form_goes_out_and_in_whole():
    types = st.sampled_from(["Compound", "Disease", "Gene", "Side Effect"])
    word = st.text("aA \"',;|>&é\u2028猫", min_size=1, max_size=4)
    ends = st.tuples(types, types)
    fact = st.builds(
        lambda pair, head, source, code, tail: (
            f"{pair[0]}::{head}",
            f"{source}::{code}::{pair[0]}:{pair[1]}",
            f"{pair[1]}::{tail}",
        ),
        ends,
        st.one_of(word, st.sampled_from(["DB1", "MESH:1", "Gene::1", "::"])),
        st.sampled_from(["GNBR", "kgdrug", "my own"]),
        st.sampled_from(["T", "t", "treats", "x-atc", "a b"]),
        word,
    )

    @settings(max_examples=40, deadline=None)
    @given(st.lists(fact, min_size=1, max_size=8))
    def check(facts):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / NAME
            path.write_text("".join("\t".join(fact) + "\n" for fact in facts), encoding="utf-8", newline="\n")
            graph = load_graph(path, "drkg")
            assert write_graph(graph, Path(folder) / "out.tsv.gz", "drkg") == []
            back = load_graph(Path(folder) / "out.tsv.gz", "drkg")
        ids = back.entities.ids
        assert {(ids[h], back.metaedges[r].abbreviation, ids[t]) for h, r, t in back.triples.tolist()} == set(facts)
        assert back.digest == graph.digest

    check()


def test_what_is_lost_of_another_graph_is_said(medicine, tmp_path, facts_of):
    assert write_graph(medicine, tmp_path / "out.tsv", "drkg") == [
        "1 entities without a triple",
        "ids of 2 entities",
        "names of 2 metaedges, such as CtD (Compound treats Disease)",
        "names of 1 entities",
        "structures of 1 entities",
        "licence of 2 metaedges",
        "source of 2 metaedges",
        "version of 1 metaedges",
    ]
    assert facts_of(load_graph(tmp_path / "out.tsv")) == {
        ("Compound::DB00331", "kgdrug::CtD::Compound:Disease", "Disease::DOID:9352"),
        ("Disease::DOID:9352", "kgdrug::linked:Disease-Gene::Disease:Gene", "Gene::3630"),
    }


def test_there_is_no_room_for_a_type_with_a_colon(medicine, tmp_path):
    other = replace(
        medicine,
        entity_types=tuple(replace(t, name=f"biolink:{t.name}") for t in medicine.entity_types),
        metaedges=tuple(
            replace(e, head_type=f"biolink:{e.head_type}", tail_type=f"biolink:{e.tail_type}")
            for e in medicine.metaedges
        ),
    )
    with pytest.raises(UsageError, match="has no room for a colon in an entity type: 'biolink:Compound'; try kgx"):
        write_graph(other, tmp_path / "out.tsv", "drkg")
    assert not list(tmp_path.iterdir())
