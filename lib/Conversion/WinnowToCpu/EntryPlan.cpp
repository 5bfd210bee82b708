//===- EntryPlan.cpp - Steps, stages and memory of an entry point ---------===//

#include "EntryPlanner.h"

#include "winnow/Codegen/Cpu/Linear.h"
#include "winnow/Formats/Activation.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace winnow::cpu {

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

FailureOr<RowCount> EntryPlanner::rowsOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  if (type.getRank() == 0)
    return RowCount{-1, 1};
  if (!type.isDynamicDim(0))
    return RowCount{-1, type.getDimSize(0)};
  auto it = rowCounts.find(value);
  if (it == rowCounts.end())
    return emitError(value.getLoc(),
                     "cannot tell the number of rows of a tensor");
  return it->second;
}

FailureOr<int64_t> EntryPlanner::rowBytesOf(Value value) {
  auto type = cast<RankedTensorType>(value.getType());
  int64_t elements = 1;
  for (int64_t size : type.getShape().drop_front(type.getRank() ? 1 : 0)) {
    if (ShapedType::isDynamic(size))
      return emitError(value.getLoc(),
                       "only the leading dimension may be dynamic, found ")
             << type;
    elements *= size;
  }
  if (EncodingAttr encoding = getEncoding(type))
    return activationBytesPerRow(target, activationsOf(encoding.getFormat()),
                                 elements);
  int64_t bits =
      type.getElementType().isIndex() ? 64 : type.getElementTypeBitWidth();
  return elements * std::max<int64_t>(bits / 8, 1);
}

FailureOr<int> EntryPlanner::defineResult(Value value, RowCount rows) {
  auto type = cast<RankedTensorType>(value.getType());
  if (rows.isComputed() && (!type.getRank() || !type.isDynamicDim(0)))
    return emitError(value.getLoc(), "expects a dynamic number of rows, which "
                                     "native code computes, found ")
           << type;
  rowCounts[value] = rows;
  FailureOr<int64_t> rowBytes = rowBytesOf(value);
  if (failed(rowBytes))
    return failure();
  Buffer buffer;
  buffer.rows = rows;
  buffer.rowBytes = *rowBytes;
  int index = addBuffer(buffer);
  buffers[value] = index;
  return index;
}

void EntryPlanner::shareBuffer(Value value, Value source) {
  buffers[value] = bufferOf(source);
  if (auto it = rowCounts.find(source); it != rowCounts.end()) {
    // By value: the new entry may move the old one.
    RowCount rows = it->second;
    rowCounts[value] = rows;
  }
}

Step &EntryPlanner::addStep(Step::Kind kind, Operation *op,
                            ArrayRef<int> inputs, ArrayRef<int> outputs,
                            RowCount rows) {
  Step step{kind, op, SmallVector<int>(inputs), SmallVector<int>(outputs),
            rows};
  plan.steps.push_back(step);
  return plan.steps.back();
}

//===----------------------------------------------------------------------===//
// Arguments and results
//===----------------------------------------------------------------------===//

