"""What went wrong, in one form: `application/problem+json` (RFC 9457), with close matches where a name is unknown."""

import logging
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

import kgdrug
from kgdrug_api.complaints import MOST_TOLD, complaints
from kgdrug_api.schemas import Problem

log = logging.getLogger(__name__)
_FORM = {"application/problem+json": {"schema": Problem.model_json_schema()}}
PROBLEMS: dict[int | str, dict[str, Any]] = {
    404: {"content": _FORM, "description": "An unknown entity, relation or model, with close matches."},
    413: {"content": _FORM, "description": "More than one request may hold."},
    422: {"content": _FORM, "description": "A question that cannot be asked."},
}
NOT_SUPPORTED: dict[int | str, dict[str, Any]] = {
    501: {"content": _FORM, "description": "What the standard knows, and this service does not do."},
}
CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"content": _FORM, "description": "What the models that are loaded leave no room for."},
}
FORBIDDEN: dict[int | str, dict[str, Any]] = {
    403: {"content": _FORM, "description": "What only the administrator may do, or this service lets nobody do."},
}
NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"content": _FORM, "description": "No model is loaded and warmed up."},
}


MOST_LISTED = 30_000  # errors that are listed, of which the first are told: more would take a second


class TooLargeError(kgdrug.UsageError):
    """More came than one request may hold."""


class ConflictError(kgdrug.UsageError):
    """What was asked for cannot be as things are: a name that is taken, the last model."""


class ForbiddenError(kgdrug.KgdrugError):
    """Whoever asks may not do this here: only the administrator may, or nobody."""


class NotReadyError(kgdrug.KgdrugError):
    """Questions are not answered yet."""


class UnsupportedError(kgdrug.KgdrugError):
    """What a standard allows, but is not done here."""


def of_error(error: BaseException, instance: str) -> Problem:
    """The problem that an error is; the log is told where a model could not answer."""
    if isinstance(error, kgdrug.UnknownNameError):
        return _problem(404, f"Unknown {error.kind}", str(error), instance, error.close)
    if isinstance(error, kgdrug.AmbiguousNameError):
        return _problem(422, f"Ambiguous {error.kind}", str(error), instance, error.matches)
    if isinstance(error, kgdrug.AbsentError):
        return _problem(404, "Not there", str(error), instance)
    if isinstance(error, TooLargeError):
        return _problem(413, "Too large", str(error), instance)
    if isinstance(error, ConflictError):
        return _problem(409, "Conflict", str(error), instance)
    if isinstance(error, NotReadyError):
        return _problem(503, "Not ready", str(error), instance)
    if isinstance(error, ForbiddenError):
        return _problem(403, "Forbidden", str(error), instance)
    if isinstance(error, UnsupportedError):
        return _problem(501, "Not supported", str(error), instance)
    if isinstance(error, kgdrug.UsageError):
        return _problem(422, "Not a question", str(error), instance)
    if isinstance(error, ClientDisconnect):  # nobody reads it: it is counted
        return _problem(400, "Broken off", "the client went away while it sent its body", instance)
    if isinstance(error, kgdrug.KgdrugError):
        log.error("%s", error, exc_info=error)
        return _problem(500, "Failed", str(error), instance)
    if isinstance(error, RequestValidationError):  # whose places begin with body or query
        return _problem(422, "Not a question", complaints(error.errors(), offset=True), instance)
    if isinstance(error, ValidationError):
        return _problem(422, "Not a question", wrong(error), instance)
    return _problem(500, "Failed", f"unexpected {type(error).__name__}; the log of the service says more", instance)


def wrong(error: ValidationError, line: int | None = None) -> str:
    """What is wrong with a body, or with a line of it, counted from 1."""
    count = error.error_count()
    if count > MOST_LISTED:
        return f"{count:,} fields of {'the body' if line is None else f'line {line:,}'} are wrong"
    few = count <= MOST_TOLD  # of many what came is not told: it would be made for each of them
    return complaints(error.errors(include_url=False, include_input=few), offset=False, line=line)


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """The problem as it goes over the wire."""
    content = orjson.dumps(problem.model_dump())
    return Response(content, problem.status, headers, "application/problem+json")


def answer_problems(app: FastAPI) -> None:
    """Let every error leave the service in the one form."""

    async def failed(request: Request, error: Exception) -> Response:
        return problem_response(of_error(error, request.url.path))

    async def http_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase
        detail = f"{request.method} {request.url.path}" + ("" if error.detail == phrase else f": {error.detail}")
        problem = Problem(
            type="about:blank", title=phrase, status=error.status_code, detail=detail, instance=request.url.path
        )
        return problem_response(problem, dict(error.headers or {}))

    app.add_exception_handler(HTTPException, http_error)
    for kind in (kgdrug.KgdrugError, ValidationError, RequestValidationError, ClientDisconnect, Exception):
        app.add_exception_handler(kind, failed)


def _problem(status: int, title: str, detail: str, instance: str, close: Iterable[str] = ()) -> Problem:
    """A problem of our own: its type is its title in small letters, `urn:kgdrug:unknown-disease`."""
    kind = "urn:kgdrug:" + re.sub(r"[\W_]+", "-", title.casefold()).strip("-")
    return Problem(
        type=quote(kind, safe=":"), title=title, status=status, detail=detail, instance=instance, close_matches=[*close]
    )
