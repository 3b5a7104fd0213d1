"""How routes read what comes, and write what goes: parameters, bodies, JSON, entity tags."""

import hashlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import orjson
from fastapi import Depends, Request, Response
from starlette.concurrency import run_in_threadpool

import kgdrug
from kgdrug_api.complaints import did_you_mean, short

T = TypeVar("T")
LONG = 1000  # bytes of an answer that is compressed for whoever takes that
# of gzip: 2.5 MB become 401 kB in 15 ms, where 6 makes 334 kB in 37 and 9 makes 322 kB in 89; 5 kB 1.3 or 1.2 kB
LEVEL = 1
LARGE = 64_000  # bytes of a body that is read by a thread


def body_of(schema: str, **others: Any) -> dict[str, Any]:
    """What OpenAPI says of a body that a route reads itself, whatever it is said to be."""
    json = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"requestBody": {"required": True, "content": {**json, **others}}}


async def _body(request: Request) -> bytes:
    return await request.body()


Body = Annotated[bytes, Depends(_body)]  # of a request, for a route that a thread answers


async def only_known(request: Request) -> None:
    """Refuse parameters that a route of questions has none of; those that watch the service may be sent any."""
    route = request.scope["route"]
    if request.scope["query_string"] and route.path.startswith("/v1/"):
        known = [parameter.alias for parameter in route.dependant.query_params]
        for name in request.query_params:
            if name not in known:
                raise kgdrug.UsageError(f"unknown parameter {short(name)}{did_you_mean(name, known)}")


async def apart(large: bool, call: Callable[..., T], *given: Any) -> T:
    """The result of a call, which a thread makes where it is so large that others should not wait for it."""
    return await run_in_threadpool(call, *given) if large else call(*given)


def json_response(content: Any, headers: dict[str, str] | None = None) -> Response:
    """JSON of mappings, lists, plain values and dataclasses."""
    return Response(json_of(content), 200, headers, "application/json")


def json_of(content: Any) -> bytes:
    """What `json_response` sends."""
    return orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)


def tagged(request: Request, of: str, make: Callable[[], Response]) -> Response:
    """A response that is the same as long as the model is: 304 for who has it already.

    of: the model's digest, and what else is told of the model. The tag is of that, the version of kgdrug, and the
    address asked for, so nothing is made for a request that it fits. `*` fits whatever there is, which has to be made.
    """
    whole = f"{kgdrug.__version__} {of} {request.url.path}?{request.url.query}"
    tag = f'W/"{hashlib.sha256(whole.encode()).hexdigest()[:24]}"'
    headers = {"etag": tag, "cache-control": "no-cache"}
    wanted = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    response = None if tag in wanted else make()
    if response is None or "*" in wanted:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return response
