"""The command `imdb-rnn`.

Commands import what they need when they run, so that `imdb-rnn --help` answers at once.
"""

import os
import re
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from imdb_rnn.signals import answer_requests, ending_together

if Path(sys.argv[0]).stem == "imdb-rnn":
    # Until `main` begins, nothing is open, and there is nobody who would catch an exception.
    answer_requests(lambda number, _: os._exit(128 + number))

import typer  # after the lines above, so that a request to end is answered while it loads

from imdb_rnn.console import Advance, console, error_console, progress, waiting
from imdb_rnn.errors import UserError, ending_in_a_sentence
from imdb_rnn.io.atomic import require_replaceable
from imdb_rnn.repository.dvc import project_root

if TYPE_CHECKING:
    from imdb_rnn.data.token_store import TokenStore
    from imdb_rnn.evaluation.evaluated_model import EvaluatedModel
    from imdb_rnn.serving.texts import Texts

RESULTS: Final = Path("reports/evaluate.json")
DIAGNOSTICS: Final = Path("reports/diagnostics.json")
MODEL: Final = Path("models/rnn")
PREPARED: Final = Path("data/prepared")
TEST_REVIEWS: Final = Path("data/raw/test.parquet")

_WITHOUT_PROJECT: Final = ("compare", "explain", "export", "predict")
"""Commands that may do with files which the user names."""

_OF_ANOTHER_SHAPE: Final = (KeyError, TypeError, AttributeError, IndexError, ValueError)
"""What reading results raises that are JSON, but not what this version writes."""

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a plain traceback shows no variables
    help="What goes beyond the pipeline's stages, which `dvc repro` runs.",
)


def _show_versions(wanted: bool) -> None:  # noqa: FBT001 - as typer calls it
    """Print what a report of a fault needs, and end."""
    if wanted:
        import platform
        from importlib.metadata import version

        console.print(
            f"imdb-rnn {version('imdb-rnn')}, Python {platform.python_version()}, "
            f"PyTorch {version('torch')}"
        )
        raise typer.Exit


def main() -> None:
    """Run the command line and exit.

    Exit codes: 0 done, 1 failed, 2 input refused, 129 terminal closed, 130 interrupted, 143
    terminated.
    """
    nothing = Path(os.devnull)
    sys.stdin = sys.stdin or nothing.open(encoding="utf-8")  # none where the shell has closed it
    sys.stdout = sys.stdout or nothing.open("w", encoding="utf-8")
    with ending_together(), ending_in_a_sentence("Fix this and run the command again."):
        app()


@app.callback()
def _enter_project(
    context: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback answers
        bool,
        typer.Option("--version", callback=_show_versions, is_eager=True, help="Show versions."),
    ] = False,
) -> None:
    """Work in the project's folder, from wherever inside it the command was called."""
    here = Path.cwd()
    root = project_root(here)
    if root:
        os.chdir(root)
        context.obj = Path(os.path.relpath(here, root))
    elif context.invoked_subcommand not in _WITHOUT_PROJECT and "--help" not in sys.argv:
        raise UserError(
            f"{here}: no project here or in a folder above, which would be one with a dvc.yaml and "
            f"a params.yaml. Change into the project's folder first."
        )


def _typed(context: typer.Context, param: typer.CallbackParam, path: Path | None) -> Path | None:
    """A path as seen from the project's folder, which users type as seen from where they are."""
    source = context.get_parameter_source(str(param.name))
    given = source is not None and source.name != "DEFAULT"
    return _from_root(context, path) if path and given else path


def _typed_model(context: typer.Context, param: typer.CallbackParam, path: Path) -> Path:
    if context.obj is None and path == MODEL and not path.is_dir():
        raise UserError(
            f"{Path.cwd()}: no project here or in a folder above, and so no trained model. Change "
            "into the project's folder first, or name a model's folder: --model FOLDER."
        )
    return _typed(context, param, path) or path


ModelFolder = Annotated[
    Path, typer.Option("--model", callback=_typed_model, help="Folder of the trained model.")
]


