"""The folder that this process is in, which somebody may have removed."""

from __future__ import annotations

import os

from reactor.errors import ConfigurationError


def current_folder() -> str:
    """Raises ConfigurationError: it is gone."""
    try:
        return os.getcwd()
    except FileNotFoundError as error:
        raise ConfigurationError("the current folder was removed: go to another one") from error
