"""An independent float32 forward pass in NumPy, read from GGUF with the `gguf`
package. It shares no code with Winnow: what the two agree on, two readings of
the format and of the model families agree on.
"""

from reference.checkpoint import Checkpoint, Config
from reference.transformer import Cache, Transformer

__all__ = ["Cache", "Checkpoint", "Config", "Transformer"]
