//===- StageRecord.h - What a profile says of a stage -----------*- C++ -*-===//

#ifndef WINNOW_CONVERSION_WINNOWTOCPU_STAGERECORD_H
#define WINNOW_CONVERSION_WINNOWTOCPU_STAGERECORD_H

#include "EntryPlan.h"

#include "mlir/IR/Builders.h"

#include <string>

namespace winnow::cpu {

/// What an entry function does between two barriers.
struct StageRecord {
  llvm::SmallVector<std::string, 2> kernels;
  /// The steps whose work counts here: each op once.
  llvm::SmallVector<const Step *> steps;
};

/// The record as an attribute of the entry's description:
///   name     the location of the first op in the model, or ""
///   kernels  names of the functions that run
///   weights  names of the params that are read, in the order of the ops
///   costs    a list of {rows, keys, past, window, integer, operations, bytes}.
///            With r rows (a number of the entry's dimensions, -1: one) and
///            k = min(window, dimension `keys` + past * tokens in the caches)
///            keys (no window: 0), it takes
///              operations[0] + operations[1] r + operations[2] r k
///            multiplications and additions, of 8-bit integers if `integer`,
///            and moves at least
///              bytes[0] + bytes[1] r + bytes[2] (keys without the window)
///            stored bytes of weights and caches.
/// The numbers are those of CostOpInterface.
mlir::DictionaryAttr describeStage(mlir::Builder &builder,
                                   const EntryPlan &plan,
                                   const StageRecord &record);

} // namespace winnow::cpu

#endif // WINNOW_CONVERSION_WINNOWTOCPU_STAGERECORD_H
