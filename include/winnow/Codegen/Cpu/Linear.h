//===- Linear.h - Kernels of linear layers ----------------------*- C++ -*-===//
//
// y[m, n] = sum over k of x[m, k] * w[n, k] (+ bias[n]) with the weights in
// `tile16` (Formats/Tile16.h). One kernel per (format, activations, bias, map)
// serves all shapes: M, N, K are arguments.
//
// The value of a row depends neither on M nor on other rows, threads or, but
// for denormal numbers in bf16 kernels, the target. Quantized activations: for
// each block of 32 inputs (two halves of 16 where the format has a scale per
// 16), in order of k,
//     P = sum of (code of w - zero point) * (code of x)       exact, i32
//     t = round(P * a),  y = fma(t, sx, y)
//     y = fma(b, sx * U, y)  if the format has mins, U = sum of codes of x
// with a, b of the weight and sx the scale of the block of x. f32 activations:
// y = fma(x, w, y) in order of k, w decoded and rounded as the file format
// defines. bf16 activations and weights: the same in the order k = 1, 0, 3, 2,
// ..., K padded to even with zeros; targets with AVX512-BF16 take denormal x, w
// and y for zero. The bias is added last; then comes the map.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CODEGEN_CPU_LINEAR_H
#define WINNOW_CODEGEN_CPU_LINEAR_H

#include "winnow/Codegen/Cpu/KernelBuilder.h"

#include <string>

namespace winnow::cpu {

/// The kernels below as C++ calls them.
using LinearFunction = void(const void *x, const void *w, const float *bias,
                            float *y, int64_t m, int64_t n, int64_t k,
                            int64_t ldx, int64_t ldy, void *scratch,
                            int64_t thread, int64_t threads);
using RecodeFunction = void(const float *x, void *buffer, int64_t row,
                            int64_t rows, int64_t k);
using EmbedFunction = void(const void *w, int64_t id, int64_t k, float scale,
                           float *out);

enum class Activations {
  F32,   ///< f32 rows, `ldx` elements apart
  A8B32, ///< 8-bit codes with a scale per 32, as emitRecodeRow writes them
  BF16,  ///< rounded to bf16, as emitRecodeRow writes them
};

/// Activations encoded in `format`; F32 for none ("").
Activations activationsOf(llvm::StringRef format);

/// What distinguishes one linear kernel from another.
struct LinearSpec {
  /// A format that Tile16Layout::get knows. f32 and f16 take f32 activations
  /// only, bf16 also BF16, the others also A8B32.
  std::string format;
  Activations activations = Activations::A8B32;
  /// The result gets bias[n] added; otherwise the bias argument is unused.
  bool bias = false;
  /// What each element of the result goes through, as emitMapLanes takes it;
  /// null: nothing.
  mlir::Block *map = nullptr;
};

/// The kernel of `spec`, emitted into `module` when it is not there yet:
///
///   func(x ptr, w ptr, bias ptr, y ptr, M i64, N i64, K i64, ldx i64,
///        ldy i64, scratch ptr, thread i64, threads i64)
///
/// or LinearFunction, once it is machine code.
///
/// x: f32 [M, K] with rows `ldx` elements apart, or the recoded rows
/// (ldx ignored). w: tile16, 64-byte aligned. y: f32 [M, N], rows `ldy`
/// elements apart. scratch: this thread's own linearScratchBytes(...) bytes,
/// 64-byte aligned. Every thread of the team calls it with the same arguments
/// but for scratch and `thread`; the result is complete when all have returned.
/// Threads take disjoint ranges of n, or of rows where those are many; x is
/// only read. M may be 0. Fails for an unknown format, for activations that it
/// does not take, and with a diagnostic beside the error for an op in the map
/// that has no vectors.
llvm::Expected<mlir::func::FuncOp> getLinearKernel(mlir::ModuleOp module,
                                                   const Target &target,
                                                   const LinearSpec &spec);

/// Scratch bytes of one thread: linearScratchBytes(target, spec, m, k)
/// = linearScratchBytes(target, spec, 0, k)
///   + m * linearScratchBytesPerRow(target, spec, k), m rounded up to a
///   multiple of 8. Multiples of 64.
int64_t linearScratchBytes(const Target &target, const LinearSpec &spec,
                           int64_t m, int64_t k);
int64_t linearScratchBytesPerRow(const Target &target, const LinearSpec &spec,
                                 int64_t k);

/// Bytes that M recoded rows of K inputs take: at most
/// roundUp(M, 8) * activationBytesPerRow(target, activations, K). The buffer is
/// 64-byte aligned. A8B32: with Kp = K rounded up to 64 and R = M == 1 ? 1 : 8
/// rows,
///   s8 codes[Kp/4][R][4], f32 scale[Kp/32][R], i32 sum[Kp/16][R]
/// tiles of R rows one after another; sum = sum of 16 codes. BF16: rows of K
/// rounded up to even, the last one zero, of bf16 where the target has
/// AVX512-BF16 and of f32 elsewhere.
int64_t activationBytesPerRow(const Target &target, Activations activations,
                              int64_t k);

/// Emits the recoding of one row, by the rules of Formats/Activation.h. `x`:
/// f32 [K], K a multiple of 32 for A8B32; `buffer`: start of the whole matrix
/// of `rows` recoded rows; `row`: which one this is. All values i64 or ptr. Not
/// for F32. Rows of one tile of 8 may be written by different threads (the
/// bytes are disjoint), but then cache lines are shared.
void emitRecodeRow(KernelBuilder &kb, Activations activations, mlir::Value x,
                   mlir::Value buffer, mlir::Value row, mlir::Value rows,
                   mlir::Value k);

/// A function func(x ptr, buffer ptr, row i64, rows i64, K i64) around
/// emitRecodeRow, a RecodeFunction.
mlir::func::FuncOp getRecodeRowKernel(mlir::ModuleOp module,
                                      const Target &target,
                                      Activations activations);

/// Emits out[k] = round(decode(w[id, k]) * scale) for k in [0, K): one row of
/// a tile16 matrix of `format`, decoded as the file format defines. `id` i64
/// in range, `scale` f32 (1.0 leaves the decoded value).
llvm::Error emitEmbedRow(KernelBuilder &kb, llvm::StringRef format,
                         mlir::Value w, mlir::Value id, mlir::Value k,
                         mlir::Value scale, mlir::Value out);

/// A function func(w ptr, id i64, K i64, scale f32, out ptr) around
/// emitEmbedRow, an EmbedFunction.
llvm::Expected<mlir::func::FuncOp> getEmbedRowKernel(mlir::ModuleOp module,
                                                     const Target &target,
                                                     llvm::StringRef format);

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_LINEAR_H
