//===- RowTokenSums.h - Sums over the channels of tokens --------*- C++ -*-===//

#ifndef WINNOW_LIB_CODEGEN_CPU_ROWTOKENSUMS_H
#define WINNOW_LIB_CODEGEN_CPU_ROWTOKENSUMS_H

#include "winnow/Codegen/Cpu/KernelBuilder.h"

namespace winnow::cpu {

/// Bytes of an f32, an index, a mark or a segment.
inline constexpr int64_t kWordBytes = sizeof(int32_t);

/// Number `row` (i64) of a list of i32.
mlir::Value loadWord(KernelBuilder &k, mlir::Value words, mlir::Value row);

/// `count` sums over two rows of `width` channels: `add` adds 16 channels of
/// each to vectors of partial sums.
KernelBuilder::Values sumOverChannels(
    KernelBuilder &k, mlir::Value a, mlir::Value b, int64_t width, size_t count,
    llvm::function_ref<KernelBuilder::Values(mlir::Value a, mlir::Value b,
                                             mlir::ValueRange carried)>
        add);

/// The dot product of `width` channels.
mlir::Value emitDot(KernelBuilder &k, mlir::Value a, mlir::Value b,
                    int64_t width);

/// The first row of segment `own` and the one behind its last, i64; all rows
/// where there are no segments. Rows in between need not belong to it. It has
/// some row.
std::pair<mlir::Value, mlir::Value> emitSegmentRange(KernelBuilder &k,
                                                     mlir::Value segments,
                                                     mlir::Value own,
                                                     mlir::Value rows);

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_ROWTOKENSUMS_H
