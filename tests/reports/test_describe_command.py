"""`kgdrug data describe`, by hand."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from kgdrug import graph_page, load_graph


def test_the_terminal_shows_tables_and_a_line_for_each_subject(
    kg: Callable[..., SimpleNamespace], curated: Path
) -> None:
    lines = [" ".join(line.split()) for line in kg("data", "describe", curated).out.splitlines()]
    assert "Compound 22 1 22 0 2 2.2 4" in lines
    assert "CtD * 28 Compound treats Disease" in lines
    assert "licence CC0 1.0" in lines  # the same for all metaedges: said once
    assert "source textbook" in lines
    subjects = ("hubs", "components", "duplicates", "structures", "treatments", "annotations", "licences", "made")
    begun = [line.split(" ")[0] for line in lines if line.split(" ")[0] in subjects]
    assert begun == list(subjects)
    assert "structures none known" in lines


def test_licences_that_differ_have_a_column(kg: Callable[..., SimpleNamespace], curated: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in curated.rglob("*.tsv"):
        (other / path.relative_to(curated)).parent.mkdir(exist_ok=True)
        text = path.read_text()
        text = text.replace("Gene\tno\tCC0 1.0\ttextbook", "Gene\tno\tCC BY 4.0\tatlas")
        (other / path.relative_to(curated)).write_text(text)
    lines = [" ".join(line.split()) for line in kg("data", "describe", other).out.splitlines()]
    assert "metaedge triples head relation tail licence source" in lines
    assert "CbG 13 Compound binds Gene CC BY 4.0 atlas" in lines
    assert "CtD * 28 Compound treats Disease CC0 1.0 textbook" in lines


def test_the_command_writes_the_page(kg: Callable[..., SimpleNamespace], curated: Path, bare: Path) -> None:
    done = kg("data", "describe", curated, "--html", "clinic.html")
    assert (done.code, done.out, done.err) == (0, "", "wrote clinic.html\n")
    assert Path("clinic.html").read_text(encoding="utf-8") == graph_page(load_graph(curated))


def test_the_command_replaces_no_page_unasked(kg: Callable[..., SimpleNamespace], curated: Path, bare: Path) -> None:
    Path("clinic.html").write_text("mine")
    refused = kg("data", "describe", curated, "--html", "clinic.html")
    assert refused.code == 2
    assert "clinic.html exists" in refused.err
    assert Path("clinic.html").read_text() == "mine"
    assert kg("data", "describe", curated, "--html", "clinic.html", "--force").code == 0
    assert Path("clinic.html").read_text().startswith("<!doctype html>")


def test_the_page_and_json_can_be_had_at_once(kg: Callable[..., SimpleNamespace], curated: Path, bare: Path) -> None:
    done = kg("data", "describe", curated, "--html", "clinic.html", "--json")
    assert done.code == 0
    assert done.out == kg("data", "describe", curated, "--json").out
    assert Path("clinic.html").is_file()
