"""A trained-model folder as an MLflow model: this file is the model's code, nothing is pickled.

Each input row is a question: `disease`, `compound`, or `head` or `tail` with `relation`; `top` (default 20) and
`novel` are optional. The output has one row an answer; its column
`query` counts the input rows from 0, and a model that has a calibration adds `probability`.
"""

import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import mlflow

from kgdrug.errors import UsageError

COLUMNS = {
    "disease": "string",
    "compound": "string",
    "head": "string",
    "tail": "string",
    "relation": "string",
    "top": "long",
    "novel": "boolean",
}
ANSWER = {
    "query": "long",
    "rank": "long",
    "id": "string",
    "name": "string",
    "type": "string",
    "score": "double",
    "percentile": "double",
    "usual_percentile": "double",
    "known": "string",
    "known_sources": "string",
    "annotations": "string",
    "annotation_sources": "string",
    "agreement": "double",
    "terms": "string",
}


# mlflow advises type hints on `predict` with a warning that no filter stops, and would read them as a schema
with warnings.catch_warnings(record=True):

    class KgdrugModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        """Answers questions from the folder that was logged as the artifact `model`."""

        def load_context(self, context: Any) -> None:
            from pathlib import Path

            from kgdrug.trained import open_served

            self.model = open_served(Path(context.artifacts["model"]))

        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            from kgdrug.graph.views import frame
            from kgdrug.ranking import flat_rows, predict

            rows = [
                {"query": i, **row}
                for i, question in enumerate(_questions(model_input))
                for row in flat_rows(predict(self.model, **question))
            ]
            likely = any("probability" in row for row in rows)
            return frame(rows, [*ANSWER, *(["probability"] if likely else [])])


def _questions(model_input: Any) -> Iterable[dict[str, Any]]:
    if hasattr(model_input, "columns") and not len(model_input.columns):
        raise UsageError(f"no question came; the columns are {', '.join(COLUMNS)}")
    rows: Iterable[Mapping[str, Any]] = (
        model_input.to_dict("records") if hasattr(model_input, "to_dict") else model_input
    )
    for row in rows:
        # a table holds None or NaN where a row leaves an optional column out
        yield {k: int(v) if k == "top" else v for k, v in row.items() if k in COLUMNS and v is not None and v == v}


def signature() -> Any:
    """The MLflow signature of questions and answers."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema
    from mlflow.types.schema import AnyType

    # any type for `top`: in a table whole numbers beside empty cells are floats, in a list they are not
    kinds = {**COLUMNS, "top": AnyType()}
    inputs = Schema([ColSpec(kind, name, required=False) for name, kind in kinds.items()])
    return ModelSignature(inputs, Schema([ColSpec(kind, name) for name, kind in ANSWER.items()]))


mlflow.models.set_model(KgdrugModel())
