//===- FamiliesTest.cpp - From metadata to modules ------------------------===//

#include "TinyModel.h"

#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Import/Import.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace winnow;

namespace {

class Families : public ::testing::Test {
protected:
  /// Imports a file and keeps it; fails the test if that does not work.
  void import(const TinyModel &tiny, const ImportOptions &options = {}) {
    CollectedDiagnostics diagnostics(&context);
    std::string path = directory.write("model.gguf", tiny.makeWriter().write());
    FailureOr<ImportedModel> imported = importGguf(&context, path, options);
    ASSERT_TRUE(succeeded(imported))
        << (diagnostics.messages.empty() ? "" : diagnostics.messages.front());
    model = std::move(*imported);
    ASSERT_TRUE(succeeded(verify(*model.module)));
  }

  /// The one message of a failed import, without the path in front.
  std::string fail(const GgufWriter &writer,
                   const ImportOptions &options = {}) {
    CollectedDiagnostics diagnostics(&context);
    std::string path = directory.write("model.gguf", writer.write());
    EXPECT_TRUE(failed(importGguf(&context, path, options)));
    if (diagnostics.messages.size() != 1)
      return std::to_string(diagnostics.messages.size()) + " messages";
    StringRef message = diagnostics.messages.front();
    message.consume_front(path + ": ");
    return message.str();
  }
  std::string fail(const TinyModel &tiny) { return fail(tiny.makeWriter()); }

  template <typename OpTy> SmallVector<OpTy> collect() {
    SmallVector<OpTy> ops;
    model.module->walk([&](OpTy op) { ops.push_back(op); });
    return ops;
  }
  template <typename OpTy> size_t count() { return collect<OpTy>().size(); }

  func::FuncOp getForward() {
    return model.module->lookupSymbol<func::FuncOp>("forward");
  }

  MLIRContext context;
  TemporaryDirectory directory;
  ImportedModel model;
};

} // namespace

TEST_F(Families, EntryPoint) {
  import(TinyModel("llama"));
  func::FuncOp forward = getForward();
  ASSERT_TRUE(forward);
  EXPECT_TRUE(forward->hasAttr(kEntryAttr));
  constexpr StringRef names[] = {"ids",  "positions", "segments",
                                 "rows", "kv0",       "kv1"};
  ASSERT_EQ(forward.getNumArguments(), 6u);
  for (auto [index, name] : llvm::enumerate(names))
    EXPECT_EQ(forward.getArgAttrOfType<StringAttr>(index, kNameAttr), name);
  auto getDim = [&](unsigned index) {
    return cast<StringAttr>(
               forward.getArgAttrOfType<ArrayAttr>(index, kDimsAttr)[0])
        .getValue();
  };
  EXPECT_EQ(getDim(0), "T");
  EXPECT_EQ(getDim(2), "T");
  EXPECT_EQ(getDim(3), "R");
  EXPECT_EQ(forward.getResultTypes()[0],
            RankedTensorType::get({ShapedType::kDynamic, 30},
                                  Float32Type::get(&context)));
  // The caches come back in their order, each from its own layer.
  Operation *end = forward.getBody().front().getTerminator();
  SmallVector<LayerOp> layers = collect<LayerOp>();
  ASSERT_EQ(layers.size(), 4u);
  EXPECT_EQ(end->getOperand(1), layers[0].getExtras().front());
  EXPECT_EQ(end->getOperand(2), layers[2].getExtras().front());
  EXPECT_EQ(layers[1].getResidual(), layers[0].getOutput());
  auto name = dyn_cast<NameLoc>(layers[2].getLoc());
  ASSERT_TRUE(name);
  EXPECT_EQ(name.getName(), "blk.1.attention");
}

TEST_F(Families, ModelFacts) {
  import(TinyModel("qwen2"));
  auto facts = (*model.module)->getAttrOfType<DictionaryAttr>(kModelAttr);
  ASSERT_TRUE(facts);
  EXPECT_EQ(facts.getAs<StringAttr>("architecture"), "qwen2");
  EXPECT_EQ(facts.getAs<StringAttr>("name"), "Tiny");
  std::pair<StringRef, int64_t> numbers[] = {{"context", 100},
                                             {"trained_context", 100},
                                             {"layers", 2},
                                             {"width", 12},
                                             {"vocabulary", 30}};
  for (auto [name, value] : numbers)
    EXPECT_EQ(facts.getAs<IntegerAttr>(name).getInt(), value) << name.str();
}

