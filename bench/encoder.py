"""Compiled encoders beside ONNX Runtime and OpenVINO, alternating in one run.

    encoder.py [MODEL ...] [--build build] [--folder build/encoder] [--threads 1 2]
        [--batch 1 8] [--length 128] [--rounds 10] [--output FILE.json]

MODEL is minilm (the checkpoint of scripts/fetch_minilm.py, texts of --length tokens),
vit-s16 or vit-b16 (one image of 224 x 224; random weights, for no trained ones are at
hand). Each is compiled with defaults, and written as ONNX in float32, unless the folder
has it. Prints medians in milliseconds, Winnow's share of the faster peer's speed, and
how far results are apart. Peers are those of requirements-peers.txt.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path += [str(ROOT / folder) for folder in ("scripts", "python", "test/EndToEnd")]

from artifact import Artifact  # noqa: E402
from commands import run  # noqa: E402
from fetch_minilm import minilm_path  # noqa: E402
from onnx_encoders import write_bert, write_vit  # noqa: E402
from random_vit import CLASSES, SIDE, SIZES, write_random_vit  # noqa: E402

Inputs = dict[str, np.ndarray]
Run = Callable[[Inputs], np.ndarray]


@dataclass(frozen=True)
class Model:
    """An encoder as an artifact and as an ONNX file."""

    name: str
    artifact: Path
    onnx: Path

    @property
    def has_images(self) -> bool:
        return self.name in SIZES


def prepare(name: str, compiler: Path, folder: Path) -> Model:
    """Compiles and writes what the folder does not have. An artifact older than the
    compiler is made anew."""
    directory = write_random_vit(name, folder) if name in SIZES else minilm_path()
    # The name of an artifact begins those of its functions.
    model = Model(name, folder / name.replace("-", "_"), folder / f"{name}.onnx")
    manifest = model.artifact.with_name(model.artifact.name + ".json")
    if not manifest.exists() or manifest.stat().st_mtime < compiler.stat().st_mtime:
        run(compiler, directory, "-o", model.artifact)
    if not model.onnx.exists():
        partial = folder / f"{name}.partial"
        (write_vit if model.has_images else write_bert)(directory, partial)
        partial.rename(model.onnx)
    return model


def winnow(model: Model, artifact: Artifact, threads: int) -> Run:
    session = artifact.session(threads=threads)
    if not model.has_images:
        return lambda inputs: session.encode(inputs["ids"].astype(np.int32))[1]
    logits = np.empty((1, CLASSES), np.float32)

    def classify(inputs: Inputs) -> np.ndarray:
        session.invoke("classify", [inputs["images"][0]], [logits])
        return logits

    return classify


def onnx_runtime(model: Path, threads: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, ["CPUExecutionProvider"])
    return lambda inputs: session.run(None, inputs)[0]


def open_vino(model: Path, threads: int, inputs: Inputs) -> Run:
    import openvino

    core = openvino.Core()
    read = core.read_model(model)
    read.reshape({name: list(values.shape) for name, values in inputs.items()})
    options = {
        "INFERENCE_NUM_THREADS": threads,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
    }
    compiled = core.compile_model(read, "CPU", options)
    return lambda inputs: compiled(inputs)[0]


def time_warm(run: Callable[[], object]) -> float:
    """Seconds of one call, after calls for a fifth of a second: caches, clocks
    and the places of threads settle, and threads of others go to sleep."""
    end = time.perf_counter() + 0.2
    while time.perf_counter() < end:
        run()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def measure(runs: dict[str, Run], inputs: Inputs, rounds: int) -> dict[str, object]:
    """Medians of runs in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, each in runs.items():
            seconds[name].append(time_warm(lambda each=each: each(inputs)))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    fastest = min(value for name, value in medians.items() if name != "winnow")
    results = {name: each(inputs) for name, each in runs.items()}
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


def measure_model(
    model: Model, artifact: Artifact, threads: int, batch: int, length: int, rounds: int
) -> dict[str, object]:
    """One row: random tokens, or a random image."""
    rng = np.random.default_rng(0)
    row: dict[str, object] = {"model": model.name, "threads": threads, "batch": batch}
    if model.has_images:
        inputs = {"images": rng.standard_normal((batch, 3, SIDE, SIDE), dtype=np.float32)}
        row["weights"] = "random"
    else:
        ids = rng.integers(1000, 30000, (batch, length))
        inputs = {"ids": ids, "mask": np.ones_like(ids)}
        row["length"] = length
    runs = {
        "winnow": winnow(model, artifact, threads),
        "onnxruntime": onnx_runtime(model.onnx, threads),
        "openvino": open_vino(model.onnx, threads, inputs),
    }
    return row | measure(runs, inputs, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    names = ["minilm", *SIZES]
    parser.add_argument("models", nargs="*", metavar="MODEL", default=["minilm", "vit-b16"])
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8], help="texts at once")
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    for name in options.models:
        if name not in names:
            parser.error(f"MODEL is one of {', '.join(names)}, not {name}")
    folder = (options.folder or options.build / "encoder").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    report: list[dict[str, object]] = []

    def tell(row: dict[str, object]) -> None:
        report.append(row)
        print(json.dumps(row), flush=True)

    for name in options.models:
        model = prepare(name, options.build.resolve() / "bin" / "winnow-compile", folder)
        with Artifact(model.artifact) as artifact:
            for threads in options.threads:
                for batch in [1] if model.has_images else options.batch:
                    sizes = (threads, batch, options.length, options.rounds)
                    tell(measure_model(model, artifact, *sizes))
                if not model.has_images:
                    tell(measure_ragged(artifact, threads, options.rounds))
    if options.output:
        options.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
