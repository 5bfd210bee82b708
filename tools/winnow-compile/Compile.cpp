//===- Compile.cpp - What winnow-compile does -----------------------------===//

#include "Compile.h"

#include "winnow/Emit/Artifact.h"
#include "winnow/Emit/NativeCode.h"
#include "winnow/Import/Import.h"
#include "winnow/Pipelines/Pipelines.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/LocationSnapshot.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace winnow {

namespace {

/// The first error that MLIR reported, as one line.
class FirstError {
public:
  explicit FirstError(mlir::MLIRContext *context)
      : handler(context, [this](mlir::Diagnostic &diagnostic) {
          if (diagnostic.getSeverity() == mlir::DiagnosticSeverity::Error &&
              text.empty()) {
            raw_string_ostream os(text);
            if (!isa<mlir::UnknownLoc>(diagnostic.getLocation())) {
              printLocation(diagnostic.getLocation(), os);
              os << ": ";
            }
            os << diagnostic;
          }
          return mlir::success();
        }) {}

  Error take(StringRef fallback) {
    std::string line = text.empty() ? fallback.str() : text;
    text.clear();
    return createStringError(line);
  }

private:
  static void printLocation(mlir::Location location, raw_ostream &os) {
    if (auto file = dyn_cast<mlir::FileLineColLoc>(location)) {
      os << file.getFilename().getValue();
      if (file.getLine())
        os << ":" << file.getLine() << ":" << file.getColumn();
      return;
    }
    if (auto name = dyn_cast<mlir::NameLoc>(location)) {
      os << name.getName().getValue();
      return;
    }
    os << location;
  }

  std::string text;
  mlir::ScopedDiagnosticHandler handler;
};

/// Progress on standard error, if that is a terminal: one line, rewritten.
class Progress {
public:
  explicit Progress(bool quiet)
      : visible(!quiet && sys::Process::StandardErrIsDisplayed()) {}

  void operator()(StringRef step, double done) {
    int percent = static_cast<int>(done * 100);
    if (!visible || (step == lastStep && percent == lastPercent))
      return;
    errs() << "\r\033[Kwinnow-compile: " << step;
    if (percent)
      errs() << " " << percent << " %";
    lastStep = step.str();
    lastPercent = percent;
  }
  void finish() {
    if (visible)
      errs() << "\r\033[K";
  }

private:
  bool visible;
  std::string lastStep;
  int lastPercent = -1;
};

} // namespace

static Error writeText(StringRef path,
                       function_ref<Error(raw_pwrite_stream &)> write) {
  SmallString<0> text;
  raw_svector_ostream stream(text);
  if (Error error = write(stream))
    return error;
  if (path == "-") {
    outs() << text;
    return Error::success();
  }
  return writeToOutput(path, [&](raw_ostream &os) {
    os << text;
    return Error::success();
  });
}

/// A .mlir program: IR without a checkpoint.
static Expected<ImportedModel> parseProgram(const CommandLine &commandLine,
                                            mlir::MLIRContext *context,
                                            FirstError &firstError) {
  ImportedModel model;
  mlir::ParserConfig config(context);
  model.module =
      mlir::parseSourceFile<mlir::ModuleOp>(commandLine.input, config);
  if (!model.module)
    return firstError.take("'" + commandLine.input + "': cannot be read");
  return std::move(model);
}

