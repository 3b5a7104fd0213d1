"""The HTTP service. It knows kgdrug only by its public names."""

from kgdrug_api.app import create_app
from kgdrug_api.protocol import Protocol

__all__ = ["Protocol", "create_app"]
