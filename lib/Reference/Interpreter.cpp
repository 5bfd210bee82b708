//===- Interpreter.cpp - Runs functions of winnow IR ----------------------===//

#include "Rules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

namespace {
/// Calls nested deeper than this are taken for an endless recursion.
constexpr unsigned kMaxCallDepth = 256;

/// The values of one function body, layer body or linalg body.
class Frame {
public:
  /// A frame that sees the values of `parent` (of a linalg body's op).
  explicit Frame(const Frame *parent = nullptr) : parent(parent) {}

  void set(Value value, RuntimeValue content) {
    values[value] = std::move(content);
  }
  const RuntimeValue &get(Value value) const {
    auto found = values.find(value);
    return found != values.end() ? found->second : parent->get(value);
  }
  const Tensor &tensor(Value value) const {
    return std::get<Tensor>(get(value));
  }
  /// Null for an absent optional operand.
  const Tensor *optional(Value value) const {
    return value ? &tensor(value) : nullptr;
  }
  int64_t integer(Value value) const { return tensor(value).integers()[0]; }
  int64_t integer(OpFoldResult size) const {
    if (auto value = dyn_cast<Value>(size))
      return integer(value);
    return cast<IntegerAttr>(cast<Attribute>(size)).getInt();
  }
  SmallVector<int64_t> integers(ArrayRef<OpFoldResult> sizes) const {
    return llvm::map_to_vector(
        sizes, [&](OpFoldResult size) { return integer(size); });
  }

  /// What kind of block this is the frame of: the iteration space where it is
  /// the body of a linalg op, otherwise null. The types of a linalg body are
  /// those of one point and so not those of its values.
  const ArrayRef<int64_t> *iterationSpace = nullptr;

private:
  const Frame *parent;
  DenseMap<Value, RuntimeValue> values;
};

class Interpreter {
public:
  explicit Interpreter(ParamResolver resolver) : resolver(resolver) {}

  FailureOr<SmallVector<RuntimeValue>> call(func::FuncOp function,
                                            ArrayRef<RuntimeValue> arguments,
                                            Operation *caller);

private:
  using Results = SmallVector<RuntimeValue>;

  /// Runs a block to its terminator and returns the terminator's operands.
  FailureOr<Results> runBlock(Block &block, Frame &frame);
  FailureOr<Results> evaluate(Operation *op, Frame &frame);
  FailureOr<Results> evaluateWinnow(Operation *op, Frame &frame);
  FailureOr<Results> evaluateUpstream(Operation *op, Frame &frame);
  FailureOr<Results> evaluateLayer(LayerOp op, Frame &frame);
  FailureOr<Results> evaluateUse(ParamRefOp op);
  FailureOr<Results> evaluateAttentionOp(AttentionOp op, Frame &frame);

  ParamResolver resolver;
  unsigned depth = 0;
};
} // namespace

/// One result, or failure, as a list of results.
template <typename T>
static FailureOr<SmallVector<RuntimeValue>> single(FailureOr<T> result) {
  if (failed(result))
    return failure();
  return SmallVector<RuntimeValue>{RuntimeValue(std::move(*result))};
}

/// Several tensors, or failure, as a list of results.
static FailureOr<SmallVector<RuntimeValue>>
several(FailureOr<SmallVector<Tensor>> results) {
  if (failed(results))
    return failure();
  return SmallVector<RuntimeValue>(results->begin(), results->end());
}

/// Checks that a value is one of `type`.
static LogicalResult check(Operation *op, StringRef what, unsigned index,
                           Type type, const RuntimeValue &value) {
  EncodingAttr encoding = getEncoding(type);
  if (encoding && encoding.getLayout() != "rows")
    return op->emitOpError("expects the layout 'rows' to be interpreted, "
                           "found '")
           << encoding.getLayout() << "'";
  if (auto found = findMismatch(type, value))
    return op->emitOpError("expects ") << what << " #" << index << " to be "
                                       << type << ", found " << *found;
  return success();
}

FailureOr<SmallVector<RuntimeValue>>
Interpreter::call(func::FuncOp function, ArrayRef<RuntimeValue> arguments,
                  Operation *caller) {
  if (function.isExternal())
    return caller->emitOpError("expects '")
           << function.getName() << "' to have a body to be interpreted";
  if (depth == kMaxCallDepth)
    return caller->emitOpError("expects at most ")
           << kMaxCallDepth << " nested calls";
  if (function.getNumArguments() != arguments.size())
    return function.emitOpError("expects ")
           << function.getNumArguments() << " arguments, found "
           << arguments.size();
  Frame frame;
  for (auto [index, argument] : llvm::enumerate(function.getArguments())) {
    if (failed(check(function, "argument", index, argument.getType(),
                     arguments[index])))
      return failure();
    frame.set(argument, arguments[index]);
  }
  if (!function.getBody().hasOneBlock())
    return function.emitOpError("expects one block to be interpreted");
  ++depth;
  auto results = runBlock(function.getBody().front(), frame);
  --depth;
  return results;
}

