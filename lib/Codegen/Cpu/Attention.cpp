//===- Attention.cpp - Attention kernels ----------------------------------===//
//
// The kernels share out blocks of queries, a few tiles each, over threads: each
// block visits all chunks of keys and ends with its results. A call of few
// queries, which has fewer tiles than threads, shares out (tile, chunk) pairs
// instead; then `compute` leaves the partial states in shared memory and
// `combine` adds them up, in the order and with the operations of the first
// way.
//
//===----------------------------------------------------------------------===//

#include "AttentionTile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kFloatBytes = sizeof(float);

//===----------------------------------------------------------------------===//
// Specs and arguments
//===----------------------------------------------------------------------===//

AttentionSpec AttentionSpec::get(AttentionOp op) {
  auto query = cast<RankedTensorType>(op.getQuery().getType());
  auto key = cast<RankedTensorType>(op.getKey().getType());
  auto value = cast<RankedTensorType>(op.getValue().getType());
  MaskAttr mask = op.getMask();
  AttentionSpec spec;
  spec.queryHeads = query.getDimSize(1);
  spec.keyHeads = key.getDimSize(1);
  spec.keyDim = query.getDimSize(2);
  spec.valueDim = value.getDimSize(2);
  spec.mask = mask.getKind();
  spec.window = mask.getWindow();
  spec.windowSinks = mask.getSinks();
  spec.prefix = mask.getPrefix();
  spec.gridWidth = mask.getWidth();
  spec.scale = op.getScale().convertToFloat();
  spec.softcap = op.getSoftcap().convertToFloat();
  spec.hasSegments = bool(op.getQuerySegments());
  spec.hasSinks = bool(op.getSinks());
  spec.hasBias = bool(op.getBias());
  spec.distances.assign(op.getDistances().begin(), op.getDistances().end());
  spec.wantsLse = bool(op.getLse());
  spec.wantsScores = bool(op.getScores());
  // Keys and values of one cache: winnow-verify-model.
  if (auto view = op.getKey().getDefiningOp<KvViewOp>()) {
    KvCacheType cache = view.getCache().getType();
    spec.keyFormat = getCacheFormat(cache.getKeyType());
    spec.valueFormat = getCacheFormat(cache.getValueType());
  }
  return spec;
}

std::string AttentionSpec::name() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  // Numbers as bits: two specs with the same name are the same.
  auto bits = [](float value) {
    return llvm::utohexstr(llvm::bit_cast<uint32_t>(value), /*LowerCase=*/true);
  };
  stream << "attention_" << queryHeads << "x" << keyHeads << "_" << keyDim
         << "x" << valueDim << "_" << stringifyMaskKind(mask);
  for (auto [letter, value] : {std::pair<char, int64_t>{'w', window},
                               {'k', windowSinks},
                               {'p', prefix},
                               {'g', gridWidth}})
    if (value)
      stream << "_" << letter << value;
  stream << "_scale" << bits(scale);
  if (softcap != 0)
    stream << "_cap" << bits(softcap);
  for (auto [text, isSet] : {std::pair<const char *, bool>{"seg", hasSegments},
                             {"sinks", hasSinks},
                             {"bias", hasBias},
                             {"lse", wantsLse},
                             {"scores", wantsScores}})
    if (isSet)
      stream << "_" << text;
  for (int64_t distance : distances)
    stream << "_d" << distance;
  for (auto [letter, format] :
       {std::pair<char, CacheFormat>{'k', keyFormat}, {'v', valueFormat}})
    if (format != CacheFormat::F32)
      stream << "_" << letter << getName(format);
  return text;
}

int64_t attentionThreadScratchBytes(const AttentionSpec &spec) {
  return AttentionPlan(spec).threadBytes;
}

AttentionSharedBytes attentionSharedBytes(const AttentionSpec &spec) {
  AttentionPlan plan(spec);
  AttentionSharedBytes bytes;
  if (spec.wantsScores)
    bytes.perQuery = spec.queryHeads * 2 * kFloatBytes;
  int64_t perChunk = kSplitQueries * spec.queryHeads * plan.partialBytes();
  bytes.perKey = llvm::divideCeil(perChunk, kAttentionChunk);
  bytes.constant = perChunk; // of the last chunk, which may be shorter
  return bytes;
}

