//===- AttentionTile.h - Parts of the attention kernels ---------*- C++ -*-===//
//
// Private to lib/Codegen/Cpu. A tile is a few query rows (all heads of a piece
// of one key head's group, for one or more tokens) that share every load of
// keys and values. For each chunk of keys a tile computes scores, turns them
// into weights, and adds the weighted values to its state.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_ATTENTIONTILE_H
#define WINNOW_LIB_CODEGEN_CPU_ATTENTIONTILE_H

#include "winnow/Codegen/Cpu/Attention.h"

namespace winnow::cpu {

/// Rows of the largest tile.
inline constexpr int64_t kTileRows = 8;
/// Tiles of one block of queries: they visit a chunk one after another, while
/// it is in the cache.
inline constexpr int64_t kBlockTiles = 8;
/// Calls of at most this many queries may spread the chunks over threads.
inline constexpr int64_t kSplitQueries = 4;
/// Bytes of a tile's bounds, and the flag among them that tells whether its
/// queries have been packed.
inline constexpr int64_t kBoundsBytes = 32, kPackedFlag = 16;
/// Key blocks of a chunk.
inline constexpr int64_t kChunkBlocks = kAttentionChunk / kLanes;

/// Sizes that follow from a spec.
struct AttentionPlan {
  explicit AttentionPlan(const AttentionSpec &spec);

  int64_t group;      ///< query heads per key head
  int64_t pieces;     ///< parts of a group, each of at most kTileRows heads
  int64_t pieceHeads; ///< heads of a piece; the last one may have fewer
  int64_t tileTokens; ///< tokens of a whole tile
  int64_t paddedValueDim;

  int64_t tileRows() const { return tileTokens * pieceHeads; }

  // Byte offsets in a thread's scratch.
  int64_t packedQuery;  ///< [tile][channel][row] f32, scaled
  int64_t accumulator;  ///< [tile][row][paddedValueDim] f32
  int64_t chunkValues;  ///< [row][paddedValueDim] f32: sums of a chunk so far
  int64_t scores;       ///< [row][kScoreStride] f32, of one tile and chunk
  int64_t maximum;      ///< [tile][row] f32
  int64_t sum;          ///< [tile][row] f32
  int64_t positions;    ///< [tile][row] i32
  int64_t segments;     ///< [tile][row] i32
  int64_t bounds;       ///< [tile] i32 x 8: lowest and highest position, the
                        ///< same of segments, whether queries are packed
  int64_t blockBounds;  ///< i32 x 4: the same of all tiles of the block
  int64_t chunkMaximum; ///< [row] f32
  int64_t chunkSum;     ///< [row] f32
  int64_t factors;      ///< [2][row] f32: of the old state, of the chunk
  int64_t columns;      ///< [kAttentionChunk] f32: column sums
  int64_t threadBytes;

  /// Floats of a row of scores: a chunk and what a step of several key blocks
  /// may write beyond it.
  static constexpr int64_t kScoreStride = kAttentionChunk + 8 * kLanes + 16;

  /// Bytes of one partial state: maximum and sum in the first 64, then acc.
  int64_t partialBytes() const {
    return 64 + paddedValueDim * int64_t(sizeof(float));
  }
};

/// A tile while code for it is emitted.
struct AttentionTile {
  int64_t rows;         ///< fixed at compile time
  mlir::Value index;    ///< in the block, i64
  mlir::Value keyHead;  ///< i64
  mlir::Value piece;    ///< i64
  mlir::Value token;    ///< first token, i64
  mlir::Value endToken; ///< behind the last token of the tile's block, i64
};

/// One query row of a tile.
struct AttentionRow {
  mlir::Value token, head; ///< i64; those of a real row even if padding
  mlir::Value isReal;      ///< i1: false for padding
};

/// Positions that bound what queries see: a key is visible to a row if it is
/// for (upper, lower) = (q, q); to some row of a tile only if it is for
/// (highest q, lowest q); to all rows if it is for (lowest q, highest q).
/// Splats of i32.
struct VisibleBounds {
  mlir::Value upper, lower;
};

/// Emits the parts of a kernel.
class AttentionEmitter {
public:
  AttentionEmitter(KernelBuilder &kernel, const AttentionSpec &attention);

  KernelBuilder &k;
  const AttentionSpec &spec;
  AttentionPlan plan;
  AttentionArguments args;

  /// Emits `body` with the tile's row count fixed: a whole tile, or one token.
  void forTile(AttentionTile tile,
               llvm::function_ref<void(const AttentionTile &)> body);
  /// Row `row` (i64, below tile.rows) of a tile.
  AttentionRow rowOf(const AttentionTile &tile, mlir::Value row);

  /// Copies the positions of the tile's queries to scratch; clears its state.
  void startTile(const AttentionTile &tile);
  /// Copies the tile's queries to scratch, unless that has been done.
  void packTile(const AttentionTile &tile);

  /// Clears the bounds of the block's tiles, and adds those of a tile that has
  /// been started.
  void startBlock();
  void addToBlock(const AttentionTile &tile);

  /// The key blocks [first, last) of a chunk outside which no row within
  /// `bounds` sees a key; all rows see every key of [first, full).
  struct BlockRange {
    mlir::Value first, full, last;
  };
  BlockRange classify(mlir::Value bounds, mlir::Value chunk);

