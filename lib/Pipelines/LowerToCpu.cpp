//===- LowerToCpu.cpp - winnow to kernels ---------------------------------===//

#include "winnow/Analysis/Passes.h"
#include "winnow/Compress/Passes.h"
#include "winnow/Conversion/Passes.h"
#include "winnow/Pipelines/Pipelines.h"

#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace winnow {

void buildCompressPipeline(OpPassManager &passes,
                           const CpuPipelineOptions &options) {
  WinnowQuantizeWeightsOptions weights;
  weights.format = options.weights;
  weights.only = options.weightsOnly;
  weights.skip = options.weightsSkip;
  passes.addPass(createWinnowQuantizeWeights(weights));
  WinnowQuantizeActivationsOptions activations;
  activations.enabled = options.quantizeActivations;
  passes.addNestedPass<func::FuncOp>(
      createWinnowQuantizeActivations(activations));
}

void buildLowerToCpuPipeline(OpPassManager &passes,
                             const CpuPipelineOptions &options, CpuStage last) {
  if (last < CpuStage::Inlined)
    return;
  // After compression: both entry points are of one model.
  passes.addPass(createWinnowAddEmbeddingsEntry());
  // Kernels change caches in place: each state may be used up only once.
  passes.addPass(createWinnowVerifyModel());
  passes.addNestedPass<func::FuncOp>(createWinnowInlineLayers());
  // Each layer reads its params and sizes by itself; once is enough.
  passes.addPass(createCSEPass());
  // After that: taps of one value need one result.
  passes.addPass(createWinnowReturnObserved());
  if (last < CpuStage::LaidOut)
    return;
  passes.addPass(createWinnowAssignLayouts());
  if (last < CpuStage::Kernels)
    return;
  ConvertWinnowToCpuOptions conversion;
  conversion.targetCpu = options.targetCpu;
  passes.addPass(createConvertWinnowToCpu(conversion));
}

namespace {
struct CpuOptions : public PassPipelineOptions<CpuOptions> {
  Option<std::string> targetCpu{
      *this, "target-cpu", llvm::cl::desc("Processor"), llvm::cl::init("host")};
};
} // namespace

void registerPipelines() {
  PassPipelineRegistration<>(
      "winnow-compress", "What winnow-compile does to a model by default",
      [](OpPassManager &passes) { buildCompressPipeline(passes, {}); });
  PassPipelineRegistration<CpuOptions>(
      "winnow-lower-to-cpu", "winnow to kernels and calls for a processor",
      [](OpPassManager &passes, const CpuOptions &options) {
        CpuPipelineOptions cpu;
        cpu.targetCpu = options.targetCpu;
        buildLowerToCpuPipeline(passes, cpu);
      });
  PassPipelineRegistration<>(
      "winnow-lower-to-llvm", "Kernels and entry points to the LLVM dialect",
      [](OpPassManager &passes) { buildLowerToLlvmPipeline(passes); });
}

} // namespace winnow