namespace {
struct ArgumentField {
  Value AttentionArguments::*value;
  bool isPointer;
};
} // namespace

static constexpr ArgumentField kArguments[] = {
    {&AttentionArguments::query, true},
    {&AttentionArguments::queryStride, false},
    {&AttentionArguments::queries, false},
    {&AttentionArguments::queryPositions, true},
    {&AttentionArguments::querySegments, true},
    {&AttentionArguments::keys, true},
    {&AttentionArguments::values, true},
    {&AttentionArguments::keyPositions, true},
    {&AttentionArguments::keySegments, true},
    {&AttentionArguments::keyCount, false},
    {&AttentionArguments::capacity, false},
    {&AttentionArguments::splitKeys, false},
    {&AttentionArguments::sinks, true},
    {&AttentionArguments::bias, true},
    {&AttentionArguments::biasHeadStride, false},
    {&AttentionArguments::biasQueryStride, false},
    {&AttentionArguments::relativeBias, true},
    {&AttentionArguments::visible, true},
    {&AttentionArguments::visibleStride, false},
    {&AttentionArguments::output, true},
    {&AttentionArguments::outputStride, false},
    {&AttentionArguments::lse, true},
    {&AttentionArguments::columnSums, true},
    {&AttentionArguments::threadScratch, true},
    {&AttentionArguments::shared, true},
    {&AttentionArguments::thread, false},
    {&AttentionArguments::threads, false},
};

SmallVector<Type> attentionArgumentTypes(MLIRContext *context) {
  SmallVector<Type> types;
  for (const ArgumentField &field : kArguments)
    types.push_back(field.isPointer ? Type(LLVM::LLVMPointerType::get(context))
                                    : Type(IntegerType::get(context, 64)));
  return types;
}

void callAttention(KernelBuilder &k, func::FuncOp kernel,
                   const AttentionArguments &arguments) {
  SmallVector<Value> operands;
  for (const ArgumentField &field : kArguments) {
    Value value = arguments.*field.value;
    if (!value)
      value = field.isPointer ? k.nullPtr() : k.i64(0);
    operands.push_back(value);
  }
  k.call(kernel, operands);
}

AttentionEmitter::AttentionEmitter(KernelBuilder &kernel,
                                   const AttentionSpec &attention)
    : k(kernel), spec(attention), plan(attention) {
  for (auto [index, field] : llvm::enumerate(kArguments))
    args.*field.value = k.arg(index);
}

//===----------------------------------------------------------------------===//
// Sharing the work
//===----------------------------------------------------------------------===//

Value AttentionEmitter::chunkCount() {
  return k.ceilDivU(args.keyCount, kAttentionChunk);
}

Value AttentionEmitter::tileCount() {
  return k.ceilDivU(args.queries, plan.tileTokens);
}

Value AttentionEmitter::isSplit() {
  int64_t groups = spec.keyHeads * plan.pieces;
  Value areFew = k.lessEqual(args.queries, k.i64(kSplitQueries));
  Value haveThreads = k.lessThan(k.i64(1), args.threads);
  Value wouldIdle =
      k.lessThan(k.mul(tileCount(), groups), k.mul(args.threads, 2));
  Value canSplit = k.andI(k.lessThan(k.i64(1), chunkCount()),
                          k.lessEqual(args.keyCount, args.splitKeys));
  return k.andI(k.andI(areFew, haveThreads), k.andI(wouldIdle, canSplit));
}

Value AttentionEmitter::statisticsOf(Value token, Value head) {
  Value index = k.add(k.mul(token, spec.queryHeads), head);
  return k.offset(args.shared, k.mul(index, 2 * kFloatBytes));
}

