//===- RowKernels.h - Code for one token's row ------------------*- C++ -*-===//
//
// Emitters that add code for ONE row to a kernel under construction; the
// caller loops over rows. Rows are contiguous f32 at any alignment, their
// lengths are compile-time constants, and no lane beyond a row's end is read
// or written. An output may be the same pointer as an input of the same
// length, but may not overlap one in any other way. Orders of summation are
// fixed, so results do not depend on the target.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CODEGEN_CPU_ROWKERNELS_H
#define WINNOW_CODEGEN_CPU_ROWKERNELS_H

#include "winnow/Codegen/Cpu/CacheFormat.h"
#include "winnow/Codegen/Cpu/KernelBuilder.h"
#include "winnow/Dialect/WinnowDialect.h"

#include "llvm/ADT/SmallVector.h"

namespace winnow::cpu {

//===----------------------------------------------------------------------===//
// Norm
//===----------------------------------------------------------------------===//

/// What a winnow.norm does to one token: `groups` rows (heads) of `width`
/// channels, each normalized by itself.
struct NormSpec {
  NormKind kind = NormKind::RMS;
  float epsilon = 0;
  /// Added to every weight (1 where the checkpoint stores w - 1).
  float weightOffset = 0;
  int64_t groups = 1;
  int64_t width = 0;
};

/// `in`, `out`: [groups, width]. `weight`, `bias`: [width] or null.
void emitNormRow(KernelBuilder &k, const NormSpec &spec, mlir::Value in,
                 mlir::Value weight, mlir::Value bias, mlir::Value out);

//===----------------------------------------------------------------------===//
// Rope
//===----------------------------------------------------------------------===//

/// The rotary frequencies of an op, in radians per position.
struct RopeFrequencies {
  llvm::SmallVector<double> values; ///< dims / 2 of them
  /// Multiplies cosines and sines (YaRN's attention factor).
  double magnitude = 1;
};

/// base^(-2c / dims), stretched by `scaling` (may be null) as the attribute
/// says; formulas of Hugging Face Transformers.
RopeFrequencies ropeFrequencies(double base, int64_t dims,
                                RopeScalingAttr scaling);

/// Writes the row of a rope table that belongs to one position:
///   [cos of dims / 2 angles][sin of dims / 2 angles]
/// `position`: i32. `factors`: [dims / 2] f32 or null; each divides its
/// frequency.
void emitRopeTableRow(KernelBuilder &k, const RopeFrequencies &frequencies,
                      mlir::Value position, mlir::Value factors,
                      mlir::Value table);

/// What a winnow.rope does to one token: `heads` rows of `width` channels, of
/// which the first `dims` turn.
struct RopeSpec {
  int64_t heads = 1;
  int64_t width = 0;
  int64_t dims = 0;
  RopeLayout layout = RopeLayout::Half;
};

/// `in`, `out`: [heads, width]; `table`: the row that emitRopeTableRow wrote
/// for this token's position.
void emitRopeRow(KernelBuilder &k, const RopeSpec &spec, mlir::Value in,
                 mlir::Value table, mlir::Value out);

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

/// Emits the scalar region of a linalg.map on `length` elements, 16 lanes at a
/// time. `body` takes one scalar per input (f32 or i32) and perhaps one more
/// for the output, which must be unused, and yields one f32 or i32. Its ops are
/// those of arith on f32, i32 and i1 (but no integer division), and of math:
/// absf, erf, exp, fma, log, powf with a constant exponent of 0.5, 1, 2 or 3,
/// rsqrt, sqrt, tanh. Other operands of these ops are constants. Fails with a
/// diagnostic at any other op.
mlir::LogicalResult emitMapRow(KernelBuilder &k, mlir::Block &body,
                               mlir::ValueRange inputs, mlir::Value output,
                               int64_t length);

/// The same on 16 lanes of f32 that are there, for a body with one input that
/// yields f32.
mlir::FailureOr<mlir::Value> emitMapLanes(KernelBuilder &k, mlir::Block &body,
                                          mlir::Value lanes);

/// Text that bodies share which compute the same.
std::string describeMap(mlir::Block &body);

/// out = x * scale on `length` elements.
void emitScaledRow(KernelBuilder &k, mlir::Value x, float scale,
                   mlir::Value out, int64_t length);

/// y = r + f for m = 1, else y = fma(m, f, r), on `length` elements.
void emitAddRow(KernelBuilder &k, mlir::Value residual, mlir::Value addend,
                float multiplier, mlir::Value out, int64_t length);

//===----------------------------------------------------------------------===//
// Tokens
//===----------------------------------------------------------------------===//

/// What a winnow.token_pool reads for one wanted segment.
struct PoolOperands {
  mlir::Value input;    ///< ptr: f32 [rows][width]
  mlir::Value segments; ///< ptr: i32 [rows]
  mlir::Value weights;  ///< ptr: f32 [rows], or null
  mlir::Value wanted;   ///< i32
  mlir::Value rows;     ///< i64
};

/// Joins the rows of a segment into `out`: [width].
void emitPoolRow(KernelBuilder &k, PoolKind kind, int64_t width,
                 const PoolOperands &operands, mlir::Value out);

/// What a winnow.token_score does to one token.
struct TokenScoreSpec {
  int64_t heads = 1;
  int64_t keyHeads = 1;
  int64_t width = 0; ///< channels of a head
  float scale = 1;
  /// Of a relative bias; none without one.
  llvm::ArrayRef<int64_t> distances;
  bool last = false; ///< whether the last token of a segment looks
};

/// What it reads; all are pointers.
struct TokenScoreOperands {
  mlir::Value query;    ///< f32 [rows][heads][width]
  mlir::Value key;      ///< f32 [rows][keyHeads][width]
  mlir::Value lse;      ///< f32 [rows][heads]; emitTokenLseRow needs none
  mlir::Value segments; ///< i32 [rows], or null
  mlir::Value bias;     ///< f32 [rows], or null
  /// i32 [rows] and f32 [2 (distances + 1)][heads], with distances.
  mlir::Value positions, relativeBias;
  mlir::Value rows; ///< i64
};

/// Writes what `lse` of token `row` (i64) is if a score reads it, f32 [heads].
void emitTokenLseRow(KernelBuilder &k, const TokenScoreSpec &spec,
                     const TokenScoreOperands &operands, mlir::Value row,
                     mlir::Value out);

/// Writes the score (f32) of token `row` (i64).
void emitTokenScoreRow(KernelBuilder &k, const TokenScoreSpec &spec,
                       const TokenScoreOperands &operands, mlir::Value row,
                       mlir::Value out);

/// Writes how much one token's row, f32 [width], has changed (f32).
void emitTokenChangeRow(KernelBuilder &k, ChangeKind kind, int64_t width,
                        mlir::Value before, mlir::Value after, mlir::Value out);

/// What a winnow.token_select reads of all tokens.
struct TokenSelectOperands {
  mlir::Value scores;   ///< ptr: f32 [rows]; read by emitTokenOrderRow alone
  mlir::Value segments; ///< ptr: i32 [rows], or null
  mlir::Value prunable; ///< ptr: i32 [rows], or null; like scores
  mlir::Value rows;     ///< i64
};

/// Writes two i32 of token `row` (i64): a number that orders the tokens of its
/// segment by what stays first, and how many of them stay.
void emitTokenOrderRow(KernelBuilder &k, TokenPolicyAttr policy,
                       const TokenSelectOperands &operands, mlir::Value row,
                       mlir::Value order, mlir::Value limit);

/// Writes 1 (i32) if token `row` stays, else 0. `orders`: i32 [rows], of all
/// tokens; `limit`: of this one. With `rank`, one more stays of a segment that
/// others leave; it gets an i32: below 0 of a token that stays in any case, 0
/// of that one, above 0 of the others.
void emitTokenStaysRow(KernelBuilder &k, const TokenSelectOperands &operands,
                       mlir::Value orders, mlir::Value limit, mlir::Value row,
                       mlir::Value out, mlir::Value rank);

/// Writes which token `row` (i64) goes into (i32), and how much it counts there
/// (f32): its `score` if it leaves. `ranks`: i32 [rows], of emitTokenStaysRow.
void emitTokenFuseRow(KernelBuilder &k, const TokenSelectOperands &operands,
                      mlir::Value ranks, mlir::Value score, mlir::Value row,
                      mlir::Value into, mlir::Value weight);

/// The same for a policy with `least`, of a token's own `score` (f32) and
/// `prunable` (i32, or null).
void emitTokenPassesRow(KernelBuilder &k, TokenPolicyAttr policy,
                        const TokenSelectOperands &operands, mlir::Value score,
                        mlir::Value prunable, mlir::Value row, mlir::Value out);

/// What a winnow.token_match does.
struct TokenMatchSpec {
  int64_t heads = 1;
  int64_t width = 0; ///< channels of a head
  int64_t first = 0;
  int64_t last = 0;
};

/// Writes the mean over heads of one token's `key`, of length 1: f32 [width].
void emitTokenUnitRow(KernelBuilder &k, const TokenMatchSpec &spec,
                      mlir::Value key, mlir::Value out);

/// What it compares.
struct TokenMatchOperands {
  mlir::Value units;    ///< ptr: f32 [rows][width]
  mlir::Value segments; ///< ptr: i32 [rows], or null
  mlir::Value rows;     ///< i64
};

/// Writes which token `row` (i64) is most like (i32), and its score (f32).
void emitTokenMatchRow(KernelBuilder &k, const TokenMatchSpec &spec,
                       const TokenMatchOperands &operands, mlir::Value row,
                       mlir::Value into, mlir::Value score);

/// The indices that stay, for the functions below.
struct KeptTokens {
  mlir::Value indices; ///< ptr: i32 [count], rising
  mlir::Value count;   ///< i64
};

/// Writes the row (i32) that token `row` (i64) is in, which is kept or goes
/// into token `into` (i32).
void emitMergedRow(KernelBuilder &k, const KeptTokens &kept, mlir::Value row,
                   mlir::Value into, mlir::Value out);

/// What a winnow.token_merge sums up.
struct TokenMergeOperands {
  mlir::Value input;  ///< ptr: f32 [tokens][width]
  mlir::Value sizes;  ///< ptr: f32 [tokens], or null
  mlir::Value rows;   ///< ptr: i32 [tokens]
  mlir::Value tokens; ///< i64
};

/// Writes row number `row` (i64) of the result, f32 [width], a mean or with
/// `sum` a sum, and its size.
void emitTokenMergeRow(KernelBuilder &k, int64_t width,
                       const TokenMergeOperands &operands, mlir::Value row,
                       mlir::Value out, mlir::Value size, bool sum);

/// Writes token `row` (i64) of a winnow.token_restore from the `input`, f32
/// [count][width], or from its own row `base`.
void emitTokenRestoreRow(KernelBuilder &k, int64_t width,
                         const KeptTokens &kept, mlir::Value input,
                         mlir::Value base, mlir::Value row, mlir::Value out);

/// Copies patch number `row` (i64) of a winnow.image_patches. `image`: f32 of
/// `shape` = [channels, height, width]; `out`: [channels * size * size].
void emitPatchRow(KernelBuilder &k, llvm::ArrayRef<int64_t> shape, int64_t size,
                  mlir::Value image, mlir::Value row, mlir::Value out);

//===----------------------------------------------------------------------===//
// KV cache
//===----------------------------------------------------------------------===//

/// The arrays of a winnow_kv_slot (Runtime/Call.h), or of buffers in the same
/// layout. `capacity` (i64, a multiple of 16) gives the strides between heads;
/// `length` (i64) counts the written slots and is not used by appends.
struct KvPointers {
  mlir::Value keys, values, positions, segments, length, capacity;
};

/// Loads the fields of the winnow_kv_slot that `slot` points to.
KvPointers loadKvSlot(KernelBuilder &k, mlir::Value slot);

/// Sizes of a cache.
struct KvShape {
  int64_t heads = 1;
  int64_t keyDim = 0;
  int64_t valueDim = 0;
  CacheFormat keyFormat = CacheFormat::F32;
  CacheFormat valueFormat = CacheFormat::F32;
};

/// Stores one token at `slot` (i64, below the capacity), rounded as
/// `!winnow.kv_cache` says. `key`: f32 [heads, keyDim]; `value`: f32 [heads,
/// valueDim]; `position`, `segment`: i32.
void emitKvAppendRow(KernelBuilder &k, const KvShape &shape,
                     const KvPointers &cache, mlir::Value slot, mlir::Value key,
                     mlir::Value value, mlir::Value position,
                     mlir::Value segment);

/// The position of a new token, i32, by winnow.kv_next_positions: `segments`,
/// i32, are those of the new ones, `row` (i64) is its own number.
mlir::Value emitNextPosition(KernelBuilder &k, const KvPointers &cache,
                             mlir::Value segments, mlir::Value row);

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_ROWKERNELS_H