def _typed_name(context: typer.Context, name: str) -> str:
    """A name that may stand for a file."""
    path = _from_root(context, Path(name))
    return str(path) if path.is_file() or path.suffix == ".parquet" else name


def _typed_place(context: typer.Context, place: str) -> str:
    """A path, glob or address; paths as seen from the project's folder, or whole outside of it."""
    from imdb_rnn.data.places import local_path

    if not place:
        raise UserError("The name of a file is empty. Pass a path, a glob, a folder or an address.")
    if "://" in place:
        return place
    path = _from_root(context, local_path(place))
    return os.path.normpath(path.absolute()) if ".." in path.parts else str(path)


def _typed_in(context: typer.Context) -> Path:
    """The folder where the command was called, as seen from the project's."""
    return context.obj or Path()


def _from_root(context: typer.Context, path: Path) -> Path:
    if context.obj in {None, Path()} or path == Path("-"):  # that is standard input
        return path
    return Path(os.path.normpath(context.obj / path))


@app.command()
def check() -> None:
    """Refuse mistakes in params.yaml, a line a problem, and a folder in which DVC would not run.

    Stages check the file too, but only after DVC has read it in its own way. The schema for
    editors, params.schema.json, is brought up to date with the code.
    """
    from imdb_rnn.config import load_params, require_watched_place, update_schema
    from imdb_rnn.experiments.named import require_pipeline
    from imdb_rnn.runtime.device import refuse_missing_device

    params = load_params()
    refuse_missing_device(params.train.device)
    require_watched_place(params.download)
    require_pipeline()
    update_schema()


@app.command()
def inspect(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    file: Annotated[
        str,
        typer.Argument(
            help="Labelled texts: .csv, .tsv, .jsonl (also .gz), .parquet, a glob of these, a "
            "folder LABEL/*.txt, or an address."
        ),
    ],
    *,
    text: Annotated[str, typer.Option(help="Column or key of the text.")] = "text",
    label: Annotated[str, typer.Option(help="Column or key of the class.")] = "label",
    group: Annotated[
        str | None, typer.Option(help="Column of what texts have in common; never split.")
    ] = None,
    test: Annotated[str | None, typer.Option(help="Labelled texts to evaluate on.")] = None,
    unlabelled: Annotated[str | None, typer.Option(help="Texts without labels.")] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", callback=_typed, help="Write all facts here.")
    ] = None,
) -> None:
    """Say what is in files of your own, and which lines of params.yaml take them in place of IMDB.

    Nothing is changed. Rows that cannot be used are refused as by the pipeline, by file and row.
    """
    if json_file:
        require_replaceable(json_file)
    with error_console.status("Starting"):
        from imdb_rnn.config import Files, FilesSource, load_params
        from imdb_rnn.data.inspection import facts_table, findings, inspect_files, settings_to_paste
        from imdb_rnn.io.json_file import write_json

    places = {"train": file, "test": test, "unlabelled": unlabelled}
    files = Files(
        **{
            role: _typed_place(context, place)
            for role, place in places.items()
            if place is not None
        }
    )
    source = FilesSource(files=files, text=text, label=label, group=group)
    settings = load_params().download
    facts = inspect_files(source, settings, Path(".cache/inspect"), Path.cwd())
    if json_file:
        write_json(json_file, facts)
    console.print(facts_table(facts))
    for sentence in findings(facts):
        console.print(sentence, markup=False)
    console.print("\nFor params.yaml:\n", markup=False)
    console.print(settings_to_paste(source, settings, Path.cwd()), markup=False)


