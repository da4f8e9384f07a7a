"""What studies of the diagnostics are tried on."""

from pathlib import Path

from imdb_rnn.config import Params
from imdb_rnn.data.classes import SENTIMENT
from imdb_rnn.data.token_store import TokenStore
from imdb_rnn.diagnostics.study import Material
from results import shipped_params


def study_params(**diagnostics: object) -> Params:
    """The shipped parameters with others of the diagnostics."""
    values = shipped_params().model_dump()
    values["diagnostics"] |= diagnostics
    values["train"] |= {"threads": 1}
    return Params.model_validate(values)


def material_of(
    store: TokenStore,
    vocabulary_size: int,
    classes: tuple[str, ...] = SENTIMENT,
    **diagnostics: object,
) -> Material:
    """The same reviews to learn from, to measure on and to be judged on."""
    params = study_params(**diagnostics)
    stores = dict.fromkeys(("learned", "full", "short", "valid"), store)
    return Material(params, Path(), Path(), {}, vocabulary_size, classes, **stores)