FailureOr<SmallVector<RuntimeValue>> Interpreter::runBlock(Block &block,
                                                           Frame &frame) {
  for (Operation &op : block.without_terminator()) {
    FailureOr<Results> results = evaluate(&op, frame);
    if (failed(results))
      return failure();
    for (auto [index, result] : llvm::enumerate(op.getResults())) {
      if (!frame.iterationSpace &&
          failed(
              check(&op, "result", index, result.getType(), (*results)[index])))
        return failure();
      frame.set(result, std::move((*results)[index]));
    }
  }
  return llvm::map_to_vector(block.getTerminator()->getOperands(),
                             [&](Value value) { return frame.get(value); });
}

FailureOr<SmallVector<RuntimeValue>> Interpreter::evaluate(Operation *op,
                                                           Frame &frame) {
  if (!op->getDialect())
    return op->emitOpError("has no meaning in the interpreter");
  if (isa<WinnowDialect>(op->getDialect()))
    return evaluateWinnow(op, frame);
  if (const auto *foreign =
          op->getDialect()
              ->getRegisteredInterface<InterpreterDialectInterface>()) {
    Results operands = llvm::map_to_vector(
        op->getOperands(), [&](Value value) { return frame.get(value); });
    Results results;
    if (failed(foreign->interpret(op, operands, results)))
      return failure();
    return results;
  }
  return evaluateUpstream(op, frame);
}

FailureOr<SmallVector<RuntimeValue>> Interpreter::evaluateWinnow(Operation *op,
                                                                 Frame &frame) {
  using Result = FailureOr<Results>;
  return TypeSwitch<Operation *, Result>(op)
      .Case([&](AttentionOp attention) {
        return evaluateAttentionOp(attention, frame);
      })
      .Case([&](RopeOp rope) {
        return single(evaluateRope(rope, frame.tensor(rope.getInput()),
                                   frame.tensor(rope.getPositions()),
                                   frame.optional(rope.getFactors())));
      })
      .Case([&](NormOp norm) {
        return single(evaluateNorm(norm, frame.tensor(norm.getInput()),
                                   frame.optional(norm.getWeight()),
                                   frame.optional(norm.getBias())));
      })
      .Case([&](LinearOp linear) {
        return single(evaluateLinear(linear, frame.get(linear.getInput()),
                                     frame.get(linear.getWeight()),
                                     frame.optional(linear.getBias())));
      })
      .Case([&](RecodeOp recode) {
        return single(evaluateRecode(recode, frame.get(recode.getInput())));
      })
      .Case([&](TakeOp take) {
        return single(evaluateTake(take, frame.get(take.getInput())));
      })
      .Case([&](HadamardOp hadamard) -> Result {
        return Results{
            evaluateHadamard(hadamard, frame.tensor(hadamard.getInput()))};
      })
      .Case([&](EmbedOp embed) {
        return single(evaluateEmbed(embed, frame.get(embed.getTable()),
                                    frame.tensor(embed.getIds())));
      })
      .Case([&](TokenGatherOp gather) {
        return single(evaluateTokenGather(gather,
                                          frame.tensor(gather.getInput()),
                                          frame.tensor(gather.getIndices())));
      })
      .Case([&](TokenPoolOp pool) {
        return single(evaluateTokenPool(pool, frame.tensor(pool.getInput()),
                                        frame.tensor(pool.getSegments()),
                                        frame.tensor(pool.getWanted()),
                                        frame.optional(pool.getWeights())));
      })
      .Case([&](TokenScoreOp score) {
        return single(evaluateTokenScore(
            score,
            {&frame.tensor(score.getQuery()), &frame.tensor(score.getKey()),
             frame.optional(score.getLse()),
             frame.optional(score.getSegments()),
             frame.optional(score.getBias()),
             frame.optional(score.getPositions()),
             frame.optional(score.getRelativeBias())}));
      })
      .Case([&](TokenChangeOp change) {
        return single(evaluateTokenChange(change,
                                          frame.tensor(change.getBefore()),
                                          frame.tensor(change.getAfter())));
      })
      .Case([&](TokenSelectOp select) -> Result {
        return several(
            evaluateTokenSelect(select, frame.tensor(select.getScores()),
                                frame.optional(select.getSegments()),
                                frame.optional(select.getPrunable())));
      })
      .Case([&](TokenMatchOp match) -> Result {
        return several(evaluateTokenMatch(match, frame.tensor(match.getKey()),
                                          frame.optional(match.getSegments())));
      })
      .Case([&](TokenMergeOp merge) -> Result {
        return several(evaluateTokenMerge(merge, frame.tensor(merge.getInput()),
                                          frame.optional(merge.getSizes()),
                                          frame.tensor(merge.getInto()),
                                          frame.tensor(merge.getKept())));
      })
      .Case([&](TokenRestoreOp restore) {
        return single(evaluateTokenRestore(
            restore, frame.tensor(restore.getInput()),
            frame.tensor(restore.getKept()), frame.tensor(restore.getBase())));
      })
      .Case([&](ImagePatchesOp patches) -> Result {
        return Results{
            evaluateImagePatches(patches, frame.tensor(patches.getInput()))};
      })
      .Case([&](KvAppendOp append) {
        return single(evaluateKvAppend(
            append, std::get<Cache>(frame.get(append.getCache())),
            frame.tensor(append.getKey()), frame.tensor(append.getValue()),
            frame.tensor(append.getPositions()),
            frame.tensor(append.getSegments())));
      })
      .Case([&](KvViewOp view) -> Result {
        return several(
            evaluateKvView(view, std::get<Cache>(frame.get(view.getCache()))));
      })
      .Case([&](KvTruncateOp truncate) {
        return single(evaluateKvTruncate(
            truncate, std::get<Cache>(frame.get(truncate.getCache())),
            frame.integer(truncate.getLength())));
      })
      .Case([&](KvNextPositionsOp next) -> Result {
        return Results{
            evaluateKvNextPositions(std::get<Cache>(frame.get(next.getCache())),
                                    frame.tensor(next.getSegments()))};
      })
      .Case([&](LayerOp layer) { return evaluateLayer(layer, frame); })
      .Case([&](ParamRefOp use) { return evaluateUse(use); })
      // A tap changes nothing.
      .Case([](ObserveOp) -> Result { return Results{}; })
      .Default([](Operation *other) -> Result {
        return other->emitOpError("has no meaning in the interpreter");
      });
}

