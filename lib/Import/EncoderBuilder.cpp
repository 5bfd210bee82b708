//===- EncoderBuilder.cpp - IR of an encoder ------------------------------===//

#include "EncoderBuilder.h"
#include "ParamTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

namespace {

class EncoderBuilder {
public:
  EncoderBuilder(ModuleOp module, const Checkpoint &checkpoint,
                 const EncoderFamily &family, const EncoderConfig &config)
      : module(module), checkpoint(checkpoint), family(family), config(config),
        builder(module.getContext()), f32(builder.getF32Type()),
        ids(RankedTensorType::get({ShapedType::kDynamic},
                                  builder.getI32Type())) {}

  llvm::Error build();

private:
  // Text has any number of tokens, an image its patches and one more.
  int64_t tokenCount() const {
    return family.input == EncoderInput::Text ? ShapedType::kDynamic
                                              : config.patches() + 1;
  }
  RankedTensorType getTensor(ArrayRef<int64_t> shape) {
    return RankedTensorType::get(shape, f32);
  }
  RankedTensorType getRows(int64_t width) {
    return getTensor({tokenCount(), width});
  }
  void setLocation(const Twine &name) {
    location = NameLoc::get(builder.getStringAttr(name));
  }
  std::string layerName(StringRef name) {
    return (family.layerPrefix + Twine(layerIndex) + "." + name).str();
  }

  Value useParam(StringRef name, ArrayRef<int64_t> shape);
  Value usePlain(StringRef name, ArrayRef<int64_t> shape);
  Value buildLinear(Value input, StringRef name, int64_t inner, int64_t outer);
  Value buildNorm(Value input, StringRef name);
  Value buildMap(ValueRange inputs, Type element,
                 function_ref<Value(ValueRange)> scalar);
  Value buildSum(Value a, Value b);
  Value buildNumber(double value);
  Value buildActivation(Value x);
  Value splitHeads(Value input);
  LayerOp buildLayer(Value input, ArrayRef<Value> others,
                     function_ref<Value(Block &)> body);
  Value buildAttention(Value input);
  Value buildFeedForward(Value input);
  Value buildLayers(Value x);
  Value embedText(Block &entry);
  Value embedImage(Value image);
  Value buildRelativeTable();
  func::FuncOp buildFunction(StringRef name, ArrayRef<StringRef> arguments,
                             ArrayRef<Type> types);
  void finishFunction(func::FuncOp function, ArrayRef<Value> results,
                      ArrayRef<StringRef> names);
  void buildText();
  void buildImage();

  ModuleOp module;
  const Checkpoint &checkpoint;
  const EncoderFamily &family;
  const EncoderConfig &config;
  OpBuilder builder;
  Type f32;
  RankedTensorType ids;
  Location location = builder.getUnknownLoc();
  int64_t layerIndex = 0;
  /// Positions and segments of the tokens; the latter null for images.
  Value positions, segments;
  Value relativeTable;
  SmallVector<int64_t> distances;
  std::string firstError;
};

} // namespace

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// The tensor of that name as a matrix or vector of `shape`, which may join
/// dimensions of the stored one.
Value EncoderBuilder::useParam(StringRef name, ArrayRef<int64_t> shape) {
  std::string stored = name.str();
  const CheckpointTensor *tensor = checkpoint.find(stored);
  if (!tensor) {
    stored = (family.prefix + name).str();
    tensor = checkpoint.find(stored);
  }
  auto fail = [&](const Twine &message) {
    if (firstError.empty())
      firstError =
          (checkpoint.getFiles().front() + ": tensor '" + name + "' " + message)
              .str();
  };
  auto print = [](ArrayRef<int64_t> sizes) {
    std::string text;
    llvm::raw_string_ostream os(text);
    llvm::interleave(sizes, os, "x");
    return text;
  };
  Attribute encoding;
  if (!tensor) {
    auto unusable = checkpoint.getUnusable().find(stored);
    fail(unusable == checkpoint.getUnusable().end()
             ? "is missing; " + family.modelType + " models need it"
             : Twine(unusable->second));
  } else {
    // Sizes of 1 in front, and the sides of a kernel behind, are joined.
    ArrayRef<int64_t> sizes = tensor->shape;
    while (sizes.size() > shape.size() && sizes.front() == 1)
      sizes = sizes.drop_front();
    SmallVector<int64_t> joined(sizes.take_front(shape.size()));
    for (int64_t size : sizes.drop_front(joined.size()))
      if (llvm::MulOverflow(joined.back(), size, joined.back()))
        joined.clear();
    if (ArrayRef(joined) != shape)
      fail("has shape " + print(tensor->shape) + ", expects " + print(shape));
    if (tensor->format->name != "f32")
      encoding =
          EncodingAttr::get(builder.getContext(), tensor->format->name, "rows");
  }
  auto type = RankedTensorType::get(shape, f32, encoding);
  if (!module.lookupSymbol<ParamOp>(stored)) {
    OpBuilder::InsertionGuard guard(builder);
    builder.setInsertionPoint(&module.getBody()->back());
    ParamOp::create(builder, NameLoc::get(builder.getStringAttr(stored)),
                    stored, type,
                    builder.getDictionaryAttr(builder.getNamedAttr(
                        "file", builder.getStringAttr(stored))));
  }
  return ParamRefOp::create(builder, location, type, stored);
}

