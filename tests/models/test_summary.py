import io

from rich.console import Console

from imdb_rnn.models.classifier import Classifier
from imdb_rnn.models.summary import parameter_count, summary
from models.shapes import model_shape


def test_the_layers_are_listed_with_their_parameters_and_add_up() -> None:
    shape = model_shape(
        cell="lstm", layers=2, embedding_size=4, hidden_size=3, bidirectional=True, pooling="max"
    )
    network = Classifier(30, 12, shape, seed=1, ngrams=[2])
    shown = io.StringIO()
    Console(file=shown, width=200).print(summary(network))
    rows = [
        [cell.strip() for cell in line.split("│")[1:-1]]
        for line in shown.getvalue().splitlines()
        if "│" in line
    ]
    counts = {name: int(number.replace(",", "")) for name, _, number in rows}
    assert rows[0][:2] == ["embedding", "Embedding(30, 4)"]
    assert counts["embedding"] == 30 * 4
    assert counts["output"] == 6 + 1
    assert list(counts)[-1] == "all"
    assert counts.pop("all") == sum(counts.values()) == parameter_count(network)
    # Four gates, each with weights for inputs and states and PyTorch's two biases, both ways.
    first = sum(number for name, number in counts.items() if name.startswith("layers.0"))
    assert first == 2 * 4 * 3 * (5 + 3 + 2)
