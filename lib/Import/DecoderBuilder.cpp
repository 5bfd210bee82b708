//===- DecoderBuilder.cpp - IR of a decoder -------------------------------===//

#include "DecoderBuilder.h"

#include "ParamTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace winnow;

namespace {

class DecoderBuilder {
public:
  DecoderBuilder(ModuleOp module, const ModelConfig &config, int64_t context)
      : config(config), capacity(llvm::alignTo(context, 16)), symbols(module),
        builder(OpBuilder::atBlockEnd(module.getBody())),
        f32(builder.getF32Type()),
        ids(RankedTensorType::get({ShapedType::kDynamic},
                                  builder.getI32Type())),
        hidden(getRows({config.width})) {}

  void build();

private:
  /// tensor<?x...xf32>.
  RankedTensorType getRows(ArrayRef<int64_t> inner) {
    SmallVector<int64_t, 3> shape = {ShapedType::kDynamic};
    llvm::append_range(shape, inner);
    return RankedTensorType::get(shape, f32);
  }

  /// Names the ops that are built from now on.
  void setLocation(const Twine &name) {
    location = NameLoc::get(builder.getStringAttr(name));
  }

  /// The tensor `suffix` of the current layer, or of the model.
  std::string getTensorName(StringRef suffix) {
    return layerIndex < 0 ? suffix.str()
                          : getLayerTensorName(layerIndex, suffix);
  }

  KvCacheType getCacheType(const LayerConfig &layer) {
    return KvCacheType::get(builder.getContext(), layer.keyValueHeads,
                            config.keyLength, config.valueLength, f32, f32,
                            capacity);
  }

  Value useParam(StringRef name);
  Value useVector(StringRef name);
  Value buildLinear(Value input, StringRef name);
  Value buildNorm(Value input, StringRef name);
  Value buildRope(Value input, Value positions, const RopeConfig &rope);
  Value splitHeads(Value input, int64_t heads, int64_t channels);
  Value buildMap(ValueRange inputs, function_ref<Value(ValueRange)> scalar);
  Value buildScalarConstant(double value);
  Value buildActivation(Value x);
  std::pair<Value, Value> buildAttentionLayer(const LayerConfig &layer,
                                              Value input, Value positions,
                                              Value segments, Value cache);
  Value buildFeedForwardLayer(Value residual, Value input);
  Value buildHead(Value input, Value rows);
  func::FuncOp buildFunction();

  const ModelConfig &config;
  int64_t capacity;
  SymbolTable symbols;
  OpBuilder builder;
  Type f32;
  RankedTensorType ids;
  RankedTensorType hidden;
  Location location = builder.getUnknownLoc();
  int64_t layerIndex = -1;
};

} // namespace

/// The value of a param, or null if the module has none of that name.
Value DecoderBuilder::useParam(StringRef name) {
  auto param = symbols.lookup<ParamOp>(name);
  if (!param)
    return Value();
  return ParamRefOp::create(builder, location, param.getType(), name);
}

/// A vector as plain f32, or null: ops take vectors without encoding.
Value DecoderBuilder::useVector(StringRef name) {
  Value vector = useParam(name);
  if (!vector || !getEncoding(vector.getType()))
    return vector;
  auto type = cast<RankedTensorType>(vector.getType());
  return RecodeOp::create(builder, location, withEncoding(type, {}), vector);
}

/// The linear layer of the tensors NAME.weight and, if there is one, NAME.bias.
Value DecoderBuilder::buildLinear(Value input, StringRef name) {
  setLocation(getTensorName(name));
  Value weight = useParam(getTensorName((name + ".weight").str()));
  Value bias = useVector(getTensorName((name + ".bias").str()));
  int64_t rows = cast<RankedTensorType>(weight.getType()).getDimSize(0);
  return LinearOp::create(builder, location, getRows({rows}), input, weight,
                          bias);
}

Value DecoderBuilder::buildNorm(Value input, StringRef name) {
  setLocation(getTensorName(name));
  Value weight = useVector(getTensorName((name + ".weight").str()));
  if (!weight)
    return input;
  Value bias = useVector(getTensorName((name + ".bias").str()));
  return NormOp::create(builder, location, input.getType(), input, weight, bias,
                        config.norm, llvm::APFloat(config.epsilon),
                        llvm::APFloat(config.normOffset));
}

