"""BERT and ViT of a directory of Hugging Face as ONNX files, op by op as PyTorch's
exporter writes them, which is what the fusions of ONNX Runtime and OpenVINO look
for; layer norms are one op each. The PyPI package onnx writes the files.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hugging_face import read_safetensors

OPSET = 17
FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64


class Graph:
    """Nodes and constants in the order in which they are made."""

    def __init__(self, tensors: dict[str, np.ndarray]) -> None:
        self.tensors = tensors
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, onnx.TensorProto] = {}

    def op(self, kind: str, *inputs: str, output: str | None = None, **attributes: object) -> str:
        """Adds a node; returns the name of its result."""
        name = output or f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: object, kind: type = np.float32, name: str | None = None) -> str:
        array = np.array(values, kind, order="C")
        name = name or f"constant_{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(array, name)
        return name

    def sizes(self, *values: int) -> str:
        return self.constant(values, np.int64)

    def linear(self, x: str, name: str) -> str:
        """x times the transposed matrix, and the bias."""
        weight = self.constant(self.tensors[f"{name}.weight"].T)
        product = self.op("MatMul", x, weight)
        return self.op("Add", product, self.constant(self.tensors[f"{name}.bias"]))

    def norm(self, x: str, name: str, epsilon: float) -> str:
        parts = [self.constant(self.tensors[f"{name}.{part}"]) for part in ("weight", "bias")]
        return self.op("LayerNormalization", x, *parts, axis=-1, epsilon=epsilon)

    def gelu(self, x: str) -> str:
        scaled = self.op("Div", x, self.constant(2**0.5))
        gate = self.op("Add", self.op("Erf", scaled), self.constant(1))
        return self.op("Mul", self.op("Mul", x, gate), self.constant(0.5))

    def attention(self, query: str, key: str, value: str, heads: int, width: int, bias: str) -> str:
        """Of [batch, tokens, width] each; `bias` is added to the scores if named."""
        split = self.sizes(0, 0, heads, width // heads)

        def part(x: str, order: tuple[int, ...]) -> str:
            return self.op("Transpose", self.op("Reshape", x, split), perm=order)

        scores = self.op("MatMul", part(query, (0, 2, 1, 3)), part(key, (0, 2, 3, 1)))
        scores = self.op("Div", scores, self.constant((width // heads) ** 0.5))
        if bias:
            scores = self.op("Add", scores, bias)
        shares = self.op("Softmax", scores, axis=-1)
        mixed = self.op("MatMul", shares, part(value, (0, 2, 1, 3)))
        joined = self.op("Transpose", mixed, perm=(0, 2, 1, 3))
        return self.op("Reshape", joined, self.sizes(0, 0, width))

    def save(self, path: Path, inputs: dict[str, tuple], output: tuple[str, list]) -> None:
        """Writes the file; `inputs` has a type and sizes for each name."""
        graph = helper.make_graph(
            self.nodes,
            "encoder",
            [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
            [helper.make_tensor_value_info(output[0], FLOAT, output[1])],
            list(self.constants.values()),
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8
        onnx.checker.check_model(model)
        onnx.save(model, str(path))


def write_bert(directory: Path, path: Path) -> None:
    """A BERT with mean pooling and normalisation: ids and mask [batch, tokens] to
    embeddings [batch, width]."""
    config = json.loads((directory / "config.json").read_text())
    width, heads = config["hidden_size"], config["num_attention_heads"]
    epsilon = config["layer_norm_eps"]
    graph = Graph(read_safetensors(directory / "model.safetensors"))
    tensors = graph.tensors

    words = graph.constant(tensors["embeddings.word_embeddings.weight"])
    x = graph.op("Gather", words, "ids")
    x = graph.op("Add", x, graph.constant(tensors["embeddings.token_type_embeddings.weight"][0]))
    tokens = graph.op("Slice", graph.op("Shape", "ids"), graph.sizes(1), graph.sizes(2))
    table = graph.constant(tensors["embeddings.position_embeddings.weight"])
    places = graph.op("Slice", table, graph.sizes(0), tokens, graph.sizes(0))
    x = graph.norm(graph.op("Add", x, places), "embeddings.LayerNorm", epsilon)

    mask = graph.op("Cast", graph.op("Unsqueeze", "mask", graph.sizes(1, 2)), to=FLOAT)
    hidden = graph.op("Sub", graph.constant(1), mask)
    bias = graph.op("Mul", hidden, graph.constant(np.finfo(np.float32).min))
    for layer in range(config["num_hidden_layers"]):
        prefix = f"encoder.layer.{layer}."
        names = [f"{prefix}attention.self.{name}" for name in ("query", "key", "value")]
        parts = [graph.linear(x, name) for name in names]
        mixed = graph.attention(*parts, heads, width, bias)
        branch = graph.linear(mixed, f"{prefix}attention.output.dense")
        x = graph.norm(graph.op("Add", branch, x), f"{prefix}attention.output.LayerNorm", epsilon)
        up = graph.gelu(graph.linear(x, f"{prefix}intermediate.dense"))
        branch = graph.linear(up, f"{prefix}output.dense")
        x = graph.norm(graph.op("Add", branch, x), f"{prefix}output.LayerNorm", epsilon)

    weights = graph.op("Cast", graph.op("Unsqueeze", "mask", graph.sizes(2)), to=FLOAT)
    total = graph.op("ReduceSum", graph.op("Mul", x, weights), graph.sizes(1), keepdims=0)
    count = graph.op("ReduceSum", weights, graph.sizes(1), keepdims=0)
    mean = graph.op("Div", total, count)
    length = graph.op("ReduceL2", mean, axes=[1], keepdims=1)
    graph.op("Div", mean, length, output="embeddings")
    texts = (INT64, ["batch", "tokens"])
    graph.save(path, {"ids": texts, "mask": texts}, ("embeddings", ["batch", width]))


def write_vit(directory: Path, path: Path) -> None:
    """A ViT with a classifier: images [batch, channels, height, width] to logits
    [batch, classes]."""
    config = json.loads((directory / "config.json").read_text())
    width, heads, patch = (
        config[key] for key in ("hidden_size", "num_attention_heads", "patch_size")
    )
    epsilon = config["layer_norm_eps"]
    graph = Graph(read_safetensors(directory / "model.safetensors"))
    tensors = graph.tensors

    projection = "vit.embeddings.patch_embeddings.projection"
    kernel = [graph.constant(tensors[f"{projection}.{part}"]) for part in ("weight", "bias")]
    x = graph.op("Conv", "images", *kernel, kernel_shape=[patch] * 2, strides=[patch] * 2)
    x = graph.op("Transpose", graph.op("Reshape", x, graph.sizes(0, width, -1)), perm=(0, 2, 1))
    batch = graph.op("Slice", graph.op("Shape", "images"), graph.sizes(0), graph.sizes(1))
    shape = graph.op("Concat", batch, graph.sizes(1, width), axis=0)
    first = graph.op("Expand", graph.constant(tensors["vit.embeddings.cls_token"]), shape)
    x = graph.op("Concat", first, x, axis=1)
    x = graph.op("Add", x, graph.constant(tensors["vit.embeddings.position_embeddings"]))
    for layer in range(config["num_hidden_layers"]):
        prefix = f"vit.encoder.layer.{layer}."
        normed = graph.norm(x, f"{prefix}layernorm_before", epsilon)
        names = [f"{prefix}attention.attention.{name}" for name in ("query", "key", "value")]
        parts = [graph.linear(normed, name) for name in names]
        mixed = graph.attention(*parts, heads, width, "")
        x = graph.op("Add", graph.linear(mixed, f"{prefix}attention.output.dense"), x)
        normed = graph.norm(x, f"{prefix}layernorm_after", epsilon)
        up = graph.gelu(graph.linear(normed, f"{prefix}intermediate.dense"))
        x = graph.op("Add", graph.linear(up, f"{prefix}output.dense"), x)
    x = graph.norm(x, "vit.layernorm", epsilon)
    x = graph.op("Gather", x, graph.constant(0, np.int64), axis=1)
    classifier = [graph.constant(tensors[f"classifier.{part}"]) for part in ("weight", "bias")]
    graph.op("Gemm", x, *classifier, transB=1, output="logits")
    sides = config["image_size"]
    sizes = ["batch", config["num_channels"], *([sides] * 2 if isinstance(sides, int) else sides)]
    classes = tensors["classifier.bias"].size
    graph.save(path, {"images": (FLOAT, sizes)}, ("logits", ["batch", classes]))
