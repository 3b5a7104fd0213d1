"""What stands behind an answer."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from kgdrug import (
    Filters,
    Hop,
    Run,
    about_model,
    explain,
    explanation_record,
    flat_rows,
    infer,
    open_model,
    predict,
    read_experiment,
    run,
)  # fmt: skip
from kgdrug.errors import UsageError
from kgdrug.ranking import links, score_file
from kgdrug.ranking.explaining import NO_INFLUENCE, NOTE
from kgdrug.ranking.export import NO_PATH
from kgdrug.trained import TrainedModel

PAIR = {"compound": "Salbutamol", "disease": "chronic obstructive pulmonary disease"}


@pytest.fixture(scope="module")
def model(trained_run: Run) -> TrainedModel:
    return trained_run.model


def test_the_answer_is_the_one_that_predict_gives(model: TrainedModel) -> None:
    for answer in predict(model, disease="asthma", top=100):
        assert explain(model, compound=answer.id, disease="asthma").answer == answer
    for answer in predict(model, head="Enalapril", relation="CbG", top=100):
        assert explain(model, head="Enalapril", relation="CbG", tail=answer.id).answer == answer


@pytest.mark.parametrize("asked", [{"disease": "asthma"}, {"head": "Enalapril", "relation": "CbG"}])
def test_answers_with_evidence_have_the_first_paths_of_their_explanations(
    model: TrainedModel, asked: dict[str, str]
) -> None:
    plain = predict(model, **asked, top=30)
    assert {answer.evidence for answer in plain} == {None}
    told = predict(model, **asked, top=30, evidence=2)
    assert [replace(answer, evidence=None) for answer in told] == plain
    counts = set()
    for answer in told:
        other = {"compound": answer.id} if "disease" in asked else {"tail": answer.id}
        explained = explain(model, **asked, **other, metapaths=2, per_metapath=1)
        assert answer.evidence == explained.evidence
        assert explained.answer.evidence is None  # it stands beside
        counts.add(len(explained.evidence))
    assert 2 in counts
    assert max(counts) <= 2


def test_an_answer_that_nothing_joins_has_no_evidence_and_says_so(model: TrainedModel) -> None:
    only = Filters(only=("Sucralfate",))
    (answer,) = predict(model, disease="asthma", filters=only, evidence=3)
    assert answer.evidence == ()
    assert flat_rows([answer])[0]["evidence"] == NO_PATH


def test_fewer_metapaths_than_none_are_refused(model: TrainedModel) -> None:
    with pytest.raises(UsageError, match="evidence is -1"):
        predict(model, disease="asthma", evidence=-1)


def test_no_path_goes_through_the_answered_fact(model: TrainedModel) -> None:
    """Salbutamol is treated and palliates asthma: the one is answered, the other is evidence."""
    found = explain(model, compound="Salbutamol", disease="asthma", metapaths=100, per_metapath=100)
    direct = [e.metapath for e in found.evidence if all(len(path.steps) == 1 for path in e.paths)]
    assert direct == ["CpD"]
    for evidence in found.evidence:
        for path in evidence.paths:
            ends = [{path.entities[i].name, path.entities[i + 1].name} for i in range(len(path.steps))]
            for step, pair in zip(path.steps, ends, strict=True):
                assert not (step.metaedge == "CtD" and pair == {"Salbutamol", "asthma"})


SISTERS = {
    "CbG": ("Compound", "binds", "Gene"),
    "CpD": ("Compound", "palliates", "Disease"),
    "CtD": ("Compound", "treats", "Disease"),
    "DaG": ("Disease", "associates", "Gene"),
}


@pytest.fixture(scope="module")
def sisters(make: Callable[..., TrainedModel]) -> TrainedModel:
    """A graph that says of one pair by two treatment relations that it is one, and joins it by a gene."""
    entities = {
        "Compound": [f"Compound::C{i}" for i in range(3)],
        "Disease": [f"Disease::D{i}" for i in range(3)],
        "Gene": ["Gene::G0"],
    }
    facts = {
        ("Compound::C0", "CpD", "Disease::D0"): "train",
        ("Compound::C0", "CtD", "Disease::D0"): "train",
        ("Compound::C1", "CtD", "Disease::D0"): "train",
        ("Compound::C0", "CtD", "Disease::D1"): "train",
        ("Compound::C0", "CbG", "Gene::G0"): "train",
        ("Disease::D0", "DaG", "Gene::G0"): "train",
    }
    return make(entities, SISTERS, facts, ("CpD", "CtD"), seed=1)


@pytest.mark.parametrize(
    "asked",
    [
        {"compound": "C0", "disease": "D0"},
        {"head": "C0", "relation": "CtD", "tail": "D0"},
        {"head": "C0", "relation": "CpD", "tail": "D0"},
    ],
)
def test_a_treatment_is_no_evidence_for_itself_in_the_words_of_another_source(
    sisters: TrainedModel, asked: dict[str, str]
) -> None:
    found = explain(sisters, **asked)
    assert [one.metapath for one in found.evidence] == ["CbGaD"]
    told = {one.text() for one in found.influences}
    assert told
    assert not told & {"C0 treats D0", "C0 palliates D0"}


def test_nor_is_it_beside_answers_and_inferences(sisters: TrainedModel) -> None:
    one = next(a for a in predict(sisters, disease="D0", evidence=9) if a.id == "Compound::C0")
    assert [e.metapath for e in one.evidence or ()] == ["CbGaD"]
    one = next(a for a in predict(sisters, tail="D0", relation="CtD", evidence=9) if a.id == "Compound::C0")
    assert [e.metapath for e in one.evidence or ()] == ["CbGaD"]
    for predicate in ("biolink:treats", "biolink:ameliorates_condition"):
        hits = infer(sisters, Hop(objects=("Disease::D0",), predicates=(predicate,))).hits
        (hit,) = (hit for hit in hits if hit.subject.id == "Compound::C0")
        assert hit.prediction
        assert {s.metapath for s in hit.prediction.supports} == {"CbGaD"}


def test_what_is_no_treatment_is_explained_by_treatments(sisters: TrainedModel) -> None:
    found = explain(sisters, head="C0", relation="CbG", tail="G0").evidence
    assert {"CpDaG", "CtDaG"} <= {one.metapath for one in found}


def test_where_nothing_joins_the_two_that_is_said(model: TrainedModel) -> None:
    record = explanation_record(explain(model, compound="Sucralfate", disease="asthma"))
    assert record["evidence"] == []
    assert record["no_path"] == NO_PATH
    assert record["note"] == NOTE
    assert "proof" in NOTE


def test_no_paths_cannot_be_asked_for_and_so_are_not_said_to_be_missing(model: TrainedModel) -> None:
    for none in ({"metapaths": 0}, {"per_metapath": 0}):
        with pytest.raises(UsageError, match="both must be at least 1"):
            explain(model, compound="Salbutamol", disease="asthma", **none)


def test_every_entity_on_a_path_and_in_a_fact_has_links(model: TrainedModel) -> None:
    found = explain(model, **PAIR)
    record = explanation_record(found)
    on_paths = [e for one in record["evidence"] for path in one["paths"] for e in path["entities"]]
    in_facts = [one[end] for one in record["influences"] for end in ("head", "tail")]
    assert on_paths
    assert in_facts
    for named in on_paths + in_facts:
        assert named["links"] == links(named["id"], named["type"], named["name"])
    assert "https://www.ncbi.nlm.nih.gov/gene/154" in {a for named in on_paths for a in named["links"].values()}
    assert found.evidence[0].paths[0].entities[0].links == on_paths[0]["links"]


def test_the_command_tells_the_json_of_what_model_it_is_and_what_it_is_made_from(
    kgdrug_command: Callable[..., SimpleNamespace], trained_run: Run
) -> None:
    done = kgdrug_command("explain", trained_run.folder, *(f"--{key}={name}" for key, name in PAIR.items()), "--json")
    told, model = json.loads(done.out), open_model(trained_run.folder)
    about = about_model(model)
    assert {key: told[key] for key in about if key != "note"} == {key: about[key] for key in about if key != "note"}
    assert told["note"] == f"{NOTE}; {about['note']}"
    assert told["question"] == "? treats chronic obstructive pulmonary disease"
    assert told["evidence"][0]["paths"][0]["entities"][0]["links"]


@pytest.fixture
def of_metapaths(experiment_file: Path, desk: Path) -> TrainedModel:
    """A model of metapaths, in the folder `paths`."""
    return run(read_experiment(experiment_file, ["model.score=metapaths", "metapaths.length=3"]), "paths").model


def test_a_scored_table_has_the_terms_of_a_model_of_metapaths(of_metapaths: TrainedModel, desk: Path) -> None:
    (desk / "pairs.tsv").write_text(f"compound\tdisease\n{PAIR['compound']}\t{PAIR['disease']}\n")
    score_file(of_metapaths, desk / "pairs.tsv", desk / "scored.tsv")
    head, row = (line.split("\t") for line in (desk / "scored.tsv").read_text().splitlines() if line[0] != "#")
    expected = explain(of_metapaths, **PAIR).answer.terms
    assert expected
    assert dict(zip(head, row, strict=True))["terms"] == "; ".join(f"{t.name} {t.contribution:+.2f}" for t in expected)


def test_of_a_model_of_metapaths_the_terms_come_first(
    kgdrug_command: Callable[..., SimpleNamespace], of_metapaths: TrainedModel
) -> None:
    made = of_metapaths
    found = explain(made, **PAIR)
    assert found.terms
    *told, rest = found.terms
    assert told == made.served.terms(*(made.graph.find(name) for name in PAIR.values()))
    assert found.terms[: len(found.answer.terms)] == found.answer.terms
    assert [t.contribution for t in told] == sorted((t.contribution for t in told), reverse=True)
    assert rest.name == "a constant and all other terms"
    assert sum(t.contribution for t in found.terms) == pytest.approx(found.answer.score, rel=1e-5)
    done = kgdrug_command("explain", "paths", *(f"--{key}={name}" for key, name in PAIR.items()))
    assert 0 < done.out.index("What the score of metapaths is the sum of") < done.out.index("Paths that join the two")
    assert found.no_influence
    assert found.no_influence in done.out


def test_pages_about_both_and_about_the_pair_are_named(model: TrainedModel) -> None:
    links = explain(model, compound="Metformin", disease="asthma").links
    assert any("DB00331" in address for address in links.values())
    assert any("2841" in address for address in links.values())
    assert {"PubMed", "ClinicalTrials.gov"} <= set(links)


def test_facts_that_move_the_score_are_of_either_end(model: TrainedModel) -> None:
    found = explain(model, compound="Salbutamol", disease="chronic obstructive pulmonary disease")
    assert found.influences
    for one in found.influences:
        assert "Salbutamol" in one.text() or "chronic obstructive pulmonary disease" in one.text()


def of_score(model: TrainedModel, *scores: str) -> TrainedModel:
    """The same numbers, read by these score functions, a member each."""
    return replace(model, members=[replace(model.members[0], score=score) for score in scores])


def test_it_is_said_whose_score_the_facts_move(model: TrainedModel) -> None:
    alone = explain(model, **PAIR)
    assert (alone.influences_of, alone.no_influence) == ("the score of complex", None)
    several = explain(of_score(model, "transe", "complex", "distmult"), **PAIR)
    assert several.influences == alone.influences
    expected = "the score of complex, member 2 of 3, not of the mean rank score that the answer has"
    assert several.influences_of == explanation_record(several)["influences_of"] == expected


def test_where_no_fact_is_said_to_move_the_score_the_reason_is(model: TrainedModel) -> None:
    found = explain(of_score(model, "transe", "transe-l2"), **PAIR)
    assert (found.influences, found.influences_of) == ((), "")
    expected = "the facts that move a score are found for dot products alone, which those of transe, transe-l2 are not"
    assert found.no_influence == explanation_record(found)["no_influence"] == expected


def test_an_entity_without_training_facts_is_moved_by_none_and_that_is_said(make: Callable[..., TrainedModel]) -> None:
    entities = {"Compound": ["Compound::C0", "Compound::C1"], "Disease": ["Disease::D0", "Disease::D1"]}
    facts = {("Compound::C1", "CtD", "Disease::D1"): "train", ("Compound::C0", "CtD", "Disease::D0"): "test"}
    found = explain(make(entities, {"CtD": SISTERS["CtD"]}, facts, ("CtD",)), compound="C0", disease="D0")
    assert (found.influences, found.no_influence) == ((), NO_INFLUENCE)
    said = "stands in no training triple: this ranking is arbitrary"
    assert found.warnings == (f"D0 (Disease::D0) {said}", f"C0 (Compound::C0) {said}")
    assert explanation_record(found)["warnings"] == found.warnings


def test_the_command_says_of_which_end_training_knows_nothing(
    kgdrug_command: Callable[..., SimpleNamespace], trained_run: Run
) -> None:
    done = kgdrug_command("explain", trained_run.folder, "--compound", "Sucralfate", "--disease", "asthma")
    assert "Sucralfate (Compound::DB00364) stands in no training triple: this ranking is arbitrary" in done.out


def test_no_warning_is_told_of_what_training_knows(model: TrainedModel) -> None:
    found = explain(model, **PAIR)
    assert found.warnings == ()
    assert "warnings" not in explanation_record(found)


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"compound": "Metformin"},
        {"disease": "asthma"},
        {"head": "Metformin", "tail": "asthma"},
        {"compound": "Metformin", "disease": "asthma", "head": "Metformin"},
    ],
)
def test_what_is_no_pair_is_said_to_be_none(model: TrainedModel, asked: dict) -> None:
    with pytest.raises(UsageError, match="give compound and disease, or head, relation and tail"):
        explain(model, **asked)
