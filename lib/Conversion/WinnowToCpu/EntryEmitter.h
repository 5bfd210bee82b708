//===- EntryEmitter.h - Writing the code of an entry point ------*- C++ -*-===//
//
// Private to this folder: EntryFunction.cpp, and EntryAttention.cpp for what
// concerns attention.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_CONVERSION_WINNOWTOCPU_ENTRYEMITTER_H
#define WINNOW_LIB_CONVERSION_WINNOWTOCPU_ENTRYEMITTER_H

#include "EntryFunction.h"

#include "winnow/Codegen/Cpu/Attention.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace winnow::cpu {

/// Writes one entry function.
class EntryEmitter {
public:
  EntryEmitter(mlir::ModuleOp module, const Target &target,
               const EntryPlan &plan, llvm::StringRef name,
               llvm::StringMap<mlir::func::FuncOp> &known)
      : module(module), target(target), plan(plan), known(known),
        kernelPrefix(name), kb(module, target, name, argumentTypes(module)) {}

  mlir::FailureOr<EntryFunction> run();

private:
  static llvm::SmallVector<mlir::Type> argumentTypes(mlir::ModuleOp module) {
    mlir::MLIRContext *context = module.getContext();
    mlir::Type i32 = mlir::IntegerType::get(context, 32);
    return {mlir::LLVM::LLVMPointerType::get(context), i32, i32};
  }

  void loadCall();
  llvm::LogicalResult emitStage(int stage);
  llvm::LogicalResult emitRows(llvm::ArrayRef<const Step *> steps);
  llvm::LogicalResult emitLinear(const Step &step);
  // EntryAttention.cpp.
  AttentionArguments attentionArguments(const Step &step);
  void emitAttentions(llvm::ArrayRef<const Step *> steps);
  void emitRuns(const Step &step);
  void emitSelect(const Step &step);
  /// Reads the numbers of rows that the stage in front of `stage` computed.
  void loadComputedCounts(int stage);
  void emitRunAttention(const Step &step, const SegmentRuns &runs);
  void forEachRun(const SegmentRuns &runs, RowCount rows,
                  llvm::function_ref<void(mlir::Value first, mlir::Value count,
                                          mlir::Value slot)>
                      body);
  mlir::Value cacheCapacity(int cache);
  void emitBarrier();
  /// Notes a call of `kernel` that does the work of `steps`.
  void record(mlir::func::FuncOp kernel, llvm::ArrayRef<const Step *> steps);
  void emitCheckpoint();
  bool startsLayer(int stage) const;
  void advanceCaches();

  mlir::Value loadField(mlir::Type type, size_t fieldOffset) {
    return kb.load(type, kb.offset(kb.arg(0), fieldOffset), 8);
  }
  mlir::Value rowCount(RowCount rows) {
    if (rows.isComputed())
      return computedCounts[rows.computed];
    return rows.symbol < 0 ? kb.i64(rows.constant) : dims[rows.symbol];
  }
  /// The first byte of a buffer; null for an absent operand.
  mlir::Value address(int buffer);
  mlir::Value constantAddress(mlir::DenseElementsAttr elements);
  /// The length of a cache after the first `events` of its events.
  mlir::Value cacheLength(int cache, unsigned events);
  void needScratch(int64_t bytes) {
    scratch.constant = std::max(scratch.constant, bytes);
  }
  /// A step over `rows` needs `constant` + rows * `perRow` bytes.
  void needScratch(int64_t constant, int64_t perRow, RowCount rows);

  struct CacheValues {
    mlir::Value slot, keys, values, positions, segments, capacity, length;
  };

  mlir::ModuleOp module;
  const Target &target;
  const EntryPlan &plan;
  llvm::StringMap<mlir::func::FuncOp> &known;
  std::string kernelPrefix;
  KernelBuilder kb;
  mlir::Value thread, threads;
  mlir::Value inputs, outputs, weights, arena, shared, threadScratch;
  mlir::Value slots, slotEnd; ///< of chunked caches
  mlir::Value splitKeys;
  llvm::SmallVector<mlir::Value> dims, roundedDims, regions;
  /// Known behind the stages that compute them.
  llvm::SmallVector<mlir::Value> computedCounts;
  llvm::SmallVector<CacheValues> caches;
  llvm::DenseMap<mlir::Attribute, mlir::LLVM::GlobalOp> constants;
  mlir::Block *leave = nullptr; ///< returns; null before the first checkpoint
  AffineBytes scratch;
  int64_t calls = 0;
  llvm::SmallVector<StageRecord> records = {{}};
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CONVERSION_WINNOWTOCPU_ENTRYEMITTER_H
