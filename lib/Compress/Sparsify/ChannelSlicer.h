//===- ChannelSlicer.h - Takes channels out of a model ----------*- C++ -*-===//
//
// The one place that knows how: which rows and columns of which weights go,
// what becomes of values between them, and in which number format weights are
// that lose columns. Methods only say which units are left.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_COMPRESS_SPARSIFY_CHANNELSLICER_H
#define WINNOW_LIB_COMPRESS_SPARSIFY_CHANNELSLICER_H

#include "ChannelGroups.h"

#include "winnow/Formats/NumberFormat.h"

namespace winnow {

/// The format in which a weight is read.
const NumberFormat &getReadFormat(mlir::OpOperand &weight);

/// The format in which a weight is read once `columns` of its columns are left,
/// and whether its numbers are rounded for that.
struct ColumnFormat {
  const NumberFormat *format = nullptr; ///< null: there is none
  bool rounded = false;
};
ColumnFormat getColumnFormat(mlir::OpOperand &weight,
                             llvm::ArrayRef<int64_t> columns);

/// The places of units in a dimension, `perUnit` each.
llvm::SmallVector<int64_t> getPlaces(llvm::ArrayRef<int64_t> units,
                                     int64_t perUnit);

/// Leaves the units `kept`, which rise, in all functions, and notes it in the
/// statistics. Precondition: there is no obstacle, and every reader has a
/// format.
void sliceChannels(const ChannelGroup &group, llvm::ArrayRef<int64_t> kept);

/// Bytes of all weights of a group, as files store them in the formats in which
/// they are read.
int64_t getStoredBytes(const ChannelGroup &group);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SPARSIFY_CHANNELSLICER_H
