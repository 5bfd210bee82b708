//===- Compile.cpp - From a module to files -------------------------------===//

#include "Diagnostics.h"

#include "winnow/Emit/Artifact.h"
#include "winnow/Emit/NativeCode.h"
#include "winnow/Emit/WeightsArchive.h"
#include "winnow/Pipelines/Pipelines.h"

#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/LocationSnapshot.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace winnow {

static Error writeText(StringRef path,
                       function_ref<Error(raw_pwrite_stream &)> write) {
  SmallString<0> text;
  raw_svector_ostream stream(text);
  if (Error error = write(stream))
    return error;
  if (path == "-") {
    outs() << text;
    outs().flush();
    return Error::success();
  }
  return writeToOutput(path, [&](raw_ostream &os) {
    os << text;
    return Error::success();
  });
}

static Error writeModule(StringRef path, mlir::ModuleOp module) {
  return writeText(path, [&](raw_ostream &os) {
    module.print(os);
    return Error::success();
  });
}

/// Writes LLVM IR, assembly or an object.
static Error writeCode(StringRef path, mlir::ModuleOp module,
                       const cpu::Target &target, EmitKind kind) {
  LLVMContext context;
  Expected<std::unique_ptr<Module>> translated =
      translateToLlvm(module, target, context);
  if (!translated)
    return translated.takeError();
  if (Error error = optimizeLlvm(**translated, target))
    return error;
  return writeText(path, [&](raw_pwrite_stream &os) -> Error {
    if (kind == EmitKind::Llvm) {
      (*translated)->print(os, nullptr);
      return Error::success();
    }
    return writeNativeCode(**translated, target,
                           kind == EmitKind::Assembly ? NativeCodeKind::Assembly
                                                      : NativeCodeKind::Object,
                           os);
  });
}

/// The text of the kernels; the locations of `module` become its lines, under
/// the name `path`.
static std::string locateInKernels(mlir::ModuleOp module, StringRef path) {
  std::string text;
  raw_string_ostream os(text);
  SmallString<256> absolute(path);
  if (sys::fs::make_absolute(absolute))
    absolute = path;
  mlir::generateLocationsFromIR(os, absolute, module, mlir::OpPrintingFlags());
  return text;
}

Error LoadedModel::compile(StringRef output,
                           const CompileOptions &options) const {
  if (options.emit == EmitKind::Mlir)
    return writeModule(output, getModule());
  auto advance = [&](StringRef step) -> Error {
    if (!options.progress || options.progress(step, 0))
      return Error::success();
    return cancelled();
  };
  Expected<cpu::Target> target = cpu::Target::get(options.targetCpu);
  if (!target)
    return createStringError(std::make_error_code(std::errc::invalid_argument),
                             toString(target.takeError()));

  if (Error error = advance("lowering"))
    return error;
  mlir::OwningOpRef<mlir::ModuleOp> lowered = getModule().clone();
  CpuPipelineOptions pipeline;
  pipeline.targetCpu = options.targetCpu;
  pipeline.quantizeActivations = options.quantizeActivations;
  mlir::PassManager toKernels(context.get());
  buildCompressPipeline(toKernels, pipeline);
  buildLowerToCpuPipeline(toKernels, pipeline);
  if (mlir::failed(toKernels.run(*lowered)))
    return diagnostics->take("lowering failed");
  if (options.emit == EmitKind::Kernels)
    return writeModule(output, *lowered);

  std::string kernels;
  if (options.debug)
    kernels = locateInKernels(*lowered, (output + ".kernels.mlir").str());
  mlir::PassManager toLlvm(context.get());
  buildLowerToLlvmPipeline(toLlvm);
  if (options.debug)
    toLlvm.addPass(mlir::LLVM::createDIScopeForLLVMFuncOpPass());
  if (mlir::failed(toLlvm.run(*lowered)))
    return diagnostics->take("lowering failed");
  if (options.emit == EmitKind::LlvmDialect)
    return writeModule(output, *lowered);

  if (Error error = advance("generating code"))
    return error;
  if (options.emit == EmitKind::Llvm || options.emit == EmitKind::Assembly ||
      options.emit == EmitKind::Object)
    return writeCode(output, *lowered, *target, options.emit);

  ArtifactOptions artifact;
  artifact.output = output.str();
  artifact.staticLibrary = options.emit == EmitKind::Static;
  if (model.tokenizer)
    artifact.tokenizer = serialize(*model.tokenizer);
  artifact.kernels = std::move(kernels);
  artifact.threads = options.threads;
  artifact.progress = options.progress;
  artifact.manifest["source"] = source;
  artifact.manifest["activations"] =
      options.quantizeActivations ? "auto" : "f32";
  return emitArtifact(*lowered, model.checkpoint.get(), *target,
                      std::move(artifact));
}

} // namespace winnow
