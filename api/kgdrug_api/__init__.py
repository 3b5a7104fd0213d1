"""The HTTP service. It knows kgdrug only by its public names."""

from kgdrug_api.app import create_app

__all__ = ["create_app"]
