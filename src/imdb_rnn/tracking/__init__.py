"""MLflow's record of the pipeline: one run for one state of parameters, data and code.

`train` opens the run and draws its curves while it works (`live`). `evaluate` files results and
model into it (`filing`), `report` what the last stages have written, and `imdb-rnn track` all of
that, also from output files that DVC restored from its cache. The run is found by its fingerprint,
a tag; the outputs know nothing of it, so their hashes stay.
"""

import os

# Set before MLflow is imported, which is when it reads some of them. The last two keep a server
# that is gone from stalling a training: left alone, MLflow goes on trying for minutes.
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
