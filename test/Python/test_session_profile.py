"""Where the time of a session goes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

import winnow
from programs import Artifacts

IDS = [1, 5, 9, 40, 71]


@pytest.fixture
def artifact(tiny_paths: dict[str, Path], artifacts: Artifacts) -> winnow.Artifact:
    return winnow.Artifact(artifacts.get(tiny_paths["gemma3-k-quants"]))


@pytest.mark.parametrize("threads", [1, 3])
def test_stages_of_all_calls(artifact: winnow.Artifact, threads: int) -> None:
    with artifact.session(threads=threads) as session:
        session.prefill(IDS)
        expected = session.logits.copy()
        session.reset()
        start = time.perf_counter()
        with session.profile() as profile:
            session.prefill(IDS)
            assert np.array_equal(session.logits, expected)
            for token in IDS[:3]:
                session.decode(token)
        elapsed = time.perf_counter() - start
        counted = [stage.calls for stage in profile.stages]
        session.decode(1)
    assert [stage.calls for stage in profile.stages] == counted
    stages = [stage for stage in profile.stages if stage.entry == "forward"]
    described = artifact.manifest["entries"][0]["stages"]
    assert [stage.name for stage in stages] == [stage["name"] for stage in described]
    assert {stage.calls for stage in stages} == {4}
    assert all(stage.seconds > 0 for stage in stages)
    assert 0.2 * elapsed < sum(stage.seconds for stage in stages) < elapsed
    assert sum(stage.calls for stage in profile.kernels()) == sum(counted)


def test_bytes_and_operations(artifact: winnow.Artifact) -> None:
    """Of a linear layer: its weights in each call, and a multiplication and an addition
    for each weight and token."""
    with artifact.session(threads=1) as session, session.profile() as profile:
        session.prefill(IDS)
        session.decode(1)
    stages = [stage for stage in profile.stages if stage.entry == "forward"]
    [stage] = [s for s in stages if s.weights == ("blk.0.ffn_down.weight",)]
    [weight] = [w for w in artifact.manifest["weights"] if w["name"] == "blk.0.ffn_down.weight"]
    assert stage.operations == 2 * np.prod(weight["shape"]) * (len(IDS) + 1)
    assert stage.bytes == 2 * weight["checkpoint_bytes"]
    [attention] = [s for s in stages if s.name == "blk.0.attention" and s.bytes]
    # Keys of all tokens so far: 5, then 6.
    assert attention.bytes % (len(IDS) + len(IDS) + 1) == 0
    assert "linear" in str(profile) and "forward" in str(profile)


def test_one_at_a_time(artifact: winnow.Artifact) -> None:
    with artifact.session(threads=1) as session:
        with (
            session.profile(),
            pytest.raises(winnow.InvalidArgumentError, match="profiled already"),
            session.profile(),
        ):
            pass
        with session.profile() as profile:
            session.prefill(IDS)
        assert any(stage.calls for stage in profile.stages)
    with artifact.session(threads=1) as session:
        with session.profile():
            session.close()
        assert session.closed