  /// Raw scaled scores of the blocks of a chunk to scratch.
  void emitScores(const AttentionTile &tile, mlir::Value chunk,
                  const BlockRange &blocks);
  /// Soft-cap, bias and mask on 16 scores of a row. `slot`: i64, the first.
  mlir::Value emitLogits(mlir::Value scores, const AttentionRow &row,
                         mlir::Value position, mlir::Value segment,
                         mlir::Value slot, bool masked);
  /// Scores of all rows to weights; updates maxima and sums, writes factors.
  void emitSoftmax(const AttentionTile &tile, mlir::Value chunk,
                   const BlockRange &blocks);
  /// acc = acc * factor + weights * values * factor.
  void emitValues(const AttentionTile &tile, mlir::Value chunk,
                  const BlockRange &blocks);

  /// (factor of the old state, factor of the new one, maximum) that combine
  /// two states with these maxima; of one row, or of several.
  struct Combination {
    mlir::Value oldFactor, newFactor, maximum;
  };
  Combination combine(mlir::Value oldMaximum, mlir::Value newMaximum);
  /// Writes a row's results from its final state.
  void finishRow(const AttentionRow &row, mlir::Value maximum, mlir::Value sum,
                 mlir::Value accumulator);

  /// Whether the threads share out chunks (i1).
  mlir::Value isSplit();
  mlir::Value chunkCount();
  mlir::Value tileCount();
  /// The partial state of a row and chunk in shared memory.
  mlir::Value partialOf(mlir::Value chunk, mlir::Value token, mlir::Value head);
  /// Where finishRow leaves [maximum, 1 / denominator] for the column sums.
  mlir::Value statisticsOf(mlir::Value token, mlir::Value head);

  // Shorthand.
  mlir::Value scratch(int64_t bytes) {
    return k.offset(args.threadScratch, bytes);
  }
  /// Element `index` (i64) of 4 bytes at `ptr`.
  mlir::Value element(mlir::Value ptr, mlir::Value index) {
    return k.offset(ptr, k.mul(index, 4));
  }
  /// The larger of two floats, scalar or vector; the second if one is NaN.
  mlir::Value larger(mlir::Value a, mlir::Value b);
  mlir::Value minusInfinity() {
    return k.f32(-std::numeric_limits<float>::infinity());
  }
  /// Whether the state with this maximum has seen a key (i1, or a vector).
  mlir::Value isNotEmpty(mlir::Value maximum);
  /// 0 for minus infinity, so that it can be subtracted.
  mlir::Value finiteShift(mlir::Value maximum);
  /// `floats` at the tile's place of an array [tile][kTileRows].
  mlir::Value rowArray(const AttentionTile &tile, int64_t offset) {
    return k.offset(scratch(offset), k.mul(tile.index, kTileRows * 4));
  }

  mlir::Value boundsOf(const AttentionTile &tile) {
    return k.offset(scratch(plan.bounds), k.mul(tile.index, kBoundsBytes));
  }
  mlir::Value blockBounds() { return scratch(plan.blockBounds); }

private:
  mlir::Value visible(VisibleBounds bounds, mlir::Value position);
  struct GridPlace {
    mlir::Value row, column;
  };
  GridPlace gridPlace(mlir::Value position);
  mlir::Value gridVisible(mlir::Value queryPosition, mlir::Value position);
  mlir::Value relativeBias(const AttentionRow &row, mlir::Value queryPosition,
                           mlir::Value slot);
  mlir::Value treeVisible(mlir::Value token, mlir::Value slot);
  mlir::Value explicitVisible(mlir::Value token, mlir::Value slot);
  void combineChunk(const AttentionTile &tile);
  /// A part of a tile's values that fits in registers.
  struct ValuePart {
    mlir::Value channel; ///< the first, i64
    int64_t firstRow, rows;
    int64_t vectors;
    int64_t lastLanes; ///< of the last vector
  };
  void forValueParts(const AttentionTile &tile,
                     llvm::function_ref<void(const ValuePart &)> body);
  KernelBuilder::Values sumValues(const ValuePart &part, mlir::Value values,
                                  mlir::Value firstKey, mlir::Value lastKey,
                                  mlir::ValueRange start, mlir::Value ahead);
  /// Bytes from the first value of a chunk to those of key `key` of it.
  mlir::Value valueOffset(mlir::Value key);
  void scaleWeights(const AttentionTile &tile, mlir::Value values,
                    const BlockRange &blocks);
  void addToState(const AttentionTile &tile, const ValuePart &part,
                  mlir::ValueRange sums);
  /// Whether the tile is a single token of a piece's heads.
  bool isOneToken(const AttentionTile &tile) const;
  /// Rows and vectors of a register tile for `rows` rows of a tile.
  std::pair<int64_t, int64_t> registerTile(int64_t rows) const;
};

/// Emits the kernel of column sums (scores).
mlir::func::FuncOp emitAttentionScores(mlir::ModuleOp module,
                                       const Target &target,
                                       const AttentionSpec &spec,
                                       llvm::StringRef name);

/// Argument types of all attention kernels.
llvm::SmallVector<mlir::Type>
attentionArgumentTypes(mlir::MLIRContext *context);

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_ATTENTIONTILE_H