@app.command()
def summary(
    seconds: Annotated[float | None, typer.Option(help="What the run took.")] = None,
) -> None:
    """Show the main numbers of the pipeline's results."""
    from imdb_rnn.evaluation.result_table import results_table
    from imdb_rnn.io.json_file import read_json

    if not RESULTS.exists():
        raise UserError(f"{RESULTS}: no results yet. `make run` or `dvc repro` makes them.")
    try:
        shown = results_table(read_json(RESULTS))
    except _OF_ANOTHER_SHAPE as error:
        raise _of_another_version(RESULTS, error, "evaluate") from None
    console.print(shown)
    if seconds is not None:
        console.print(f"took {seconds / 60:.1f} minutes")
    console.print("report: reports/report.html, figures: reports/figures/")
    console.print("runs: `make ui` opens MLflow on http://127.0.0.1:5000")


@app.command()
def experiment(name: Annotated[str, typer.Argument(help="A file in experiments/.")]) -> None:
    """Run a named variation of params.yaml in a temporary copy, through `dvc exp run`.

    The working folder keeps its parameters and results. `dvc exp show` lists the outcome beside
    the others; the record in MLflow carries the name.
    """
    from imdb_rnn.experiments.named import run_experiment

    if run_experiment(name) != 0:
        raise typer.Exit(1)


@app.command()
@waiting("Gathering the results")
def experiments() -> None:
    """Gather the results of the named experiments into reports/experiments.json."""
    from imdb_rnn.experiments.named import experiments_table, gather_results

    console.print(experiments_table(gather_results()))


@app.command()
def explain(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    text: Annotated[str, typer.Argument(help="A text.")],
    html: Annotated[
        Path | None, typer.Option(callback=_typed, help="Write a page with the curve there.")
    ] = None,
    method: Annotated[
        Literal["gradients", "occlusion"],
        typer.Option(help="Integrated gradients, or hiding one word at a time."),
    ] = "gradients",
    *,
    class_name: Annotated[
        str | None,
        typer.Option(
            "--class",
            help="The class to explain; else the second of two, or the likeliest of more.",
        ),
    ] = None,
    model: ModelFolder = MODEL,
    units: Annotated[
        bool, typer.Option("--units", help="Show hidden units that track the class or negation.")
    ] = False,
) -> None:
    """Show which words of a text speak for which verdict of the trained classifier."""
    if html and not html.absolute().parent.is_dir():
        raise UserError(f"{html}: there is no folder {html.parent} to write the page to.")
    if html:
        require_replaceable(html)
    _refuse_no_model(model)
    with waiting("Explaining"):
        from imdb_rnn.explain.explanation import explain as explained
        from imdb_rnn.explain.terminal import as_text
        from imdb_rnn.models.predictor import Predictor
        from imdb_rnn.serving.texts import as_typed, taken_for_text

        if hint := taken_for_text(text, _typed_in(context), 'imdb-rnn explain "$(cat {})"'):
            error_console.print(hint, style="yellow")
        predictor = Predictor.load(model)
        units_reviews = _units_reviews(model) if units else None
        name = as_typed(class_name) if class_name is not None else None
        explanation = explained(predictor, as_typed(text), method, units_reviews, name)
    console.print(as_text(explanation), soft_wrap=False)
    if html:
        from imdb_rnn.explain.page import write_page

        write_page(html, explanation)
        console.print(f"page: {html}", markup=False)


def _refuse_no_model(folder: Path) -> None:
    if folder == MODEL and not folder.is_dir():
        raise UserError(f"{MODEL}: no trained model yet. `make run` or `dvc repro` trains one.")
    if not (folder / "config.json").exists():
        raise UserError(
            f"{folder}: no trained model is there, which would be a folder with a config.json. "
            f"`dvc repro` writes one to {MODEL}."
        )


def _units_reviews(model: Path) -> "TokenStore":
    """The validation reviews, in the tokens of a trained model."""
    from imdb_rnn.data.token_store import TokenStore

    tokenizers = [folder / "tokenizer.json" for folder in (model, PREPARED)]
    if not tokenizers[1].exists():
        raise UserError(
            f"{PREPARED}: --units chooses the units on validation texts, which are not there. "
            "`dvc repro prepare` prepares them."
        )
    model_tokens, prepared_tokens = (file.read_bytes() for file in tokenizers)
    if model_tokens != prepared_tokens:
        raise UserError(
            f"{PREPARED}: its texts have other tokens than {model} was trained with. "
            "`dvc repro train` trains a model on them."
        )
    return TokenStore.open(PREPARED / "valid")


