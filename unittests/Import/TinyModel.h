//===- TinyModel.h - Small models of every family --------------*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_IMPORT_TINYMODEL_H
#define WINNOW_UNITTESTS_IMPORT_TINYMODEL_H

#include "GgufWriter.h"
#include "TemporaryDirectory.h"

#include "mlir/IR/Diagnostics.h"

#include "gtest/gtest.h"

#include <set>

namespace winnow {

/// What a file says of a decoder of width 12 with 4 heads of 6 channels, 2 key
/// heads, 20 hidden units and 30 ids. Tests change it before it is written.
struct TinyModel {
  std::string architecture;
  unsigned layers = 2;
  uint64_t headSize = 6;

  GgufWriter extra;
  /// Tensors to leave out, by name.
  std::set<std::string> without;
  /// Metadata that `extra` sets instead.
  std::set<std::string> withoutKeys;

  explicit TinyModel(std::string architecture)
      : architecture(std::move(architecture)) {}

  /// All metadata but what `extra` adds, and all tensors that the family needs.
  GgufWriter makeWriter() const {
    GgufWriter writer = extra;
    auto set = [&](const std::string &name, auto value) {
      std::string key = architecture + "." + name;
      if (!withoutKeys.count(key))
        writer.set(key, value);
    };
    writer.set("general.architecture", architecture.c_str());
    writer.set("general.name", "Tiny");
    set("context_length", uint32_t(100));
    set("embedding_length", uint32_t(12));
    set("block_count", uint32_t(layers));
    set("feed_forward_length", uint32_t(20));
    set("attention.head_count", uint32_t(4));
    set("attention.head_count_kv", uint32_t(2));
    set("attention.key_length", uint32_t(headSize));
    set("attention.value_length", uint32_t(headSize));
    set("attention.layer_norm_rms_epsilon", 1e-5f);

    auto add = [&](const std::string &name, std::vector<uint64_t> dims) {
      if (!without.count(name))
        writer.addF32(name, dims);
    };
    add("token_embd.weight", {12, 30});
    add("output_norm.weight", {12});
    bool gemma = architecture == "gemma3";
    for (unsigned i = 0; i < layers; ++i) {
      std::string blk = "blk." + std::to_string(i) + ".";
      add(blk + "attn_norm.weight", {12});
      add(blk + "attn_q.weight", {12, 4 * headSize});
      add(blk + "attn_k.weight", {12, 2 * headSize});
      add(blk + "attn_v.weight", {12, 2 * headSize});
      add(blk + "attn_output.weight", {4 * headSize, 12});
      add(blk + "ffn_norm.weight", {12});
      add(blk + "ffn_gate.weight", {12, 20});
      add(blk + "ffn_up.weight", {12, 20});
      add(blk + "ffn_down.weight", {20, 12});
      if (architecture == "qwen2") {
        add(blk + "attn_q.bias", {4 * headSize});
        add(blk + "attn_k.bias", {2 * headSize});
        add(blk + "attn_v.bias", {2 * headSize});
      }
      if (gemma || architecture == "qwen3") {
        add(blk + "attn_q_norm.weight", {headSize});
        add(blk + "attn_k_norm.weight", {headSize});
      }
      if (gemma) {
        add(blk + "post_attention_norm.weight", {12});
        add(blk + "post_ffw_norm.weight", {12});
      }
    }
    return writer;
  }
};

/// The messages that a context reports while this lives.
class CollectedDiagnostics {
public:
  explicit CollectedDiagnostics(mlir::MLIRContext *context)
      : handler(context, [this](mlir::Diagnostic &diagnostic) {
          messages.push_back(diagnostic.str());
        }) {}

  std::vector<std::string> messages;

private:
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace winnow

#endif // WINNOW_UNITTESTS_IMPORT_TINYMODEL_H
