"""A compiled encoder of texts beside ONNX Runtime and OpenVINO, alternating in one
run.

    encoder.py NAME MODEL.onnx [--threads 1 2] [--batch 1 8] [--length 128]
        [--rounds 10] [--output FILE.json]

NAME is an artifact, MODEL.onnx the same model with inputs ids and mask [batch,
length] and one output, embeddings [batch, width]. Prints medians in milliseconds,
Winnow's share of the faster peer's speed, and how far embeddings are apart. The
peers are PyPI's onnxruntime and openvino; tests need neither.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / "python"), str(ROOT / "test" / "EndToEnd")]

from artifact import Artifact  # noqa: E402

Run = Callable[[np.ndarray], np.ndarray]


def winnow(artifact: Artifact, threads: int) -> Run:
    session = artifact.session(threads=threads)
    return lambda ids: session.encode(ids.astype(np.int32))[1]


def onnx_runtime(model: Path, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    return lambda ids: session.run(None, {"ids": ids, "mask": np.ones_like(ids)})[0]


def open_vino(model: Path, threads: int, shape: tuple[int, int]) -> Run:
    import openvino

    core = openvino.Core()
    read = core.read_model(model)
    read.reshape({"ids": list(shape), "mask": list(shape)})
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(read, "CPU", options)
    return lambda ids: compiled({"ids": ids, "mask": np.ones_like(ids)})[0]


def time_warm(run: Callable[[], object]) -> float:
    """Seconds of one call, after calls for a fifth of a second: caches, clocks
    and the places of threads settle, and threads of others go to sleep."""
    end = time.perf_counter() + 0.2
    while time.perf_counter() < end:
        run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(runs: dict[str, Run], ids: np.ndarray, rounds: int) -> dict[str, object]:
    """Medians of runs in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            seconds[name].append(time_warm(lambda run=run: run(ids)))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    fastest = min(value for name, value in medians.items() if name != "winnow")
    results = {name: run(ids) for name, run in runs.items()}
    apart = max(float(np.abs(results["winnow"] - value).max()) for value in results.values())
    return {
        "milliseconds": {name: round(1000 * value, 2) for name, value in medians.items()},
        "share_of_fastest_peer": round(fastest / medians["winnow"], 3),
        "largest_difference": apart,
    }


def measure_ragged(artifact: Artifact, threads: int, rounds: int) -> dict[str, object]:
    """32 texts of 5 to 120 tokens beside as many tokens in texts of 64."""
    lengths = np.linspace(5, 120, 32).astype(int)
    ids = np.random.default_rng(1).integers(1000, 30000, lengths.sum()).astype(np.int32)
    ragged = np.split(ids, np.cumsum(lengths)[:-1])
    even = np.split(ids, range(64, len(ids), 64))
    session = artifact.session(threads=threads)
    medians = [
        statistics.median(
            time_warm(lambda texts=texts: session.encode(texts)) for _ in range(rounds)
        )
        for texts in (ragged, even)
    ]
    return {
        "threads": threads,
        "ragged_tokens": int(lengths.sum()),
        "milliseconds": round(1000 * medians[0], 2),
        "milliseconds_even": round(1000 * medians[1], 2),
        "cost_per_token": round(medians[0] / medians[1], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("name", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    report: list[dict[str, object]] = []
    with Artifact(options.name.resolve()) as artifact:
        for threads in options.threads:
            for batch in options.batch:
                shape = (batch, options.length)
                ids = np.random.default_rng(0).integers(1000, 30000, shape)
                runs = {
                    "winnow": winnow(artifact, threads),
                    "onnxruntime": onnx_runtime(options.model, threads),
                    "openvino": open_vino(options.model, threads, shape),
                }
                row = {"threads": threads, "batch": batch, "length": options.length}
                row |= measure(runs, ids, options.rounds)
                report.append(row)
                print(json.dumps(row), flush=True)
            report.append(measure_ragged(artifact, threads, options.rounds))
            print(json.dumps(report[-1]), flush=True)
    if options.output:
        options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