@app.command("lens", hidden=True)  # as the command was called before
@app.command()
def diagnostics() -> None:
    """Say what the figures in reports/diagnostics show, in the numbers of the last run."""
    from imdb_rnn.io.json_file import read_json

    if not DIAGNOSTICS.exists():
        raise UserError(f"{DIAGNOSTICS}: not measured yet. `dvc repro diagnostics` does it.")
    try:
        findings = dict(read_json(DIAGNOSTICS)["findings"])
    except _OF_ANOTHER_SHAPE as error:
        raise _of_another_version(DIAGNOSTICS, error, "diagnostics") from None
    for name, sentence in findings.items():
        console.print(f"{DIAGNOSTICS.with_suffix('')}/{name}.png: {sentence}", markup=False)


@app.command()
def predict(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    texts: Annotated[list[str] | None, typer.Argument(help="Texts, each in quotes.")] = None,
    *,
    file: Annotated[
        Path | None,
        typer.Option(
            callback=_typed,
            help="Texts to read: .txt (a text a line), .csv, .jsonl, .parquet, or - for "
            "standard input (a text a line).",
        ),
    ] = None,
    column: Annotated[str, typer.Option(help="Column or key of the text in --file.")] = "text",
    form: Annotated[
        Literal["table", "jsonl", "csv"] | None,
        typer.Option("--format", help="Of the answers on standard output; else a table."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            callback=_typed,
            help="File for the answers: .parquet, .jsonl or .csv. The same command goes on where "
            "it was killed.",
        ),
    ] = None,
    errors: Annotated[
        Literal["fail", "skip"], typer.Option(help="At a row that cannot be used.")
    ] = "fail",
    model: ModelFolder = MODEL,
) -> None:
    """Say which class texts are of, with its probability; of two classes, that of the second.

    Without texts and --file, standard input is read, a text a line. The answers go to standard
    output or --out, everything else to standard error.
    """
    with error_console.status("Loading the model"):  # seen in a terminal alone
        from imdb_rnn.models.predictor import Predictor
        from imdb_rnn.runtime.machine import keep_freed_memory
        from imdb_rnn.serving.answer_file import opened, purpose_of, refuse_unsuitable
        from imdb_rnn.serving.bulk import write_predictions
        from imdb_rnn.serving.texts import STANDARD_INPUT, open_texts, taken_for_text

    for text in texts or []:
        if hint := taken_for_text(text, _typed_in(context)):
            error_console.print(hint, style="yellow")
    kept = file if file != STANDARD_INPUT else None
    if out:
        if form:
            raise UserError(f"{out}: its ending says the format. Leave --format out.")
        refuse_unsuitable(out, kept)
    with open_texts(texts, file, column) as source:
        _refuse_no_model(model)
        predictor = Predictor.load(model)
        keep_freed_memory()
        if out:
            purpose = purpose_of(kept, column, model) if kept else None
            with (
                opened(out, purpose, errors) as answers,
                _reading(source, answers.end) as advance,
            ):
                answers.write(predictor, source, errors, advance)
            console.print(f"answers: {out}", markup=False)
        else:
            shown = form or "table"
            with _progress_beside_answers(source) as advance:
                write_predictions(
                    predictor, source, sys.stdout, form=shown, errors=errors, advance=advance
                )


@app.command()
def export(
    folder: Annotated[
        Path,
        typer.Argument(
            callback=_typed, help="Where to write it; made, or empty, or an earlier export."
        ),
    ],
    model: ModelFolder = MODEL,
) -> None:
    """Write the trained classifier as an ONNX graph with its tokenizer, for use outside Python."""
    with waiting("Exporting"):
        try:
            from imdb_rnn.serving.onnx_export import export_onnx
        except ModuleNotFoundError as missing:
            raise UserError(
                f"The package {missing.name} is missing. "
                "`pip install 'imdb-rnn[export]'` brings it."
            ) from None
        difference = export_onnx(model, folder)
    console.print(f"{folder}: README.md there says how to use it.", markup=False)
    if difference is None:
        console.print("not run against the classifier, which needs the package onnxruntime")
    else:
        console.print(f"answers as the classifier does, to {difference:.0e}")


