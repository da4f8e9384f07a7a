"""Where runs are kept."""

import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from imdb_rnn.messages import without_secrets
from imdb_rnn.repository.dvc import main_checkout

_WITH_USER: Final = re.compile(r"(https?://)([^:@/]*)(?::((?!\d+/).*))?@([^@]*)")


def store_uri() -> str:
    """Where runs are kept: MLFLOW_TRACKING_URI, or else `mlflow.db` in the main checkout.

    User and password of a server's address go into the variables that MLflow has for them, so
    that nothing which prints or keeps the address has them.
    """
    address = os.environ.get("MLFLOW_TRACKING_URI")
    if not address:
        return _sqlite(local_database())
    database = address.removeprefix("sqlite:///")
    if database != address and not database.startswith(("/", "..", ":memory:")):
        # DVC's copies of the checkout would each have one of their own, gone when they end.
        return _sqlite(main_checkout() / database)
    found = _WITH_USER.fullmatch(address)
    if found:
        scheme, user, password, rest = found.groups()
        os.environ["MLFLOW_TRACKING_USERNAME"] = unquote(user)
        os.environ["MLFLOW_TRACKING_PASSWORD"] = unquote(password or "")
        address = os.environ["MLFLOW_TRACKING_URI"] = f"{scheme}{rest}"
    return address


def shown_store() -> str:
    """Where runs are kept, for reading: without a password."""
    return without_secrets(store_uri())


def local_database() -> Path:
    """The database of a checkout that keeps its runs itself."""
    return main_checkout() / "mlflow.db"


def local_artifacts() -> Path:
    """Where the files of the runs in the local database lie."""
    return main_checkout() / "mlartifacts"


def keeps_runs_itself() -> bool:
    """Whether the runs are in the local database."""
    return store_uri() == _sqlite(local_database())


def _sqlite(database: Path) -> str:
    """An address that SQLAlchemy understands, whatever the path.

    It takes `%41` for an encoded letter, and what comes behind `?` for options. Encoded, MLflow
    would make a folder of that name. From here, the path is one without the checkout's own.
    """
    path = str(database)
    return f"sqlite:///{os.path.relpath(path) if '%' in path or '?' in path else path}"
