from benchmarks.ladder import readme_with

ROW = {"accuracy": 0.9, "accuracy_low": 0.89, "accuracy_high": 0.91, "valid_accuracy": 0.8}
ROWS = {"default": ROW, "gru": ROW | {"accuracy": 0.85}}


def test_numbers_go_behind_the_descriptions_in_the_table_of_experiments_alone() -> None:
    text = (
        "| `gru` | elsewhere | 1 |\n<!-- experiments -->\n"
        "| `gru` | gates | old | old | old |\n| `lstm` | more gates | old | old | old |\n"
        "<!-- /experiments -->\n"
    )
    assert readme_with(text, ROWS).splitlines() == [
        "| `gru` | elsewhere | 1 |",
        "<!-- experiments -->",
        "| `gru` | gates | 0.8500 | 0.8900 to 0.9100 | 0.8000 |",
        "| `lstm` | more gates | not run yet |  |  |",
        "<!-- /experiments -->",
    ]
