//===- Pipelines.h - Every pipeline of Winnow -------------------*- C++ -*-===//

#ifndef WINNOW_PIPELINES_PIPELINES_H
#define WINNOW_PIPELINES_PIPELINES_H

#include "mlir/Pass/PassManager.h"

#include <string>

namespace winnow {

/// How a model is compiled for a processor.
struct CpuPipelineOptions {
  /// See cpu::Target::get.
  std::string targetCpu = "host";
  /// Format, only and skip of winnow-quantize-weights.
  std::string weights = "keep", weightsOnly, weightsSkip;
  /// Round the inputs of linear layers with integer weights to 8 bits.
  bool quantizeActivations = true;
};

/// The states of a program on its way to the LLVM dialect.
enum class CpuStage {
  Compressed,  ///< lossy passes are done
  Inlined,     ///< the bodies of layers stand in the entry points
  LaidOut,     ///< weights have the layouts of kernels
  Kernels,     ///< kernels and calls on pointers
  LlvmDialect, ///< nothing but the LLVM dialect
};

/// What changes numbers: the encoding of weights, if it is asked for, and the
/// rounding of activations, the only lossy default.
void buildCompressPipeline(mlir::OpPassManager &passes,
                           const CpuPipelineOptions &options);

/// winnow to kernels and calls on pointers, or less if `last` is an earlier
/// stage.
void buildLowerToCpuPipeline(mlir::OpPassManager &passes,
                             const CpuPipelineOptions &options,
                             CpuStage last = CpuStage::Kernels);

/// Kernels and entry points (func, scf, arith, math, vector, llvm) to the LLVM
/// dialect alone.
void buildLowerToLlvmPipeline(mlir::OpPassManager &passes);

/// Registers upstream's passes that the pipelines are made of and that are no
/// general transforms.
void registerLlvmLoweringPasses();

/// Registers the pipelines under their names: winnow-compress,
/// winnow-lower-to-cpu, winnow-lower-to-llvm.
void registerPipelines();

} // namespace winnow

#endif // WINNOW_PIPELINES_PIPELINES_H
