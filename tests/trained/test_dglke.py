"""Vectors of DGL-KE and DRKG: generated in their form, scored by hand, asked as users ask."""

import cmath
import json
import logging
import math
import random
import shlex
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

import kgdrug
from kgdrug import BadInputError, UsageError, cli, read_dglke
from kgdrug.judging import evaluate_trained
from kgdrug.models import SCORES, TableModel
from kgdrug.trained import TrainedModel, load_trained, save_trained
from kgdrug.trained.dglke import IMPORTABLE, with_reciprocals
from kgdrug_api import create_app

COMPOUNDS = [f"Compound::{i}" for i in ("DB00811", "DB01394", "DB00091", "CHEBI:17303", "pubchem:1983", "DB00635")]
DISEASES = [f"Disease::{i}" for i in ("MESH:D045169", "SARS-CoV2 E", "DOID:2841")]
GENES = [f"Gene::{i}" for i in ("2931", "10005", "drugbank:BE0004822")]
ENTITIES = [*COMPOUNDS, *DISEASES, *GENES]
CTD, TREATS, GENE = "Hetionet::CtD::Compound:Disease", "GNBR::T::Compound:Disease", "bioarx::HumGenHumGen:Gene:Gene"
BINDS = "DRUGBANK::target::Compound:Gene"
RELATIONS = [GENE, TREATS, CTD, BINDS]  # in no order
ASKED = "Disease::MESH:D045169"
GAMMA = 12.0

Score = Callable[[Sequence[float], Sequence[float], Sequence[float]], float]


def pairs(row: Sequence[float]) -> list[complex]:
    half = len(row) // 2
    return [complex(row[i], row[half + i]) for i in range(half)]


def transe_l2(head: Sequence[float], relation: Sequence[float], tail: Sequence[float]) -> float:
    total = 0.0
    for h, r, t in zip(head, relation, tail, strict=True):
        total += (h + r - t) ** 2
    return -math.sqrt(total)


def distmult(head: Sequence[float], relation: Sequence[float], tail: Sequence[float]) -> float:
    return sum(h * r * t for h, r, t in zip(head, relation, tail, strict=True))


def complex_(head: Sequence[float], relation: Sequence[float], tail: Sequence[float]) -> float:
    """DGL-KE's four products of real and imaginary halves."""
    total = 0.0
    for h, r, t in zip(pairs(head), pairs(relation), pairs(tail), strict=True):
        total += h.real * t.real * r.real + h.imag * t.imag * r.real
        total += h.real * t.imag * r.imag - h.imag * t.real * r.imag
    return total


def rotate(head: Sequence[float], relation: Sequence[float], tail: Sequence[float]) -> float:
    """A number of the relation file is a phase of pi where it is (gamma + 2) / hidden_dim."""
    total = 0.0
    for h, r, t in zip(pairs(head), relation, pairs(tail), strict=True):
        total += abs(h * cmath.exp(1j * r / ((GAMMA + 2) / len(relation) / math.pi)) - t)
    return -total


BY_HAND: dict[str, Score] = {
    "TransE_l2": transe_l2,
    "TransE": transe_l2,
    "DistMult": distmult,
    "ComplEx": complex_,
    "RotatE": rotate,
}