LogicalResult EntryPlanner::planArguments() {
  for (BlockArgument arg : plan.function.getArguments()) {
    if (isa<KvCacheType>(arg.getType())) {
      CachePlan cache;
      cache.type = cast<KvCacheType>(arg.getType());
      cache.argument = plan.cacheArguments.size();
      cacheStates[arg] = {static_cast<int>(plan.caches.size()), 0};
      plan.cacheArguments.push_back(arg);
      plan.caches.push_back(cache);
      continue;
    }
    auto type = dyn_cast<RankedTensorType>(arg.getType());
    if (!type || type.getEncoding())
      return plan.function.emitOpError("expects plain tensors and caches as "
                                       "arguments, found ")
             << arg.getType();
    auto names = plan.function.getArgAttrOfType<ArrayAttr>(arg.getArgNumber(),
                                                           kDimsAttr);
    if (type.getNumDynamicDims() &&
        (!names ||
         names.size() != static_cast<size_t>(type.getNumDynamicDims())))
      return plan.function.emitOpError("expects argument ")
             << arg.getArgNumber() << " to name its dynamic dimensions in '"
             << kDimsAttr << "'";
    int64_t named = 0;
    for (auto [axis, size] : llvm::enumerate(type.getShape())) {
      if (!ShapedType::isDynamic(size))
        continue;
      StringRef name = cast<StringAttr>(names[named++]).getValue();
      auto *it = llvm::find(plan.dimNames, name);
      int symbol = it - plan.dimNames.begin();
      if (it == plan.dimNames.end())
        plan.dimNames.push_back(name);
      if (axis == 0)
        rowCounts[arg] = {symbol, 0};
    }
    FailureOr<RowCount> rows = rowsOf(arg);
    if (failed(rows))
      return failure();
    // Only masks and biases have further dynamic dimensions; attention takes
    // their strides from the number of keys.
    FailureOr<int64_t> rowBytes =
        llvm::any_of(type.getShape().drop_front(type.getRank() ? 1 : 0),
                     ShapedType::isDynamic)
            ? FailureOr<int64_t>(0)
            : rowBytesOf(arg);
    if (failed(rowBytes))
      return failure();
    Buffer buffer;
    buffer.place = Buffer::Place::Input;
    buffer.location = plan.inputs.size();
    buffer.rows = *rows;
    buffer.rowBytes = *rowBytes;
    buffers[arg] = addBuffer(buffer);
    plan.inputs.push_back(arg);
  }
  return success();
}