/// The same without encoding, for ops that take plain tensors.
Value EncoderBuilder::usePlain(StringRef name, ArrayRef<int64_t> shape) {
  Value param = useParam(name, shape);
  if (!getEncoding(param.getType()))
    return param;
  return RecodeOp::create(builder, location, getTensor(shape), param);
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

Value EncoderBuilder::buildLinear(Value input, StringRef name, int64_t inner,
                                  int64_t outer) {
  setLocation(name);
  Value weight = useParam((name + ".weight").str(), {outer, inner});
  // Some families have models without biases.
  std::string bias = (name + ".bias").str();
  bool hasBias =
      checkpoint.find(bias) || checkpoint.find((family.prefix + bias).str());
  int64_t rows = cast<RankedTensorType>(input.getType()).getDimSize(0);
  return LinearOp::create(builder, location, getTensor({rows, outer}), input,
                          weight, hasBias ? usePlain(bias, {outer}) : Value());
}

Value EncoderBuilder::buildNorm(Value input, StringRef name) {
  setLocation(name);
  Value weight = usePlain((name + ".weight").str(), {config.width});
  Value bias = usePlain((name + ".bias").str(), {config.width});
  return NormOp::create(builder, location, input.getType(), input, weight, bias,
                        NormKind::Layer, llvm::APFloat(config.epsilon),
                        llvm::APFloat(0.0f));
}

/// Applies a scalar function to every element of equally shaped tensors.
Value EncoderBuilder::buildMap(ValueRange inputs, Type element,
                               function_ref<Value(ValueRange)> scalar) {
  Value init = tensor::EmptyOp::create(
      builder, location,
      tensor::getMixedSizes(builder, location, inputs.front()), element);
  auto map = linalg::MapOp::create(
      builder, location, inputs, init,
      [&](OpBuilder &nested, Location loc, ValueRange arguments) {
        OpBuilder::InsertionGuard guard(builder);
        builder.restoreInsertionPoint(nested.saveInsertionPoint());
        linalg::YieldOp::create(builder, loc, scalar(arguments));
      });
  return map->getResult(0);
}

Value EncoderBuilder::buildSum(Value a, Value b) {
  return buildMap({a, b}, f32, [&](ValueRange terms) -> Value {
    return arith::AddFOp::create(builder, location, terms[0], terms[1]);
  });
}

Value EncoderBuilder::buildNumber(double value) {
  return arith::ConstantOp::create(builder, location,
                                   builder.getF32FloatAttr(value));
}

/// The activation of one f32.
Value EncoderBuilder::buildActivation(Value x) {
  auto multiply = [&](Value a, Value b) -> Value {
    return arith::MulFOp::create(builder, location, a, b);
  };
  auto add = [&](Value a, Value b) -> Value {
    return arith::AddFOp::create(builder, location, a, b);
  };
  switch (config.activation) {
  case EncoderActivation::Relu:
    return arith::MaximumFOp::create(builder, location, x, buildNumber(0));
  case EncoderActivation::Silu: {
    Value negated = arith::NegFOp::create(builder, location, x);
    Value divisor =
        add(buildNumber(1), math::ExpOp::create(builder, location, negated));
    return arith::DivFOp::create(builder, location, x, divisor);
  }
  case EncoderActivation::Gelu: {
    // 0.5 x (1 + erf(x / sqrt(2))).
    Value scaled = multiply(x, buildNumber(0.70710678118654752440));
    Value gate =
        add(buildNumber(1), math::ErfOp::create(builder, location, scaled));
    return multiply(multiply(buildNumber(0.5), x), gate);
  }
  case EncoderActivation::GeluTanh: {
    // 0.5 x (1 + tanh(sqrt(2 / pi) x (1 + 0.044715 x^2))).
    Value stretch =
        add(buildNumber(1), multiply(buildNumber(0.044715), multiply(x, x)));
    Value argument =
        multiply(multiply(buildNumber(0.79788456080286535588), x), stretch);
    Value gate =
        add(buildNumber(1), math::TanhOp::create(builder, location, argument));
    return multiply(multiply(buildNumber(0.5), x), gate);
  }
  }
  llvm_unreachable("all activations are handled");
}

/// [T, width] to [T, heads, width / heads].
Value EncoderBuilder::splitHeads(Value input) {
  OpFoldResult tokens =
      tensor::getMixedSize(builder, location, input, /*dim=*/0);
  return tensor::ExpandShapeOp::create(
      builder, location,
      getTensor({tokenCount(), config.heads, config.headLength()}), input,
      ArrayRef<ReassociationIndices>{{0}, {1, 2}},
      ArrayRef<OpFoldResult>{tokens, builder.getIndexAttr(config.heads),
                             builder.getIndexAttr(config.headLength())});
}

//===----------------------------------------------------------------------===//
// Layers
//===----------------------------------------------------------------------===//

/// A residual layer whose body gets the input and `others` as arguments.
LayerOp EncoderBuilder::buildLayer(Value input, ArrayRef<Value> others,
                                   function_ref<Value(Block &)> body) {
  SmallVector<Value> inputs = {input};
  llvm::append_range(inputs, others);
  Location name = location;
  auto op = LayerOp::create(builder, name, input.getType(), TypeRange(), input,
                            inputs, builder.getF32FloatAttr(1.0f));
  OpBuilder::InsertionGuard guard(builder);
  SmallVector<Type> types(op.getInputs().getTypes());
  Block *block = builder.createBlock(&op.getBody(), {}, types,
                                     SmallVector<Location>(types.size(), name));
  Value branch = body(*block);
  location = name;
  YieldOp::create(builder, location, branch);
  return op;
}

Value EncoderBuilder::buildAttention(Value input) {
  setLocation(layerName("attention"));
  SmallVector<Value> others = {positions};
  if (segments)
    others.push_back(segments);
  if (relativeTable)
    others.push_back(relativeTable);
  Location name = location;
  auto op = buildLayer(input, others, [&](Block &block) -> Value {
    Value u = block.getArgument(0), at = block.getArgument(1);
    Value of = segments ? Value(block.getArgument(2)) : Value();
    Value relative =
        relativeTable ? Value(block.getArguments().back()) : Value();
    if (family.preNorm)
      u = buildNorm(u, layerName(family.attentionNorm));
    auto project = [&](StringRef part) {
      return splitHeads(
          buildLinear(u, layerName(part), config.width, config.width));
    };
    Value query = project(family.query), key = project(family.key),
          value = project(family.value);
    location = name;
    auto mask = MaskAttr::get(builder.getContext(), MaskKind::Full,
                              /*window=*/0, /*sinks=*/0, /*prefix=*/0,
                              /*width=*/0);
    float scale = 1.0 / std::sqrt(double(config.headLength()));
    auto attention = AttentionOp::create(
        builder, location, query.getType(), /*lse=*/Type(), /*scores=*/Type(),
        query, key, value, at, at, of, of, /*mask_operand=*/Value(),
        /*sinks=*/Value(), /*bias=*/Value(), relative, mask,
        llvm::APFloat(scale), /*softcap=*/llvm::APFloat(0.0f), distances);
    Value joined = tensor::CollapseShapeOp::create(
        builder, location, getRows(config.width), attention.getOutput(),
        ArrayRef<ReassociationIndices>{{0}, {1, 2}});
    return buildLinear(joined, layerName(family.attentionOutput), config.width,
                       config.width);
  });
  if (family.preNorm)
    return op.getOutput();
  return buildNorm(op.getOutput(), layerName(family.attentionNorm));
}

Value EncoderBuilder::buildFeedForward(Value input) {
  setLocation(layerName("mlp"));
  Location name = location;
  auto op = buildLayer(input, {}, [&](Block &block) {
    Value u = block.getArgument(0);
    if (family.preNorm)
      u = buildNorm(u, layerName(family.feedForwardNorm));
    Value up =
        buildLinear(u, layerName(family.up), config.width, config.feedForward);
    location = name;
    Value active = buildMap(up, f32, [&](ValueRange arguments) {
      return buildActivation(arguments[0]);
    });
    return buildLinear(active, layerName(family.down), config.feedForward,
                       config.width);
  });
  if (family.preNorm)
    return op.getOutput();
  return buildNorm(op.getOutput(), layerName(family.feedForwardNorm));
}

Value EncoderBuilder::buildLayers(Value x) {
  for (layerIndex = 0; layerIndex < config.layers; ++layerIndex)
    x = buildFeedForward(buildAttention(x));
  return x;
}

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

/// MPNet's table of biases, and the least distance of each bucket: half of the
/// buckets are for keys behind the query; of each half, the first half has a
/// distance each, and the others grow evenly on a logarithmic scale up to 128
/// (T5, arXiv 1910.10683).
Value EncoderBuilder::buildRelativeTable() {
  constexpr double longest = 128;
  int64_t half = config.buckets / 2, exact = half / 2;
  for (int64_t distance = 1; distance <= exact; ++distance)
    distances.push_back(distance);
  for (int64_t bucket = exact + 1; bucket < half; ++bucket) {
    double begin = exact * std::pow(longest / exact,
                                    double(bucket - exact) / (half - exact));
    distances.push_back(std::ceil(begin - 1e-9));
  }
  setLocation("encoder.relative_attention_bias");
  return usePlain("encoder.relative_attention_bias.weight",
                  {config.buckets, config.heads});
}

Value EncoderBuilder::embedText(Block &entry) {
  auto embed = [&](StringRef name, int64_t rows, Value index) -> Value {
    setLocation(name);
    return EmbedOp::create(
        builder, location, getRows(config.width),
        useParam((name + ".weight").str(), {rows, config.width}), index,
        llvm::APFloat(1.0f));
  };
  Value x = embed("embeddings.word_embeddings", config.vocabulary,
                  entry.getArgument(0));
  if (family.hasTypes) {
    Value types = embed("embeddings.token_type_embeddings", config.types,
                        entry.getArgument(2));
    x = buildSum(x, types);
  }
  Value rows = positions;
  setLocation("embeddings.position_embeddings");
  if (config.firstPosition)
    rows = buildMap(rows, builder.getI32Type(), [&](ValueRange arguments) {
      Value first = arith::ConstantOp::create(
          builder, location, builder.getI32IntegerAttr(config.firstPosition));
      return Value(
          arith::AddIOp::create(builder, location, arguments[0], first));
    });
  x = buildSum(x,
               embed("embeddings.position_embeddings", config.positions, rows));
  return buildNorm(x, "embeddings.LayerNorm");
}

Value EncoderBuilder::embedImage(Value image) {
  constexpr StringRef projection = "embeddings.patch_embeddings.projection";
  setLocation(projection);
  int64_t inner = config.channels * config.patch * config.patch;
  Value patches = ImagePatchesOp::create(builder, location,
                                         getTensor({config.patches(), inner}),
                                         image, config.patch);
  // The convolution's weight is [width, channels, patch, patch]: a row has the
  // numbers of a patch.
  Value embedded = buildLinear(patches, projection, inner, config.width);
  setLocation("embeddings");
  Value first = usePlain("embeddings.cls_token", {1, config.width});
  Value x = tensor::ConcatOp::create(builder, location, getRows(config.width),
                                     /*dim=*/0, ValueRange{first, embedded});
  return buildSum(x, usePlain("embeddings.position_embeddings",
                              {tokenCount(), config.width}));
}

//===----------------------------------------------------------------------===//
// Entry points
//===----------------------------------------------------------------------===//

/// The empty entry point with its argument names. Vectors named "texts" have
/// the length S, others T.
func::FuncOp EncoderBuilder::buildFunction(StringRef name,
                                           ArrayRef<StringRef> arguments,
                                           ArrayRef<Type> types) {
  setLocation(name);
  builder.setInsertionPointToEnd(module.getBody());
  auto function = func::FuncOp::create(builder, location, name,
                                       builder.getFunctionType(types, {}));
  function->setAttr(kEntryAttr, builder.getUnitAttr());
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    function.setArgAttr(index, kNameAttr, builder.getStringAttr(argument));
    if (types[index] == ids)
      function.setArgAttr(
          index, kDimsAttr,
          builder.getStrArrayAttr({argument == "texts" ? "S" : "T"}));
  }
  builder.setInsertionPointToStart(function.addEntryBlock());
  return function;
}

