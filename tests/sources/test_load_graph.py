import shutil
from pathlib import Path

import numpy as np
import pytest

from kgdrug.errors import BadInputError, UnknownNameError, UsageError
from kgdrug.graph import KnowledgeGraph, save_graph
from kgdrug.sources import Reading, find_dataset, load_graph, load_parts, locate, read_part, shipped

PARTS = {"train": "a\tr\tb\nb\ts\tc\n", "valid": "a\ts\tc\n", "test": "c\tr\td\nc\tr\ta\n"}


def facts(graph: KnowledgeGraph, triples: np.ndarray) -> list[tuple[str, str, str]]:
    ids = graph.entities.ids
    return [(ids[h], graph.metaedges[r].abbreviation, ids[t]) for h, r, t in triples.tolist()]


def lines(content: str) -> list[tuple[str, ...]]:
    return [tuple(line.split("\t")) for line in content.splitlines()]


@pytest.fixture
def parts(write, tmp_path) -> Path:
    for part, content in PARTS.items():
        write(f"toy/{part}.txt", content)
    return tmp_path / "toy"


def test_a_file_of_triples_is_a_graph_of_one_type_named_after_the_file(write):
    graph = load_graph(write("friends.v2.tsv", "a\tlikes\tb\nb\tlikes\ta\n"))
    assert set(facts(graph, graph.triples)) == {("a", "likes", "b"), ("b", "likes", "a")}
    assert [t.name for t in graph.entity_types] == ["Entity"]
    assert not graph.typed
    assert graph.treats == ()
    assert graph.name == "friends"


def test_a_path_may_be_text(write):
    path = write("friends.tsv", "a\tlikes\tb\n")
    assert load_graph(str(path)).digest == load_graph(path).digest


def test_a_built_graph_is_read_from_its_folder(write, tmp_path):
    graph = load_graph(write("friends.tsv", "a\tlikes\tb\n"))
    (tmp_path / "built").mkdir()
    save_graph(graph, tmp_path / "built")
    assert load_graph(tmp_path / "built").digest == graph.digest


def test_fixed_parts_make_one_graph_and_keep_their_order(parts):
    graph, triples = load_parts(parts)
    for part, content in PARTS.items():
        assert facts(graph, triples[part]) == lines(content)
    assert set(facts(graph, graph.triples)) == set(lines("".join(PARTS.values())))
    assert graph.entities.ids == ("a", "b", "c", "d")
    assert load_graph(parts).digest == graph.digest
    assert graph.name == "toy"


@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_missing_part_is_named_with_the_files_that_were_looked_for(parts, part):
    (parts / f"{part}.txt").unlink()
    for load in (load_parts, load_graph):
        with pytest.raises(BadInputError, match=rf"has no {part} file; looked for {part}\.tsv, .*{part}\.txt\.zst"):
            load(parts)


def test_a_bad_line_of_a_part_is_named_with_its_file(parts):
    (parts / "valid.txt").write_text("a\ts\tc\na\ts\n")
    with pytest.raises(BadInputError) as caught:
        load_parts(parts)
    assert (caught.value.file, caught.value.line) == (parts / "valid.txt", 2)


def test_a_part_is_read_in_the_indices_of_a_graph_that_is_there(parts, write):
    graph = load_graph(write("more.tsv", "0\tq\t1\n" + "".join(PARTS.values())))
    assert facts(graph, read_part(graph, parts, "test")) == lines(PARTS["test"])
    write("toy/test.txt", "head\tmetaedge\ttail\n" + PARTS["test"])
    assert facts(graph, read_part(graph, parts, "test")) == lines(PARTS["test"])


@pytest.mark.parametrize("line", ["x\tr\ta", "a\tr\tx", "a\tx\tb"])
@pytest.mark.parametrize("header", ["", "head\tmetaedge\ttail\n"])
def test_a_triple_of_a_part_that_is_not_of_the_graph_is_named(parts, write, line, header):
    graph, _ = load_parts(parts)
    path = write("toy/test.txt", header + PARTS["test"] + line + "\n")
    with pytest.raises(BadInputError, match="not of the graph toy") as caught:
        read_part(graph, parts, "test")
    assert (caught.value.file, caught.value.line) == (path, 4 if header else 3)


def test_a_part_that_is_not_there_is_an_error(parts):
    graph, _ = load_parts(parts)
    (parts / "test.txt").unlink()
    with pytest.raises(BadInputError, match="has no test file"):
        read_part(graph, parts, "test")


def test_a_relative_path_is_looked_for_here_and_then_in_the_data_folder(tmp_path, monkeypatch):
    (tmp_path / "here" / "a").mkdir(parents=True)
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    assert locate("a") == Path("a")
    with pytest.raises(UsageError):
        locate("b")
    monkeypatch.setenv("KGDRUG_DATA", str(tmp_path / "data"))
    assert locate("a") == Path("a")
    assert locate("b") == tmp_path / "data" / "b"


