"""Questions: predict, score, explain."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

import kgdrug
from kgdrug_api import schemas
from kgdrug_api.complaints import known_fields
from kgdrug_api.gate import Measures
from kgdrug_api.problems import PROBLEMS, TooLargeError, of_error, wrong
from kgdrug_api.schemas import JSON_LINES, MOST_QUESTIONS
from kgdrug_api.wire import LARGE, apart, body_of, json_of, json_response, tagged

log = logging.getLogger(__name__)
NO_FILTERS = kgdrug.Filters()
MOST_EXPLAINED = 100  # answers of a question that have evidence
MANY = 1000  # answers that a thread writes, if there are more
_FIELDS = tuple(field.name for field in fields(kgdrug.Answer))
_SOMETIMES = ("probability", "evidence")
_ALWAYS = tuple(name for name in _FIELDS if name not in _SOMETIMES)
known_fields(schemas.Question, schemas.Filters, schemas.Scored)
AtOnce = Callable[[bytes], bytes | None]
InTurn = Callable[[bytes], Awaitable[bytes]]


@dataclass(frozen=True)
class Resolved:
    """A question, of whom it is asked, and what of the answers is wanted."""

    loaded: kgdrug.LoadedModel
    question: kgdrug.Question
    wanted: tuple[int, bool, kgdrug.Filters, int, int]  # top, novel, filters, evidence, offset

    @property
    def alike(self) -> tuple[object, ...]:
        """What questions share that are answered together."""
        return self.loaded, self.question.relations, *self.wanted


def warm_up(model: kgdrug.ServedModel) -> None:
    """Ask what the first questions would have to wait for: about treatments, in both directions."""
    graph = model.graph
    for r in graph.treatment_relations:
        for side, span in (("compound", graph.heads(r)), ("disease", graph.answers(r))):
            if span:
                # what cannot be asked is told to who asks it
                with suppress(kgdrug.UsageError):
                    kgdrug.answer(model, kgdrug.question(graph, **{side: graph.entities.ids[span.start]}), 1)


def warm_up_names(model: kgdrug.ServedModel) -> None:
    """Look for a name, then for one that was mistyped: the indices take longer than all else, and ids need none."""
    model.graph.entities.search("asthma", 1)
    model.graph.entities.close_matches("astma")


def about(loaded: kgdrug.LoadedModel) -> dict[str, str]:
    """What every answer names."""
    model = loaded.model
    version = {} if loaded.version is None else {"model_version": loaded.version}
    return {
        "model": loaded.name,
        "model_digest": model.digest,
        **version,
        "graph": model.graph.name,
        "graph_digest": model.graph_digest,
    }


def routes(models: kgdrug.LoadedModels, measures: Measures) -> tuple[APIRouter, tuple[AtOnce, InTurn]]:
    """The routes that ask a model, and what `protocol.Direct` makes of a body with one question."""
    router, batches = APIRouter(), kgdrug.Batches()

    def resolved(asked: schemas.Question) -> Resolved:
        loaded = models.get(asked.model)
        ends = {"head": asked.head, "tail": asked.tail, "disease": asked.disease, "compound": asked.compound}
        question = kgdrug.question(loaded.model.graph, **ends, relation=asked.relation)
        if asked.evidence and asked.top > MOST_EXPLAINED:
            raise kgdrug.UsageError(f"evidence is told of {MOST_EXPLAINED} answers at once; top is {asked.top:,}")
        wanted = asked.top, asked.novel, _filters(asked.filters), asked.evidence, asked.offset
        return Resolved(loaded, question, wanted)

    def prediction(one: Resolved, answers: kgdrug.Columns) -> dict[str, Any]:
        model = one.loaded.model
        meant = _probability_means(model, answers["probability"])
        told = {"question": one.question.text(model.graph), **about(one.loaded), **meant, "answers": _records(answers)}
        if warning := model.warning(one.question.entity, one.question.relations):
            told["warnings"] = [warning]
        return told

    def predict_many(lines: list[schemas.Question | Exception]) -> Iterator[bytes]:
        """One line a question, in their order; one that cannot be asked, or answered, has its problem in its place."""

        def found(line: schemas.Question | Exception) -> Resolved | Exception:
            try:
                return line if isinstance(line, Exception) else resolved(line)
            except Exception as error:
                return error

        for one in _answered(map(found, lines)):
            yield (json_of(_told(one)) if isinstance(one, Exception) else told(*one)) + b"\n"

    def asked_once(body: bytes) -> Resolved:
        return resolved(schemas.Question.model_validate_json(body))

    def told(one: Resolved, answers: kgdrug.Columns) -> bytes:
        content = json_of(prediction(one, answers))
        measures.asked(one.loaded.name)
        return content

    def at_once(body: bytes) -> bytes | None:
        one = asked_once(body)
        answers = batches.at_once(one.loaded.model, one.question, *one.wanted)
        return None if answers is None else told(one, answers)

    async def in_turn(body: bytes) -> bytes:
        one = await apart(len(body) > LARGE, asked_once, body)
        answers = await batches.answer(one.loaded.model, one.question, *one.wanted)
        return await apart(len(answers["rank"]) > MANY, told, one, answers)

    lines_too = {JSON_LINES: {"schema": {"type": "string", "description": "One question a line."}}}

    @router.post(
        "/v1/predict",
        response_model=schemas.Prediction,
        responses=PROBLEMS,
        openapi_extra=body_of("Question", **lines_too),
        tags=["ask"],
    )
    async def predict(request: Request) -> Response:
        """Rank the candidates of one question: `disease` or `compound`, or `tail` or `head` with `relation`.

        Sent as `application/jsonl`, up to 10,000 questions, one a line, are answered in a stream of one line each; a
        blank line is no question, and has none.
        """
        body = await request.body()
        kind = request.headers.get("content-type", "").partition(";")[0].strip().casefold()
        if kind in (JSON_LINES, "application/x-ndjson", "application/x-jsonlines"):
            lines = await apart(len(body) > LARGE, _parsed, body)
            return StreamingResponse(predict_many(lines), media_type=JSON_LINES)
        return Response(await in_turn(body), media_type="application/json")

    def scored(body: bytes) -> Response:
        asked = schemas.Scored.model_validate_json(body)
        loaded = models.get(asked.model)
        if (asked.pairs is None) == (asked.triples is None):
            raise kgdrug.UsageError("give pairs of compound and disease, or triples of head, relation and tail")
        answers = kgdrug.score(loaded.model, asked.pairs or asked.triples or [])
        columns = {name: [getattr(answer, name) for answer in answers] for name in _FIELDS}
        meant = _probability_means(loaded.model, columns["probability"])
        return json_response({**about(loaded), **meant, "scores": _records(columns)})

    @router.post(
        "/v1/score", response_model=schemas.Scores, responses=PROBLEMS, openapi_extra=body_of("Scored"), tags=["ask"]
    )
    async def score(request: Request) -> Response:
        """What `predict` says of given pairs or triples, whatever their rank, in their order."""
        return await run_in_threadpool(scored, await request.body())

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
        metapaths: int = Query(12, ge=1, le=100),
    ) -> Response:
        """Why a candidate ranks where it does: supporting context, not proof."""
        loaded = models.get(model)

        def make() -> Response:
            asked = {"compound": compound, "disease": disease, "head": head, "tail": tail, "relation": relation}
            explained = kgdrug.explain(loaded.model, **asked, metapaths=metapaths, per_metapath=paths)
            meant = _probability_means(loaded.model, [explained.answer.probability])
            return json_response({**about(loaded), **meant, **kgdrug.explanation_record(explained)})

        return tagged(request, f"{loaded.name} {loaded.version} {loaded.model.digest}", make)

    return router, (at_once, in_turn)


def _probability_means(model: kgdrug.ServedModel, probabilities: Sequence[float | None]) -> dict[str, str]:
    """What the probabilities of an answer are of, beside the names of the model; nothing where there are none."""
    told = model.probability_means
    return {} if told is None or all(one is None for one in probabilities) else {"probability_means": told}


def _records(answers: kgdrug.Columns) -> list[dict[str, Any]]:
    """A mapping for each answer, with probability and evidence where it has any."""
    records = [  # in plain sight, since a dict of names that are known beforehand is made twice as soon
        {
            "rank": rank,
            "id": entity,
            "name": name,
            "type": kind,
            "score": score,
            "percentile": percentile,
            "usual_percentile": usual,
            "known": known,
            "annotations": annotations,
            "agreement": agreement,
            "terms": terms,
        }
        for rank, entity, name, kind, score, percentile, usual, known, annotations, agreement, terms in zip(
            *(answers[name] for name in _ALWAYS), strict=True
        )
    ]
    for name in _SOMETIMES:
        if list(answers[name]).count(None) < len(records):
            for record, value in zip(records, answers[name], strict=True):
                if value is not None:
                    record[name] = value
    return records


def _answered(asked: Iterable[Resolved | Exception]) -> Iterator[tuple[Resolved, kgdrug.Columns] | Exception]:
    """Each question with its answers, or what is wrong with it; neighbours that ask alike are answered together."""
    for _, same in groupby(asked, lambda one: one.alike if isinstance(one, Resolved) else None):
        together = list(same)
        questions = [one for one in together if isinstance(one, Resolved)]
        yield from (one for one in together if isinstance(one, Exception))  # of these there are none, or no others
        if questions:
            model, wanted = questions[0].loaded.model, questions[0].wanted
            each = kgdrug.answer_each(model, [one.question for one in questions], *wanted)
            for one, found in zip(questions, each, strict=True):
                yield found if isinstance(found, Exception) else (one, found)


def _told(error: Exception) -> dict[str, Any]:
    if not isinstance(error, kgdrug.KgdrugError):
        log.error("a question of a stream failed", exc_info=error)
    return {"problem": of_error(error, "/v1/predict").model_dump()}


def _filters(given: schemas.Filters | None) -> kgdrug.Filters:
    if given is None:
        return NO_FILTERS
    return kgdrug.Filters(given.classes, given.targets, given.approved, given.smarts, given.only or None, given.exclude)


def _parsed(body: bytes) -> list[schemas.Question | Exception]:
    """The question of each line that is not empty, or why it is none."""
    lines = [(number, line) for number, line in enumerate(body.splitlines(), 1) if line.strip()]
    if len(lines) > MOST_QUESTIONS:
        raise TooLargeError(f"{len(lines):,} questions came; one request may hold {MOST_QUESTIONS:,}")
    parsed: list[schemas.Question | Exception] = []
    for number, line in lines:
        try:
            parsed.append(schemas.Question.model_validate_json(line))
        except ValidationError as error:
            parsed.append(kgdrug.UsageError(wrong(error, number)))
    return parsed