TEST_F(Families, CacheCapacity) {
  auto getCapacity = [&] {
    return cast<KvCacheType>(getForward().getArgumentTypes()[4]).getCapacity();
  };
  // The model's own context of 100, rounded up to 16.
  import(TinyModel("llama"));
  EXPECT_EQ(getCapacity(), 112);
  ImportOptions options;
  options.context = 33;
  import(TinyModel("llama"), options);
  EXPECT_EQ(getCapacity(), 48);
  options.context = 0;
  EXPECT_EQ(fail(TinyModel("llama").makeWriter(), options),
            "the context expects at least one token, found 0");
}

TEST_F(Families, ParamsNameTheirTensors) {
  TinyModel tiny("llama");
  tiny.without = {"blk.1.ffn_gate.weight"};
  // Q8_0 needs rows of 32; F16 takes any.
  tiny.extra.add("blk.1.ffn_gate.weight", {12, 20}, 1, 480);
  import(tiny);
  EXPECT_EQ(count<ParamOp>(), model.checkpoint->getTensors().size());
  auto param = model.module->lookupSymbol<ParamOp>("blk.1.ffn_gate.weight");
  ASSERT_TRUE(param);
  EXPECT_EQ(param.getSource().getAs<StringAttr>("file"),
            "blk.1.ffn_gate.weight");
  auto type = cast<RankedTensorType>(param.getType());
  EXPECT_EQ(type.getShape(), ArrayRef<int64_t>({20, 12}));
  EXPECT_EQ(getEncoding(type).getFormat(), "f16");
  EXPECT_EQ(getEncoding(type).getLayout(), "rows");
  auto plain = model.module->lookupSymbol<ParamOp>("blk.0.ffn_gate.weight");
  EXPECT_FALSE(getEncoding(plain.getType()));
}

TEST_F(Families, Gemma3) {
  TinyModel tiny("gemma3");
  tiny.layers = 12;
  tiny.extra.set("gemma3.attention.sliding_window", uint32_t(16));
  tiny.extra.set("gemma3.rope.freq_base", 1e6f);
  tiny.extra.set("gemma3.rope.scaling.type", "linear");
  tiny.extra.set("gemma3.rope.scaling.factor", 8.0f);
  import(tiny);
  SmallVector<AttentionOp> attentions = collect<AttentionOp>();
  SmallVector<RopeOp> ropes = collect<RopeOp>();
  ASSERT_EQ(attentions.size(), 12u);
  ASSERT_EQ(ropes.size(), 24u);
  for (auto [index, attention] : llvm::enumerate(attentions)) {
    bool isGlobal = index == 5 || index == 11;
    EXPECT_EQ(attention.getMask().getKind(),
              isGlobal ? MaskKind::Causal : MaskKind::SlidingWindow);
    EXPECT_EQ(attention.getMask().getWindow(), isGlobal ? 0 : 16);
    EXPECT_FLOAT_EQ(attention.getScale().convertToFloat(), 0.40824829f);
    RopeOp rope = ropes[2 * index];
    EXPECT_EQ(rope.getBase().convertToDouble(), isGlobal ? 1e6 : 1e4);
    EXPECT_EQ(rope.getLayout(), RopeLayout::Half);
    ASSERT_EQ(bool(rope.getScalingAttr()), isGlobal);
    if (isGlobal) {
      EXPECT_EQ(rope.getScalingAttr().getKind(), RopeScalingKind::Linear);
      EXPECT_EQ(rope.getScalingAttr().getFactor().getValueAsDouble(), 8.0);
    }
  }
  EXPECT_FLOAT_EQ(collect<EmbedOp>().front().getScale().convertToFloat(),
                  3.46410162f);
  // Per layer four norms around the sub-layers and two of heads, and the last.
  EXPECT_EQ(count<NormOp>(), 12u * 6 + 1);
  for (NormOp norm : collect<NormOp>())
    EXPECT_TRUE(norm.getWeightOffset().isZero());
  EXPECT_EQ(count<math::TanhOp>(), 12u);
  EXPECT_EQ(count<math::ExpOp>(), 0u);
}