def test_a_graph_in_the_data_folder_is_loaded_by_its_relative_path(parts, tmp_path, monkeypatch):
    (tmp_path / "data" / "benchmarks").mkdir(parents=True)
    shutil.move(parts, tmp_path / "data" / "benchmarks" / "toy")
    monkeypatch.setenv("KGDRUG_DATA", str(tmp_path / "data"))
    assert load_graph("benchmarks/toy").name == "toy"


def test_a_source_that_is_nowhere_names_what_there_is(tmp_path):
    with pytest.raises(UsageError, match=r"no such graph: 'hetionett' is neither .* essential, hetionet"):
        load_graph("hetionett")
    with pytest.raises(UsageError, match="no such graph"):
        load_graph(tmp_path / "nowhere")


def test_a_folder_that_holds_no_graph_says_what_it_lacks(tmp_path):
    with pytest.raises(
        UsageError, match=r"is no graph: it is of none of the forms kgdrug, .*triples; docs/data\.md says"
    ):
        load_graph(tmp_path)


def test_a_graph_says_where_it_came_from_and_what_was_left_out(write, parts):
    path = write("friends.tsv", "a\tlikes\tb\na\tlikes\tb\na\tlikes\n")
    assert load_graph(path, reading=Reading(skip_bad_lines=True)).made == {
        "sources": [str(path)],
        "form": "triples",
        "duplicates": 1,
        "bad_lines": {"columns": 1},
    }


def test_a_form_that_is_named_is_not_guessed(write):
    path = write("edges.csv", "a\tlikes\tb\n")
    assert load_graph(path, "triples").digest == load_graph(write("edges.tsv", "a\tlikes\tb\n")).digest
    with pytest.raises(BadInputError, match="is not XML"):
        load_graph(path, "graphml")


def test_a_form_that_does_not_exist_is_an_error_of_a_data_set_too(write):
    for source in ("essential", "hetionet", write("edges.tsv", "a\tlikes\tb\n")):
        with pytest.raises(UnknownNameError, match="unknown form 'nope'"):
            load_graph(source, "nope")
    with pytest.raises(UsageError, match="the data set essential is of the form curated, not triples"):
        load_graph("essential", "triples")
    with pytest.raises(UsageError, match="the data set hetionet is of the form hetionet, not kgx"):
        load_graph("hetionet", "kgx")
    assert load_graph("essential", "curated").name == "essential"


def test_a_path_called_like_a_data_set_is_read_where_the_data_set_is_not_here(write, tmp_path, monkeypatch):
    write("drkg/train.tsv", "a\tr\tb\n")
    write("drkg/valid.tsv", "b\tr\ta\n")
    write("drkg/test.tsv", "a\tr\ta\n")
    monkeypatch.chdir(tmp_path)
    for source in ("drkg", "./drkg", Path("drkg")):
        assert len(load_graph(source).triples) == 3


def test_each_source_counts_its_own_and_the_reading_counts_all(write):
    reading = Reading(skip_bad_lines=True)
    first = load_graph(write("one.tsv", "a\tr\tb\na\tr\tb\na\tr\n"), reading=reading)
    second = load_graph(write("two.tsv", "a\tr\tb\n"), reading=reading)
    assert (first.made["duplicates"], second.made["duplicates"], reading.duplicates) == (1, 0, 1)
    assert ("bad_lines" in second.made, reading.kinds) == (False, {"columns": 1})


def test_a_data_set_that_is_not_here_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("KGDRUG_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KGDRUG_CACHE", str(tmp_path / "cache"))
    with pytest.raises(UsageError, match="run: kgdrug data get hetionet") as caught:
        load_graph("hetionet")
    assert str(tmp_path / "data" / "hetionet") in str(caught.value)
    assert str(tmp_path / "cache" / "hetionet") in str(caught.value)
    assert find_dataset("hetionet") is None


def test_the_data_folder_comes_before_the_cache(tmp_path, monkeypatch):
    for place in ("data", "cache"):
        monkeypatch.setenv(f"KGDRUG_{place.upper()}", str(tmp_path / place))
        (tmp_path / place / "hetionet").mkdir(parents=True)
        for name in ("nodes.tsv", "hetionet-rebuilt.tsv"):
            (tmp_path / place / "hetionet" / name).touch()
    assert find_dataset("hetionet") == tmp_path / "data" / "hetionet"
    (tmp_path / "data" / "hetionet" / "nodes.tsv").unlink()
    assert find_dataset("hetionet") == tmp_path / "cache" / "hetionet"


def test_an_unknown_data_set_names_those_there_are():
    with pytest.raises(UnknownNameError, match="unknown data set 'ogbl'; choose from essential, hetionet"):
        find_dataset("ogbl")


def test_what_is_shipped_is_found_in_the_checkout():
    assert (shipped("data/essential") / "entities.tsv").is_file()
    assert shipped("experiments/essential.toml").is_file()
    assert not shipped("data/nothing").exists()


def test_a_file_with_a_header_and_no_triples_is_an_error(write):
    with pytest.raises(BadInputError, match=r"none\.tsv"):
        load_graph(write("none.tsv", "head\trelation\ttail\n"))
