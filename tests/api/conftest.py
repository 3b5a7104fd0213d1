"""Models of other kinds than the one that is trained, served."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

import kgdrug
from kgdrug_api import create_app


@pytest.fixture(scope="session")
def metapath_model(trained_run: kgdrug.Run) -> kgdrug.TrainedModel:
    """A regression on two metapaths over the same graph, which answers treatments alone."""
    import torch

    from kgdrug.models import MetapathModel

    graph = trained_run.model.graph
    compounds, diseases = (graph.entity_type(kind).range for kind in ("Compound", "Disease"))
    shape, random = (len(compounds), len(diseases)), torch.Generator().manual_seed(1)
    contributions = torch.randn(*shape, 2, generator=random)
    places = torch.tensor([0, 1]).expand(*shape, 2).clone()
    member = MetapathModel(
        compounds, diseases, graph.relations, graph.treatment_relations, contributions.sum(2), ("CbGaD", "CrCtD"),
        torch.ones(2), places, contributions,
    )  # fmt: skip
    return replace(trained_run.model, members=[member])


@pytest.fixture(scope="session")
def calibrated_model(trained_run: kgdrug.Run) -> kgdrug.TrainedModel:
    """The trained model, with probabilities."""
    return kgdrug.with_calibration(trained_run.model)


@pytest.fixture(scope="module")
def metapaths(metapath_model: kgdrug.TrainedModel) -> Iterator[TestClient]:
    """A service of metapaths."""
    with TestClient(create_app(metapath_model)) as client:
        yield client
