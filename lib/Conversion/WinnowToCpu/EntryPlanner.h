//===- EntryPlanner.h - Builds the plan of an entry point -------*- C++ -*-===//

#ifndef WINNOW_CONVERSION_WINNOWTOCPU_ENTRYPLANNER_H
#define WINNOW_CONVERSION_WINNOWTOCPU_ENTRYPLANNER_H

#include "EntryPlan.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace winnow::cpu {

/// Builds the plan op by op.
class EntryPlanner {
public:
  EntryPlanner(mlir::func::FuncOp function, const Target &target,
               llvm::function_ref<int64_t(llvm::StringRef)> weightOffset)
      : target(target), weightOffset(weightOffset) {
    plan.function = function;
  }

  mlir::FailureOr<EntryPlan> run();

private:
  llvm::LogicalResult planArguments();
  llvm::LogicalResult planOp(mlir::Operation *op);
  llvm::LogicalResult planResults(mlir::func::ReturnOp op);

  // One function per op that needs more than a line; those of attention are in
  // EntryPlanAttention.cpp.
  llvm::LogicalResult planLinear(LinearOp op);
  llvm::LogicalResult planMap(mlir::linalg::MapOp op);
  bool mapLinear(mlir::linalg::MapOp op);
  /// A step for each row of `rowOperand`, which reads rows of `source`.
  llvm::LogicalResult planRowsOf(Step::Kind kind, mlir::Operation *op,
                                 mlir::Value rowOperand, mlir::Value source,
                                 llvm::ArrayRef<int> inputs);
  /// A step that takes for each of `indices` that row of `source`.
  llvm::LogicalResult planChosenRows(Step::Kind kind, mlir::Operation *op,
                                     mlir::Value source, mlir::Value indices);
  llvm::LogicalResult planScore(TokenScoreOp op);
  llvm::LogicalResult planSelect(TokenSelectOp op);
  llvm::LogicalResult planMatch(TokenMatchOp op);
  llvm::LogicalResult planMerge(TokenMergeOp op);
  llvm::LogicalResult planConcat(mlir::tensor::ConcatOp op);
  llvm::LogicalResult planConstant(mlir::arith::ConstantOp op);
  llvm::LogicalResult planRope(RopeOp op);
  llvm::LogicalResult planAppend(KvAppendOp op);
  llvm::LogicalResult planTruncate(KvTruncateOp op);
  llvm::LogicalResult planNextPositions(KvNextPositionsOp op);
  llvm::LogicalResult planAttention(AttentionOp op);
  const SegmentRuns *planRuns(AttentionOp op, RowCount rows);
  mlir::FailureOr<int> planPackedKeys(AttentionOp op);

  /// Rows and bytes per row of a tensor that is stored as it is typed.
  mlir::FailureOr<RowCount> rowsOf(mlir::Value value);
  mlir::FailureOr<int64_t> rowBytesOf(mlir::Value value);

  int addBuffer(Buffer buffer) {
    plan.buffers.push_back(buffer);
    return plan.buffers.size() - 1;
  }
  /// The buffer of a value that an earlier op defined.
  int bufferOf(mlir::Value value) { return value ? buffers.lookup(value) : -1; }
  /// A new arena buffer for the result `value` with the rows of `rows`.
  mlir::FailureOr<int> defineResult(mlir::Value value, RowCount rows);
  /// Lets a value lie where `source` does.
  void shareBuffer(mlir::Value value, mlir::Value source);
  /// Adds a step; its results must be defined already.
  Step &addStep(Step::Kind kind, mlir::Operation *op,
                llvm::ArrayRef<int> inputs, llvm::ArrayRef<int> outputs,
                RowCount rows);

  EntryPlan plan;
  const Target &target;
  llvm::function_ref<int64_t(llvm::StringRef)> weightOffset;
  llvm::DenseMap<mlir::Value, int> buffers;
  /// Rows of tensors with a dynamic leading dimension.
  llvm::DenseMap<mlir::Value, RowCount> rowCounts;
  /// Cache and number of its events behind a cache value.
  llvm::DenseMap<mlir::Value, std::pair<int, unsigned>> cacheStates;
  /// The cache value that a kv_view's results show.
  llvm::DenseMap<mlir::Value, mlir::Value> viewedCache;
  /// Rope tables by everything that their contents depend on.
  llvm::SmallVector<std::pair<RopeOp, int>> ropeTables;
};

} // namespace winnow::cpu

#endif // WINNOW_CONVERSION_WINNOWTOCPU_ENTRYPLANNER_H