TEST_F(Families, Gemma3WithoutWindow) {
  import(TinyModel("gemma3"));
  for (AttentionOp attention : collect<AttentionOp>())
    EXPECT_EQ(attention.getMask().getKind(), MaskKind::Causal);
  for (RopeOp rope : collect<RopeOp>())
    EXPECT_EQ(rope.getBase().convertToDouble(), 1e4);
}

TEST_F(Families, Gemma3Largest) {
  TinyModel tiny("gemma3");
  tiny.layers = 62;
  import(tiny);
  // width / heads = 3 instead of the key length 6.
  EXPECT_FLOAT_EQ(collect<AttentionOp>().front().getScale().convertToFloat(),
                  0.57735027f);
}

TEST_F(Families, Llama) {
  TinyModel tiny("llama");
  tiny.extra.set("llama.rope.dimension_count", uint32_t(4));
  tiny.extra.addF32("rope_freqs.weight", {2});
  tiny.extra.addF32("output.weight", {12, 30});
  tiny.extra.addF32("blk.1.attn_output.bias", {12});
  import(tiny);
  for (RopeOp rope : collect<RopeOp>()) {
    EXPECT_EQ(rope.getLayout(), RopeLayout::Interleaved);
    EXPECT_EQ(rope.getDims(), 4u);
    EXPECT_TRUE(rope.getFactors());
  }
  for (AttentionOp attention : collect<AttentionOp>())
    EXPECT_EQ(attention.getMask().getKind(), MaskKind::Causal);
  EXPECT_EQ(count<NormOp>(), 2u * 2 + 1);
  EXPECT_EQ(count<math::ExpOp>(), 2u);
  EXPECT_EQ(collect<EmbedOp>().front().getScale().convertToFloat(), 1.0f);
  SmallVector<LinearOp> linears = collect<LinearOp>();
  ASSERT_EQ(linears.size(), 2u * 7 + 1);
  EXPECT_FALSE(linears[3].getBias());
  EXPECT_TRUE(linears[7 + 3].getBias());
  EXPECT_EQ(linears.back().getWeight().getDefiningOp<ParamRefOp>().getParam(),
            "output.weight");
}

TEST_F(Families, MistralHasAWindowInEveryLayer) {
  TinyModel tiny("llama");
  tiny.layers = 7;
  tiny.extra.set("llama.attention.sliding_window", uint32_t(16));
  tiny.extra.set("llama.rope.freq_base", 5e5f);
  import(tiny);
  for (AttentionOp attention : collect<AttentionOp>())
    EXPECT_EQ(attention.getMask().getWindow(), 16);
  for (RopeOp rope : collect<RopeOp>())
    EXPECT_EQ(rope.getBase().convertToDouble(), 5e5);
}

TEST_F(Families, Qwen2) {
  import(TinyModel("qwen2"));
  SmallVector<LinearOp> linears = collect<LinearOp>();
  ASSERT_EQ(linears.size(), 2u * 7 + 1);
  for (unsigned i = 0; i < 7; ++i)
    EXPECT_EQ(bool(linears[i].getBias()), i < 3);
  for (RopeOp rope : collect<RopeOp>())
    EXPECT_EQ(rope.getLayout(), RopeLayout::Half);
  // Without a head of its own the embedding is the head.
  EXPECT_EQ(linears.back().getWeight().getDefiningOp<ParamRefOp>().getParam(),
            "token_embd.weight");
}

TEST_F(Families, Qwen3) {
  import(TinyModel("qwen3"));
  EXPECT_EQ(count<NormOp>(), 2u * 4 + 1);
  for (NormOp norm : collect<NormOp>())
    EXPECT_FLOAT_EQ(norm.getEpsilon().convertToFloat(), 1e-5f);
}

