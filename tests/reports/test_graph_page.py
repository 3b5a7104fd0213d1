"""The page of a graph, as text and in a browser."""

import itertools
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kgdrug import EntityType, KnowledgeGraph, Metaedge, Vocabulary, describe, graph_page, load_graph
from kgdrug.graph.annotations import Annotation
from kgdrug.reports.pages import breakable, number, percent

EVIL = "<script>alert(1)</script>"
ReadPage = Callable[[str], Any]  # see conftest.py


def drawing(html: str, name: str) -> str:
    """The one picture of this name."""
    (found,) = re.findall(rf'<svg class="{name}".*?</svg>', html, re.DOTALL)
    return found


def texts(svg: str) -> list[str]:
    return [" ".join(words.split()) for words in re.findall(r"<text[^>]*>(.*?)</text>", svg, re.DOTALL)]


@pytest.fixture(scope="module")
def clinic(curated: Path) -> KnowledgeGraph:
    """The small graph, with three structures, one of which is none, and an annotation."""
    graph = load_graph(curated)
    of = {name: i for i, name in enumerate(graph.entities.names)}
    smiles = {
        of["Metformin"]: "CN(C)C(=N)NC(=N)N",
        of["Losartan"]: "no structure",
        of["Valproic acid"]: "CCCC(CCC)C(=O)O",
    }
    known = (Annotation(of["Metformin"], of["asthma"], "refuted", "a trial"),)
    return replace(graph, smiles=smiles, annotations=known)


@pytest.fixture(scope="module")
def page(clinic: KnowledgeGraph) -> str:
    return graph_page(clinic)


@pytest.fixture(scope="module")
def evil() -> KnowledgeGraph:
    """Every name that a source gives holds what HTML, SVG, TeX or a template would take for its own."""
    types = (EntityType(EVIL, 0, 2), EntityType("\"'&amp; $x$ {{ 7 * 7 }} \x01", 2, 3))
    metaedge = Metaedge("<b>&\"'$", types[0].name, "t<r>", types[1].name, "<i>licence", "<u>source", "v<1>")
    return KnowledgeGraph(
        Vocabulary(["a<", "b&", 'c"'], [EVIL, "b&lt;", "{% raw %}"]),
        types,
        (metaedge,),
        np.array([[0, 0, 2], [1, 0, 2]]),
        (metaedge.abbreviation,),
        EVIL,
        {0: "<svg onload=alert(1)>"},
        (Annotation(0, 2, "<refuted>", "s"),),
        {"sources": [EVIL], "<key>": {"<inner>": 1}},
    )


def test_the_tables_say_what_was_counted(clinic: KnowledgeGraph, page: str, read_page: ReadPage) -> None:
    about, shown = describe(clinic), read_page(page)
    assert {row[0]: row[1:5] for row in shown.rows("type", "entities")[1:]} == {
        name: [str(row[key]) for key in ("entities", "isolated", "named", "with_smiles")]
        for name, row in about["types"].items()
    }
    assert shown.rows("metaedge", "head") == [
        [abbreviation, e["head_type"], e["relation"], e["tail_type"], str(e["triples"]), e["licence"], e["source"],
         e["version"] or "not stated"]
        for abbreviation, e in about["metaedges"].items()
    ]  # fmt: skip
    assert shown.rows("licence") == [["CC0 1.0", "62", "100.0%"]]
    assert [row[1] for row in shown.rows("name", "id", "type", "degree")] == [hub["id"] for hub in about["hubs"]]
    assert shown.rows("status") == [["refuted", "1"]]
    assert shown.rows("metaedges", "pairs") == [
        [" + ".join(row["metaedges"]), str(row["pairs"])]
        for row in about["duplicates"]["several_metaedges"]["combinations"]
    ]
    treated = about["treatment_pairs"]
    assert [[row[0], row[2]] for row in shown.rows("name", "id", "treatments")] == [
        [of["name"], str(of["treatments"])] for side in ("diseases", "compounds") for of in treated[side]["most"]
    ]
    assert clinic.digest in shown.text


def test_structures_that_rdkit_cannot_read_are_named(page: str, read_page: ReadPage) -> None:
    shown = read_page(page)
    assert "3 of 22 Compound; RDKit cannot read 1" in shown.text
    assert [["name", "id"], ["Losartan", "Compound::DB00678"]] in shown.tables


