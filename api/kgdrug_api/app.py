"""Routes: questions in, ranked answers out. Everything about drugs happens in kgdrug.

Errors have one form, `application/problem+json` (RFC 9457), and name close matches where a name is unknown.
"""

import difflib
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

import kgdrug
from kgdrug_api.schemas import (
    Answer,
    Entity,
    Health,
    Model,
    Models,
    Prediction,
    Problem,
    Question,
    Relation,
)

_FORM = {"application/problem+json": {"schema": Problem.model_json_schema()}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"content": _FORM, "description": "An unknown entity or relation, with close matches."},
    422: {"content": _FORM, "description": "A question that cannot be asked."},
}


def create_app(model: kgdrug.TrainedModel) -> FastAPI:
    """The service of one trained model."""
    graph = model.graph
    app = FastAPI(
        title="kgdrug",
        version=kgdrug.__version__,
        description="Which existing drugs might treat this disease? Research software: no medical advice.",
    )

    @app.get("/health")
    def health() -> Health:
        """Whether the service answers."""
        return Health(status="ok", model=model.name, model_digest=model.digest)

    @app.get("/v1/models")
    def models() -> Models:
        """The model that answers, what it was trained on, and how it did on its test triples."""
        about = Model(
            name=model.name,
            digest=model.digest,
            score=model.experiment.model.score,
            dimension=model.experiment.model.dimension if isinstance(model.members[0], kgdrug.TableModel) else None,
            graph=graph.name,
            graph_digest=graph.digest,
            entities=len(graph.entities),
            triples=len(graph.triples),
            candidates=model.metrics.get("candidates", "typed"),
            test=model.metrics.get("both", {}),
        )
        return Models(models=[about])

    @app.get("/v1/relations")
    def relations() -> list[Relation]:
        """The metaedges that can be asked over."""
        return [
            Relation(
                abbreviation=e.abbreviation,
                head_type=e.head_type,
                relation=e.relation,
                tail_type=e.tail_type,
                treats=e.abbreviation in graph.treats,
                licence=e.licence,
                source=e.source,
                version=e.version,
            )
            for e in graph.metaedges
        ]

    @app.get("/v1/entities", responses=PROBLEMS)
    def entities(
        search: Annotated[str, Query(min_length=1, max_length=200, examples=["diabetes"])],
        type: Annotated[str | None, Query(description="An entity type, such as Disease.")] = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
    ) -> list[Entity]:
        """Entities whose id or name is, starts with, or resembles the text; best first."""
        among = None if type is None else [graph.entity_type(type).range]
        found = graph.entities.search(search, limit, among)
        return [
            Entity(id=graph.entities.ids[i], name=graph.entities.names[i], type=graph.type_of(i).name) for i in found
        ]

    @app.post("/v1/predict", responses=PROBLEMS)
    def predict(question: Question) -> Prediction:
        """Rank the candidates of one question: give `tail` or `head` with `relation`, or `disease` or `compound`."""
        asked = kgdrug.question(
            graph,
            head=question.head,
            tail=question.tail,
            relation=question.relation,
            disease=question.disease,
            compound=question.compound,
        )
        answers = kgdrug.answer(model, asked, question.top, question.novel)
        return Prediction(
            question=asked.text(graph),
            model=model.name,
            model_digest=model.digest,
            graph_digest=graph.digest,
            answers=[Answer.model_validate(answer, from_attributes=True) for answer in answers],
        )

    @app.exception_handler(kgdrug.KgdrugError)
    def kgdrug_error(request: Request, error: kgdrug.KgdrugError) -> JSONResponse:
        if isinstance(error, kgdrug.UnknownNameError):
            return _problem(request, 404, f"Unknown {error.kind}", str(error), close_matches=list(error.close))
        if isinstance(error, kgdrug.AmbiguousNameError):
            return _problem(request, 422, f"Ambiguous {error.kind}", str(error), close_matches=list(error.matches))
        status, title = (422, "Not a question") if isinstance(error, kgdrug.UsageError) else (500, "Failed")
        return _problem(request, status, title, str(error))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        return _problem(request, 422, "Not a question", "; ".join(_complaint(e) for e in error.errors()))

    @app.exception_handler(HTTPException)
    def http_error(request: Request, error: HTTPException) -> JSONResponse:
        problem = _problem(request, error.status_code, str(error.detail), f"{request.method} {request.url.path}")
        problem.headers.update(error.headers or {})
        return problem

    @app.exception_handler(Exception)
    def failed(request: Request, error: Exception) -> JSONResponse:
        return _problem(request, 500, "Failed", f"unexpected {type(error).__name__}; the log of the service says more")

    return app


def _complaint(error: dict[str, Any]) -> str:
    """What is wrong with one field, in words; an unknown field names the closest."""
    field = ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])
    if error["type"] == "json_invalid":
        return f"the body is not JSON: {error['ctx']['error']} at character {error['loc'][-1]}"
    if error["type"] != "extra_forbidden":
        return f"{field}: {error['msg']}"
    close = difflib.get_close_matches(field, Question.model_fields, 1)
    return f"unknown field {field}" + (f"; did you mean {close[0]}?" if close else "")


def _problem(
    request: Request, status: int, title: str, detail: str, close_matches: list[str] | None = None
) -> JSONResponse:
    problem = Problem(
        title=title, status=status, detail=detail, instance=request.url.path, close_matches=close_matches or []
    )
    return JSONResponse(problem.model_dump(), status, media_type="application/problem+json")