FailureOr<SmallVector<RuntimeValue>>
Interpreter::evaluateAttentionOp(AttentionOp op, Frame &frame) {
  AttentionOperands operands = {&frame.tensor(op.getQuery()),
                                &frame.tensor(op.getKey()),
                                &frame.tensor(op.getValue()),
                                &frame.tensor(op.getQueryPositions()),
                                &frame.tensor(op.getKeyPositions()),
                                frame.optional(op.getQuerySegments()),
                                frame.optional(op.getKeySegments()),
                                frame.optional(op.getMaskOperand()),
                                frame.optional(op.getSinks()),
                                frame.optional(op.getBias()),
                                frame.optional(op.getRelativeBias())};
  FailureOr<AttentionResults> results = evaluateAttention(op, operands);
  if (failed(results))
    return failure();
  Results values = {results->output};
  if (op.getLse())
    values.push_back(results->lse);
  if (op.getScores())
    values.push_back(results->scores);
  return values;
}

FailureOr<SmallVector<RuntimeValue>> Interpreter::evaluateLayer(LayerOp op,
                                                                Frame &frame) {
  Frame body;
  for (auto [argument, input] :
       llvm::zip(op.getBody().getArguments(), op.getInputs()))
    body.set(argument, frame.get(input));
  FailureOr<Results> yielded = runBlock(op.getBody().front(), body);
  if (failed(yielded))
    return failure();
  // y = r + m · f, rounded once.
  const auto &branch = std::get<Tensor>(yielded->front());
  Tensor output = frame.tensor(op.getResidual());
  if (branch.shape() != output.shape())
    return op.emitOpError("expects the branch to have the residual's shape");
  double multiplier = op.getMultiplier().convertToFloat();
  for (auto [y, f] : llvm::zip(output.mutableFloats(), branch.floats()))
    y = double(y) + multiplier * double(f);
  yielded->front() = output;
  return yielded;
}

FailureOr<SmallVector<RuntimeValue>> Interpreter::evaluateUse(ParamRefOp op) {
  auto param =
      SymbolTable::lookupNearestSymbolFrom<ParamOp>(op, op.getParamAttr());
  if (!param)
    return op.emitOpError("expects '")
           << op.getParam() << "' to be the name of a param";
  FailureOr<ParamBytes> bytes = resolver(param);
  if (failed(bytes))
    return failure();
  return single(readParam(param, *bytes));
}

