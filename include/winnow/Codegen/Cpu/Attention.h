//===- Attention.h - Attention kernels --------------------------*- C++ -*-===//
//
// Fused attention over keys and values in the cache's layout (winnow_kv_slot
// in Runtime/Call.h); plain tensors are packed into that layout first
// (emitKvAppendRow).
//
// Keys are taken in chunks of kAttentionChunk slots counted from slot 0; a
// chunk without a visible key changes nothing. Each chunk gives a partial state
// (m, l, acc) whose value depends on the query row and the chunk alone; states
// are combined in the order of chunks (the merge rule of Flash-Decoding). So
// the result of a row depends neither on the other rows of the call nor on the
// number of threads, bit for bit: a kernel may visit the chunks one after
// another, or spread them over threads.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CODEGEN_CPU_ATTENTION_H
#define WINNOW_CODEGEN_CPU_ATTENTION_H

#include "winnow/Codegen/Cpu/CacheFormat.h"
#include "winnow/Codegen/Cpu/KernelBuilder.h"
#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Runtime/Call.h"

#include "llvm/Support/MathExtras.h"

namespace winnow::cpu {

/// Slots of one chunk of keys, a multiple of the cache's block.
inline constexpr int64_t kAttentionChunk = WINNOW_KV_CHUNK;

/// Everything about a winnow.attention that is known at compile time.
struct AttentionSpec {
  int64_t queryHeads = 1;
  int64_t keyHeads = 1; ///< divides queryHeads
  int64_t keyDim = 0;
  int64_t valueDim = 0;
  MaskKind mask = MaskKind::Full;
  int64_t window = 0;
  int64_t windowSinks = 0; ///< of the sliding window
  int64_t prefix = 0;
  int64_t gridWidth = 0;
  float scale = 1;
  float softcap = 0; ///< 0: none
  bool hasSegments = false;
  bool hasSinks = false;
  bool hasBias = false;
  /// Of a relative bias; none without one.
  llvm::SmallVector<int64_t> distances;
  bool wantsLse = false;
  bool wantsScores = false;
  CacheFormat keyFormat = CacheFormat::F32;
  CacheFormat valueFormat = CacheFormat::F32;

  /// The spec of an op; its operand types are static but for token counts.
  static AttentionSpec get(AttentionOp op);

  /// A name for the kernels that spells every field, e.g.
  /// "attention_4x1_256x256_causal".
  std::string name() const;
};

/// Bytes of scratch that each thread needs for itself, 64-byte aligned.
int64_t attentionThreadScratchBytes(const AttentionSpec &spec);

/// Bytes of memory that the threads share from the first kernel of a call to
/// its last, 64-byte aligned: a constant part, one per query and one per key
/// (queries and keys rounded up to multiples of 16).
struct AttentionSharedBytes {
  int64_t constant = 0, perQuery = 0, perKey = 0;
};
AttentionSharedBytes attentionSharedBytes(const AttentionSpec &spec);

/// The kernels of one spec. Every thread of the team runs `compute`, then,
/// after a barrier, `combine`, then, if the spec wants scores, `scores` after
/// another barrier. All take the operands of AttentionArguments.
struct AttentionKernels {
  mlir::func::FuncOp compute, combine, scores /* or null */;
};
AttentionKernels getAttentionKernels(mlir::ModuleOp module,
                                     const Target &target,
                                     const AttentionSpec &spec);

/// The run-time operands of all three kernels. Null values stand for absent
/// ones. T queries, S keys; strides count elements.
struct AttentionArguments {
  mlir::Value query;          ///< ptr: f32 [T][queryHeads][keyDim]
  mlir::Value queryStride;    ///< i64: floats from one token to the next
  mlir::Value queries;        ///< i64: T
  mlir::Value queryPositions; ///< ptr: i32 [T], not negative
  mlir::Value querySegments;  ///< ptr: i32 [T]; with hasSegments
  mlir::Value keys;           ///< ptr: as in winnow_kv_slot
  mlir::Value values;         ///< ptr: as in winnow_kv_slot
  mlir::Value keyPositions;   ///< ptr: i32 [capacity], not negative
  mlir::Value keySegments;    ///< ptr: i32 [capacity]; with hasSegments
  mlir::Value keyCount;       ///< i64: S
  mlir::Value capacity;       ///< i64: a multiple of 16, at least S
  mlir::Value splitKeys;      ///< i64: more keys than these are not spread over
                              ///< threads: `shared` has no room for them
  mlir::Value sinks;          ///< ptr: f32 [queryHeads]; with hasSinks
  mlir::Value bias;           ///< ptr: f32, with hasBias; the bias of head h,
                              ///< query t, key j is at
                              ///< h * biasHeadStride + t * biasQueryStride + j
  mlir::Value biasHeadStride; ///< i64
  mlir::Value biasQueryStride; ///< i64
  mlir::Value relativeBias;    ///< ptr: f32 [2 (L + 1)][queryHeads]; with L
                               ///< distances
  mlir::Value visible;         ///< ptr: explicit: i8 [T][S], not 0 = visible;
                               ///< tree: i64 [T][visibleStride]
  mlir::Value visibleStride;   ///< i64: elements from one query to the next
  mlir::Value output;          ///< ptr: f32 [T][queryHeads][valueDim]
  mlir::Value outputStride;    ///< i64: floats from one token to the next
  mlir::Value lse;             ///< ptr: f32 [T][queryHeads]; with wantsLse
  mlir::Value columnSums;      ///< ptr: f32 [S][keyHeads]; with wantsScores
  mlir::Value threadScratch;   ///< ptr: this thread's own
  mlir::Value shared;          ///< ptr: the same for all threads
  mlir::Value thread;          ///< i64
  mlir::Value threads;         ///< i64
};

/// Calls one of the kernels.
void callAttention(KernelBuilder &k, mlir::func::FuncOp kernel,
                   const AttentionArguments &arguments);

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_ATTENTION_H