Value DecoderBuilder::buildRope(Value input, Value positions,
                                const RopeConfig &rope) {
  Value factors = useVector(rope.factorTensor);
  RopeScalingAttr scaling;
  if (rope.scaling != RopeScalingKind::None) {
    bool yarn = rope.scaling == RopeScalingKind::Yarn;
    bool isLong = rope.scaling == RopeScalingKind::LongRope;
    bool ramps = yarn || rope.scaling == RopeScalingKind::Llama3;
    auto numberIf = [&](bool isUsed, double value) {
      return isUsed ? builder.getF64FloatAttr(value) : FloatAttr();
    };
    scaling = RopeScalingAttr::get(
        builder.getContext(), rope.scaling, numberIf(!isLong, rope.factor),
        numberIf(ramps, rope.low), numberIf(ramps, rope.high),
        ramps ? rope.originalContext : 0,
        numberIf(yarn || isLong, rope.attentionFactor),
        rope.factors.empty() ? nullptr
                             : builder.getDenseF64ArrayAttr(rope.factors));
  }
  return RopeOp::create(builder, location, input.getType(), input, positions,
                        factors, llvm::APFloat(rope.base), config.ropeDims,
                        config.ropeLayout, scaling);
}

/// tensor<?x(H*D)> to tensor<?xHxD>.
Value DecoderBuilder::splitHeads(Value input, int64_t heads, int64_t channels) {
  OpFoldResult tokens =
      tensor::getMixedSize(builder, location, input, /*dim=*/0);
  return tensor::ExpandShapeOp::create(
      builder, location, getRows({heads, channels}), input,
      ArrayRef<ReassociationIndices>{{0}, {1, 2}},
      ArrayRef<OpFoldResult>{tokens, builder.getIndexAttr(heads),
                             builder.getIndexAttr(channels)});
}

/// Applies a scalar function to every element of equally shaped tensors.
Value DecoderBuilder::buildMap(ValueRange inputs,
                               function_ref<Value(ValueRange)> scalar) {
  Value init = tensor::EmptyOp::create(
      builder, location,
      tensor::getMixedSizes(builder, location, inputs.front()), f32);
  auto map = linalg::MapOp::create(
      builder, location, inputs, init,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        OpBuilder::InsertionGuard guard(builder);
        builder.restoreInsertionPoint(nested.saveInsertionPoint());
        linalg::YieldOp::create(builder, loc, scalar(arguments));
      });
  return map->getResult(0);
}

Value DecoderBuilder::buildScalarConstant(double value) {
  return arith::ConstantOp::create(builder, location,
                                   builder.getF32FloatAttr(value));
}

/// The activation of one f32.
Value DecoderBuilder::buildActivation(Value x) {
  auto multiply = [&](Value a, Value b) -> Value {
    return arith::MulFOp::create(builder, location, a, b);
  };
  Value one = buildScalarConstant(1.0);
  if (config.activation == Activation::Silu) {
    Value negated = arith::NegFOp::create(builder, location, x);
    Value exponential = math::ExpOp::create(builder, location, negated);
    Value divisor = arith::AddFOp::create(builder, location, one, exponential);
    return arith::DivFOp::create(builder, location, x, divisor);
  }
  if (config.activation == Activation::Gelu) {
    // 0.5 x (1 + erf(x / sqrt(2)))
    Value argument = multiply(buildScalarConstant(0.70710678118654752440), x);
    Value gate =
        arith::AddFOp::create(builder, location, one,
                              math::ErfOp::create(builder, location, argument));
    return multiply(multiply(buildScalarConstant(0.5), x), gate);
  }
  // 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), with the argument of
  // tanh as sqrt(2 / pi) x (1 + 0.044715 x^2).
  Value cubic = multiply(buildScalarConstant(0.044715), multiply(x, x));
  Value stretch = arith::AddFOp::create(builder, location, one, cubic);
  Value argument = multiply(
      multiply(buildScalarConstant(0.79788456080286535588), x), stretch);
  Value gate =
      arith::AddFOp::create(builder, location, one,
                            math::TanhOp::create(builder, location, argument));
  return multiply(multiply(buildScalarConstant(0.5), x), gate);
}