Value AttentionEmitter::partialOf(Value chunk, Value token, Value head) {
  Value partials = args.shared;
  if (spec.wantsScores)
    partials = k.offset(partials, k.mul(k.roundUp(args.queries, 16),
                                        spec.queryHeads * 2 * kFloatBytes));
  Value row = k.add(
      k.mul(k.add(k.mul(chunk, args.queries), token), spec.queryHeads), head);
  return k.offset(partials, k.mul(row, plan.partialBytes()));
}

void AttentionEmitter::finishRow(const AttentionRow &row, Value maximum,
                                 Value sum, Value accumulator) {
  // A sink takes part in the denominator alone.
  Value factor = k.f32(1), denominator = sum, shift = maximum;
  if (spec.hasSinks) {
    Value sink = k.load(k.f32Type(), element(args.sinks, row.head), 4);
    Combination factors = combine(maximum, sink);
    factor = factors.oldFactor;
    denominator = k.addF(k.mulF(sum, factor), factors.newFactor);
    shift = factors.maximum;
  }
  Value isEmpty = arith::CmpFOp::create(k.builder(), arith::CmpFPredicate::OEQ,
                                        denominator, k.f32(0));
  Value inverse = k.select(isEmpty, k.f32(0), k.divF(k.f32(1), denominator));
  Value scale = k.broadcast(k.mulF(factor, inverse));

  Value output = element(args.output, k.add(k.mul(row.token, args.outputStride),
                                            k.mul(row.head, spec.valueDim)));
  VectorType floats = k.vectorType(k.f32Type());
  for (int64_t c = 0; c < spec.valueDim; c += kLanes) {
    Value state = k.load(floats, k.offset(accumulator, c * kFloatBytes), 4);
    // Adding zero turns -0 into 0: a skipped chunk adds nothing, a masked one
    // may have added 0 to -0.
    Value result = k.fma(state, scale, k.splatF32(0));
    Value target = k.offset(output, c * kFloatBytes);
    if (c + kLanes <= spec.valueDim)
      k.store(result, target, 4);
    else
      k.storeFirst(result, target, k.i64(spec.valueDim - c));
  }
  Value index = k.add(k.mul(row.token, spec.queryHeads), row.head);
  if (spec.wantsLse)
    k.store(k.addF(maximum, k.log(sum)), element(args.lse, index), 4);
  if (spec.wantsScores) {
    Value statistics = statisticsOf(row.token, row.head);
    k.store(finiteShift(shift), statistics, 4);
    k.store(inverse, k.offset(statistics, kFloatBytes), 4);
  }
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

/// Writes the results of a tile, or its partial states for `chunk`.
static void emitEnd(AttentionEmitter &e, const AttentionTile &tile, Value chunk,
                    Value isSplit) {
  KernelBuilder &k = e.k;
  const AttentionPlan &plan = e.plan;
  k.forLoop(
      k.i64(0), k.i64(tile.rows), k.i64(1),
      [&](Value index) {
        AttentionRow row = e.rowOf(tile, index);
        k.ifThen(row.isReal, [&] {
          Value maximum = k.load(
              k.f32Type(), e.element(e.rowArray(tile, plan.maximum), index), 4);
          Value sum = k.load(k.f32Type(),
                             e.element(e.rowArray(tile, plan.sum), index), 4);
          Value rowIndex = k.add(k.mul(tile.index, kTileRows), index);
          Value accumulator =
              k.offset(e.scratch(plan.accumulator),
                       k.mul(rowIndex, plan.paddedValueDim * kFloatBytes));
          k.ifElse(
              isSplit, {},
              [&] {
                Value partial = e.partialOf(chunk, row.token, row.head);
                k.store(maximum, partial, 4);
                k.store(sum, k.offset(partial, kFloatBytes), 4);
                k.ifThen(e.isNotEmpty(maximum), [&] {
                  k.memoryCopy(k.offset(partial, int64_t(64)), accumulator,
                               k.i64(plan.paddedValueDim * kFloatBytes));
                });
                return KernelBuilder::Values();
              },
              [&] {
                e.finishRow(row, maximum, sum, accumulator);
                return KernelBuilder::Values();
              });
        });
      },
      /*unroll=*/false);
}

static func::FuncOp emitCompute(ModuleOp module, const Target &target,
                                const AttentionSpec &spec, StringRef name) {
  KernelBuilder k(module, target, name,
                  attentionArgumentTypes(module.getContext()));
  AttentionEmitter e(k, spec);
  const int64_t groups = spec.keyHeads * e.plan.pieces;
  const int64_t tileTokens = e.plan.tileTokens;
  const AttentionArguments &args = e.args;

  Value isSplit = e.isSplit();
  Value chunks = e.chunkCount(), tiles = e.tileCount();
  // Blocks are as large as leaves each thread several of them.
  Value share = k.divU(k.mul(tiles, groups), k.mul(args.threads, 4));
  Value blockTiles = k.minS(k.maxS(share, k.i64(1)), k.i64(kBlockTiles));
  blockTiles = k.select(isSplit, k.i64(1), blockTiles);
  Value blockTokens = k.mul(blockTiles, tileTokens);
  Value blocks =
      k.divU(k.add(args.queries, k.sub(blockTokens, k.i64(1))), blockTokens);
  Value items = k.mul(blocks, groups);
  items = k.select(isSplit, k.mul(items, chunks), items);

  // Later blocks see more keys: turn the order of threads every round.
  Value rounds =
      k.divU(k.add(items, k.sub(args.threads, k.i64(1))), args.threads);
  k.forLoop(
      k.i64(0), rounds, k.i64(1),
      [&](Value round) {
        Value isOdd = k.equal(k.andI(round, k.i64(1)), k.i64(1));
        Value mirrored = k.sub(k.sub(args.threads, k.i64(1)), args.thread);
        Value item = k.add(k.mul(round, args.threads),
                           k.select(isOdd, mirrored, args.thread));
        k.ifThen(k.lessThan(item, items), [&] {
          Value chunk = k.divU(item, k.mul(blocks, groups)); // 0 unless split
          Value rest = k.remU(item, k.mul(blocks, groups));
          Value block = k.remU(rest, blocks), group = k.divU(rest, blocks);
          Value firstToken = k.mul(block, blockTokens);
          Value endToken = k.minS(k.add(firstToken, blockTokens), args.queries);
          Value firstChunk = chunk;
          Value lastChunk = k.select(isSplit, k.add(chunk, 1), chunks);

          auto forEachTile =
              [&](function_ref<void(const AttentionTile &)> body) {
                k.forLoop(
                    firstToken, endToken, k.i64(tileTokens),
                    [&](Value token) {
                      AttentionTile tile;
                      tile.index = k.divU(k.sub(token, firstToken), tileTokens);
                      tile.keyHead = k.divU(group, e.plan.pieces);
                      tile.piece = e.plan.pieces == 1
                                       ? k.i64(0)
                                       : k.remU(group, e.plan.pieces);
                      tile.token = token;
                      tile.endToken = endToken;
                      e.forTile(tile, body);
                    },
                    /*unroll=*/false);
              };
          e.startBlock();
          forEachTile([&](const AttentionTile &tile) {
            e.startTile(tile);
            e.addToBlock(tile);
          });
          Value isOneTile = k.lessEqual(blockTiles, k.i64(1));
          k.forLoop(
              firstChunk, lastChunk, k.i64(1),
              [&](Value current) {
                // Most chunks are nobody's: those of other texts.
                Value isSeen = k.ifElse(
                    isOneTile, {k.i1Type()},
                    [&] { return KernelBuilder::Values{isOneTile}; },
                    [&] {
                      auto range = e.classify(e.blockBounds(), current);
                      return KernelBuilder::Values{
                          k.lessThan(range.first, range.last)};
                    })[0];
                k.ifThen(isSeen, [&] {
                  forEachTile([&](const AttentionTile &tile) {
                    auto range = e.classify(e.boundsOf(tile), current);
                    k.ifThen(k.lessThan(range.first, range.last), [&] {
                      e.packTile(tile);
                      e.emitScores(tile, current, range);
                      e.emitSoftmax(tile, current, range);
                      e.emitValues(tile, current, range);
                    });
                  });
                });
              },
              /*unroll=*/false);
          forEachTile([&](const AttentionTile &tile) {
            emitEnd(e, tile, chunk, isSplit);
          });
        });
      },
      /*unroll=*/false);
  return k.finish();
}

/// accumulator = accumulator * oldFactor + partial * newFactor.
static void addPartial(AttentionEmitter &e, Value accumulator, Value partial,
                       const AttentionEmitter::Combination &factors) {
  KernelBuilder &k = e.k;
  VectorType floats = k.vectorType(k.f32Type());
  Value oldFactor = k.broadcast(factors.oldFactor);
  Value newFactor = k.broadcast(factors.newFactor);
  Value values = k.offset(partial, int64_t(64));
  k.forLoop(k.i64(0), k.i64(e.plan.paddedValueDim), k.i64(kLanes),
            [&](Value channel) {
              Value ptr = e.element(accumulator, channel);
              Value added = k.load(floats, e.element(values, channel), 4);
              Value old = k.mulF(k.load(floats, ptr, 4), oldFactor);
              k.store(k.fma(added, newFactor, old), ptr, 4);
            });
}

static func::FuncOp emitCombine(ModuleOp module, const Target &target,
                                const AttentionSpec &spec, StringRef name) {
  KernelBuilder k(module, target, name,
                  attentionArgumentTypes(module.getContext()));
  AttentionEmitter e(k, spec);
  const AttentionPlan &plan = e.plan;
  const AttentionArguments &args = e.args;
  k.ifThen(e.isSplit(), [&] {
    k.forLoop(
        args.thread, k.mul(args.queries, spec.queryHeads), args.threads,
        [&](Value index) {
          AttentionRow row = {k.divU(index, spec.queryHeads),
                              k.remU(index, spec.queryHeads), Value()};
          Value accumulator = e.scratch(plan.accumulator);
          for (int64_t c = 0; c < plan.paddedValueDim; c += kLanes)
            k.store(k.splatF32(0), k.offset(accumulator, c * kFloatBytes));
          // Combining with an empty state would change nothing.
          KernelBuilder::Values state = k.forLoop(
              k.i64(0), e.chunkCount(), k.i64(1), {e.minusInfinity(), k.f32(0)},
              [&](Value chunk, ValueRange carried) {
                Value partial = e.partialOf(chunk, row.token, row.head);
                Value maximum = k.load(k.f32Type(), partial, 4);
                return k.ifElse(
                    e.isNotEmpty(maximum), {k.f32Type(), k.f32Type()},
                    [&] {
                      auto factors = e.combine(carried[0], maximum);
                      addPartial(e, accumulator, partial, factors);
                      Value sum = k.load(k.f32Type(),
                                         k.offset(partial, kFloatBytes), 4);
                      return KernelBuilder::Values{
                          factors.maximum,
                          k.fma(sum, factors.newFactor,
                                k.mulF(carried[1], factors.oldFactor))};
                    },
                    [&] { return KernelBuilder::Values(carried); });
              },
              /*unroll=*/false);
          e.finishRow(row, state[0], state[1], accumulator);
        },
        /*unroll=*/false);
  });
  return k.finish();
}

AttentionKernels getAttentionKernels(ModuleOp module, const Target &target,
                                     const AttentionSpec &spec) {
  std::string name = spec.name();
  auto get = [&](const char *suffix, auto emit) {
    std::string full = name + suffix;
    if (func::FuncOp existing = KernelBuilder::lookup(module, full))
      return existing;
    return emit(module, target, spec, full);
  };
  AttentionKernels kernels;
  kernels.compute = get("_compute", emitCompute);
  kernels.combine = get("_combine", emitCombine);
  if (spec.wantsScores)
    kernels.scores = get("_column_sums", emitAttentionScores);
  return kernels;
}

} // namespace winnow::cpu
