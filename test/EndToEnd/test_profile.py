"""winnow-run --profile: the trace and the table against facts of the model."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from conftest import Tiny
from programs import Artifacts, Programs
from tiny_encoders import GOLDEN, goldens

IDS = [3, 1, 4, 1, 5]


@pytest.mark.parametrize("tiny", ["gemma3-k-quants"], indirect=True)
def test_profile(tiny: Tiny, programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    name = artifacts.get(tiny.path)
    manifest = json.loads(Path(f"{name}.json").read_text())
    plain = programs.generate(name, IDS, 3, "--threads", "2")
    path = tmp_path / "trace.json"
    ids = ",".join(map(str, IDS))
    run = programs.execute(
        *("winnow-run", name, "--ids", ids, "-n", 3, "--ignore-eos", "--threads", 2),
        *("--profile", path),
    )
    assert run.returncode == 0, run.stderr
    # Watching changes nothing.
    assert [int(token) for token in run.stdout.strip().split(",")] == plain

    events = json.loads(path.read_text())["traceEvents"]
    stages = next(e for e in manifest["entries"] if e["name"] == "forward")["stages"]
    # A prompt and two tokens more; the third needs no further logits.
    assert len(events) == 3 * 2 * len(stages)
    for thread in (0, 1):
        mine = [event for event in events if event["tid"] == thread]
        assert [event["args"]["stage"] for event in mine] == list(range(len(stages))) * 3
        for before, after in pairwise(mine):
            assert before["dur"] >= 0
            # The file has three digits after the point.
            assert before["ts"] + before["dur"] <= after["ts"] + 0.002

    check_linear_work(manifest, events)
    assert "forward, many rows:" in run.stderr and "forward, one row:" in run.stderr
    rows = re.findall(r"^ +(\d+) .*\d+\.\d %( read| compute) +linear_", run.stderr, re.MULTILINE)
    assert rows


def check_linear_work(manifest: dict, events: list[dict]) -> None:
    """Each matrix multiplies each token, the head only the last one; its bytes
    move once a call."""
    vocabulary = manifest["model"]["vocabulary"]
    matrices = [w for w in manifest["weights"] if len(w["shape"]) == 2]
    for call, tokens in enumerate((len(IDS), 1, 1)):
        operations = sum(
            2 * w["shape"][0] * w["shape"][1] * (1 if w["shape"][0] == vocabulary else tokens)
            for w in matrices
        )
        linear = [
            event["args"]
            for event in events
            if event["args"]["call"] == call
            and event["tid"] == 0
            and event["name"].startswith("linear_")
        ]
        assert sum(a["operations"] + a["integer_operations"] for a in linear) == operations
        assert sum(a["bytes"] for a in linear) == sum(w["checkpoint_bytes"] for w in matrices)


def test_encoders(programs: Programs, artifacts: Artifacts, tmp_path: Path) -> None:
    """Texts, a bench and images leave a trace, too."""
    hidden, image, trace = (tmp_path / name for name in ("hidden.npy", "image.npy", "trace.json"))
    np.save(image, goldens("vit")["image"])
    for name, options in (
        ("bert", ("--ids", "1,2,3", "--hidden", hidden)),
        ("bert", ("--bench", "--length", "5")),
        ("vit", ("--image", image, "--hidden", hidden)),
    ):
        artifact = artifacts.get(GOLDEN / name)
        run = programs.execute("winnow-run", artifact, *options, "--profile", trace)
        assert run.returncode == 0, run.stderr
        assert "winnow-run: profile with" in run.stderr
        events = json.loads(trace.read_text())["traceEvents"]
        assert sum(event["args"]["operations"] for event in events) > 0
        trace.unlink()


def test_errors(programs: Programs, artifacts: Artifacts, tiny_paths: dict[str, Path]) -> None:
    name = artifacts.get(tiny_paths["gemma3-k-quants"])
    message = programs.failure("winnow-run", name, "--ids", "1", "--profile", "/nowhere/x.json")
    assert message == "cannot create '/nowhere/x.json': No such file or directory"
    message = programs.failure("winnow-run", name, "--inspect", "--profile", "x.json")
    assert message == "--profile goes with --bench or a prompt"
