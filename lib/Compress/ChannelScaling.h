//===- ChannelScaling.h - Factors between producers and readers -*- C++ -*-===//
//
// y = x Wᵀ is also (x / s) (W diag(s))ᵀ: each channel of x may be divided by a
// number if all that read x multiply by it. The division costs nothing where it
// can be folded into the weights of what makes x. This file knows where that
// is:
//
//   norm -> linear layers        the norm's weight and bias are divided, if
//                                linear layers alone read the norm (one that
//                                feeds the residual stream stays)
//   linear, act(g) * u -> linear rows and bias of the layer that makes u
//   linear -> attention -> linear  rows and bias of the layer that makes the
//                                values; heads that share values share factors
//
// The last one passes not only factors: attention takes means of values, so
// that each head's channels may be multiplied by any matrix. Of rotations, what
// reads them has the transpose.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_LIB_COMPRESS_CHANNELSCALING_H
#define WINNOW_LIB_COMPRESS_CHANNELSCALING_H

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace winnow {

/// Why an input whose statistics are rotated has no factors.
inline constexpr llvm::StringLiteral kRotatedSince =
    "its channels have been rotated since the calibration";

/// The input of linear layers.
struct ScalableInput {
  mlir::Value input;
  llvm::SmallVector<LinearOp> readers;
  /// The norm or linear layer whose weights a division folds into; null where
  /// it folds into nothing, for the reason in `obstacle`.
  mlir::Operation *producer = nullptr;
  std::string obstacle;
  /// Where the channels are heads that share values: heads of the input, of the
  /// values, and channels of each.
  int64_t heads = 1, valueHeads = 1;
  /// Whether they are: what attention makes.
  bool isOfHeads = false;

  int64_t getWidth() const;
  /// Factors that may differ.
  int64_t getFactorCount() const { return getWidth() / heads * valueHeads; }
  /// The factor of a channel.
  int64_t getFactor(int64_t channel) const;
  /// The weight that statistics of the input are found by, or "".
  llvm::StringRef getTap() const;
};

/// The inputs of all linear layers of the module whose weights are params, in
/// the order of the program.
llvm::SmallVector<ScalableInput> findScalableInputs(mlir::ModuleOp module);

/// Divides the input by `factors` and multiplies the weights of its readers,
/// as offline arithmetic on the params; the statistics of the input are divided
/// as well. With `keepFormats`, bf16 weights stay bf16: for powers of two.
/// Precondition: there is a producer.
void divideInput(const ScalableInput &input, llvm::ArrayRef<float> factors,
                 bool keepFormats);

/// Rotates runs of `size` channels of the input (winnow.hadamard) by the
/// weights of its producer, and back by those of its readers; its statistics
/// follow. Precondition: there is a producer, channels are those of heads, and
/// `size` divides the channels of a head.
void rotateInput(const ScalableInput &input, int64_t size);

/// What remarks call the weights of a linear layer or norm.
llvm::StringRef getWeightName(mlir::Operation *op);

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_CHANNELSCALING_H