std::pair<Value, Value>
DecoderBuilder::buildAttentionLayer(const LayerConfig &layer, Value input,
                                    Value positions, Value segments,
                                    Value cache) {
  std::string name = getTensorName("attention");
  setLocation(name);
  auto op =
      LayerOp::create(builder, location, hidden, TypeRange{cache.getType()},
                      input, ValueRange{input, positions, segments, cache},
                      builder.getF32FloatAttr(1.0f));
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Type> types(op.getInputs().getTypes());
  Block *block = builder.createBlock(
      &op.getBody(), {}, types, SmallVector<Location>(types.size(), location));
  Value u = block->getArgument(0);
  Value tokenPositions = block->getArgument(1);
  Value tokenSegments = block->getArgument(2);

  Value normed = buildNorm(u, "attn_norm");
  Value query =
      splitHeads(buildLinear(normed, "attn_q"), layer.heads, config.keyLength);
  Value key = splitHeads(buildLinear(normed, "attn_k"), layer.keyValueHeads,
                         config.keyLength);
  Value value = splitHeads(buildLinear(normed, "attn_v"), layer.keyValueHeads,
                           config.valueLength);
  query = buildNorm(query, "attn_q_norm");
  key = buildNorm(key, "attn_k_norm");

  setLocation(name);
  query = buildRope(query, tokenPositions, layer.rope);
  key = buildRope(key, tokenPositions, layer.rope);
  Value appended = KvAppendOp::create(builder, location, cache.getType(),
                                      block->getArgument(3), key, value,
                                      tokenPositions, tokenSegments);
  auto view = KvViewOp::create(
      builder, location, getRows({layer.keyValueHeads, config.keyLength}),
      getRows({layer.keyValueHeads, config.valueLength}), ids, ids, appended);
  auto mask = MaskAttr::get(
      builder.getContext(),
      layer.window ? MaskKind::SlidingWindow : MaskKind::Causal, layer.window,
      /*sinks=*/0, /*prefix=*/0, /*width=*/0);
  auto attention = AttentionOp::create(
      builder, location, getRows({layer.heads, config.valueLength}),
      /*lse=*/Type(), /*scores=*/Type(), query, view.getKey(), view.getValue(),
      tokenPositions, view.getPositions(), tokenSegments, view.getSegments(),
      /*mask_operand=*/Value(), /*sinks=*/Value(), /*bias=*/Value(),
      /*relative_bias=*/Value(), mask, llvm::APFloat(config.attentionScale),
      llvm::APFloat(config.attentionSoftcap),
      /*distances=*/ArrayRef<int64_t>());
  Value joined = tensor::CollapseShapeOp::create(
      builder, location, getRows({layer.heads * config.valueLength}),
      attention.getOutput(), ArrayRef<ReassociationIndices>{{0}, {1, 2}});
  Value output = buildLinear(joined, "attn_output");
  output = buildNorm(output, "post_attention_norm");
  setLocation(name);
  YieldOp::create(builder, location, ValueRange{output, appended});
  return {op.getOutput(), op.getExtras().front()};
}

Value DecoderBuilder::buildFeedForwardLayer(Value residual, Value input) {
  std::string name = getTensorName("mlp");
  setLocation(name);
  auto op = LayerOp::create(builder, location, hidden, TypeRange(), residual,
                            ValueRange{input}, builder.getF32FloatAttr(1.0f));
  OpBuilder::InsertionGuard guard(builder);
  Block *block =
      builder.createBlock(&op.getBody(), {}, {input.getType()}, {location});
  Value normed = buildNorm(block->getArgument(0), "ffn_norm");
  SmallVector<Value, 2> inner;
  if (symbols.lookup<ParamOp>(getTensorName("ffn_gate.weight")))
    inner.push_back(buildLinear(normed, "ffn_gate"));
  inner.push_back(buildLinear(normed, "ffn_up"));
  setLocation(name);
  Value activated = buildMap(inner, [&](ValueRange arguments) -> Value {
    Value x = buildActivation(arguments[0]);
    if (inner.size() == 2)
      x = arith::MulFOp::create(builder, location, x, arguments[1]);
    return x;
  });
  Value output = buildLinear(activated, "ffn_down");
  output = buildNorm(output, "post_ffw_norm");
  setLocation(name);
  YieldOp::create(builder, location, output);
  return op.getOutput();
}

