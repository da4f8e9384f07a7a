"""What each figure of the lens shows, as a sentence made of the numbers in `reports/lens.json`."""

from collections.abc import Mapping
from typing import Any, Final

TITLES: Final = {"tanh": "tanh RNN", "relu": "ReLU RNN", "gru": "GRU", "lstm": "LSTM"}

_REMEMBERED: Final = 0.95
_ADDED: Final = 0.02


def findings(results: Mapping[str, Any]) -> dict[str, str]:
    """A sentence for each figure, by the figure's name.

    Args:
        results: Contents of `reports/lens.json`.
    """
    return {
        "gradients": _gradients(results),
        "initialization": _initialization(results["initialization"]),
        "clipping": _clipping(results["cells"]),
        "padding": _padding(results),
        "recall": _recall(results["recall"]),
        "adding": _adding(results["adding"]),
        "windows": _windows(results["windows"]),
    }


def _gradients(results: Mapping[str, Any]) -> str:
    last = str(results["material"]["epochs"])
    said = [
        f"{TITLES[name]} {_shrinkage(cell['epochs']['0'])} before training, "
        f"{_shrinkage(cell['epochs'][last])} after it"
        for name, cell in results["cells"].items()
    ]
    words = results["material"]["words"]
    return (
        f"Over the last {words} words of a review, the median gradient shrinks by so many powers "
        f"of ten: {'; '.join(said)}."
    )


def _shrinkage(snapshot: Mapping[str, float]) -> str:
    if snapshot["norm_at_farthest_word"] == 0:
        return "all there are"
    return f"{snapshot['orders_of_magnitude']:.1f}"


def _initialization(starts: Mapping[str, Any]) -> str:
    said = [
        f"{TITLES[cell]} "
        + ", ".join(f"{start['factor_per_step']:.3f} ({name})" for name, start in by_name.items())
        for cell, by_name in starts.items()
    ]
    return (
        f"Before any training, each step back multiplies the median gradient by: {'; '.join(said)}."
    )


def _clipping(cells: Mapping[str, Any]) -> str:
    said = [
        f"{TITLES[name]} {cell['clipped_share']:.0%} (largest {cell['largest_gradient_norm']:.3g})"
        for name, cell in cells.items()
    ]
    return f"The gradient's norm is clipped to 1 in this share of the steps: {', '.join(said)}."


def _padding(results: Mapping[str, Any]) -> str:
    padding, start = results["padding"], "0"
    norms = {name: case["norm_at_last_word"][start] for name, case in padding.items()}
    return (
        f"Before training, the median gradient at the last real word of a short review is "
        f"{norms['masked']:.2g} with padding masked, {norms['front']:.2g} with padding in front "
        f"and {norms['behind']:.2g} with padding behind; after training, the three networks reach "
        f"validation accuracies of {padding['masked']['accuracy']:.3f}, "
        f"{padding['front']['accuracy']:.3f} and {padding['behind']['accuracy']:.3f}."
    )


def _recall(cells: Mapping[str, Any]) -> str:
    said = [f"{TITLES[name]} {_remembered(cell['accuracy'])}" for name, cell in cells.items()]
    return (
        f"The longest delay at which, as at all shorter ones, at least {_REMEMBERED:.0%} of the "
        f"marked words are recalled: {', '.join(said)}."
    )


def _remembered(accuracy: Mapping[str, float]) -> str:
    return _longest({delay: value >= _REMEMBERED for delay, value in accuracy.items()})


def _longest(succeeded: Mapping[str, bool]) -> str:
    """Up to where all numbers of steps, in order, were a success."""
    longest = "none"
    for steps, success in succeeded.items():
        if not success:
            break
        longest = f"{steps} steps"
    return longest


def _adding(cells: Mapping[str, Any]) -> str:
    said = [f"{TITLES[name]} {_added(cell['error'])}" for name, cell in cells.items()]
    return (
        "The longest sequence for which, as for all shorter ones, the mean squared error of the "
        f"sum is at most {_ADDED} (always answering 1 has 0.167): {', '.join(said)}."
    )


def _added(error: Mapping[str, float]) -> str:
    return _longest({length: value <= _ADDED for length, value in error.items()})


def _windows(windows: Mapping[str, Any]) -> str:
    length = list(windows["last"])[-1]
    parts = ", ".join(f"{windows[place][length]:.3f} ({place})" for place in _PLACES)
    return (
        f"The trained classifier reaches {windows['whole']:.3f} on whole validation reviews, "
        f"{windows['shuffled']:.3f} with their words shuffled, and with {length} words alone "
        f"{parts}."
    )


_PLACES: Final = ("first", "middle", "last")