void EncoderBuilder::finishFunction(func::FuncOp function,
                                    ArrayRef<Value> results,
                                    ArrayRef<StringRef> names) {
  setLocation(function.getName());
  func::ReturnOp::create(builder, location, results);
  function.setFunctionType(
      builder.getFunctionType(function.getArgumentTypes(),
                              llvm::to_vector(ValueRange(results).getTypes())));
  for (auto [index, name] : llvm::enumerate(names)) {
    function.setResultAttr(index, kNameAttr, builder.getStringAttr(name));
    if (cast<RankedTensorType>(results[index].getType()).isDynamicDim(0))
      function.setResultAttr(
          index, kDimsAttr,
          builder.getStrArrayAttr({name == "embeddings" ? "S" : "T"}));
  }
}

void EncoderBuilder::buildText() {
  SmallVector<StringRef> names = {"ids", "positions"};
  if (family.hasTypes)
    names.push_back("types");
  names.push_back("segments");
  if (config.pooling)
    names.push_back("texts");
  func::FuncOp function =
      buildFunction("encode", names, SmallVector<Type>(names.size(), ids));
  Block &entry = function.getBody().front();
  positions = entry.getArgument(1);
  segments = entry.getArgument(family.hasTypes ? 3 : 2);
  if (family.hasRelativeBias)
    relativeTable = buildRelativeTable();
  SmallVector<Value> results = {buildLayers(embedText(entry))};
  if (config.pooling) {
    setLocation("pooling");
    Value pooled = TokenPoolOp::create(
        builder, location, getRows(config.width), results.front(), segments,
        entry.getArguments().back(), /*weights=*/Value(), config.pooling->kind);
    if (config.pooling->normalize)
      pooled = NormOp::create(builder, location, pooled.getType(), pooled,
                              Value(), Value(), NormKind::L2,
                              llvm::APFloat(1e-12f), llvm::APFloat(0.0f));
    results.push_back(pooled);
  }
  constexpr StringRef resultNames[] = {"hidden", "embeddings"};
  finishFunction(function, results,
                 ArrayRef(resultNames).take_front(results.size()));
}

