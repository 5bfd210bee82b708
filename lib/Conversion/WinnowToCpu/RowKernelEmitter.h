//===- RowKernelEmitter.h - The code of a row kernel ------------*- C++ -*-===//

#ifndef WINNOW_CONVERSION_WINNOWTOCPU_ROWKERNELEMITTER_H
#define WINNOW_CONVERSION_WINNOWTOCPU_ROWKERNELEMITTER_H

#include "RowKernel.h"

#include "winnow/Codegen/Cpu/RowKernels.h"

namespace winnow::cpu {

/// Channels of a row of a tensor: the product of all dimensions but the first.
inline int64_t rowElements(mlir::Value value) {
  auto type = llvm::cast<mlir::RankedTensorType>(value.getType());
  int64_t elements = 1;
  for (int64_t size : type.getShape().drop_front(type.getRank() ? 1 : 0))
    elements *= size;
  return elements;
}

/// Writes one row kernel, a step after another for each row.
class RowKernelEmitter {
public:
  RowKernelEmitter(mlir::ModuleOp module, const Target &target,
                   const EntryPlan &plan, llvm::ArrayRef<const Step *> steps)
      : module(module), target(target), plan(plan), steps(steps) {
    collectOperands();
  }

  mlir::FailureOr<RowKernel> run(llvm::StringMap<mlir::func::FuncOp> &known);

private:
  void collectOperands();
  std::string key();
  mlir::FailureOr<mlir::func::FuncOp> emit(llvm::StringRef name);
  llvm::LogicalResult emitStep(KernelBuilder &kb, const Step &step,
                               mlir::Value row);
  /// The step's cache, as the kernel is given it.
  KvPointers loadCache(KernelBuilder &kb, const Step &step);
  void emitAppend(KernelBuilder &kb, const Step &step, mlir::Value row);
  llvm::LogicalResult emitEmbed(KernelBuilder &kb, const Step &step,
                                mlir::Value row, mlir::Value id);
  llvm::LogicalResult emitChosenRow(KernelBuilder &kb, const Step &step,
                                    mlir::Value row);
  void emitConcat(KernelBuilder &kb, const Step &step, mlir::Value row);
  void emitPool(KernelBuilder &kb, const Step &step, mlir::Value row);
  void emitScore(KernelBuilder &kb, const Step &step, mlir::Value row);
  void emitSelect(KernelBuilder &kb, const Step &step, mlir::Value row);
  void emitMatch(KernelBuilder &kb, const Step &step, mlir::Value row);
  void emitMerge(KernelBuilder &kb, const Step &step, mlir::Value row);

  /// A buffer's first byte.
  mlir::Value base(KernelBuilder &kb, int buffer) {
    if (buffer < 0)
      return kb.nullPtr();
    auto *it = llvm::find(kernel.buffers, buffer);
    assert(it != kernel.buffers.end() && "scratch has no base");
    return kb.arg(it - kernel.buffers.begin());
  }
  /// Row `row` of a buffer.
  mlir::Value rowOf(KernelBuilder &kb, int index, mlir::Value row) {
    if (index < 0)
      return kb.nullPtr();
    const Buffer &buffer = plan.buffers[index];
    if (buffer.place == Buffer::Place::Scratch)
      return kb.offset(kb.arg(scratchArg()), scratchOffsets.lookup(index));
    return kb.offset(base(kb, index), kb.mul(row, buffer.rowBytes));
  }

  /// The number of a step's cache among those of the kernel.
  size_t cacheNumber(const Step &step) {
    return llvm::find(kernel.caches, std::pair(step.cache, step.cacheEvents)) -
           kernel.caches.begin();
  }

  /// Whether the kernel is told how many rows a step reads from.
  static bool countsSourceRows(const Step &step) {
    switch (step.kind) {
    case Step::Kind::Pool:
    case Step::Kind::Embed:
    case Step::Kind::Gather:
    case Step::Kind::TokenLse:
    case Step::Kind::TokenScore:
    case Step::Kind::TokenOrder:
    case Step::Kind::TokenStays:
    case Step::Kind::TokenFuse:
    case Step::Kind::TokenPasses:
    case Step::Kind::TokenMatch:
    case Step::Kind::MergedRow:
    case Step::Kind::TokenMerge:
    case Step::Kind::TokenRestore:
      return true;
    default:
      return false;
    }
  }
  /// The number of a step's source rows among the counts of the kernel.
  size_t countNumber(const Step &step) {
    return llvm::find(kernel.counts, step.sourceRows) - kernel.counts.begin();
  }

  static constexpr unsigned kCacheArgs = 6;
  unsigned countsArg() const {
    return kernel.buffers.size() + kCacheArgs * kernel.caches.size();
  }
  unsigned rowsArg() const { return countsArg() + kernel.counts.size(); }
  unsigned scratchArg() const { return rowsArg() + 1; }

  mlir::ModuleOp module;
  const Target &target;
  const EntryPlan &plan;
  llvm::ArrayRef<const Step *> steps;
  RowKernel kernel;
  llvm::DenseMap<int, int64_t> scratchOffsets;
};

} // namespace winnow::cpu

#endif // WINNOW_CONVERSION_WINNOWTOCPU_ROWKERNELEMITTER_H
