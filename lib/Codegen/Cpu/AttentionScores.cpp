//===- AttentionScores.cpp - Column sums of the attention weights ---------===//
//
// For each key the sum of its weights over all query rows of its head:
// a second pass over the scores, after the denominators
// are known. A thread owns whole (key head, chunk) columns and adds rows up in
// one order, so the sums do not depend on the number of threads.
//
//===----------------------------------------------------------------------===//

#include "AttentionTile.h"

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kFloatBytes = sizeof(float);

/// Adds the weights of a tile's real rows to the column sums in scratch.
static void addWeights(AttentionEmitter &e, const AttentionTile &tile,
                       Value chunk,
                       const AttentionEmitter::BlockRange &blocks) {
  KernelBuilder &k = e.k;
  const AttentionPlan &plan = e.plan;
  VectorType floats = k.vectorType(k.f32Type());
  Value firstSlot = k.mul(chunk, kAttentionChunk);
  k.forLoop(
      k.i64(0), k.i64(tile.rows), k.i64(1),
      [&](Value index) {
        AttentionRow row = e.rowOf(tile, index);
        k.ifThen(row.isReal, [&] {
          auto rowValue = [&](int64_t offset) {
            return k.loadSplat(k.i32Type(),
                               e.element(e.rowArray(tile, offset), index),
                               kLanes);
          };
          Value position = rowValue(plan.positions);
          Value segment = rowValue(plan.segments);
          Value statistics = e.statisticsOf(row.token, row.head);
          Value shift = k.loadSplat(k.f32Type(), statistics, kLanes);
          Value inverse = k.loadSplat(
              k.f32Type(), k.offset(statistics, kFloatBytes), kLanes);
          Value scores =
              k.offset(e.scratch(plan.scores),
                       k.mul(index, plan.kScoreStride * kFloatBytes));
          k.forLoop(
              blocks.first, blocks.last, k.i64(1),
              [&](Value block) {
                Value bytes = k.mul(block, kLanes * kFloatBytes);
                Value slot = k.add(firstSlot, k.mul(block, kLanes));
                Value score =
                    e.emitLogits(k.load(floats, k.offset(scores, bytes), 4),
                                 row, position, segment, slot, /*masked=*/true);
                Value weight = k.mulF(k.exp(k.subF(score, shift)), inverse);
                Value column = k.offset(e.scratch(plan.columns), bytes);
                k.store(k.addF(k.load(floats, column, 4), weight), column, 4);
              },
              /*unroll=*/false);
        });
      },
      /*unroll=*/false);
}

func::FuncOp emitAttentionScores(ModuleOp module, const Target &target,
                                 const AttentionSpec &spec, StringRef name) {
  KernelBuilder k(module, target, name,
                  attentionArgumentTypes(module.getContext()));
  AttentionEmitter e(k, spec);
  const AttentionPlan &plan = e.plan;
  const AttentionArguments &args = e.args;
  k.forLoop(
      args.thread, k.mul(e.chunkCount(), spec.keyHeads), args.threads,
      [&](Value item) {
        Value keyHead = k.remU(item, spec.keyHeads);
        Value chunk = k.divU(item, spec.keyHeads);
        for (int64_t c = 0; c < kAttentionChunk; c += kLanes)
          k.store(k.splatF32(0), e.scratch(plan.columns + c * kFloatBytes));
        k.forLoop(
            k.i64(0), k.i64(plan.pieces), k.i64(1),
            [&](Value piece) {
              k.forLoop(
                  k.i64(0), args.queries, k.i64(plan.tileTokens),
                  [&](Value token) {
                    AttentionTile tile;
                    tile.index = k.i64(0);
                    tile.keyHead = keyHead;
                    tile.piece = piece;
                    tile.token = token;
                    tile.endToken = args.queries;
                    e.forTile(tile, [&](const AttentionTile &whole) {
                      e.startTile(whole);
                      auto blocks = e.classify(e.boundsOf(whole), chunk);
                      k.ifThen(k.lessThan(blocks.first, blocks.last), [&] {
                        e.packTile(whole);
                        e.emitScores(whole, chunk, blocks);
                        addWeights(e, whole, chunk, blocks);
                      });
                    });
                  },
                  /*unroll=*/false);
            },
            /*unroll=*/false);
        Value firstSlot = k.mul(chunk, kAttentionChunk);
        Value slots =
            k.minS(k.sub(args.keyCount, firstSlot), k.i64(kAttentionChunk));
        k.forLoop(k.i64(0), slots, k.i64(1), [&](Value slot) {
          Value index =
              k.add(k.mul(k.add(firstSlot, slot), spec.keyHeads), keyHead);
          Value column = e.element(e.scratch(plan.columns), slot);
          k.store(k.load(k.f32Type(), column, 4),
                  e.element(args.columnSums, index), 4);
        });
      },
      /*unroll=*/false);
  return k.finish();
}

} // namespace winnow::cpu
