"""What stands behind an answer."""

import pytest

from kgdrug import Run, explain, explanation_record, predict
from kgdrug.errors import UsageError
from kgdrug.ranking.explaining import NO_PATH, NOTE
from kgdrug.trained import TrainedModel


@pytest.fixture(scope="module")
def model(trained_run: Run) -> TrainedModel:
    return trained_run.model


def test_the_answer_is_the_one_that_predict_gives(model: TrainedModel) -> None:
    for answer in predict(model, disease="asthma", top=100):
        assert explain(model, compound=answer.id, disease="asthma").answer == answer
    for answer in predict(model, head="Enalapril", relation="CbG", top=100):
        assert explain(model, head="Enalapril", relation="CbG", tail=answer.id).answer == answer


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


def test_where_nothing_joins_the_two_that_is_said(model: TrainedModel) -> None:
    record = explanation_record(explain(model, compound="Sucralfate", disease="asthma"))
    assert record["evidence"] == ()
    assert record["no_path"] == NO_PATH
    assert record["note"] == NOTE
    assert "proof" in NOTE


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
