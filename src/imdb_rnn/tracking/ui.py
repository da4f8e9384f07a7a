"""MLflow's own pages."""

import os
import socket
import sys
from contextlib import suppress

from imdb_rnn.console import console
from imdb_rnn.errors import UserError
from imdb_rnn.messages import without_secrets
from imdb_rnn.signals import run_program
from imdb_rnn.tracking.connection import AGAIN, answered, open_store, require_runs, store_uri


def serve_ui(port: int) -> None:
    """Show the runs in a browser, until interrupted.

    Args:
        port: On 127.0.0.1.

    Raises:
        UserError: There is nothing to show yet, or the port is taken.
    """
    uri = store_uri()
    if uri.startswith("http"):
        console.print(
            f"The runs are kept by the MLflow server at {without_secrets(uri)} : open it in a "
            f"browser.",
            markup=False,
        )
        return
    require_runs()
    _refuse_taken_port(port)
    answered(open_store, AGAIN)  # so that none is shown as running whose process is gone
    console.print(f"MLflow UI: http://127.0.0.1:{port} (Ctrl-C ends it)")
    server = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    # Among the arguments, everybody on this machine would see a database's password.
    environment = os.environ | {"MLFLOW_BACKEND_STORE_URI": uri}
    with suppress(KeyboardInterrupt):
        run_program(
            [*server, "--port", str(port), "--workers", "1"], env=environment
        ).check_returncode()


def _refuse_taken_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise UserError(
                f"127.0.0.1:{port} cannot be used: {error.strerror}. "
                f"Choose another port: `imdb-rnn ui --port {port + 1}`."
            ) from None