class Vectors:
    """A folder of DRKG's form, and what was written into it."""

    def __init__(
        self,
        folder: Path,
        model: str = "TransE_l2",
        entities: Sequence[str] = ENTITIES,
        relations: Sequence[str] = RELATIONS,
        number_first: bool = False,
        config: dict[str, Any] | None = None,
        d: int = 8,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.model = folder, model
        self.names, self.relations = list(entities), list(relations)
        random.Random(5).shuffle(self.names)
        generator = np.random.default_rng(11)
        width = d // 2 if model == "RotatE" else d
        self.entity = generator.normal(size=(len(self.names), d)).astype(np.float32)
        self.relation = generator.normal(size=(len(self.relations), width)).astype(np.float32)
        self.entity_file = folder / f"DRKG_{model}_entity.npy"
        self.relation_file = folder / f"DRKG_{model}_relation.npy"
        np.save(self.entity_file, self.entity)
        np.save(self.relation_file, self.relation)
        for file, names in (("entities.tsv", self.names), ("relations.tsv", self.relations)):
            lines = [f"{i}\t{name}" if number_first else f"{name}\t{i}" for i, name in enumerate(names)]
            (folder / file).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        if config is not None:
            (folder / "config.json").write_text(json.dumps(config))

    def by_hand(self, head: str, relation: str, tail: str) -> float:
        """The score of a triple, from the rows that were written, over Python's own floats."""
        h, t = (self.entity[self.names.index(end)].tolist() for end in (head, tail))
        return BY_HAND[self.model](h, self.relation[self.relations.index(relation)].tolist(), t)


@pytest.fixture
def drkg(bare: Path) -> Vectors:
    """A terminal in a folder with `embed`, as DRKG has it."""
    return Vectors(bare / "embed")


@pytest.fixture
def kg(bare: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command line: exit code, what was printed, and what was said of errors."""

    def run(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main([str(word) for word in words])
        written = capsys.readouterr()
        return int(ended.value.code or 0), written.out, written.err

    return run


def write_facts(file: Path, *lines: str) -> Path:
    file.write_text("".join(line.replace(" | ", "\t") + "\n" for line in lines), encoding="utf-8")
    return file


def score(model: TrainedModel, head: str, relation: str, tail: str, back: bool = False) -> float:
    """The model's score of a triple, asked for its tail, or for its head over the reciprocal."""
    graph = model.graph
    h, r, t = graph.entities.index(head), graph.relation(relation), graph.entities.index(tail)
    query, answer = ((t, r + graph.relations), h) if back else ((h, r), t)
    return float(model.scores(torch.tensor([query]), torch.tensor([answer])))


# what is asked, by hand


def test_drkg_imported_answers_on_the_command_line_and_over_http_with_the_scores_of_its_vectors(
    drkg: Vectors, kg: Callable[..., tuple[int, str, str]]
) -> None:
    code, printed, said = kg("import", "dglke", "embed", "--out", "model")
    assert (code, said) == (0, "")
    assert "embed: 12 entities of 3 types, 4 relations, no known facts" in printed
    assert "transe-l2, 8 numbers per entity" in printed

    expected = {c: max(drkg.by_hand(c, r, ASKED) for r in (CTD, TREATS)) for c in COMPOUNDS}
    best_first = sorted(COMPOUNDS, key=expected.__getitem__, reverse=True)
    code, printed, said = kg("predict", "model", "--disease", ASKED, "--format", "json")
    assert (code, said) == (0, "")
    client = TestClient(create_app(kgdrug.load_model("model")))
    answered = client.post("/v1/predict", json={"disease": ASKED})
    assert answered.status_code == 200
    for body in (json.loads(printed), answered.json()):
        assert [a["id"] for a in body["answers"]] == best_first
        assert [a["rank"] for a in body["answers"]] == [1, 2, 3, 4, 5, 6]
        assert [a["score"] for a in body["answers"]] == pytest.approx([expected[c] for c in best_first], rel=1e-5)
        assert all(a["known"] == [] and a["type"] == "Compound" for a in body["answers"])

    tails = {g: drkg.by_hand(GENES[0], GENE, g) for g in GENES[1:]}  # nothing is its own answer
    over = {"head": GENES[0], "relation": GENE}
    answers = client.post("/v1/predict", json=over).json()["answers"]
    assert [a["id"] for a in answers] == sorted(tails, key=tails.__getitem__, reverse=True)
    assert {a["id"]: a["score"] for a in answers} == pytest.approx(tails, rel=1e-5)


@pytest.mark.parametrize("drkg_names", [True, False])
def test_the_commands_that_an_import_prints_work(
    drkg_names: bool, bare: Path, kg: Callable[..., tuple[int, str, str]]
) -> None:
    if drkg_names:
        Vectors(bare / "my vectors")
    else:
        Vectors(bare / "my vectors", entities=["a b", "c", "d"], relations=["is like"])
    code, printed, _ = kg("import", "dglke", "my vectors", "--out", "my model")
    assert code == 0
    predict, serve = (shlex.split(line) for line in printed.splitlines() if line.startswith("  kgdrug "))
    code, answers, said = kg(*predict[1:], "--format", "json")
    assert (code, said) == (0, "")
    assert len(json.loads(answers)["answers"]) == (len(COMPOUNDS) if drkg_names else 2)
    assert serve == ["kgdrug", "serve", "my model"]


def test_the_service_tells_of_an_imported_model(drkg: Vectors) -> None:
    save_imported(drkg, name="drkg-transe")
    client = TestClient(create_app(kgdrug.load_model("model")))
    (about,) = client.get("/v1/models").json()["models"]
    assert about["name"] == client.get("/health").json()["model"] == "drkg-transe"
    assert (about["score"], about["dimension"], about["entities"], about["triples"]) == ("transe-l2", 8, 12, 0)
    assert about["test"] == {}
    edges = {e["abbreviation"]: e for e in client.get("/v1/relations").json()}
    assert list(edges) == sorted(RELATIONS)
    assert [name for name, e in edges.items() if e["treats"]] == [TREATS, CTD]


def test_an_imported_model_has_nothing_to_be_evaluated_on(
    drkg: Vectors, kg: Callable[..., tuple[int, str, str]]
) -> None:
    write_facts(Path("facts.tsv"), f"{COMPOUNDS[0]} | {CTD} | {ASKED}")
    for options in ([], ["--graph", "facts.tsv"]):
        kg("import", "dglke", "embed", "--out", "model", "--force", *options)
        for candidates in ("typed", "all"):
            code, printed, said = kg("evaluate", "model", "--candidates", candidates)
            assert (code, printed) == (2, "")
            assert "embed has no test triples to be evaluated on: an imported model is judged where" in said
    with pytest.raises(UsageError, match="has no test triples"):
        evaluate_trained(load_trained(Path("model")))


def test_an_import_replaces_only_by_force_and_leaves_nothing_behind_when_it_fails(
    drkg: Vectors, kg: Callable[..., tuple[int, str, str]]
) -> None:
    assert kg("import", "dglke", "embed", "--out", "model", "--name", "first")[0] == 0
    code, _, said = kg("import", "dglke", "embed", "--out", "model")
    assert code == 2
    assert "model exists" in said
    drkg.relation_file.unlink()
    code, _, said = kg("import", "dglke", "embed", "--out", "model", "--force")
    assert code == 1
    assert f"{drkg.relation_file.name}: is missing" in said
    assert load_trained(Path("model")).name == "first"
    assert sorted(p.name for p in Path().iterdir()) == ["embed", "model"]


def save_imported(vectors: Vectors, **options: Any) -> TrainedModel:
    Path("model").mkdir()
    save_trained(read_dglke(vectors.folder, **options), Path("model"))
    return load_trained(Path("model"))


# scores


@pytest.mark.parametrize("model", BY_HAND)
def test_every_triple_has_the_score_of_its_model_whichever_end_is_asked_for(model: str, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", model, config={"gamma": GAMMA})
    imported = read_dglke(vectors.folder)
    joins = {GENE: (GENES, GENES), TREATS: (COMPOUNDS, DISEASES), CTD: (COMPOUNDS, DISEASES), BINDS: (COMPOUNDS, GENES)}
    for relation, (heads, tails) in joins.items():
        for head in heads:
            for tail in tails:
                expected = pytest.approx(vectors.by_hand(head, relation, tail), rel=1e-5, abs=1e-5)
                assert score(imported, head, relation, tail) == expected
                assert score(imported, head, relation, tail, back=True) == expected


def test_every_importable_model_is_scored_by_hand_here() -> None:
    assert set(BY_HAND) == set(IMPORTABLE)


@pytest.mark.parametrize("name", sorted(set(IMPORTABLE.values())))
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), half=st.integers(1, 5))
def test_a_reciprocal_leads_back(name: str, seed: int, half: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    entity = torch.randn(6, 2 * half, generator=generator, dtype=torch.float64)
    forward = torch.randn(3, SCORES[name].width(2 * half), generator=generator, dtype=torch.float64)
    model = TableModel(name, entity, with_reciprocals(name, forward))
    assert torch.equal(model.relation[:3], forward)
    heads, tails = torch.arange(6).repeat_interleave(6), torch.arange(6).repeat(6)
    for r in range(3):
        there = model.scores(torch.stack([heads, torch.full_like(heads, r)], 1), slice(0, 6))[range(36), tails]
        back = model.scores(torch.stack([tails, torch.full_like(tails, r + 3)], 1), slice(0, 6))[range(36), heads]
        torch.testing.assert_close(there, back, rtol=1e-9, atol=1e-6)


@pytest.mark.parametrize("config", [None, {}, {"gamma": 100.0}, {"gamma": "wide"}])
def test_gamma_changes_no_score_of_a_distance(config: dict[str, Any] | None, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", config=config)
    model = read_dglke(vectors.folder)
    expected = vectors.by_hand(COMPOUNDS[0], CTD, ASKED)
    assert score(model, COMPOUNDS[0], CTD, ASKED) == pytest.approx(expected, rel=1e-5)
    gamma = {"gamma": 100.0} if config == {"gamma": 100.0} else {}
    assert model.metrics == {"imported": {"from": "dglke", "dataset": "DRKG", "model": "TransE_l2", **gamma}}


@pytest.mark.parametrize("config", [None, {"hidden_dim": 4}, {"gamma": "wide"}, {"gamma": True}, {"gamma": -3.0}])
def test_phases_without_gamma_are_refused(config: dict[str, Any] | None, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", "RotatE", config=config)
    with pytest.raises(BadInputError, match=r'gamma that RotatE was trained with.*such as \{"gamma": 12.0\}') as error:
        read_dglke(vectors.folder)
    assert error.value.file == vectors.folder / "config.json"


@pytest.mark.parametrize("key", ["hidden_dim", "emb_size"])
def test_phases_of_another_hidden_dimension_are_refused(key: str, tmp_path: Path) -> None:
    right = Vectors(tmp_path / "right", "RotatE", config={"gamma": GAMMA, key: 4})
    assert read_dglke(right.folder).experiment.model.dimension == 8
    wrong = Vectors(tmp_path / "wrong", "RotatE", config={"gamma": GAMMA, key: 8})
    with pytest.raises(BadInputError, match=r"8 complex numbers, and DRKG_RotatE_relation\.npy has 4 phases"):
        read_dglke(wrong.folder)


@pytest.mark.parametrize("dtype", ["<f2", "<f8", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_arrays_of_other_precision_and_layout_are_the_same_vectors(dtype: str, order: str, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed")
    np.save(vectors.entity_file, np.asarray(vectors.entity.astype(dtype), order=order))  # type: ignore[call-overload]
    model = read_dglke(vectors.folder)
    assert model.members[0].entity.dtype == torch.float32
    expected = pytest.approx(vectors.by_hand(COMPOUNDS[0], CTD, ASKED), rel=1e-2 if dtype == "<f2" else 1e-5)
    assert score(model, COMPOUNDS[0], CTD, ASKED) == expected


# names


def test_rows_follow_their_names_into_the_order_of_the_graph(drkg: Vectors) -> None:
    model = save_imported(drkg)
    graph, member = model.graph, model.members[0]
    assert list(graph.entities.ids) == [*sorted(COMPOUNDS), *sorted(DISEASES), *sorted(GENES)]
    assert [(t.name, len(t)) for t in graph.entity_types] == [("Compound", 6), ("Disease", 3), ("Gene", 3)]
    assert drkg.names != list(graph.entities.ids)
    assert drkg.relations != [e.abbreviation for e in graph.metaedges] == sorted(RELATIONS)
    for i, entity in enumerate(graph.entities.ids):
        assert member.entity[i].tolist() == drkg.entity[drkg.names.index(entity)].tolist()
    for r, metaedge in enumerate(graph.metaedges):
        written = drkg.relation[drkg.relations.index(metaedge.abbreviation)]
        assert member.relation[r].tolist() == written.tolist()
        assert member.relation[r + 4].tolist() == (-written).tolist()


def test_metaedges_say_what_the_names_of_relations_say(drkg: Vectors) -> None:
    graph = read_dglke(drkg.folder).graph
    ctd, gene = (graph.metaedges[graph.relation(name)] for name in (CTD, GENE))
    assert (ctd.head_type, ctd.relation, ctd.tail_type, ctd.source) == ("Compound", "CtD", "Disease", "Hetionet")
    assert (gene.head_type, gene.relation, gene.tail_type) == ("Gene", "HumGenHumGen", "Gene")
    assert graph.treats == (TREATS, CTD)
    assert graph.name == "DRKG"


def test_the_number_may_stand_first_or_last_and_lines_in_any_order(tmp_path: Path) -> None:
    first = Vectors(tmp_path / "a", number_first=True)
    last = Vectors(tmp_path / "b", number_first=False)
    lines = (last.folder / "entities.tsv").read_text().splitlines()
    (last.folder / "entities.tsv").write_text("".join(f"{line}\r\n" for line in reversed(lines)))
    one, other = (read_dglke(vectors.folder) for vectors in (first, last))
    assert one.graph.digest == other.graph.digest
    assert torch.equal(one.members[0].entity, other.members[0].entity)


def test_names_that_are_numbers_are_told_from_numbers_by_their_order(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", entities=["3", "0", "2", "1"], relations=["likes"], number_first=True)
    assert vectors.names != sorted(vectors.names)
    assert score(read_dglke(vectors.folder), "3", "likes", "0") == pytest.approx(vectors.by_hand("3", "likes", "0"))
    (vectors.folder / "entities.tsv").write_text("1\t0\n0\t1\n3\t3\n2\t2\n")
    with pytest.raises(BadInputError, match=r"entities\.tsv: both columns count 0 to 3, neither in order"):
        read_dglke(vectors.folder)


def test_names_of_no_form_are_of_one_type_and_each_relation_joins_any_two(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", entities=["cat", "Disease::dog", "mouse"], relations=["eats", "fears"])
    model = read_dglke(vectors.folder)
    assert [t.name for t in model.graph.entity_types] == ["Entity"]
    assert [(e.abbreviation, e.relation) for e in model.graph.metaedges] == [("eats", "eats"), ("fears", "fears")]
    assert model.graph.treats == ()
    answers = kgdrug.predict(model, head="cat", relation="eats")
    assert {a.id: a.score for a in answers} == pytest.approx(
        {name: vectors.by_hand("cat", "eats", name) for name in vectors.names if name != "cat"}, rel=1e-5
    )
    with pytest.raises(UsageError, match="names no treatment relation"):
        kgdrug.predict(model, disease="Disease::dog")


@pytest.mark.parametrize(
    ("config", "entity_file", "relation_file"),
    [
        ({"emap_file": "/data/kg/map.tsv", "rmap_file": "kinds.tsv"}, "map.tsv", "kinds.tsv"),
        ({"emp_file": "map.tsv"}, "map.tsv", "relations.dict"),
        ({"emap_file": None, "rmap_file": "elsewhere.tsv"}, "entities.dict", "relations.tsv"),
    ],
)
def test_the_files_of_names_are_those_of_the_configuration_or_have_a_usual_name(
    config: dict[str, Any], entity_file: str, relation_file: str, tmp_path: Path
) -> None:
    vectors = Vectors(tmp_path / "embed", config=config)
    (vectors.folder / "entities.tsv").rename(vectors.folder / entity_file)
    (vectors.folder / "relations.tsv").rename(vectors.folder / relation_file)
    assert len(read_dglke(vectors.folder).graph.entities) == len(ENTITIES)


@pytest.mark.parametrize(("key", "stem"), [("model", ""), ("model_name", "my_own_")])
def test_the_configuration_names_the_model_where_the_files_do_not(key: str, stem: str, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", "ComplEx", config={key: "ComplEx"})
    vectors.entity_file.rename(vectors.folder / f"{stem}entity.npy")
    vectors.relation_file.rename(vectors.folder / f"{stem}relation.npy")
    assert read_dglke(vectors.folder).experiment.model.score == "complex"


def test_a_model_is_named_by_its_user_or_after_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = Vectors(tmp_path / "my_embed")
    assert read_dglke(vectors.folder).name == "my_embed"
    assert read_dglke(vectors.folder, name="drkg").name == "drkg"
    monkeypatch.chdir(vectors.folder)
    assert read_dglke(".").name == "my_embed"


# known facts


def test_the_triples_of_the_graph_are_known_facts(drkg: Vectors, kg: Callable[..., tuple[int, str, str]]) -> None:
    write_facts(Path("facts.tsv"), f"{COMPOUNDS[2]} | {TREATS} | {ASKED}", f"{COMPOUNDS[0]} | {BINDS} | {GENES[1]}")
    code, printed, _ = kg("import", "dglke", "embed", "--out", "model", "--graph", "facts.tsv")
    assert code == 0
    assert "2 known facts" in printed
    model = load_trained(Path("model"))
    assert model.experiment.graph.source == "facts.tsv"
    assert {model.graph.text(t) for t in model.split.train} == {
        f"{COMPOUNDS[2]} T {ASKED}",
        f"{COMPOUNDS[0]} target {GENES[1]}",
    }
    assert len(model.split.valid) == len(model.split.test) == 0
    assert [e.abbreviation for e in model.graph.metaedges] == sorted(RELATIONS)  # those without a fact too
    answers = {a.id: a for a in kgdrug.predict(model, disease=ASKED)}
    assert {i: [(f.metaedge, f.part) for f in a.known] for i, a in answers.items()} == {
        c: [(TREATS, "train")] if c == COMPOUNDS[2] else [] for c in COMPOUNDS
    }
    novel = kgdrug.predict(model, disease=ASKED, novel=True)
    assert {a.id for a in novel} == set(COMPOUNDS) - {COMPOUNDS[2]}


def test_names_and_synonyms_are_those_of_the_graph(drkg: Vectors) -> None:
    facts = kgdrug.load_graph(write_facts(Path("facts.tsv"), f"{COMPOUNDS[2]} | {TREATS} | {ASKED}"))
    place = facts.entities.index(COMPOUNDS[2])
    names = ["third" if i == place else entity for i, entity in enumerate(facts.entities.ids)]
    called = kgdrug.Vocabulary(facts.entities.ids, names, synonyms={place: ["tertius"]})
    Path("facts").mkdir()
    kgdrug.save_graph(replace(facts, entities=called), Path("facts"))
    entities = read_dglke(drkg.folder, "facts").graph.entities
    assert entities.index(COMPOUNDS[2]) == entities.find("third") == entities.find("TERTIUS")
    assert len(entities.synonyms) == 1


def test_without_a_graph_nothing_is_known_and_nothing_is_arbitrary(
    drkg: Vectors, caplog: pytest.LogCaptureFixture
) -> None:
    model = save_imported(drkg)
    with caplog.at_level(logging.WARNING):
        assert kgdrug.predict(model, disease=ASKED, novel=True) == kgdrug.predict(model, disease=ASKED)
    assert caplog.messages == []
    assert model.known == {}


def test_with_a_graph_an_entity_without_a_fact_is_warned_of(drkg: Vectors, caplog: pytest.LogCaptureFixture) -> None:
    model = read_dglke(drkg.folder, write_facts(Path("facts.tsv"), f"{COMPOUNDS[2]} | {TREATS} | {ASKED}"))
    with caplog.at_level(logging.WARNING):
        kgdrug.predict(model, disease=ASKED)
        assert caplog.messages == []
        kgdrug.predict(model, disease=DISEASES[1])
    assert caplog.messages == [f"{DISEASES[1]} stands in no training triple: this ranking is arbitrary"]


def test_triples_of_what_has_no_vector_are_counted_and_named(drkg: Vectors) -> None:
    facts = write_facts(
        Path("facts.tsv"),
        f"{COMPOUNDS[2]} | {TREATS} | {ASKED}",
        f"Compound::DB99999 | {TREATS} | {ASKED}",
        f"Compound::DB99999 | {BINDS} | {GENES[0]}",
        f"{COMPOUNDS[2]} | DRUGBANK::ddi::Compound:Compound | {COMPOUNDS[1]}",
    )
    with pytest.raises(UsageError) as error:
        read_dglke(drkg.folder, facts)
    assert "3 of the 4 triples of facts are of entities or relations that entities.tsv and relations.tsv lack: " in str(
        error.value
    )
    assert "Compound::DB99999, DRUGBANK::ddi::Compound:Compound;" in str(error.value)


def test_triples_that_do_not_fit_what_a_relation_says_it_joins_are_refused(drkg: Vectors) -> None:
    facts = write_facts(Path("facts.tsv"), f"{ASKED} | {CTD} | {COMPOUNDS[0]}", f"{COMPOUNDS[0]} | {CTD} | {ASKED}")
    graph = kgdrug.load_graph(facts, "triples")
    with pytest.raises(UsageError, match=rf"1 of the 2 triples of facts do not fit.*{CTD} does not join {ASKED} and"):
        read_dglke(drkg.folder, graph)


def test_a_typed_graph_gives_types_names_and_treatments_to_vectors_of_plain_names(
    curated: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    graph = kgdrug.load_graph(curated)
    edges = [e.abbreviation for e in graph.metaedges]
    vectors = Vectors(tmp_path / "embed", entities=graph.entities.ids, relations=list(reversed(edges)))
    model = read_dglke(vectors.folder, graph)
    assert model.graph.digest == graph.digest  # the same ids, types, metaedges and triples, all in the same order
    assert model.graph.entities.names == graph.entities.names
    assert model.graph.treats == ("CtD",)
    best = kgdrug.predict(model, disease="asthma", top=1)[0]
    asthma = graph.entities.ids[graph.entities.find("asthma")]
    compounds = [i for i in graph.entities.ids if i.startswith("Compound::")]
    assert best.id == max(compounds, key=lambda c: vectors.by_hand(c, "CtD", asthma))
    assert best.name in graph.entities.names
    assert best.name != best.id
    alone = read_dglke(vectors.folder)
    assert [t.name for t in alone.graph.entity_types] == ["Entity"]


def test_a_graph_without_some_of_the_entities_gives_facts_but_no_types(
    curated: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    graph = kgdrug.load_graph(curated)
    edges = [e.abbreviation for e in graph.metaedges]
    vectors = Vectors(tmp_path / "embed", entities=[*graph.entities.ids, "Compound::DB00811"], relations=edges)
    with caplog.at_level(logging.WARNING):
        model = read_dglke(vectors.folder, graph)
    assert caplog.messages == ["1 of 37 entities, such as Compound::DB00811, are not in clinic: none has a type"]
    assert [t.name for t in model.graph.entity_types] == ["Entity"]
    assert "Compound::DB00811" in model.graph.entities
    ids = model.graph.entities.ids
    assert {(ids[h], edges[r], ids[t]) for h, r, t in model.split.train} == {
        (graph.entities.ids[h], edges[r], graph.entities.ids[t]) for h, r, t in graph.triples
    }


# what cannot be imported


@pytest.mark.parametrize("model", ["TransE_l1", "TransR", "RESCAL", "SimplE"])
def test_models_that_no_score_function_expresses_are_refused_with_those_that_can_be(model: str, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", model)
    message = (
        rf"is of the model {model}, which cannot be imported; those that can: TransE_l2, TransE, DistMult, ComplEx"
    )
    with pytest.raises(BadInputError, match=message) as error:
        read_dglke(vectors.folder)
    assert error.value.file == vectors.entity_file


def test_a_folder_that_is_none_or_has_none_or_several_vectors_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no such folder: .*nowhere"):
        read_dglke(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInputError, match=r"there is no <dataset>_<model>_entity\.npy in it"):
        read_dglke(tmp_path / "empty")
    Vectors(tmp_path / "two", "TransE_l2")
    Vectors(tmp_path / "two", "ComplEx")
    with pytest.raises(BadInputError, match=r"several models \(DRKG_ComplEx_entity\.npy, DRKG_TransE_l2_entity\.npy\)"):
        read_dglke(tmp_path / "two")


def test_a_configuration_of_another_model_is_refused(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", config={"model_name": "RotatE"})
    with pytest.raises(
        BadInputError, match=r"the model is RotatE, and DRKG_TransE_l2_entity\.npy that it is TransE_l2"
    ):
        read_dglke(vectors.folder)


def test_vectors_of_no_named_model_are_refused(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed")
    vectors.entity_file.rename(vectors.folder / "mine_entity.npy")
    with pytest.raises(BadInputError, match=r"mine_entity\.npy: does not say which model it is of; name it <dataset>_"):
        read_dglke(vectors.folder)


def bad(vectors: Vectors, file: Path | str, line: int | None = None) -> str:
    """The message about a folder, which names this file and line."""
    with pytest.raises(BadInputError) as error:
        read_dglke(vectors.folder)
    assert (error.value.file, error.value.line) == (vectors.folder / file, line)
    return str(error.value)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("which", ["entity", "relation"])
def test_a_number_that_is_not_finite_is_named_with_its_row(number: float, which: str, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed")
    array, file = getattr(vectors, which).copy(), getattr(vectors, f"{which}_file")
    array[3, 5] = number
    np.save(file, array)
    name = (vectors.names if which == "entity" else vectors.relations)[3]
    assert f"row 3, of {name}, holds NaN, infinity" in bad(vectors, file.name)


def test_a_number_beyond_float32_is_refused(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed")
    array = vectors.entity.astype(np.float64)
    array[0, 0] = 1e39
    np.save(vectors.entity_file, array)
    assert "beyond float32" in bad(vectors, vectors.entity_file.name)


@pytest.mark.parametrize(("which", "rows"), [("entity", 13), ("entity", 11), ("relation", 5), ("relation", 0)])
def test_rows_without_a_line_and_lines_without_a_row_are_refused(which: str, rows: int, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed")
    file = getattr(vectors, f"{which}_file")
    np.save(file, np.zeros((rows, 8), np.float32))
    names, lines = ("entities.tsv", 12) if which == "entity" else ("relations.tsv", 4)
    assert f"has {rows} rows where {names} has {lines} lines" in bad(vectors, file.name)


@pytest.mark.parametrize(
    ("model", "entity", "relation", "file", "message"),
    [
        ("TransE_l2", 8, 6, "relation", "rows of 6 numbers; TransE_l2 has 8 where DRKG_TransE_l2_entity.npy has 8"),
        ("DistMult", 7, 7, None, ""),
        ("ComplEx", 7, 7, "entity", "rows of 7 numbers, which ComplEx cannot have"),
        ("ComplEx", 8, 4, "relation", "rows of 4 numbers; ComplEx has 8 where DRKG_ComplEx_entity.npy has 8"),
        ("RotatE", 8, 8, "relation", "rows of 8 numbers; RotatE has 4 where DRKG_RotatE_entity.npy has 8"),
    ],
)
def test_widths_that_a_model_cannot_have_are_refused(
    model: str, entity: int, relation: int, file: str | None, message: str, tmp_path: Path
) -> None:
    vectors = Vectors(tmp_path / "embed", model, config={"gamma": GAMMA})
    np.save(vectors.entity_file, np.ones((len(ENTITIES), entity), np.float32))
    np.save(vectors.relation_file, np.ones((len(RELATIONS), relation), np.float32))
    if file is None:
        assert read_dglke(vectors.folder).experiment.model.dimension == entity
    else:
        assert message in bad(vectors, getattr(vectors, f"{file}_file").name)


@pytest.mark.parametrize(
    "array",
    [np.zeros(12, np.float32), np.zeros((12, 8), np.int64), np.zeros((12, 2, 4), np.float32), np.zeros((12, 8), "U3")],
)
def test_what_is_no_table_of_numbers_is_refused(array: np.ndarray, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed")
    np.save(vectors.entity_file, array)
    assert f"holds {array.dtype} {array.shape}; vectors are" in bad(vectors, vectors.entity_file.name)


@pytest.mark.parametrize("damage", ["nothing", "text", "start", "cut", "bracket", "quote"])
def test_a_damaged_array_is_named(damage: str, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed")
    whole = vectors.relation_file.read_bytes()
    damaged = {
        "nothing": b"",
        "text": b"not an array",
        "start": whole[:8],
        "cut": whole[:-4],
        "bracket": whole.replace(b"}", b"{"),
        "quote": whole.replace(b"'descr'", b"'descr "),
    }
    vectors.relation_file.write_bytes(damaged[damage])
    assert "cannot be read as an array of numbers" in bad(vectors, vectors.relation_file.name)


def test_a_pickle_in_place_of_an_array_is_not_opened(tmp_path: Path) -> None:
    ran, vectors = tmp_path / "ran", Vectors(tmp_path / "embed")

    class Touch:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str, str]]:
            return open, (str(ran), "w")

    np.save(vectors.entity_file, np.array([Touch()], object), allow_pickle=True)
    assert "cannot be read as an array of numbers" in bad(vectors, vectors.entity_file.name)
    assert not ran.exists()
    np.load(vectors.entity_file, allow_pickle=True)
    assert ran.exists()  # so that the test could have failed


@pytest.mark.parametrize("file", ["relations.tsv", "entities.tsv", "DRKG_TransE_l2_relation.npy"])
def test_a_missing_file_is_named(file: str, tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed")
    (vectors.folder / file).unlink()
    assert "is missing" in bad(vectors, file)


@pytest.mark.parametrize(
    ("lines", "line", "message"),
    [
        (["a 0", "b 1", "c 3"], 3, "'3' where the number should be: 3 lines of a name and a number count 0 to 2"),
        (["1 a", "2 b", "3 c"], 3, "'3' where the number should be: 3 lines of a name and a number count 0 to 2"),
        (["a 0", "b 1", "c 1"], 3, "the number 1 stands in line 2 already, and 2 is missing"),
        (["a 0", "b one", "c 2"], 2, "'one' where the number should be"),
        (["a 0", "b 01", "c 2"], 2, "'01' where the number should be"),
        (["a 0", "b -1", "c 2"], 2, "'-1' where the number should be"),
        (["0 a", "b 1", "2 c"], 2, "'b' where the number should be"),
        (["id name", "0 a", "1 b"], 1, "'id' where the number should be"),
        (["a 0", "b 1", "a 2"], 3, "the name 'a' stands in line 1 already"),
        (["a 0", "b", "c 2"], 2, "1 field where 2 tab-separated ones are expected"),
        (["a 0", " 1", "c 2"], 2, "an empty field"),
        ([], None, "is empty"),
    ],
)  # fmt: skip
def test_names_that_do_not_count_are_refused_with_their_line(
    lines: list[str], line: int | None, message: str, tmp_path: Path
) -> None:
    vectors = Vectors(tmp_path / "embed", entities=["a", "b", "c"], relations=["r"])
    (vectors.folder / "entities.tsv").write_text("".join(text.replace(" ", "\t") + "\n" for text in lines))
    assert message in bad(vectors, "entities.tsv", line)


def test_relations_of_two_forms_are_refused_with_their_line(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", relations=[CTD, "treats", GENE])
    assert "'treats' is no relation of the form SOURCE::code::HeadType:TailType" in bad(vectors, "relations.tsv", 2)


def test_an_entity_without_a_type_is_refused_where_relations_need_one(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", entities=[*ENTITIES, "DB00811"])
    line = vectors.names.index("DB00811") + 1
    assert "'DB00811' is no id of the form Type::id" in bad(vectors, "entities.tsv", line)


def test_a_relation_between_types_of_which_there_is_no_entity_is_refused(tmp_path: Path) -> None:
    vectors = Vectors(tmp_path / "embed", relations=[CTD, "Hetionet::CcSE::Compound:Side Effect"])
    assert "joins entities of type 'Side Effect'; entities.tsv has none" in bad(vectors, "relations.tsv", 2)
