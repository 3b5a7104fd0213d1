"""The command serve: from models and a place to listen to a service that runs."""

import gc
import socket
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kgdrug.cli.app import app
from kgdrug.cli.screen import err
from kgdrug.errors import KgdrugError, UsageError

if TYPE_CHECKING:
    from kgdrug import LoadedModels
    from kgdrug_api.app import Service


@app.command()
def serve(
    models: Annotated[
        list[str], typer.Argument(metavar="[NAME=]MODEL...", help="Folders, NAME@ALIAS, NAME/VERSION or runs:ID.")
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8000,
    feedback: Annotated[
        Path | None, typer.Option(metavar="FILE", help="SQLite file that keeps judgements; made when it is not there.")
    ] = None,
    admin_token: Annotated[
        str | None,
        typer.Option(envvar="KGDRUG_ADMIN_TOKEN", metavar="TOKEN", help="Who has it may load and unload models."),
    ] = None,
    infores: Annotated[
        str, typer.Option(metavar="ID", help="The information resource that TRAPI's answers name as theirs.")
    ] = "infores:kgdrug",
) -> None:
    """Answer questions over HTTP; the documentation is at /docs. The first model answers where none is named."""
    loaded = _opened(models)
    from kgdrug_api import create_app

    service = create_app(loaded, feedback=feedback, admin_token=admin_token, infores=infores)
    with closing(_bound(host, port)) as place:
        service.warm_up()
        gc.collect()
        gc.freeze()  # names and tables stay: looking through them for garbage takes a third of a long answer's time
        _run(service, place, ", ".join(one.name for one in loaded.all()))


def _opened(models: list[str]) -> "LoadedModels":
    """The models, each under a name of its own; a UsageError says how two of one name can be told apart."""
    from kgdrug import LoadedModels

    loaded = LoadedModels()
    places: dict[str, str] = {}
    for given in models:
        (one,) = LoadedModels.open([given]).all()
        if one.name in places:
            name = Path(one.source).name if Path(one.source).is_dir() else one.name
            name = f"{one.name}-2" if name in places or not name else name
            said = f"{places[one.name]} and {given} are both named {one.name}"
            raise UsageError(f"{said}; name one of them, such as {name}={one.source}")
        places[one.name] = given
        loaded.add(one)
    return loaded


def _bound(host: str, port: int) -> socket.socket:
    """The place to listen at, where nobody listens yet; port 0 is any that is free."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
        place = socket.socket(family)
        try:
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            place.bind(address)
        except OSError:
            place.close()
            raise
    except (OSError, UnicodeError) as error:
        raise _not_listening(host, port, error) from None
    return place


def _run(service: "Service", place: socket.socket, names: str) -> None:
    """Answer until a signal comes; where, is said as soon as it does."""
    import uvicorn

    from kgdrug_api import Protocol

    host, port = place.getsockname()[:2]

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.should_exit:
                return
            address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            err.print(f"serving {names} on http://{address} (documentation at /docs)")

    server = Server(uvicorn.Config(service, http=Protocol, log_level="warning", access_log=False))
    try:
        server.run([place])
        if not server.started:  # as older releases of uvicorn end where newer ones exit
            raise SystemExit
    except OSError as error:  # who was quicker listens there
        raise _not_listening(host, port, error) from None
    except SystemExit:  # uvicorn's own codes would collide with ours
        raise KgdrugError("the service did not start; what is said above tells why") from None


def _not_listening(host: str, port: int, error: Exception) -> KgdrugError:
    reason = getattr(error, "strerror", None) or error
    return KgdrugError(f"cannot listen on {host}:{port}: {reason}; give another --host or --port")