FailureOr<SmallVector<RuntimeValue>>
Interpreter::evaluateUpstream(Operation *op, Frame &frame) {
  using Result = FailureOr<Results>;
  return TypeSwitch<Operation *, Result>(op)
      .Case([&](func::CallOp callOp) -> Result {
        auto callee = SymbolTable::lookupNearestSymbolFrom<func::FuncOp>(
            callOp, callOp.getCalleeAttr());
        if (!callee)
          return callOp.emitOpError("expects '")
                 << callOp.getCallee() << "' to be the name of a function";
        Results arguments =
            llvm::map_to_vector(callOp.getOperands(),
                                [&](Value value) { return frame.get(value); });
        return call(callee, arguments, callOp);
      })
      .Case([&](arith::ConstantOp constant) {
        return single(evaluateConstant(constant, constant.getValue()));
      })
      .Case([&](tensor::EmptyOp empty) {
        return single(
            evaluateEmpty(empty, frame.integers(empty.getMixedSizes())));
      })
      .Case([&](tensor::DimOp dim) -> Result {
        const RuntimeValue &source = frame.get(dim.getSource());
        const auto *tensor = std::get_if<Tensor>(&source);
        ArrayRef<int64_t> shape =
            tensor ? tensor->shape()
                   : ArrayRef(std::get<EncodedTensor>(source).shape);
        int64_t index = frame.integer(dim.getIndex());
        if (index < 0 || index >= int64_t(shape.size()))
          return dim.emitOpError("expects an index in [0, ")
                 << shape.size() << "), found " << index;
        return Results{Tensor::scalar(ElementKind::Index, shape[index])};
      })
      .Case([&](tensor::CastOp castOp) {
        return Result(Results{frame.get(castOp.getSource())});
      })
      .Case([&](tensor::ExpandShapeOp expand) {
        return single(
            evaluateReshape(expand, frame.tensor(expand.getSrc()),
                            frame.integers(expand.getMixedOutputShape())));
      })
      .Case([&](tensor::CollapseShapeOp collapse) {
        const Tensor &source = frame.tensor(collapse.getSrc());
        SmallVector<int64_t> shape;
        for (ArrayRef<int64_t> group : collapse.getReassociationIndices()) {
          shape.push_back(1);
          for (int64_t dim : group)
            shape.back() *= source.dim(dim);
        }
        return single(evaluateReshape(collapse, source, shape));
      })
      .Case([&](tensor::ExtractSliceOp slice) {
        return single(
            evaluateExtractSlice(slice, frame.tensor(slice.getSource()),
                                 frame.integers(slice.getMixedOffsets()),
                                 frame.integers(slice.getMixedSizes()),
                                 frame.integers(slice.getMixedStrides())));
      })
      .Case([&](tensor::ConcatOp concat) {
        return single(evaluateConcat(
            concat, llvm::map_to_vector(concat.getInputs(), [&](Value value) {
              return &frame.tensor(value);
            })));
      })
      .Case([&](linalg::IndexOp index) -> Result {
        return Results{makeIndexTensor(*frame.iterationSpace, index.getDim())};
      })
      .Case([&](linalg::LinalgOp linalgOp) -> Result {
        SmallVector<const Tensor *> operands =
            llvm::map_to_vector(op->getOperands(), [&](Value value) {
              return &frame.tensor(value);
            });
        auto results =
            evaluateLinalg(linalgOp, operands,
                           [&](Block &body, ArrayRef<RuntimeValue> arguments,
                               ArrayRef<int64_t> iterationSpace) -> Result {
                             Frame bodyFrame(&frame);
                             bodyFrame.iterationSpace = &iterationSpace;
                             for (auto [argument, value] :
                                  llvm::zip(body.getArguments(), arguments))
                               bodyFrame.set(argument, value);
                             return runBlock(body, bodyFrame);
                           });
        if (failed(results))
          return failure();
        return Results(results->begin(), results->end());
      })
      .Default([&](Operation *other) -> Result {
        SmallVector<const Tensor *> operands;
        for (Value operand : other->getOperands()) {
          operands.push_back(std::get_if<Tensor>(&frame.get(operand)));
          if (!operands.back())
            return other->emitOpError("has no meaning in the interpreter");
        }
        return single(evaluateElementwise(other, operands));
      });
}

FailureOr<SmallVector<RuntimeValue>>
winnow::interpret(func::FuncOp function, ArrayRef<RuntimeValue> arguments,
                  ParamResolver resolver) {
  return Interpreter(resolver).call(function, arguments, function);
}
