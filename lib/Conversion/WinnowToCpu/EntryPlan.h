//===- EntryPlan.h - Steps, stages and memory of an entry point -*- C++ -*-===//
//
// An entry point is straight-line code on tensors. Its plan says, before any
// code is written, what is computed when and where it lies:
//
// - a *step* is one op (or part of one) that becomes code;
// - a *stage* is a set of steps between two barriers. Steps on single rows
//   ("row steps") of the same rows may share a stage with the steps that feed
//   them, because each thread keeps to its own rows;
// - a *buffer* is where the rows of a tensor lie: an argument, a result, the
//   weights, the arena, or scratch when no other stage needs it.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CONVERSION_WINNOWTOCPU_ENTRYPLAN_H
#define WINNOW_CONVERSION_WINNOWTOCPU_ENTRYPLAN_H

#include "winnow/Codegen/Cpu/Target.h"
#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>
#include <optional>
#include <vector>

namespace winnow::cpu {

/// A number of rows: a constant, a named dimension of the entry point, or a
/// number that the entry point computes, which is then at most what `symbol`
/// and `constant` say. Memory is planned for that bound.
struct RowCount {
  int symbol = -1;
  int64_t constant = 0;
  /// The number of the count among EntryPlan::computedCounts, or -1.
  int computed = -1;
  bool operator==(const RowCount &other) const {
    return symbol == other.symbol && constant == other.constant &&
           computed == other.computed;
  }
  bool isComputed() const { return computed >= 0; }
  RowCount bound() const { return {symbol, constant}; }
};

/// Where the rows of a tensor lie.
struct Buffer {
  /// Slots: those that the call gives the new tokens of chunked caches.
  enum class Place { Arena, Scratch, Input, Output, Weights, Constant, Slots };
  Place place = Place::Arena;
  RowCount rows;
  int64_t rowBytes = 0;
  /// Number of the input or output; byte offset in weights or scratch; in the
  /// arena, byte offset per (rounded) row of the same row count.
  int64_t location = 0;
  /// The numbers of a constant.
  mlir::DenseElementsAttr constant;
  int firstStage = 0;
  int lastStage = 0;
};

/// What a tensor argument of i32 chooses from: its numbers are in [0, rows).
struct IndexBound {
  int64_t input = 0;
  RowCount rows;
  bool operator==(const IndexBound &other) const {
    return input == other.input && rows == other.rows;
  }
};

/// Bytes of a region: affine in the (rounded) named dimensions.
struct AffineBytes {
  llvm::SmallVector<int64_t> perDim;
  int64_t constant = 0;
};

struct Step {
  enum class Kind {
    // Row steps.
    RopeTable,
    Copy,
    Embed,
    Gather,
    Concat,
    Pool,
    Patches,
    TokenLse,
    TokenScore,
    TokenChange,
    TokenOrder,
    TokenStays,
    TokenFuse,
    TokenPasses,
    TokenUnit,
    TokenMatch,
    MergedRow,
    TokenMerge,
    TokenRestore,
    NextPositions,
    Norm,
    Rope,
    Map,
    Recode,
    KvAppend,
    // Steps over all rows.
    Linear,
    Attention,
    Runs,
    Select,
  };
  Kind kind;
  mlir::Operation *op = nullptr;
  /// Buffers by operand, in the order of the op; -1 for an absent one.
  llvm::SmallVector<int> inputs;
  llvm::SmallVector<int> outputs;
  RowCount rows;
  /// Of steps that have to know it: the rows of what each row reads from.
  RowCount sourceRows;
  /// The cache (of EntryPlan::caches) that the step uses, else -1, and how many
  /// of its events come before.
  int cache = -1;
  unsigned cacheEvents = 0;
  int stage = 0;
  /// Linear: the elementwise op that its results go through, or null.
  mlir::Operation *map = nullptr;
  /// Attention: where its shared memory starts in EntryPlan::shared.
  AffineBytes sharedOffset;

