"""Runs checkpoints in the reference interpreter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import gguf
import numpy as np

from hugging_face import stored_tensors
from interpreter import Call, interpret
from programs import Programs


def interpret_model(
    programs: Programs,
    checkpoint: Path,
    calls: Sequence[Call],
    folder: Path,
    options: Sequence[str] = ("--emit=mlir",),
) -> list[list[np.ndarray]]:
    """The results of calls of the program that winnow-compile makes of a GGUF
    file or a directory of Hugging Face with one file of weights. Files are left
    in `folder`."""
    module = programs.compile(checkpoint, folder / "model.mlir", *options)
    params = folder / "params"
    params.mkdir()
    if checkpoint.is_dir():
        for name, stored in stored_tensors(checkpoint / "model.safetensors").items():
            (params / name).write_bytes(stored)
    else:
        for tensor in gguf.GGUFReader(checkpoint).tensors:
            tensor.data.tofile(params / tensor.name)
    winnow_opt = programs.directory / "winnow-opt"
    return interpret(winnow_opt, module.read_text(), calls, folder / "calls", params)
