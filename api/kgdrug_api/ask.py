"""Questions: predict, score, explain."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from itertools import groupby
from operator import attrgetter
from typing import Any

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.routing import APIRoute
from starlette.routing import Route

import kgdrug
from kgdrug_api import schemas
from kgdrug_api.problems import PROBLEMS, TooLargeError, known_fields, of_error
from kgdrug_api.schemas import JSON_LINES, MOST_QUESTIONS
from kgdrug_api.wire import Measures, json_response, tagged

_FIELDS = [field.name for field in fields(kgdrug.Answer)]
_LIKELY, _UNLIKELY = (
    (names, attrgetter(*names)) for names in (_FIELDS, [name for name in _FIELDS if name != "probability"])
)
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"$ref": "#/components/schemas/Question"}},
            JSON_LINES: {"schema": {"type": "string", "description": "One question a line."}},
        },
    }
}
QUICK = 2_000_000  # numbers that are multiplied in less than a millisecond
known_fields(schemas.Question, schemas.Filters, schemas.Scored)


def predict_route(router: APIRouter) -> Route:
    """The route of predict without what FastAPI does around it, which took as long as a third of an answer.

    The one of `routes` stays behind it, for the description of the service.
    """
    (described,) = (route for route in router.routes if getattr(route, "path", "") == "/v1/predict")
    assert isinstance(described, APIRoute)
    return Route(described.path, described.endpoint, methods=["POST"])


@dataclass(frozen=True)
class Resolved:
    """A question, of whom it is asked, and what of the answers is wanted."""

    loaded: kgdrug.LoadedModel
    question: kgdrug.Question
    most: int
    offset: int
    novel: bool
    filters: kgdrug.Filters

    @property
    def alike(self) -> tuple[object, ...]:
        """What questions share that are answered together."""
        return self.loaded, self.question.relations, self.most, self.novel, self.filters

    @property
    def slow(self) -> bool:
        """Whether the answer may take so long that others should not wait for it."""
        filtered = self.filters != kgdrug.Filters()
        return self.most > 1000 or filtered or self.loaded.model.work(self.question.relations) > QUICK


def warm_up(model: kgdrug.ServedModel) -> None:
    """Ask what the first question would have to wait for."""
    graph = model.graph
    for r in graph.treatment_relations:
        if len(graph.answers(r)) and len(graph.heads(r)):
            kgdrug.answer(model, kgdrug.Question(graph.heads(r).start, (r,)), 1)
            kgdrug.answer(model, kgdrug.Question(graph.answers(r).start, (r + graph.relations,)), 1)


def about(loaded: kgdrug.LoadedModel) -> dict[str, str]:
    """What every answer names."""
    model = loaded.model
    return {
        "model": loaded.name,
        "model_digest": model.digest,
        "graph": model.graph.name,
        "graph_digest": model.graph_digest,
    }


def routes(models: kgdrug.LoadedModels, measures: Measures) -> APIRouter:
    """The routes that ask a model."""
    router, batches = APIRouter(), kgdrug.Batches()

    def resolved(asked: schemas.Question) -> Resolved:
        loaded = models.get(asked.model)
        words = asked.model_dump(include={"head", "tail", "relation", "disease", "compound"})
        question = kgdrug.question(loaded.model.graph, **words)
        return Resolved(loaded, question, asked.offset + asked.top, asked.offset, asked.novel, _filters(asked.filters))

    def prediction(one: Resolved, answers: list[kgdrug.Answer]) -> dict[str, Any]:
        measures.questions.labels(one.loaded.name).inc()
        return {
            "question": one.question.text(one.loaded.model.graph),
            **about(one.loaded),
            "answers": _records(one.loaded.model, answers[one.offset :]),
        }

    def predict_many(lines: list[schemas.Question | Exception]) -> Iterator[bytes]:
        """One line a question, in their order; one that cannot be asked has its problem in its place."""

        def found(line: schemas.Question | Exception) -> Resolved | Exception:
            try:
                return line if isinstance(line, Exception) else resolved(line)
            except kgdrug.KgdrugError as error:
                return error

        for _, same in groupby(map(found, lines), lambda one: one.alike if isinstance(one, Resolved) else None):
            together = list(same)
            answers = _answers([one for one in together if isinstance(one, Resolved)])
            for one in together:
                try:
                    content = prediction(one, next(answers)) if isinstance(one, Resolved) else _told(one)
                except kgdrug.KgdrugError as error:
                    content = _told(error)
                yield orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY) + b"\n"

    @router.post(
        "/v1/predict", response_model=schemas.Prediction, responses=PROBLEMS, openapi_extra=_BODY, tags=["ask"]
    )
    async def predict(request: Request) -> Response:
        """Rank the candidates of one question: `disease` or `compound`, or `tail` or `head` with `relation`.

        Sent as `application/jsonl`, up to 10,000 questions, one a line, are answered in a stream of one line each.
        """
        body = await request.body()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
        if kind in (JSON_LINES, "application/x-ndjson", "application/x-jsonlines"):
            lines = _parsed(body)
            return StreamingResponse(predict_many(lines), media_type=JSON_LINES)
        one = resolved(schemas.Question.model_validate_json(body))
        if one.slow:
            answers = await batches.answer(one.loaded.model, one.question, one.most, one.novel, one.filters)
        else:
            answers = kgdrug.answer(one.loaded.model, one.question, one.most, one.novel, one.filters)
        return json_response(prediction(one, answers))

    @router.post("/v1/score", response_model=schemas.Scores, responses=PROBLEMS, tags=["ask"])
    def score(asked: schemas.Scored) -> Response:
        """What `predict` says of given pairs or triples, whatever their rank, in their order."""
        loaded = models.get(asked.model)
        if (asked.pairs is None) == (asked.triples is None):
            raise kgdrug.UsageError("give pairs of compound and disease, or triples of head, relation and tail")
        answers = kgdrug.score(loaded.model, asked.pairs or asked.triples or [])
        return json_response({**about(loaded), "scores": _records(loaded.model, answers)})

    @router.get("/v1/explain", response_model=schemas.Explanation, responses=PROBLEMS, tags=["ask"])
    def explain(
        request: Request,
        compound: str | None = Query(None, max_length=500, description="An id or a name."),
        disease: str | None = Query(None, max_length=500, description="An id or a name."),
        head: str | None = Query(None, max_length=500, description="With `tail` and `relation`, of any types."),
        tail: str | None = Query(None, max_length=500),
        relation: str | None = Query(None, max_length=500),
        model: str | None = Query(None, max_length=500),
        paths: int = Query(3, ge=1, le=20, description="Of each metapath."),
        metapaths: int = Query(12, ge=0, le=100),
    ) -> Response:
        """Why a candidate ranks where it does: supporting context, not proof."""
        loaded = models.get(model)

        def make() -> Response:
            asked = {"compound": compound, "disease": disease, "head": head, "tail": tail, "relation": relation}
            explained = kgdrug.explain(loaded.model, **asked, metapaths=metapaths, per_metapath=paths)
            return json_response({**about(loaded), **kgdrug.explanation_record(explained)})

        return tagged(request, loaded.model.digest, make)

    return router


def _records(model: kgdrug.ServedModel, answers: list[kgdrug.Answer]) -> list[dict[str, Any]]:
    """The fields of each; dataclasses inside stay what they are."""
    shown, values = _UNLIKELY if model.calibrated is None else _LIKELY
    return [dict(zip(shown, values(answer), strict=True)) for answer in answers]


def _answers(alike: list[Resolved]) -> Iterator[list[kgdrug.Answer]]:
    if alike:
        first = alike[0]
        questions = [one.question for one in alike]
        yield from kgdrug.answer_all(first.loaded.model, questions, first.most, first.novel, first.filters)


def _told(error: Exception) -> dict[str, Any]:
    return {"problem": of_error(error, "/v1/predict").model_dump()}


def _filters(given: schemas.Filters | None) -> kgdrug.Filters:
    if given is None:
        return kgdrug.Filters()
    names = (tuple(each) for each in (given.classes, given.targets, given.only, given.exclude))
    classes, targets, only, exclude = names
    return kgdrug.Filters(classes, targets, given.approved, given.smarts, only, exclude)


def _parsed(body: bytes) -> list[schemas.Question | Exception]:
    """The question of each line that is not empty, or why it is none."""
    lines = [line for line in body.splitlines() if line.strip()]
    if len(lines) > MOST_QUESTIONS:
        raise TooLargeError(f"{len(lines):,} questions came; one request may hold {MOST_QUESTIONS:,}")
    parsed: list[schemas.Question | Exception] = []
    for line in lines:
        try:
            parsed.append(schemas.Question.model_validate_json(line))
        except ValueError as error:
            parsed.append(error)
    return parsed
