//===- Compile.cpp - From a module to files -------------------------------===//

#include "Diagnostics.h"
#include "PassSetup.h"

#include "winnow/Emit/Artifact.h"
#include "winnow/Emit/NativeCode.h"
#include "winnow/Emit/WeightsArchive.h"

#include "mlir/IR/Remarks.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Remark/RemarkStreamer.h"
#include "mlir/Support/Timing.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
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
                       const cpu::Target &target, EmitKind kind,
                       mlir::TimingScope &timing) {
  LLVMContext context;
  mlir::TimingScope codeTiming = timing.nest("machine code");
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

/// Remarks of a context go to a file as long as this lives.
namespace {
class RemarksToFile {
public:
  static Expected<std::unique_ptr<RemarksToFile>>
  open(mlir::MLIRContext &context, StringRef path) {
    if (path.empty())
      return nullptr;
    // Upstream reports a path that cannot be written in many words.
    int file;
    if (std::error_code code = sys::fs::openFileForWrite(path, file))
      return createStringError(code, "'" + path + "': " + code.message());
    sys::Process::SafelyCloseFileDescriptor(file);
    mlir::remark::RemarkCategories everything;
    everything.passed = everything.missed = everything.analysis =
        everything.failed = ".*";
    if (mlir::failed(mlir::remark::enableOptimizationRemarksWithLLVMStreamer(
            context, path, remarks::Format::YAML,
            std::make_unique<mlir::remark::RemarkEmittingPolicyAll>(),
            everything)))
      return createStringError("'" + path + "': cannot be written");
    return std::unique_ptr<RemarksToFile>(new RemarksToFile(context));
  }
  ~RemarksToFile() { context.setRemarkEngine(nullptr); }

private:
  explicit RemarksToFile(mlir::MLIRContext &context) : context(context) {}
  mlir::MLIRContext &context;
};
} // namespace

/// Runs passes and reports on them as `options` say.
static Error runPasses(mlir::PassManager &passes, mlir::ModuleOp module,
                       const CompileOptions &options, mlir::TimingScope &timing,
                       bool &passed) {
  mlir::MLIRContext &context = *passes.getContext();
  Expected<std::unique_ptr<RemarksToFile>> remarks =
      RemarksToFile::open(context, options.remarks);
  if (!remarks)
    return remarks.takeError();
  bool threaded = context.isMultithreadingEnabled();
  // Programs would be printed while other threads change them.
  if (!options.dumpAfter.empty())
    context.disableMultithreading();
  scope_exit restore([&] {
    if (threaded)
      context.enableMultithreading();
  });
  if (Error error = enableDumps(passes, options))
    return error;
  if (timing)
    passes.enableTiming(timing);
  passed = mlir::succeeded(passes.run(module));
  return Error::success();
}

Error LoadedModel::compile(StringRef output,
                           const CompileOptions &options) const {
  if (options.emit == EmitKind::Mlir && options.dumpAfter.empty())
    return writeModule(output, getModule());
  mlir::TimingScope noTiming;
  mlir::TimingScope &timing = options.timing ? *options.timing : noTiming;
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
  mlir::PassManager passes(context.get(), mlir::ModuleOp::getOperationName());
  std::string kernels;
  addCompilePasses(passes, options, output, kernels);
  bool passed = false;
  {
    mlir::TimingScope passTiming = timing.nest("passes");
    if (Error error = runPasses(passes, *lowered, options, passTiming, passed))
      return error;
  }
  if (!passed)
    return diagnostics->take("lowering failed");
  if (options.emit <= EmitKind::LlvmDialect)
    return writeModule(output, *lowered);

  if (Error error = advance("generating code"))
    return error;
  if (options.emit <= EmitKind::Object)
    return writeCode(output, *lowered, *target, options.emit, timing);

  ArtifactOptions artifact;
  artifact.output = output.str();
  artifact.staticLibrary = options.emit == EmitKind::Static;
  if (model.tokenizer)
    artifact.tokenizer = serialize(*model.tokenizer);
  artifact.kernels = std::move(kernels);
  artifact.threads = options.threads;
  artifact.progress = options.progress;
  artifact.timing = &timing;
  artifact.manifest["source"] = source;
  artifact.manifest["activations"] =
      options.quantizeActivations ? "auto" : "f32";
  return emitArtifact(*lowered, model.checkpoint.get(), *target,
                      std::move(artifact));
}

} // namespace winnow