/// The logits of the chosen rows.
Value DecoderBuilder::buildHead(Value input, Value rows) {
  Value normed = buildNorm(input, "output_norm");
  setLocation("rows");
  Value chosen = TokenGatherOp::create(builder, location, hidden, normed, rows);
  // Without a head of its own, the model reuses the embedding.
  bool tied = !symbols.lookup<ParamOp>("output.weight");
  Value logits = buildLinear(chosen, tied ? "token_embd" : "output");
  if (config.logitSoftcap == 0)
    return logits;
  setLocation("logit_softcap");
  return buildMap(logits, [&](ValueRange arguments) -> Value {
    Value cap = buildScalarConstant(config.logitSoftcap);
    Value scaled = arith::DivFOp::create(builder, location, arguments[0], cap);
    Value bounded = math::TanhOp::create(builder, location, scaled);
    return arith::MulFOp::create(builder, location, bounded, cap);
  });
}

/// The empty entry point with its argument names.
func::FuncOp DecoderBuilder::buildFunction() {
  SmallVector<Type> inputs(4, ids);
  SmallVector<Type> results = {getRows({config.vocabulary})};
  for (const LayerConfig &layer : config.layers) {
    inputs.push_back(getCacheType(layer));
    results.push_back(getCacheType(layer));
  }
  setLocation("forward");
  auto function = func::FuncOp::create(
      builder, location, "forward", builder.getFunctionType(inputs, results));
  function->setAttr(kEntryAttr, builder.getUnitAttr());
  auto setDims = [&](auto setter, StringRef dim) {
    setter(builder.getStringAttr(kDimsAttr), builder.getStrArrayAttr({dim}));
  };
  constexpr StringRef names[] = {"ids", "positions", "segments", "rows"};
  for (auto [index, name] : llvm::enumerate(names)) {
    function.setArgAttr(index, kNameAttr, builder.getStringAttr(name));
    setDims(
        [&, index = index](StringAttr key, Attribute value) {
          function.setArgAttr(index, key, value);
        },
        name == "rows" ? "R" : "T");
  }
  function.setResultAttr(0, kNameAttr, builder.getStringAttr("logits"));
  setDims([&](StringAttr key,
              Attribute value) { function.setResultAttr(0, key, value); },
          "R");
  for (size_t i = 0; i < config.layers.size(); ++i) {
    StringAttr name = builder.getStringAttr("kv" + Twine(i));
    function.setArgAttr(4 + i, kNameAttr, name);
    function.setResultAttr(1 + i, kNameAttr, name);
  }
  return function;
}

void DecoderBuilder::build() {
  func::FuncOp function = buildFunction();
  builder.setInsertionPointToStart(function.addEntryBlock());
  Value positions = function.getArgument(1);
  Value segments = function.getArgument(2);

  setLocation("token_embd");
  Value x = EmbedOp::create(
      builder, location, hidden, useParam("token_embd.weight"),
      function.getArgument(0), llvm::APFloat(config.embeddingScale));
  SmallVector<Value> caches;
  for (auto [index, layer] : llvm::enumerate(config.layers)) {
    layerIndex = index;
    auto [y, cache] = buildAttentionLayer(layer, x, positions, segments,
                                          function.getArgument(4 + index));
    caches.push_back(cache);
    x = buildFeedForwardLayer(y, config.parallelResidual ? x : y);
  }
  layerIndex = -1;

  SmallVector<Value> results = {buildHead(x, function.getArgument(3))};
  llvm::append_range(results, caches);
  setLocation("forward");
  func::ReturnOp::create(builder, location, results);
}

void winnow::buildDecoder(ModuleOp module, const ModelConfig &config,
                          int64_t context) {
  DecoderBuilder(module, config, context).build();
}