def test_the_page_says_what_it_must_not_be_used_for(page: str, read_page: ReadPage) -> None:
    text = read_page(page).text
    assert "no medical advice" in text
    assert "never start, stop or change a treatment because of it" in text


def test_nothing_is_asked_for_from_outside_and_no_script_runs(page: str, read_page: ReadPage) -> None:
    shown = read_page(page)
    assert not {"script", "link", "img", "iframe", "object", "embed", "image"} & {tag for tag, _ in shown.tags}
    for _, attributes in shown.tags:
        assert not [key for key in attributes if key.startswith("on") or key in ("src", "srcset", "action")]
        for key in ("href", "xlink:href"):
            assert (attributes.get(key) or "#").startswith("#")
    assert not re.search(r"url\((?!#)|@import|https?:", page)


def test_ids_differ_and_what_is_referred_to_is_there(page: str, read_page: ReadPage) -> None:
    shown = read_page(page)
    count = Counter(str(attributes["id"]) for _, attributes in shown.tags if "id" in attributes)
    assert [name for name, times in count.items() if times > 1] == []
    meant = {str(attributes["href"])[1:] for _, attributes in shown.tags if attributes.get("href")}
    meant |= set(re.findall(r"url\(#([^)]*)\)", page))
    assert meant <= set(count)
    assert {"metagraph", "licences", "limits"} <= meant


def test_pictures_say_what_they_show_to_those_who_do_not_see_them(page: str, read_page: ReadPage) -> None:
    pictures = [attributes for tag, attributes in read_page(page).tags if tag == "svg"]
    assert [picture["class"] for picture in pictures] == [
        "metagraph", "plot-metaedges", "plot-degrees", "plot-treatments"
    ]  # fmt: skip
    assert all(picture["role"] == "img" and picture["aria-label"] for picture in pictures)


def test_pictures_take_their_colours_from_the_page(page: str) -> None:
    colours = set(
        re.findall(r"(?:fill|stroke): ?(#[0-9a-f]{6})", "".join(re.findall(r"<svg.*?</svg>", page, re.DOTALL)))
    )
    assert colours == set()
    defined = set(re.findall(r"(--[a-z-]+):", page))
    assert set(re.findall(r"var\((--[a-z-]+)\)", page)) <= defined


def test_the_metagraph_has_each_type_and_each_metaedge(page: str, clinic: KnowledgeGraph) -> None:
    found = Counter(texts(drawing(page, "metagraph")))
    for name in ("Compound", "Disease", "Gene", "22", *(e.abbreviation for e in clinic.metaedges)):
        assert found[name] == 1


def test_many_metaedges_between_two_types_are_one_line_with_their_number() -> None:
    types = (EntityType("Compound", 0, 1), EntityType("Disease", 1, 2))
    onward = [Metaedge(f"CD{i}", "Compound", "may treat", "Disease") for i in range(3)]
    back = [Metaedge(f"DC{i}", "Disease", "may be treated by", "Compound") for i in range(3)]
    metaedges, triples = (*onward, *back), np.array([[0, 0, 1], [0, 1, 1]])
    graph = KnowledgeGraph(Vocabulary(["c", "d"]), types, metaedges, triples, ("CD0", "CD1"))
    found = texts(drawing(graph_page(graph), "metagraph"))
    assert sorted(found) == ["1", "1", "2 treatments", "4 metaedges", "Compound", "Disease"]


def test_equal_graphs_have_equal_pages(clinic: KnowledgeGraph, page: str) -> None:
    assert graph_page(clinic) == page


def test_names_cannot_break_the_page(evil: KnowledgeGraph, read_page: ReadPage) -> None:
    html = graph_page(evil)
    shown = read_page(html)
    assert not {"script", "b", "i", "u", "refuted", "key"} & {tag for tag, _ in shown.tags}
    for word in (EVIL, "b&lt;", "{% raw %}", "{{ 7 * 7 }}", "<b>&\"'$", "<i>licence", "<key>", "<inner> 1"):
        assert word in shown.text
    svg = drawing(html, "metagraph")
    assert "<script" not in svg
    assert "&lt;b&gt;&amp;" in svg
    assert "$x$" in svg  # not set by TeX's rules
    assert "\x01" not in svg