TEST_F(Families, OptionalNumbers) {
  TinyModel tiny("llama");
  tiny.extra.set("llama.attention.scale", 0.125f);
  tiny.extra.set("llama.attn_logit_softcapping", 50.0f);
  tiny.extra.set("llama.final_logit_softcapping", 30.0f);
  tiny.extra.set("llama.rope.scaling.type", "yarn");
  tiny.extra.set("llama.rope.scaling.factor", 4.0f);
  tiny.extra.set("llama.rope.scaling.original_context_length", uint32_t(25));
  import(tiny);
  for (AttentionOp attention : collect<AttentionOp>()) {
    EXPECT_EQ(attention.getScale().convertToFloat(), 0.125f);
    EXPECT_EQ(attention.getSoftcap().convertToFloat(), 50.0f);
  }
  EXPECT_EQ(count<math::TanhOp>(), 1u);
  RopeScalingAttr scaling = collect<RopeOp>().front().getScalingAttr();
  ASSERT_TRUE(scaling);
  EXPECT_EQ(scaling.getKind(), RopeScalingKind::Yarn);
  EXPECT_EQ(scaling.getFactor().getValueAsDouble(), 4.0);
  EXPECT_EQ(scaling.getOriginalContext(), 25);
  EXPECT_EQ(scaling.getLow().getValueAsDouble(), 1.0);
  EXPECT_EQ(scaling.getHigh().getValueAsDouble(), 32.0);
  // 0.1 ln 4 + 1.
  EXPECT_NEAR(scaling.getAttentionFactor().getValueAsDouble(), 1.138629436,
              1e-8);
}

TEST_F(Families, CountsPerLayer) {
  TinyModel tiny("llama");
  tiny.without = {"blk.1.ffn_gate.weight", "blk.1.ffn_up.weight",
                  "blk.1.ffn_down.weight", "blk.1.attn_k.weight",
                  "blk.1.attn_v.weight"};
  tiny.extra.addF32("blk.1.ffn_gate.weight", {12, 8});
  tiny.extra.addF32("blk.1.ffn_up.weight", {12, 8});
  tiny.extra.addF32("blk.1.ffn_down.weight", {8, 12});
  tiny.extra.addF32("blk.1.attn_k.weight", {12, 6});
  tiny.extra.addF32("blk.1.attn_v.weight", {12, 6});
  EXPECT_EQ(fail(tiny),
            "tensor 'blk.1.attn_k.weight' has shape 6x12, expects 12x12");

  tiny.withoutKeys = {"llama.feed_forward_length",
                      "llama.attention.head_count_kv"};
  tiny.extra.set("llama.feed_forward_length", GgufValueType::Int32,
                 std::vector<int32_t>{20, 8});
  TinyModel wrong = tiny;
  tiny.extra.set("llama.attention.head_count_kv", GgufValueType::UInt32,
                 std::vector<uint32_t>{2, 1});
  import(tiny);
  func::FuncOp forward = getForward();
  EXPECT_EQ(cast<KvCacheType>(forward.getArgumentTypes()[4]).getHeads(), 2);
  EXPECT_EQ(cast<KvCacheType>(forward.getArgumentTypes()[5]).getHeads(), 1);

  for (std::vector<uint32_t> heads :
       {std::vector<uint32_t>{2}, {2, 1, 1}, {2, 0}, {2, 1u << 31}}) {
    TinyModel bad = wrong;
    bad.extra.set("llama.attention.head_count_kv", GgufValueType::UInt32,
                  heads);
    EXPECT_NE(fail(bad).find("llama.attention.head_count_kv expects 2 positive "
                             "integers, one per layer"),
              std::string::npos);
  }
  wrong.extra.set("llama.attention.head_count_kv", uint32_t(3));
  EXPECT_EQ(fail(wrong), "layer 0 has 4 query heads, expects a multiple of its "
                         "3 key heads");
}

