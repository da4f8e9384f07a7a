"""Where a stage computes."""

from typing import TYPE_CHECKING

from imdb_rnn.errors import UserError

if TYPE_CHECKING:
    import torch


def refuse_missing_device(name: str) -> None:
    """Say before time is spent that there is nothing to train on.

    Args:
        name: Value of `train.device`.

    Raises:
        UserError: The device is not there.
    """
    if name not in {"auto", "cpu"}:
        resolve_device(name)


def resolve_device(name: str) -> "torch.device":
    """The device that `train.device` asks for; `auto` takes CUDA where there is some.

    Raises:
        UserError: The device is not there.
    """
    import torch  # noqa: PLC0415 - takes seconds, which a name that needs no look saves

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=name)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"train.device: {name} cannot be used here: {reason}. Set it to auto or cpu."
        ) from None
    return torch.device(name)
