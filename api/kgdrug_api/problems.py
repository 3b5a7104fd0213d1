"""What went wrong, in one form: `application/problem+json` (RFC 9457), with close matches where a name is unknown."""

import difflib
from collections.abc import Iterable
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

import kgdrug
from kgdrug_api.schemas import Problem

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
NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"content": _FORM, "description": "No model is loaded and warmed up."},
}


class TooLargeError(kgdrug.UsageError):
    """More came than one request may hold."""


class ConflictError(kgdrug.UsageError):
    """What was asked for cannot be as things are: a name that is taken, the last model."""


class ForbiddenError(kgdrug.KgdrugError):
    """Only the administrator may do this."""


class UnsupportedError(kgdrug.KgdrugError):
    """What a standard allows, but is not done here."""


def of_error(error: Exception, instance: str) -> Problem:
    """The problem that an error is."""
    if isinstance(error, kgdrug.UnknownNameError):
        return _problem(404, f"Unknown {error.kind}", str(error), instance, error.close)
    if isinstance(error, kgdrug.AmbiguousNameError):
        return _problem(422, f"Ambiguous {error.kind}", str(error), instance, error.matches)
    if isinstance(error, TooLargeError):
        return _problem(413, "Too large", str(error), instance)
    if isinstance(error, ConflictError):
        return _problem(409, "Conflict", str(error), instance)
    if isinstance(error, ForbiddenError):
        return _problem(403, "Forbidden", str(error), instance)
    if isinstance(error, UnsupportedError):
        return _problem(501, "Not supported", str(error), instance)
    if isinstance(error, kgdrug.UsageError):
        return _problem(422, "Not a question", str(error), instance)
    if isinstance(error, kgdrug.KgdrugError):
        return _problem(500, "Failed", str(error), instance)
    if isinstance(error, ValidationError | RequestValidationError):
        errors: Iterable[Any] = error.errors()
        offset = isinstance(error, RequestValidationError)  # whose places begin with body or query
        detail = "; ".join(_complaint(one, offset) for one in errors)
        return _problem(422, "Not a question", detail, instance)
    return _problem(500, "Failed", f"unexpected {type(error).__name__}; the log of the service says more", instance)


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
        detail = f"{request.method} {request.url.path}"
        return problem_response(
            _problem(error.status_code, str(error.detail), detail, request.url.path), dict(error.headers or {})
        )

    app.add_exception_handler(HTTPException, http_error)
    for kind in (kgdrug.KgdrugError, ValidationError, RequestValidationError, Exception):
        app.add_exception_handler(kind, failed)


def known_fields(*models: type[BaseModel]) -> None:
    """Fields that an unknown one may have been meant for."""
    for model in models:
        _FIELDS.extend(model.model_fields)


_FIELDS: list[str] = []


def _complaint(error: dict[str, Any], offset: bool) -> str:
    """What is wrong with one field, in words; an unknown field names the closest."""
    places = [str(part) for part in error["loc"]]
    field = ".".join(places[1:] if offset and len(places) > 1 else places)
    if error["type"] == "json_invalid":
        return f"the body is not JSON: {error['ctx']['error']}"
    if error["type"] != "extra_forbidden":
        return f"{field or 'the body'}: {error['msg']}"
    close = difflib.get_close_matches(field.rpartition(".")[2], _FIELDS, 1)
    return f"unknown field {field}" + (f"; did you mean {close[0]}?" if close else "")


def _problem(status: int, title: str, detail: str, instance: str, close: Iterable[str] = ()) -> Problem:
    return Problem(title=title, status=status, detail=detail, instance=instance, close_matches=list(close))