void EncoderBuilder::buildImage() {
  const CheckpointTensor *classifier = checkpoint.find("classifier.weight");
  auto image = getTensor({config.channels, config.height, config.imageWidth});
  func::FuncOp function =
      buildFunction(classifier ? "classify" : "encode", {"image"}, {image});
  // They mean nothing to attention of all tokens on all, but passes may change
  // that.
  positions =
      arith::ConstantOp::create(builder, location,
                                builder.getI32TensorAttr(llvm::to_vector(
                                    llvm::seq<int32_t>(0, tokenCount()))));
  Value x = buildLayers(embedImage(function.getArgument(0)));
  if (!classifier)
    return finishFunction(function, {buildNorm(x, "layernorm")}, {"hidden"});
  auto one = RankedTensorType::get({1}, builder.getI32Type());
  setLocation("classifier");
  Value index = arith::ConstantOp::create(
      builder, location,
      DenseElementsAttr::get(one, builder.getI32IntegerAttr(0)));
  Value first = TokenGatherOp::create(builder, location,
                                      getTensor({1, config.width}), x, index);
  Value normed = buildNorm(first, "layernorm");
  Value logits = buildLinear(normed, "classifier", config.width,
                             classifier->shape.front());
  finishFunction(function, {logits}, {"logits"});
}

llvm::Error EncoderBuilder::build() {
  if (family.input == EncoderInput::Text)
    buildText();
  else
    buildImage();
  if (!firstError.empty())
    return llvm::createStringError(firstError);
  // Heads that were trained with the model are of no use here.
  for (const CheckpointTensor &tensor : checkpoint.getTensors()) {
    StringRef name = tensor.name;
    name.consume_front(family.prefix);
    bool isHead = llvm::any_of(
        ArrayRef<StringRef>{"pooler.", "cls.", "lm_head.", "classifier."},
        [&](StringRef head) { return name.starts_with(head); });
    if (!isHead && !isForPasses(tensor.name) &&
        !module.lookupSymbol<ParamOp>(tensor.name))
      return llvm::createStringError(
          checkpoint.getFiles().front() + ": tensor '" + tensor.name +
          "' is not part of a " + family.modelType + " model with " +
          Twine(config.layers) + " layers");
  }
  return llvm::Error::success();
}

llvm::Error winnow::buildEncoder(ModuleOp module, const Checkpoint &checkpoint,
                                 const EncoderFamily &family,
                                 const EncoderConfig &config) {
  return EncoderBuilder(module, checkpoint, family, config).build();
}