TEST_F(Families, WindowPattern) {
  auto getWindows = [&](auto setPattern) {
    TinyModel tiny("gemma3");
    tiny.layers = 4;
    tiny.extra.set("gemma3.attention.sliding_window", uint32_t(16));
    tiny.extra.set("gemma3.rope.freq_base", 1e6f);
    tiny.extra.set("gemma3.rope.freq_base_swa", 5e3f);
    setPattern(tiny.extra);
    import(tiny);
    std::vector<int64_t> windows;
    for (AttentionOp attention : collect<AttentionOp>())
      windows.push_back(attention.getMask().getWindow());
    for (auto [index, rope] : llvm::enumerate(collect<RopeOp>()))
      EXPECT_EQ(rope.getBase().convertToDouble(),
                windows[index / 2] ? 5e3 : 1e6);
    return windows;
  };
  constexpr const char *key = "gemma3.attention.sliding_window_pattern";
  using Windows = std::vector<int64_t>;
  EXPECT_EQ(getWindows([](GgufWriter &) {}), (Windows{16, 16, 16, 16}));
  EXPECT_EQ(getWindows([](GgufWriter &extra) { extra.set(key, uint32_t(2)); }),
            (Windows{16, 0, 16, 0}));
  EXPECT_EQ(getWindows([](GgufWriter &extra) {
              extra.set(key, GgufValueType::Bool,
                        std::vector<uint8_t>{0, 1, 1, 0});
            }),
            (Windows{0, 16, 16, 0}));
  TinyModel wrong("gemma3");
  wrong.extra.set("gemma3.attention.sliding_window", uint32_t(16));
  wrong.extra.set(key, GgufValueType::Bool, std::vector<uint8_t>{1});
  EXPECT_NE(fail(wrong).find("sliding_window_pattern expects one bool per "
                             "layer"),
            std::string::npos);
}

TEST_F(Families, Errors) {
  EXPECT_EQ(fail(TinyModel("mamba")),
            "architecture 'mamba' is not supported; supported are gemma2, "
            "gemma3, gptneox, llama, phi3, qwen2, qwen3");
  EXPECT_EQ(fail(GgufWriter()), "the metadata key 'general.architecture' is "
                                "missing or no string");
  GgufWriter bare;
  bare.set("general.architecture", "llama");
  EXPECT_EQ(fail(bare), "the key 'llama.context_length' is missing");

  TinyModel missing("qwen2");
  missing.without = {"blk.1.attn_k.bias"};
  EXPECT_EQ(fail(missing), "tensor 'blk.1.attn_k.bias' is missing; qwen2 "
                           "models need it");
  missing.without = {"token_embd.weight"};
  EXPECT_EQ(fail(missing), "tensor 'token_embd.weight' is missing; qwen2 "
                           "models need it");

  TinyModel unknown("qwen3");
  unknown.extra.addF32("blk.0.attn_q.bias", {24});
  std::string message = fail(unknown);
  EXPECT_EQ(message.substr(0, message.find("known are") + 27),
            "tensor 'blk.0.attn_q.bias' is not part of a qwen3 model with 2 "
            "layers; known are token_embd.weight");
  EXPECT_NE(message.find("blk.N.attn_q_norm.weight"), std::string::npos);
  EXPECT_EQ(message.find("blk.N.attn_q.bias"), std::string::npos);
  TinyModel beyond("llama");
  beyond.extra.addF32("blk.2.attn_norm.weight", {12});
  EXPECT_NE(fail(beyond).find("'blk.2.attn_norm.weight' is not part of a "
                              "llama model with 2 layers"),
            std::string::npos);

  TinyModel wrongShape("llama");
  wrongShape.without = {"blk.0.attn_q.weight"};
  wrongShape.extra.addF32("blk.0.attn_q.weight", {24, 12});
  EXPECT_EQ(fail(wrongShape), "tensor 'blk.0.attn_q.weight' has shape 12x24, "
                              "expects 24x12");
  wrongShape.without = {"output_norm.weight"};
  wrongShape.extra = GgufWriter();
  wrongShape.extra.addF32("output_norm.weight", {12, 1});
  EXPECT_EQ(fail(wrongShape), "tensor 'output_norm.weight' has shape 1x12, "
                              "expects 12");

  TinyModel vocabulary("llama");
  vocabulary.extra.set("tokenizer.ggml.tokens",
                       std::vector<std::string>(31, "x"));
  EXPECT_EQ(fail(vocabulary), "tensor 'token_embd.weight' has shape 30x12, "
                              "expects 31x12");
}