  bool isRowStep() const { return kind < Kind::Linear; }
  /// Whether a row step reads other rows of an input than its own.
  bool readsAnyRow(size_t input) const {
    switch (kind) {
    case Kind::Embed:
    case Kind::Gather:
      return input == 0;
    case Kind::Pool:
      return input != kPoolWanted;
    case Kind::TokenStays:
      return input != kStaysLimit;
    case Kind::TokenFuse:
      return input != kFuseScore;
    case Kind::TokenPasses:
      return input == kPassesSegments;
    case Kind::MergedRow:
      return input != kMergedInto;
    case Kind::TokenRestore:
      return input != kRestoreBase;
    case Kind::Concat:
    case Kind::Patches:
    case Kind::TokenLse:
    case Kind::TokenScore:
    case Kind::TokenOrder:
    case Kind::TokenMatch:
    case Kind::TokenMerge:
    case Kind::NextPositions:
      return true;
    default:
      return false;
    }
  }
  static constexpr size_t kPoolWanted = 2;
  static constexpr size_t kScoreLse = 2;
  static constexpr size_t kStaysLimit = 2;
  static constexpr size_t kFuseScore = 2;
  static constexpr size_t kPassesSegments = 1;
  static constexpr size_t kMergedInto = 1;
  static constexpr size_t kRestoreBase = 2;
};

/// Where the runs of equal segments lie, buffers of i32. Each run has whole
/// blocks of key slots, so that its results do not depend on the other runs.
/// Segments that do not rise are one run.
struct SegmentRuns {
  int slots = -1;  ///< [rows] the slot of each row
  int starts = -1; ///< [rows] the first row of each run
  int header = -1; ///< number of runs, slots of all together
};

/// A cache: an argument of the entry, or one made for attention on plain
/// tensors, which then lies in arena buffers.
struct CachePlan {
  /// Something that changes the length: rows that are appended, or a length
  /// that the cache is cut to (no append then).
  struct Event {
    RowCount appended;
    std::optional<int64_t> truncatedTo;
  };
  KvCacheType type;
  llvm::SmallVector<Event> events;
  /// The argument's number among caches, or -1: the buffers below.
  int argument = -1;
  int keys = -1, values = -1, positions = -1, segments = -1;
  /// If not null, attention treats each run of equal segments by itself.
  const SegmentRuns *runs = nullptr;
  /// Whether each segment has chunks of its own: winnow_cache_info.chunked.
  bool chunked = false;
};

/// A number of rows that a step leaves in a buffer of one i32.
struct ComputedCount {
  int buffer = -1;
  /// The step that writes it; stages after that read it.
  size_t step = 0;
};

struct EntryPlan {
  mlir::func::FuncOp function;
  llvm::SmallVector<llvm::StringRef> dimNames;
  /// Tensor and cache arguments, in order.
  llvm::SmallVector<mlir::BlockArgument> inputs;
  llvm::SmallVector<mlir::BlockArgument> cacheArguments;
  llvm::SmallVector<mlir::Value> outputs;
  std::vector<Buffer> buffers;
  std::vector<Step> steps;
  llvm::SmallVector<CachePlan> caches;
  /// By the segments that they are found in.
  std::map<void *, SegmentRuns> segmentRuns;
  /// The number of the input with the segments of chunked caches.
  std::optional<int64_t> segmentsInput;
  llvm::SmallVector<ComputedCount> computedCounts;
  llvm::SmallVector<IndexBound> indexBounds;
  int stages = 0;
  AffineBytes arena;
  /// Memory that the threads of an attention share, behind the arena's buffers.
  AffineBytes shared;
};

/// Rows of arena regions are rounded up to this, so that offsets are aligned.
inline constexpr int64_t kRowRounding = 16;

/// Finds the caches that can be chunked: one append puts all rows of an input
/// of segments into them, and attention looks at positions and segments of
/// their slots alone.
void chunkCaches(EntryPlan &plan);

/// Puts each step into the first stage in which its operands are there.
void scheduleSteps(EntryPlan &plan);

/// Decides where buffers lie (scratch or arena) and what attentions share.
/// Requires a schedule.
void layOutMemory(EntryPlan &plan);

/// Plans `function` for `target`. `weightOffset` gives the place of a param in
/// the weights. Emits an error at an op that native code cannot carry.
mlir::FailureOr<EntryPlan>
planEntry(mlir::func::FuncOp function, const Target &target,
          llvm::function_ref<int64_t(llvm::StringRef)> weightOffset);

} // namespace winnow::cpu

#endif // WINNOW_CONVERSION_WINNOWTOCPU_ENTRYPLAN_H
