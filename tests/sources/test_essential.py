"""The sample graph that comes with the project, and the script that checks it."""

import csv
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import polars as pl
import pytest

from kgdrug.graph import KnowledgeGraph, describe
from kgdrug.sources import find_dataset, load_graph, shipped
from kgdrug.sources.molecules import formula

FOLDER = shipped("data/essential")
SCRIPT = Path(__file__).parents[2] / "data" / "check_essential.py"


@pytest.fixture(scope="module")
def essential() -> KnowledgeGraph:
    return load_graph("essential")


@pytest.fixture(scope="module")
def compared(shared_data: Path) -> subprocess.CompletedProcess[str]:
    """The check of the sample as it is, against Hetionet."""
    return check("--against", shared_data / "hetionet")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the sample to break."""
    return Path(shutil.copytree(FOLDER, tmp_path / "copy"))


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def rewrite(path: Path, change: Callable[[list[str]], Iterable[str]]) -> None:
    """The lines below the header changed, and in order again."""
    header, *lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, *sorted(change(lines)), ""]), encoding="utf-8", newline="\n")


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def line_of(path: Path, start: str) -> int:
    lines = path.read_text(encoding="utf-8").splitlines()
    return next(number for number, line in enumerate(lines, 1) if line.startswith(start))


def check(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


def test_it_is_large_enough_to_show_what_the_project_does(essential):
    numbers = describe(essential)
    assert numbers["entity_types"]["Compound"] >= 180
    assert numbers["entity_types"]["Disease"] >= 110
    assert numbers["entity_types"]["Gene"] >= 250
    assert numbers["triples"] >= 3500
    assert len(numbers["metaedges"]) >= 11
    assert numbers["metaedges"]["CtD"]["triples"] >= 400
    assert numbers["metaedges"]["CbG"]["triples"] >= 450
    assert numbers["treats"] == ["CtD"]
    assert numbers["isolated"] == 0
    assert all(row["triples"] and row["licence"] and row["source"] for row in numbers["metaedges"].values())


def test_it_is_named_after_itself_and_found_without_a_download(essential):
    assert essential.name == "essential"
    assert find_dataset("essential") == FOLDER
    assert load_graph(FOLDER).digest == essential.digest


def test_it_knows_what_every_textbook_knows(essential):
    treats = essential.relation("treats")
    known = {tuple(t) for t in essential.triples.tolist()}
    for drug, disease in (("Metformin", "type 2 diabetes mellitus"), ("Methotrexate", "rheumatoid arthritis")):
        head, tail = essential.find(drug, treats), essential.find(disease, treats + essential.relations)
        assert (head, treats, tail) in known


def test_it_knows_other_names_and_they_are_no_facts(essential, copy):
    names = essential.entities.names
    for text, name in (
        ("aspirin", "Acetylsalicylic acid"),
        ("Albuterol", "Salbutamol"),
        ("copd", "chronic obstructive"),
    ):
        assert names[essential.find(text)].startswith(name)
    assert len(essential.entities.synonyms) == sum(bool(row["synonyms"]) for row in rows("entities.tsv")) > 100
    lines = (copy / "entities.tsv").read_text(encoding="utf-8").splitlines()
    (copy / "entities.tsv").write_text("".join(line.rpartition("\t")[0] + "\n" for line in lines), encoding="utf-8")
    without = load_graph(copy)
    assert (without.digest, without.entities.synonyms) == (essential.digest, {})


def test_it_loads_with_every_annotation_and_structure(essential):
    names = essential.entities.names
    assert len(essential.annotations) == len(rows("annotations.tsv")) > 200
    stated = {(names[a.compound], names[a.disease]): a.status for a in essential.annotations}
    assert stated["Creatine", "Parkinson's disease"] == "refuted"
    assert stated["Propranolol", "asthma"] == "contraindicated"
    assert {names[i]: smiles for i, smiles in essential.smiles.items()} == {
        row["compound"]: row["smiles"] for row in rows("smiles.tsv")
    }


def test_no_annotation_contradicts_a_treatment_without_a_word(essential):
    treated = {(row["head"], row["tail"]) for row in rows("edges/CtD.tsv")}
    for row in rows("annotations.tsv"):
        if row["status"] in ("refuted", "contraindicated") and (row["compound"], row["disease"]) in treated:
            assert "(" in row["source"], row


def test_every_compound_has_a_structure_or_a_reason_why_not(essential):
    compounds = essential.entity_type("Compound").range
    structured = [row["compound"] for row in rows("smiles.tsv")]
    excused = [row["compound"] for row in rows("no_smiles.tsv")]
    assert sorted(structured + excused) == sorted(essential.entities.names[i] for i in compounds)
    assert len(structured) > 50 * len(excused)


def test_every_structure_has_the_formula_beside_it():
    wrong = [row for row in rows("smiles.tsv") if formula(row["smiles"]) != row["formula"]]
    assert wrong == []


def test_its_edge_files_have_no_line_twice_and_are_in_order():
    for path in sorted((FOLDER / "edges").glob("*.tsv")):
        lines = path.read_bytes().split(b"\n")[1:-1]
        assert lines == sorted(set(lines)), path.name


def test_every_edge_file_belongs_to_a_metaedge(essential):
    files = {path.stem for path in (FOLDER / "edges").iterdir()}
    assert files == {e.abbreviation for e in essential.metaedges}


def test_its_ids_names_and_types_are_those_of_hetionet(shared_data):
    theirs = pl.read_csv(
        shared_data / "hetionet" / "nodes.tsv.zst", separator="\t", quote_char=None, columns=["id", "name", "kind"]
    )
    ours = [(row["id"], row["name"], row["type"]) for row in rows("entities.tsv")]
    assert len(ours) > 1000
    assert set(ours) - set(theirs.iter_rows()) == set()


def test_the_check_passes_without_hetionet():
    done = check()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" 0 problems\n")


def test_the_check_passes_against_hetionet_and_shows_the_agreement(compared):
    assert (compared.returncode, compared.stderr) == (0, "")
    table = {line.split()[0]: line.split() for line in compared.stdout.splitlines()}
    for metaedge in ("CtD", "CbG"):
        assert int(table[metaedge][1].replace(",", "")) == len(rows(f"edges/{metaedge}.tsv"))
        assert float(table[metaedge][3].rstrip("%")) >= 75
    assert "(453,294 of 526,407 edges there)" in " ".join(table["AeG"])  # Hetionet itself is not whole there
    assert compared.stdout.endswith(" 0 problems\n")


def test_the_check_counts_an_undirected_fact_either_way_round(shared_data, compared, copy):
    rewrite(copy / "edges" / "GiG.tsv", lambda lines: ["\t".join(line.split("\t")[::-1]) for line in lines])
    assert check("--against", shared_data / "hetionet", copy).stdout == compared.stdout


def test_the_check_names_file_line_and_problem(copy):
    replace(copy / "smiles.tsv", "Acetylsalicylic acid\tCC(=O)O", "Acetylsalicylic acid\tCCC(=O)O")
    replace(copy / "smiles.tsv", "Ethanol\tCCO", "Ethanol\tCC(O")
    rewrite(copy / "no_smiles.tsv", lambda lines: [line for line in lines if not line.startswith("Zinc\t")])
    replace(copy / "annotations.tsv", "NILVAD 2018\tCC0 1.0", "NILVAD 2018\tCC0-1.0")
    replace(copy / "annotations.tsv", "Finasteride\tprostate cancer\ttrial", "Finasteride\tprostate cancer\tmaybe")
    replace(copy / "annotations.tsv", "trial\tUKPDS 34 1998", "refuted\tUKPDS 34 1998")
    replace(copy / "edges" / "CtD.tsv", "Acarbose\ttype 2 diabetes mellitus\n", "Acarbose\ttype 2 diabetes\n")
    replace(copy / "review.tsv", "CtD\tAclidinium\t", "CtD\tAcitretin\t")
    done = check(copy)
    lines = done.stdout.splitlines()
    expected = [
        ("smiles.tsv", "Acetylsalicylic acid", "the SMILES of Acetylsalicylic acid is C10H10O4, not C9H8O4"),
        ("smiles.tsv", "Ethanol\t", "the SMILES of Ethanol cannot be read"),
        ("entities.tsv", "Compound::DB01593\t", "Zinc stands neither in smiles.tsv nor in no_smiles.tsv"),
        ("annotations.tsv", "Nilvadipine\t", "the licence is 'CC0-1.0', not 'CC0 1.0'"),
        ("annotations.tsv", "Finasteride\t", "the status is 'maybe', none of"),
        ("annotations.tsv", "Metformin\ttype 2", "refuted, yet CtD has it: say in the source, in parentheses"),
        ("edges/CtD.tsv", "Acarbose\t", "entities.tsv has no Disease 'type 2 diabetes'"),
        ("review.tsv", "CtD\tAcitretin\t", "no fact of the sample: CtD Acitretin / chronic obstructive"),
    ]
    for file, start, what in expected:
        found = [line for line in lines if line.startswith(f"{file}, line {line_of(copy / file, start)}: {what}")]
        assert found, (what, done.stdout)
    assert done.returncode == 1
    assert done.stdout.endswith(f", {len(lines) - 1} problems\n")


def test_the_check_finds_synonyms_that_are_names_of_others(copy):
    entities = copy / "entities.tsv"
    replace(entities, "\tcolon cancer\tDisease\t", "\tcolon cancer\tDisease\tgastric cancer|Gout|bowel cancer")
    lines = check(copy).stdout.splitlines()
    here, gout, stomach = (line_of(entities, f"Disease::DOID:{number}\t") for number in ("219", "13189", "10534"))
    assert lines[:2] == [
        f"entities.tsv, line {here}: the synonym 'Gout' is a name of 'gout' too, in line {gout}",
        f"entities.tsv, line {stomach}: the synonym 'gastric cancer' is a name of 'colon cancer' too, in line {here}",
    ]
    assert lines[2].endswith(", 2 problems")


def test_the_check_finds_lines_twice_or_out_of_order(copy):
    path = copy / "edges" / "DrD.tsv"
    header, first, second, *rest = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([header, second, first, first, *rest, ""]), encoding="utf-8", newline="\n")
    done = check(copy)
    assert "edges/DrD.tsv, line 3: should stand before line 2\n" in done.stdout
    assert "edges/DrD.tsv, line 4: says what line 3 says\n" in done.stdout
    assert done.returncode == 1


def test_the_check_says_what_it_cannot_read_and_stops_there(copy):
    (copy / "edges" / "CbG.tsv").unlink()
    replace(copy / "smiles.tsv", "Ethanol\tCCO\tC2H6O", "Ethanol\tCCO")
    done = check(copy)
    line = line_of(copy / "smiles.tsv", "Ethanol\t")
    first, second, _ = done.stdout.splitlines()
    assert first.startswith("edges/CbG.tsv: cannot be read: ")
    assert second == f"smiles.tsv, line {line}: 2 fields; 3 are wanted"
    assert done.returncode == 1


def test_the_check_wants_a_minimum_size(copy):
    rewrite(copy / "edges" / "CtD.tsv", lambda lines: lines[:399])
    assert "edges/CtD.tsv: 399 facts; at least 400 are wanted\n" in check(copy).stdout


def test_the_check_names_wrong_names_and_wrong_reviews(shared_data, copy):
    entities, review = copy / "entities.tsv", copy / "review.tsv"
    replace(entities, "Symptom::D000377\tAgnosia\t", "Symptom::D000647\tAgnosia\t")
    replace(entities, "Symptom::D000647\tAmnesia\t", "Symptom::D000377\tAmnesia\t")
    gone = next(row for row in rows("review.tsv") if row["metaedge"] == "CtD")
    rewrite(review, lambda lines: [x for x in lines if not x.startswith(f"CtD\t{gone['head']}\t{gone['tail']}\t")])
    rewrite(review, lambda lines: [*lines, "CtD\tMetformin\ttype 2 diabetes mellitus\tfirst-line"])
    done = check("--against", shared_data / "hetionet", copy)
    in_entities, in_review = line_of(entities, "Symptom::D000377"), line_of(review, "CtD\tMetformin\ttype 2")
    in_edges = line_of(copy / "edges" / "CtD.tsv", f"{gone['head']}\t{gone['tail']}")
    fact = f"CtD {gone['head']} / {gone['tail']}"
    for line in (
        f"entities.tsv, line {in_entities}: Hetionet's Symptom::D000377 is the Symptom 'Agnosia'",
        f"review.tsv, line {in_review}: stale: Hetionet has CtD Metformin / type 2 diabetes mellitus",
        f"edges/CtD.tsv, line {in_edges}: Hetionet lacks {fact}; review.tsv has no reason for it",
    ):
        assert line in done.stdout.splitlines(), done.stdout
    assert done.returncode == 1


def test_the_check_wants_three_quarters_of_the_treatments_in_hetionet(shared_data, copy):
    kept = {(row["head"], row["tail"]) for row in rows("edges/CtD.tsv")}
    new = [row["name"] for row in rows("entities.tsv") if row["type"] == "Compound"]
    new = [name for name in new if (name, "cleft lip") not in kept][:60]
    rewrite(copy / "edges" / "CtD.tsv", lambda lines: [*lines, *(f"{name}\tcleft lip" for name in new)])
    rewrite(copy / "review.tsv", lambda lines: [*lines, *(f"CtD\t{name}\tcleft lip\tinvented" for name in new)])
    done = check("--against", shared_data / "hetionet", copy)
    problem, total = done.stdout.splitlines()[-2:]
    assert problem.startswith("edges/CtD.tsv: Hetionet has 7")
    assert problem.endswith("% of the facts; at least 75% is wanted")
    assert total.endswith(", 1 problem")
    assert done.returncode == 1


def test_the_check_says_where_hetionet_is_not(tmp_path):
    done = check("--against", tmp_path)
    assert done.returncode == 2
    assert "--against: " in done.stderr
    assert "Traceback" not in done.stderr