@app.command()
def seeds(
    n: Annotated[int, typer.Option("--n", min=2, max=1000, help="How many seeds in all.")] = 5,
) -> None:
    """Train the current parameters under several seeds: how much of a result is luck?

    Counts on from the seed in params.yaml, whose result is the working folder's own. Each other
    one runs in a temporary copy, through `dvc exp run`; a seed that was done before with the same
    parameters and code is not done again. Writes reports/seeds.json and reports/seeds.png, and a
    run in MLflow that holds those of the seeds.
    """
    with waiting("Checking the results"):
        from imdb_rnn.config import load_params
        from imdb_rnn.experiments.outdated import refuse_outdated_results
        from imdb_rnn.experiments.seeds import FIGURE, experiment_name, run_seeds, seeds_table
        from imdb_rnn.experiments.seeds import RESULTS as SEEDS
        from imdb_rnn.tracking.filing import file_results
        from imdb_rnn.tracking.seed_runs import file_seeds

        params = load_params()
        refuse_outdated_results("evaluate")  # the report is outdated by the very file this writes
    results = run_seeds(n)
    console.print(seeds_table(results))
    console.print(f"figure: {FIGURE}")
    others = [experiment_name(run["seed"]) for run in results["runs"][1:]]
    with waiting("Filing the results in MLflow"):
        own = file_results(params)
        if not own or not file_seeds(own, results, others, [SEEDS, FIGURE]):
            raise typer.Exit(1)


@app.command()
@waiting("Filing the results in MLflow")
def track() -> None:
    """File the pipeline's results as a run in MLflow.

    `dvc repro` does so itself. This is for results that came from DVC's cache, or from a time
    when MLflow could not be reached. Doing it twice changes nothing.
    """
    _file_present_results()


def _file_present_results() -> str:
    """File the working folder's results in MLflow; returns the run's id."""
    from imdb_rnn.config import load_params
    from imdb_rnn.experiments.outdated import refuse_outdated_results
    from imdb_rnn.tracking.filing import file_results

    params = load_params()
    refuse_outdated_results("report")
    run = file_results(params, with_report=True)
    if run is None:
        raise typer.Exit(1)
    return run


@app.command()
@waiting("Asking MLflow")
def promote(
    run: Annotated[
        str | None, typer.Argument(help="Id of a run in MLflow; else the results as they are now.")
    ] = None,
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Even if it is not better; this goes on record.")
    ] = False,
) -> None:
    """Register a model, and make it the champion if it is better than the present one.

    Better means significantly more of the same test reviews right, as `compare` says it. Ends
    with exit code 1 where the present champion stays.
    """
    from imdb_rnn.tracking.registry import promote as proposed

    promotion = proposed(_file_present_results() if run is None else run, force=force)
    console.print(promotion.why, markup=False)
    if not promotion.done:
        console.print("The champion stays; --force would replace it.")
        raise typer.Exit(1)
    console.print("It is the champion: `imdb-rnn champion` shows it.")


@app.command()
@waiting("Asking MLflow")
def champion() -> None:
    """Show which model is the champion, and why."""
    from imdb_rnn.tracking.registry import champion_table

    console.print(champion_table())


@app.command()
def ui(
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on 127.0.0.1.")] = 5000,
) -> None:
    """Show the runs of the pipeline in a browser, until Ctrl-C."""
    with waiting("Starting MLflow"):
        from imdb_rnn.tracking.ui import serve_ui

    serve_ui(port)


