"""Statistics: what `winnow-compile --calibrate` writes, and the same from rows that
the interpreter computes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from hugging_face import read_header, stored_tensors
from interpreted_model import interpret_model
from interpreter import Call
from programs import Programs, recipe

KINDS = "channels,gram,similarity"
PASSES = ("winnow-observe{kinds=" + KINDS + "}", "func.func(winnow-inline-layers)", "cse")
CHANNELS = {
    "abs_max": lambda x: np.abs(x).max(axis=0),
    "abs_mean": lambda x: np.abs(x).mean(axis=0),
    "mean": lambda x: x.mean(axis=0),
    "rms": lambda x: np.sqrt((x * x).mean(axis=0)),
    "min": lambda x: x.min(axis=0),
    "max": lambda x: x.max(axis=0),
    "outliers": lambda x: (np.abs(x) >= 6).mean(axis=0),
}


def calibrate(programs: Programs, model: Path, output: Path, *options: object) -> Path:
    """Writes statistics to `output`."""
    result = programs.execute(
        "winnow-compile", model, "--calibrate", *options, f"--statistics={output}"
    )
    assert result.returncode == 0, result.stderr
    return output


def facts_of(path: Path) -> dict[str, str]:
    """What `__metadata__` says."""
    data = path.read_bytes()
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size])["__metadata__"]


def statistics_of(path: Path) -> dict[str, np.ndarray]:
    """By key; weights that share a tap have it under their own names too."""
    header = read_header(path)[0]
    arrays = {
        key: np.frombuffer(stored, "<f4").reshape(header[key]["shape"])
        for key, stored in stored_tensors(path).items()
        if not key.startswith("winnow.padding.")
    }
    for weight, tap in json.loads(facts_of(path)["readers"]).items():
        for key in list(arrays):
            if key.endswith(f"/{tap}"):
                arrays[key.removesuffix(tap) + weight] = arrays[key]
    return arrays


def cosines(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return (x * y).sum(axis=-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(y, axis=-1)


def quantiles(numbers: np.ndarray) -> np.ndarray:
    """Those at 0, 1, ..., 100 percent of the sorted numbers."""
    places = np.arange(101) / 100 * (len(numbers) - 1)
    return np.sort(numbers)[np.floor(places + 0.5 + 1e-9).astype(int)]


def expected_statistics(
    programs: Programs, model: Path, calls: list[Call], folder: Path, before: str = ""
) -> tuple[dict[str, np.ndarray], int]:
    """From the rows that the interpreter gives for each tap, in f64; `before` is a
    pass that comes first."""
    folder.mkdir()
    text = "\n".join((before, *PASSES, "winnow-return-observed"))
    options = (recipe(folder, text), "--activations=f32", "--emit=compressed")
    results = filter(None, interpret_model(programs, model, calls, folder, options))
    outputs = [np.concatenate(rows).astype(np.float64) for rows in zip(*results, strict=True)]
    manifest = programs.compile(
        model, folder / "observed", recipe(folder, f"{before}\n{PASSES[0]}"), "--activations=f32"
    )
    taps = json.loads(manifest.with_name("observed.json").read_text())["observed"]
    found = {}
    for tap in taps:
        x = outputs[tap["outputs"][0]]
        if tap["kind"] == "channels":
            for kind, function in CHANNELS.items():
                found[f"channels.{kind}/{tap['name']}"] = function(x)
        elif tap["kind"] == "gram":
            found[f"gram.mean/{tap['name']}"] = x.T @ x / len(x)
        else:
            cosine = cosines(x, outputs[tap["outputs"][1]])
            found[f"similarity.cosine/{tap['name']}"] = cosine.mean(keepdims=True)
            angle = np.arccos(np.clip(cosine, -1, 1))
            found[f"similarity.angle/{tap['name']}"] = angle.mean(keepdims=True)
            y = outputs[tap["outputs"][1]]
            change = np.linalg.norm(y - x, axis=-1) / np.linalg.norm(x, axis=-1)
            found[f"similarity.cosine_quantiles/{tap['name']}"] = quantiles(1 - cosine)
            found[f"similarity.norm_quantiles/{tap['name']}"] = quantiles(change)
    return found, len(outputs[0])