LogicalResult EntryPlanner::planResults(func::ReturnOp op) {
  for (Value value : op.getOperands()) {
    if (isa<KvCacheType>(value.getType()))
      continue;
    if (!buffers.count(value))
      return op.emitOpError("cannot return a value of type ")
             << value.getType();
    if (FailureOr<RowCount> rows = rowsOf(value);
        failed(rows) || rows->isComputed())
      return op.emitOpError("cannot return rows whose number native code "
                            "computes");
    int64_t output = plan.outputs.size();
    plan.outputs.push_back(value);
    int index = bufferOf(value);
    Buffer &buffer = plan.buffers[index];
    if (buffer.place == Buffer::Place::Arena) {
      buffer.place = Buffer::Place::Output;
      buffer.location = output;
      continue;
    }
    // An argument, a weight, or a value that is returned twice.
    Buffer copy = buffer;
    copy.place = Buffer::Place::Output;
    copy.location = output;
    int target = addBuffer(copy);
    addStep(Step::Kind::Copy, op, {index}, {target}, copy.rows);
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Ops
//===----------------------------------------------------------------------===//

LogicalResult EntryPlanner::planLinear(LinearOp op) {
  FailureOr<RowCount> rows = rowsOf(op.getInput());
  if (failed(rows))
    return failure();
  FailureOr<int> output = defineResult(op.getOutput(), *rows);
  if (failed(output))
    return failure();
  addStep(Step::Kind::Linear, op,
          {bufferOf(op.getInput()), bufferOf(op.getWeight()),
           bufferOf(op.getBias())},
          {*output}, *rows);
  return success();
}

/// Whether a map of what a linear layer gives, which nothing else reads, became
/// part of that layer's step.
bool EntryPlanner::mapLinear(linalg::MapOp op) {
  if (op.getInputs().size() != 1)
    return false;
  Value input = op.getInputs().front(), result = op->getResult(0);
  auto linear = input.getDefiningOp<LinearOp>();
  if (!linear || input.getType() != result.getType())
    return false;
  // Its size is that of its rows, which is known without it.
  int64_t readers = llvm::count_if(input.getUsers(), [](Operation *user) {
    return !isa<tensor::DimOp>(user);
  });
  if (readers != 1)
    return false;
  auto step = llvm::find_if(
      plan.steps, [&](const Step &other) { return other.op == linear; });
  if (step == plan.steps.end())
    return false;
  step->map = op;
  shareBuffer(result, input);
  return true;
}

LogicalResult EntryPlanner::planMap(linalg::MapOp op) {
  if (mapLinear(op))
    return success();
  RowCount rows;
  SmallVector<int> inputs;
  for (Value input : op.getInputs()) {
    FailureOr<RowCount> inputRows = rowsOf(input);
    if (failed(inputRows))
      return failure();
    if (!inputs.empty() && !(*inputRows == rows))
      return op.emitOpError("expects inputs with the same rows");
    rows = *inputRows;
    inputs.push_back(bufferOf(input));
  }
  if (inputs.empty())
    return op.emitOpError("expects at least one input");
  FailureOr<int> output = defineResult(op->getResult(0), rows);
  if (failed(output))
    return failure();
  addStep(Step::Kind::Map, op, inputs, {*output}, rows);
  return success();
}

LogicalResult EntryPlanner::planRowsOf(Step::Kind kind, Operation *op,
                                       Value rowOperand, Value source,
                                       ArrayRef<int> inputs) {
  FailureOr<RowCount> rows = rowsOf(rowOperand);
  FailureOr<RowCount> sourceRows = rowsOf(source);
  if (failed(rows) || failed(sourceRows))
    return failure();
  FailureOr<int> output = defineResult(op->getResult(0), *rows);
  if (failed(output))
    return failure();
  addStep(kind, op, inputs, {*output}, *rows).sourceRows = *sourceRows;
  return success();
}

LogicalResult EntryPlanner::planChosenRows(Step::Kind kind, Operation *op,
                                           Value source, Value indices) {
  if (failed(planRowsOf(kind, op, indices, source,
                        {bufferOf(source), bufferOf(indices)})))
    return failure();
  // Numbers that the caller gives can be checked before anything runs.
  if (auto argument = dyn_cast<BlockArgument>(indices)) {
    IndexBound bound{plan.buffers[bufferOf(argument)].location,
                     plan.steps.back().sourceRows.bound()};
    if (!llvm::is_contained(plan.indexBounds, bound))
      plan.indexBounds.push_back(bound);
  }
  return success();
}

/// What an attention would have left, unless one did, and the scores.
LogicalResult EntryPlanner::planScore(TokenScoreOp op) {
  FailureOr<RowCount> rows = rowsOf(op.getQuery());
  if (failed(rows))
    return failure();
  int lse = bufferOf(op.getLse());
  SmallVector<int> inputs = {bufferOf(op.getQuery()),
                             bufferOf(op.getKey()),
                             lse,
                             bufferOf(op.getSegments()),
                             bufferOf(op.getBias()),
                             bufferOf(op.getPositions()),
                             bufferOf(op.getRelativeBias())};
  if (lse < 0) {
    Buffer buffer;
    buffer.rows = *rows;
    buffer.rowBytes =
        cast<RankedTensorType>(op.getQuery().getType()).getDimSize(1) *
        sizeof(float);
    lse = addBuffer(buffer);
    addStep(Step::Kind::TokenLse, op, inputs, {lse}, *rows).sourceRows = *rows;
    inputs[Step::kScoreLse] = lse;
  }
  FailureOr<int> output = defineResult(op.getOutput(), *rows);
  if (failed(output))
    return failure();
  addStep(Step::Kind::TokenScore, op, inputs, {*output}, *rows).sourceRows =
      *rows;
  return success();
}

/// Whether each token stays, and the list of those. Which ones have the largest
/// scores, numbers say that order the tokens.
LogicalResult EntryPlanner::planSelect(TokenSelectOp op) {
  FailureOr<RowCount> rows = rowsOf(op.getScores());
  if (failed(rows))
    return failure();
  auto addWords = [&](RowCount count) {
    Buffer buffer;
    buffer.rows = count;
    buffer.rowBytes = sizeof(int32_t);
    return addBuffer(buffer);
  };
  int scores = bufferOf(op.getScores()), segments = bufferOf(op.getSegments());
  int prunable = bufferOf(op.getPrunable()), stays = addWords(*rows);
  if (op.getPolicy().getLeast()) {
    addStep(Step::Kind::TokenPasses, op, {scores, segments, prunable}, {stays},
            *rows)
        .sourceRows = *rows;
  } else {
    int orders = addWords(*rows), limits = addWords(*rows);
    addStep(Step::Kind::TokenOrder, op, {scores, segments, prunable},
            {orders, limits}, *rows)
        .sourceRows = *rows;
    SmallVector<int> results = {stays};
    if (op.getInto())
      results.push_back(addWords(*rows));
    addStep(Step::Kind::TokenStays, op, {orders, segments, limits}, results,
            *rows)
        .sourceRows = *rows;
    if (op.getInto()) {
      FailureOr<int> into = defineResult(op.getInto(), *rows);
      FailureOr<int> weights = defineResult(op.getWeights(), *rows);
      if (failed(into) || failed(weights))
        return failure();
      addStep(Step::Kind::TokenFuse, op, {results[1], segments, scores},
              {*into, *weights}, *rows)
          .sourceRows = *rows;
    }
  }
  RowCount kept = rows->bound();
  kept.computed = plan.computedCounts.size();
  FailureOr<int> indices = defineResult(op.getKept(), kept);
  if (failed(indices))
    return failure();
  int count = addWords({-1, 1});
  plan.computedCounts.push_back({count, plan.steps.size()});
  addStep(Step::Kind::Select, op, {stays}, {*indices, count}, *rows);
  return success();
}

/// Keys of length 1, and for each the one that it is most like.
LogicalResult EntryPlanner::planMatch(TokenMatchOp op) {
  FailureOr<RowCount> rows = rowsOf(op.getKey());
  if (failed(rows))
    return failure();
  Buffer buffer;
  buffer.rows = *rows;
  buffer.rowBytes =
      cast<RankedTensorType>(op.getKey().getType()).getDimSize(2) *
      sizeof(float);
  int units = addBuffer(buffer);
  addStep(Step::Kind::TokenUnit, op, {bufferOf(op.getKey())}, {units}, *rows);
  FailureOr<int> into = defineResult(op.getInto(), *rows);
  FailureOr<int> scores = defineResult(op.getScores(), *rows);
  if (failed(into) || failed(scores))
    return failure();
  addStep(Step::Kind::TokenMatch, op, {units, bufferOf(op.getSegments())},
          {*into, *scores}, *rows)
      .sourceRows = *rows;
  return success();
}

/// The row of each token, and the tokens of each row.
LogicalResult EntryPlanner::planMerge(TokenMergeOp op) {
  FailureOr<RowCount> tokens = rowsOf(op.getInput());
  FailureOr<RowCount> kept = rowsOf(op.getKept());
  if (failed(tokens) || failed(kept))
    return failure();
  FailureOr<int> rows = defineResult(op.getRows(), *tokens);
  FailureOr<int> output = defineResult(op.getOutput(), *kept);
  FailureOr<int> sizes = defineResult(op.getOutputSizes(), *kept);
  if (failed(rows) || failed(output) || failed(sizes))
    return failure();
  addStep(Step::Kind::MergedRow, op,
          {bufferOf(op.getKept()), bufferOf(op.getInto())}, {*rows}, *tokens)
      .sourceRows = *kept;
  addStep(Step::Kind::TokenMerge, op,
          {bufferOf(op.getInput()), bufferOf(op.getSizes()), *rows},
          {*output, *sizes}, *kept)
      .sourceRows = *tokens;
  return success();
}

LogicalResult EntryPlanner::planConcat(tensor::ConcatOp op) {
  if (op.getDim() != 0 || !op.getResultType().hasStaticShape())
    return op.emitOpError("expects rows of static shape in native code, found ")
           << op.getResultType();
  RowCount rows = {-1, op.getResultType().getDimSize(0)};
  SmallVector<int> inputs;
  for (Value input : op.getInputs()) {
    if (!cast<RankedTensorType>(input.getType()).hasStaticShape())
      return op.emitOpError("expects rows of static shape in native code, "
                            "found ")
             << input.getType();
    inputs.push_back(bufferOf(input));
  }
  FailureOr<int> output = defineResult(op.getResult(), rows);
  if (failed(output))
    return failure();
  addStep(Step::Kind::Concat, op, inputs, {*output}, rows);
  return success();
}

LogicalResult EntryPlanner::planConstant(arith::ConstantOp op) {
  // Scalars become part of the code that uses them.
  auto elements = dyn_cast<DenseElementsAttr>(op.getValue());
  if (!elements || !isa<RankedTensorType>(elements.getType()))
    return success();
  FailureOr<RowCount> rows = rowsOf(op);
  FailureOr<int64_t> rowBytes = rowBytesOf(op);
  if (failed(rows) || failed(rowBytes))
    return failure();
  Buffer buffer;
  buffer.place = Buffer::Place::Constant;
  buffer.rows = *rows;
  buffer.rowBytes = *rowBytes;
  buffer.constant = elements;
  buffers[op] = addBuffer(buffer);
  return success();
}

LogicalResult EntryPlanner::planOp(Operation *op) {
  // A row step with one row operand and one result.
  auto planRows = [&](Step::Kind kind, Value rowOperand,
                      ArrayRef<int> inputs) -> LogicalResult {
    FailureOr<RowCount> rows = rowsOf(rowOperand);
    if (failed(rows))
      return failure();
    FailureOr<int> output = defineResult(op->getResult(0), *rows);
    if (failed(output))
      return failure();
    addStep(kind, op, inputs, {*output}, *rows);
    return success();
  };
  auto alias = [&](Value source) {
    shareBuffer(op->getResult(0), source);
    return success();
  };

  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<tensor::EmptyOp, tensor::DimOp, arith::IndexCastOp>(
          [](auto) { return success(); })
      .Case([&](arith::ConstantOp constant) { return planConstant(constant); })
      .Case([&](ParamRefOp use) {
        Buffer buffer;
        buffer.place = Buffer::Place::Weights;
        buffer.location = weightOffset(use.getParam());
        auto type = cast<RankedTensorType>(use.getType());
        buffer.rows = {-1, type.getDimSize(0)};
        if (!getEncoding(type))
          buffer.rowBytes = *rowBytesOf(use.getOutput());
        buffers[use.getOutput()] = addBuffer(buffer);
        return success();
      })
      .Case<tensor::ExpandShapeOp, tensor::CollapseShapeOp>(
          [&](auto reshape) -> LogicalResult {
            // Rows must stay rows: the first dimension, beside ones.
            auto reassociation = reshape.getReassociationIndices();
            constexpr bool splits =
                std::is_same_v<decltype(reshape), tensor::ExpandShapeOp>;
            RankedTensorType longer =
                splits ? reshape.getResultType() : reshape.getSrcType();
            if (reassociation.empty() ||
                llvm::any_of(
                    llvm::drop_begin(reassociation[0]),
                    [&](int64_t dim) { return longer.getDimSize(dim) != 1; }))
              return reshape.emitOpError(
                  "cannot split or join the leading dimension");
            return alias(reshape.getSrc());
          })
      .Case([&](EmbedOp embed) {
        return planChosenRows(Step::Kind::Embed, embed, embed.getTable(),
                              embed.getIds());
      })
      .Case([&](TokenGatherOp gather) {
        return planChosenRows(Step::Kind::Gather, gather, gather.getInput(),
                              gather.getIndices());
      })
      .Case([&](TokenPoolOp pool) {
        return planRowsOf(
            Step::Kind::Pool, pool, pool.getWanted(), pool.getInput(),
            {bufferOf(pool.getInput()), bufferOf(pool.getSegments()),
             bufferOf(pool.getWanted()), bufferOf(pool.getWeights())});
      })
      .Case([&](TokenScoreOp score) { return planScore(score); })
      .Case([&](TokenChangeOp change) {
        return planRows(
            Step::Kind::TokenChange, change.getBefore(),
            {bufferOf(change.getBefore()), bufferOf(change.getAfter())});
      })
      .Case([&](TokenSelectOp select) { return planSelect(select); })
      .Case([&](TokenMatchOp match) { return planMatch(match); })
      .Case([&](TokenMergeOp merge) { return planMerge(merge); })
      .Case([&](TokenRestoreOp restore) {
        return planRowsOf(Step::Kind::TokenRestore, restore, restore.getBase(),
                          restore.getInput(),
                          {bufferOf(restore.getInput()),
                           bufferOf(restore.getKept()),
                           bufferOf(restore.getBase())});
      })
      .Case([&](tensor::ConcatOp concat) { return planConcat(concat); })
      .Case([&](ImagePatchesOp patches) {
        return planRows(Step::Kind::Patches, patches.getOutput(),
                        {bufferOf(patches.getInput())});
      })
      .Case([&](NormOp norm) {
        return planRows(Step::Kind::Norm, norm.getInput(),
                        {bufferOf(norm.getInput()), bufferOf(norm.getWeight()),
                         bufferOf(norm.getBias())});
      })
      .Case([&](RecodeOp recode) -> LogicalResult {
        if (getEncoding(recode.getInput().getType()) ||
            !getEncoding(recode.getType()))
          return recode.emitOpError("expects to encode plain rows in native "
                                    "code, found ")
                 << recode.getInput().getType() << " to " << recode.getType();
        if (!isActivationFormat(
                *lookupFormat(getEncoding(recode.getType()).getFormat())))
          return recode.emitOpError("to a format of weights is supported by "
                                    "native code on params alone");
        return planRows(Step::Kind::Recode, recode.getInput(),
                        {bufferOf(recode.getInput())});
      })
      .Case([&](RopeOp rope) { return planRope(rope); })
      .Case([&](linalg::MapOp map) { return planMap(map); })
      .Case([&](LinearOp linear) { return planLinear(linear); })
      .Case([&](AttentionOp attention) { return planAttention(attention); })
      .Case([&](KvAppendOp append) { return planAppend(append); })
      .Case([&](KvTruncateOp truncate) { return planTruncate(truncate); })
      .Case([&](KvNextPositionsOp next) { return planNextPositions(next); })
      .Case([&](KvViewOp view) {
        for (Value result : view.getResults())
          viewedCache[result] = view.getCache();
        return success();
      })
      .Case([&](func::ReturnOp returnOp) { return planResults(returnOp); })
      .Default([](Operation *other) {
        return other->emitOpError("is not supported by native code");
      });
}

//===----------------------------------------------------------------------===//

FailureOr<EntryPlan> EntryPlanner::run() {
  if (plan.function.getBody().getBlocks().size() != 1)
    return plan.function.emitOpError("expects an entry point of one block");
  if (failed(planArguments()))
    return failure();
  for (Operation &op : plan.function.getBody().front())
    if (failed(planOp(&op)))
      return failure();
  chunkCaches(plan);
  scheduleSteps(plan);
  layOutMemory(plan);
  return std::move(plan);
}

FailureOr<EntryPlan> planEntry(func::FuncOp function, const Target &target,
                               function_ref<int64_t(StringRef)> weightOffset) {
  return EntryPlanner(function, target, weightOffset).run();
}

} // namespace winnow::cpu