def test_a_graph_without_treatments_structures_or_triples_has_a_page_too(read_page: ReadPage) -> None:
    none = np.empty((0, 3), np.int64)
    for types, metaedges in (
        ((), ()),
        ((EntityType("Thing", 0, 2),), ()),
        ((EntityType("Thing", 0, 2),), (Metaedge("is", "Thing", "is", "Thing"),)),
    ):
        ids = [f"{i}" for i in range(types[0].stop if types else 0)]
        shown = read_page(graph_page(KnowledgeGraph(Vocabulary(ids), types, metaedges, none)))
        assert "No metaedge of this graph means treatment." in shown.text
        assert "The graph has no triples." in shown.text
        assert "none known" in shown.text


def test_of_very_many_types_and_metaedges_some_are_drawn_and_the_page_says_so(read_page: ReadPage) -> None:
    names = [f"T{i:02}" for i in range(50)]
    types = tuple(EntityType(name, i, i + 1) for i, name in enumerate(names))
    metaedges = tuple(Metaedge(f"{head}{tail}", head, "next", tail) for head, tail in itertools.pairwise(names))
    triples = np.array([[i, i, i + 1] for i in range(48)])  # the last metaedge, a treatment, has none
    html = graph_page(KnowledgeGraph(Vocabulary(names), types, metaedges, triples, treats=("T48T49",)))
    text = read_page(html).text
    assert "Drawn are the 30 types with most entities, of 50." in text
    assert "Of 49 metaedges, the 40 with most triples and the treatments; the table has all." in text
    assert "Shown are the 24 types with most entities, of 50." in text
    dots = texts(drawing(html, "plot-metaedges"))
    assert [word for word in dots if word.startswith("T")] == [e.abbreviation for e in (*metaedges[:40], metaedges[48])]
    assert len(read_page(html).rows("metaedge", "head")) == 49


@pytest.mark.parametrize(
    ("value", "shown"), [(0, "0"), (1234567, "1,234,567"), (1.0, "1"), (1234.56, "1,234.6"), (None, "-")]
)
def test_numbers_have_thousands_separators(value: float | None, shown: str) -> None:
    assert number(value) == shown


def test_shares_of_nothing_are_a_dash() -> None:
    assert (percent(1, 8), percent(0, 0)) == ("12.5%", "-")


def test_long_ids_may_break_after_their_signs_and_are_escaped_all_the_same() -> None:
    assert breakable("GNBR::T<b>:Gene_x") == "GNBR::<wbr>T&lt;b&gt;:<wbr>Gene_<wbr>x"


def test_matplotlib_and_rdkit_load_with_the_page_and_no_display_is_asked_for() -> None:
    code = (
        "import sys\n"
        "from kgdrug import describe, graph_page, load_graph\n"
        "from kgdrug.reports import overview\n"
        "heavy = {'matplotlib', 'jinja2', 'rdkit', 'torch'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "import numpy as np\n"
        "from kgdrug import EntityType, KnowledgeGraph, Vocabulary\n"
        "graph_page(KnowledgeGraph(Vocabulary(['a']), (EntityType('A', 0, 1),), (), np.empty((0, 3), np.int64)))\n"
        "assert 'matplotlib' in sys.modules\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_a_browser_shows_the_page_whole(
    browser: Callable[[str], str], page: str, clinic: KnowledgeGraph, read_page: ReadPage
) -> None:
    document = browser(page)
    shown = read_page(document)
    assert sum(tag == "svg" for tag, _ in shown.tags) == 4
    for word in ("clinic", "How it was made", "no medical advice", clinic.digest, "Valproic acid"):
        assert word in shown.text
    assert [table for table in shown.tables if table[0]] == [table for table in read_page(page).tables if table[0]]
    assert not re.search(r"""(?:src|href)=["']?(?!["']?#)""", document)


def test_a_browser_runs_nothing_that_a_name_says(
    browser: Callable[[str], str], evil: KnowledgeGraph, read_page: ReadPage
) -> None:
    document = browser(graph_page(evil))
    shown = read_page(document)
    assert not {"script", "b", "i", "u"} & {tag for tag, _ in shown.tags}
    assert EVIL in shown.text