@app.command("verify")
def verify_results() -> None:
    """Run the pipeline again in a clean copy and say, file by file, whether the bytes are the same.

    Takes as long as `dvc repro` from nothing. Exit code 1 where a file differs.
    """
    from imdb_rnn.experiments.verify import differences_table, verification_table, verify
    from imdb_rnn.repository.dvc import LOCK

    verification = verify()
    console.print(verification_table(verification))
    if verification.differences:
        console.print(differences_table(verification))
    different = sum(not output.equal for output in verification.outputs)
    if different:
        console.print(f"{different} of {len(verification.outputs)} outputs differ")
        raise typer.Exit(1)
    total = len(verification.outputs)
    console.print(f"all {total} outputs are equal, byte for byte, {LOCK} among them")


@app.command("compare")
def compare_results(
    a: Annotated[
        str,
        typer.Argument(
            callback=_typed_name,
            help="Git revision, DVC experiment, MLflow run id or predictions file.",
        ),
    ],
    b: Annotated[
        str,
        typer.Argument(callback=_typed_name, help="The same, to be compared with the first."),
    ],
    json_file: Annotated[
        Path | None,
        typer.Option("--json", callback=_typed, help="Write all numbers and reviews here."),
    ] = None,
) -> None:
    """Say whether B is better than A on the test reviews, how sure that is, and where they differ.

    The verdict rests on accuracy: of equally good models it calls at most 5 % better or worse.
    Where `imdb-rnn seeds` has trained a side under several seeds, their variance is shown too.
    """
    if json_file:
        require_replaceable(json_file)
        if json_file in {Path(a), Path(b)}:
            raise UserError(f"{json_file}: it is compared, and would be lost. Name a new file.")
    with waiting("Comparing"):
        from imdb_rnn.evaluation import comparison_report as report
        from imdb_rnn.evaluation.comparison import compare
        from imdb_rnn.evaluation.evaluated_model import require_comparable
        from imdb_rnn.evaluation.seed_variance import seed_variance
        from imdb_rnn.experiments.revisions import changes, changes_table, review_texts
        from imdb_rnn.io.json_file import write_json

        first, second = _results(a), _results(b)
        require_comparable(first, second)
        changed = changes(first, second)
        comparison = compare(first.predictions, second.predictions)
        variance = seed_variance(first.seeds, second.seeds)
        texts = review_texts(TEST_REVIEWS, first)
    if json_file:
        sides = {"a": a, "b": b, "variant": first.variant}
        recipe = {"changed": changed._asdict() if changed else None}
        write_json(json_file, sides | recipe | report.as_json(comparison, texts, variance))
    console.print(changes_table(changed, a, b))
    console.print(report.measures_table(comparison, a, b))
    console.print(report.disagreements_table(comparison, texts))
    console.print(report.verdict(comparison, a, b), markup=False)
    if variance:
        console.print(report.seeds_sentence(variance, comparison, a, b), markup=False)


def _results(name: str) -> "EvaluatedModel":
    """MLflow takes seconds to import, so only a name that looks like a run's id asks for it."""
    if re.fullmatch("[0-9a-f]{32}", name) and not Path(name).exists():
        from imdb_rnn.tracking.registry import results_of_run

        return results_of_run(name)
    from imdb_rnn.experiments.revisions import load_results

    return load_results(name)


def _progress_beside_answers(texts: "Texts") -> AbstractContextManager[Advance | None]:
    """A bar on standard error; none where the answers themselves run over the screen."""
    if sys.stdout.isatty():
        return nullcontext()
    return _reading(texts)


def _reading(texts: "Texts", done: float = 0) -> AbstractContextManager[Advance]:
    """How far a source has been read, on standard error."""
    return progress(texts.origin, texts.total, done=done, in_bytes=texts.in_bytes, on=error_console)


def _of_another_version(path: Path, error: Exception, stage: str) -> UserError:
    return UserError(
        f"{path}: cannot be read ({type(error).__name__}: {error}), as if another version had "
        f"written it. `dvc repro --force {stage}` writes it anew."
    )