static Expected<ImportedModel> load(const CommandLine &commandLine,
                                    mlir::MLIRContext *context,
                                    FirstError &firstError) {
  if (StringRef(commandLine.input).ends_with(".mlir"))
    return parseProgram(commandLine, context, firstError);
  if (!sys::fs::exists(commandLine.input))
    return createStringError("'" + commandLine.input + "': no such file");
  if (sys::fs::is_directory(commandLine.input))
    return createStringError("'" + commandLine.input +
                             "': expects a .gguf or .mlir file, found a "
                             "directory");
  ImportOptions importOptions;
  if (commandLine.context)
    importOptions.context = commandLine.context;
  mlir::FailureOr<ImportedModel> model =
      importGguf(context, commandLine.input, importOptions);
  if (mlir::failed(model))
    return firstError.take("'" + commandLine.input + "': cannot be imported");
  return std::move(*model);
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

static Error compile(const CommandLine &commandLine, Progress &progress) {
  mlir::DialectRegistry registry;
  mlir::MLIRContext context(registry);
  FirstError firstError(&context);
  loadImportDialects(context);
  progress("importing", 0);
  Expected<ImportedModel> model = load(commandLine, &context, firstError);
  if (!model)
    return model.takeError();
  mlir::ModuleOp module = *model->module;
  auto printModule = [&](raw_ostream &os) {
    module.print(os);
    return Error::success();
  };
  if (commandLine.emit == Emit::Mlir)
    return writeText(commandLine.output, printModule);

  Expected<cpu::Target> target = cpu::Target::get(commandLine.targetCpu);
  if (!target)
    return target.takeError();

  progress("lowering", 0);
  CpuPipelineOptions pipeline;
  pipeline.targetCpu = commandLine.targetCpu;
  pipeline.quantizeActivations = commandLine.quantizeActivations;
  mlir::PassManager toKernels(&context);
  buildCompressPipeline(toKernels, pipeline);
  buildLowerToCpuPipeline(toKernels, pipeline);
  if (mlir::failed(toKernels.run(module)))
    return firstError.take("lowering failed");
  if (commandLine.emit == Emit::Kernels)
    return writeText(commandLine.output, printModule);

  std::string kernels;
  if (commandLine.debug)
    kernels = locateInKernels(module, commandLine.output + ".kernels.mlir");
  mlir::PassManager toLlvm(&context);
  buildLowerToLlvmPipeline(toLlvm);
  if (commandLine.debug)
    toLlvm.addPass(mlir::LLVM::createDIScopeForLLVMFuncOpPass());
  if (mlir::failed(toLlvm.run(module)))
    return firstError.take("lowering failed");
  if (commandLine.emit == Emit::LlvmDialect)
    return writeText(commandLine.output, printModule);

  if (commandLine.emit == Emit::Llvm || commandLine.emit == Emit::Assembly ||
      commandLine.emit == Emit::Object) {
    progress("generating code", 0);
    LLVMContext llvmContext;
    Expected<std::unique_ptr<Module>> translated =
        translateToLlvm(module, *target, llvmContext);
    if (!translated)
      return translated.takeError();
    if (Error error = optimizeLlvm(**translated, *target))
      return error;
    return writeText(commandLine.output, [&](raw_pwrite_stream &os) -> Error {
      if (commandLine.emit == Emit::Llvm) {
        (*translated)->print(os, nullptr);
        return Error::success();
      }
      return writeNativeCode(**translated, *target,
                             commandLine.emit == Emit::Assembly
                                 ? NativeCodeKind::Assembly
                                 : NativeCodeKind::Object,
                             os);
    });
  }

  ArtifactOptions artifact;
  artifact.output = commandLine.output;
  artifact.staticLibrary = commandLine.emit == Emit::Static;
  if (model->tokenizer)
    artifact.tokenizer = serialize(*model->tokenizer);
  artifact.kernels = std::move(kernels);
  artifact.threads = commandLine.threads;
  artifact.progress = [&](StringRef step, double done) {
    progress(step, done);
  };
  artifact.manifest["source"] = sys::path::filename(commandLine.input);
  artifact.manifest["activations"] =
      commandLine.quantizeActivations ? "auto" : "f32";
  return emitArtifact(module, model->checkpoint.get(), *target,
                      std::move(artifact));
}

Error compile(const CommandLine &commandLine) {
  Progress progress(commandLine.quiet);
  Error error = compile(commandLine, progress);
  progress.finish();
  return error;
}

} // namespace winnow