TEST_F(Families, YarnFactors) {
  auto getAttentionFactor = [&](float factor, float first, float second) {
    TinyModel tiny("llama");
    tiny.extra.set("llama.rope.scaling.type", "yarn");
    tiny.extra.set("llama.rope.scaling.factor", factor);
    tiny.extra.set("llama.rope.scaling.attn_factor", first);
    tiny.extra.set("llama.rope.scaling.yarn_attn_factor", second);
    import(tiny);
    return collect<RopeOp>()
        .front()
        .getScalingAttr()
        .getAttentionFactor()
        .getValueAsDouble();
  };
  EXPECT_NEAR(getAttentionFactor(4, 2, 1), 2.277258872, 1e-8);
  EXPECT_NEAR(getAttentionFactor(4, 1, 0.5), 0.569314718, 1e-8);
  // Frequencies that are not stretched need no temperature.
  EXPECT_EQ(getAttentionFactor(0.5, 1, 1), 1.0);
  TinyModel tiny("llama");
  tiny.extra.set("llama.rope.scaling.type", "yarn");
  tiny.extra.set("llama.rope.scaling.yarn_ext_factor", 0.5f);
  EXPECT_EQ(fail(tiny), "rope.scaling.yarn_ext_factor is supported as 1 only");
}

TEST_F(Families, MetadataErrors) {
  auto failWith = [&](const char *architecture, const char *key, auto value) {
    TinyModel tiny(architecture);
    tiny.extra.set(key, value);
    return fail(tiny);
  };
  EXPECT_EQ(failWith("llama", "llama.expert_count", uint32_t(8)),
            "mixtures of experts are not supported");
  EXPECT_EQ(failWith("qwen2", "qwen2.attention.sliding_window", uint32_t(16)),
            "sliding windows are not supported for qwen2 models");
  EXPECT_EQ(failWith("llama", "llama.rope.scaling.type", "longrope"),
            "rope scaling 'longrope' is not supported; supported are none, "
            "linear and yarn");
  EXPECT_EQ(failWith("llama", "llama.rope.dimension_count", uint32_t(5)),
            "rope turns 5 channels of a head, expects an even number of at "
            "most the key length 6");
  EXPECT_EQ(failWith("llama", "llama.rope.dimension_count", uint32_t(8)),
            "rope turns 8 channels of a head, expects an even number of at "
            "most the key length 6");
  EXPECT_EQ(failWith("llama", "llama.rope.freq_base", "10000"),
            "offset 56: llama.rope.freq_base expects a finite number");
  EXPECT_NE(failWith("llama", "llama.rope.freq_base", -1.0f)
                .find("llama.rope.freq_base expects a number greater than "
                      "zero"),
            std::string::npos);
  EXPECT_NE(failWith("llama", "llama.rope.freq_base",
                     std::numeric_limits<float>::quiet_NaN())
                .find("llama.rope.freq_base expects a finite number"),
            std::string::npos);
}

// Numbers that would overflow or reserve much memory if they were believed.
TEST_F(Families, HostileCounts) {
  for (const char *name : {"context_length", "embedding_length", "block_count",
                           "feed_forward_length", "attention.head_count",
                           "attention.head_count_kv", "attention.key_length"})
    for (uint32_t value : {0u, 0x7fffffffu, 0xffffffffu, 3u}) {
      GgufWriter writer;
      writer.set("general.architecture", "llama");
      std::pair<const char *, uint32_t> counts[] = {
          {"context_length", 100},     {"embedding_length", 12},
          {"block_count", 2},          {"feed_forward_length", 20},
          {"attention.head_count", 4}, {"attention.head_count_kv", 2},
          {"attention.key_length", 6}, {"attention.value_length", 6}};
      for (auto [key, count] : counts)
        writer.set(std::string("llama.") + key,
                   key == std::string(name) ? value : count);
      writer.set("llama.attention.layer_norm_rms_epsilon", 1e-5f);
      writer.addF32("token_embd.weight", {12, 30});
      writer.addF32("output_norm.weight", {12});
      std::string message = fail(writer);
      EXPECT_EQ(message.find("messages"), std::string::npos) << message;
      if (value == 0 || value == 0xffffffffu)
        EXPECT_NE(message.find(name), std::string::npos) << message;
    }
}

TEST_F(Families, FileErrors) {
  CollectedDiagnostics diagnostics(&context);
  std::string path = directory.getPath("absent.gguf");
  EXPECT_TRUE(failed(importGguf(&context, path)));
  ASSERT_EQ(diagnostics.messages.size(), 1u);
  EXPECT_EQ(diagnostics.messages[0], path + ": No such file or directory");
  EXPECT_TRUE(failed(importGguf(&context, directory.getPath(""))));
  ASSERT_EQ(diagnostics.messages.size(), 2u);
  EXPECT_NE(diagnostics.messages[1].find("not a regular file"),
            std::string::npos);
}
