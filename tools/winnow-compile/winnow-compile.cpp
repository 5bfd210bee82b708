//===- winnow-compile.cpp - From a model to an artifact -------------------===//

#include "winnow/Emit/Artifact.h"
#include "winnow/Emit/NativeCode.h"
#include "winnow/Import/Import.h"
#include "winnow/Pipelines/Pipelines.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/FileUtilities.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Signals.h"
#include "llvm/Support/ToolOutputFile.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
using namespace winnow;

namespace {

enum class Emit {
  Artifact,
  Mlir,
  Lowered,
  LlvmDialect,
  LlvmIr,
  Assembly,
  Object,
  Static
};
enum class ActivationMode { Auto, F32 };

/// The options. LLVM's own live in the same global table; main empties it
/// before it makes this object, so that names cannot clash.
struct CommandLine {
  cl::OptionCategory category{"winnow-compile options"};

  cl::opt<std::string> input{cl::Positional, cl::desc("MODEL"),
                             cl::cat(category)};
  cl::opt<std::string> output{
      "o", cl::value_desc("NAME"),
      cl::desc("Path of the artifact without extension"), cl::cat(category)};
  cl::opt<std::string> targetCpu{
      "target-cpu", cl::value_desc("cpu"), cl::init("host"),
      cl::desc("Processor to compile for: host (by CPUID; the default), "
               "x86-64-v3, x86-64-v4, znver5, ..."),
      cl::cat(category)};
  cl::opt<int64_t> context{
      "context", cl::value_desc("N"), cl::init(0),
      cl::desc("Tokens that a session can hold; default: the model's own, at "
               "most 8192"),
      cl::cat(category)};
  cl::opt<ActivationMode> activations{
      "activations", cl::desc("How inputs of linear layers are rounded:"),
      cl::values(clEnumValN(ActivationMode::Auto, "auto",
                            "to 8 bits where weights are integers (default)"),
                 clEnumValN(ActivationMode::F32, "f32", "not at all")),
      cl::init(ActivationMode::Auto), cl::cat(category)};
  cl::opt<Emit> emit{
      "emit", cl::desc("What to write:"),
      cl::values(
          clEnumValN(Emit::Artifact, "artifact",
                     "NAME.so .weights .h .json .tokenizer (default)"),
          clEnumValN(Emit::Static, "static",
                     "the same with NAME.a for NAME.so"),
          clEnumValN(Emit::Mlir, "mlir", "the imported model"),
          clEnumValN(Emit::Lowered, "kernels", "kernels at vector level"),
          clEnumValN(Emit::LlvmDialect, "llvm-dialect", "the LLVM dialect"),
          clEnumValN(Emit::LlvmIr, "llvm", "optimized LLVM IR"),
          clEnumValN(Emit::Assembly, "asm", "assembly"),
          clEnumValN(Emit::Object, "obj", "an object file")),
      cl::init(Emit::Artifact), cl::cat(category)};
  cl::opt<unsigned> threads{"threads", cl::value_desc("T"), cl::init(0),
                            cl::desc("Threads; default: one per processor"),
                            cl::cat(category)};
  cl::opt<bool> quiet{"quiet", cl::desc("No progress on standard error"),
                      cl::cat(category)};
};

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

static const CommandLine *commandLine;

/// Progress on standard error: a line per step, rewritten on a terminal.
class Progress {
public:
  void operator()(StringRef step, double done) {
    if (commandLine->quiet)
      return;
    bool terminal = sys::Process::StandardErrIsDisplayed();
    int percent = static_cast<int>(done * 100);
    if (step == lastStep && (!terminal || percent == lastPercent))
      return;
    if (terminal)
      errs() << "\r\033[Kwinnow-compile: " << step << " " << percent << " %";
    else
      errs() << "winnow-compile: " << step << "\n";
    lastStep = step.str();
    lastPercent = percent;
  }
  void finish() {
    if (!commandLine->quiet && sys::Process::StandardErrIsDisplayed())
      errs() << "\r\033[K";
  }

private:
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
static Expected<ImportedModel> parseProgram(mlir::MLIRContext *context,
                                            FirstError &firstError) {
  ImportedModel model;
  mlir::ParserConfig config(context);
  model.module =
      mlir::parseSourceFile<mlir::ModuleOp>(commandLine->input, config);
  if (!model.module)
    return firstError.take("'" + commandLine->input + "': cannot be read");
  return std::move(model);
}

static Expected<ImportedModel> load(mlir::MLIRContext *context,
                                    FirstError &firstError) {
  if (StringRef(commandLine->input).ends_with(".mlir"))
    return parseProgram(context, firstError);
  if (!sys::fs::exists(commandLine->input))
    return createStringError("'" + commandLine->input + "': no such file");
  if (sys::fs::is_directory(commandLine->input))
    return createStringError("'" + commandLine->input +
                             "': expects a .gguf or .mlir file, found a "
                             "directory");
  ImportOptions importOptions;
  if (commandLine->context)
    importOptions.context = commandLine->context;
  mlir::FailureOr<ImportedModel> model =
      importGguf(context, commandLine->input, importOptions);
  if (mlir::failed(model))
    return firstError.take("'" + commandLine->input + "': cannot be imported");
  return std::move(*model);
}

static Error compile(Progress &progress) {
  mlir::DialectRegistry registry;
  mlir::MLIRContext context(registry);
  FirstError firstError(&context);
  loadImportDialects(context);
  progress("importing", 0);
  Expected<ImportedModel> model = load(&context, firstError);
  if (!model)
    return model.takeError();
  mlir::ModuleOp module = *model->module;
  auto printModule = [&](raw_ostream &os) {
    module.print(os);
    return Error::success();
  };
  if (commandLine->emit == Emit::Mlir)
    return writeText(commandLine->output, printModule);

  Expected<cpu::Target> target = cpu::Target::get(commandLine->targetCpu);
  if (!target)
    return target.takeError();

  progress("lowering", 0);
  CpuPipelineOptions pipeline;
  pipeline.targetCpu = commandLine->targetCpu;
  pipeline.quantizeActivations =
      commandLine->activations == ActivationMode::Auto;
  mlir::PassManager passes(&context);
  buildCompressPipeline(passes, pipeline);
  buildLowerToCpuPipeline(passes, pipeline);
  if (commandLine->emit != Emit::Lowered)
    buildLowerToLlvmPipeline(passes);
  if (mlir::failed(passes.run(module)))
    return firstError.take("lowering failed");
  if (commandLine->emit == Emit::Lowered ||
      commandLine->emit == Emit::LlvmDialect)
    return writeText(commandLine->output, printModule);

  if (commandLine->emit == Emit::LlvmIr ||
      commandLine->emit == Emit::Assembly ||
      commandLine->emit == Emit::Object) {
    progress("generating code", 0);
    LLVMContext llvmContext;
    Expected<std::unique_ptr<Module>> translated =
        translateToLlvm(module, *target, llvmContext);
    if (!translated)
      return translated.takeError();
    if (Error error = optimizeLlvm(**translated, *target))
      return error;
    return writeText(commandLine->output, [&](raw_pwrite_stream &os) -> Error {
      if (commandLine->emit == Emit::LlvmIr) {
        (*translated)->print(os, nullptr);
        return Error::success();
      }
      return writeNativeCode(**translated, *target,
                             commandLine->emit == Emit::Assembly
                                 ? NativeCodeKind::Assembly
                                 : NativeCodeKind::Object,
                             os);
    });
  }

  ArtifactOptions artifact;
  artifact.output = commandLine->output;
  artifact.staticLibrary = commandLine->emit == Emit::Static;
  if (model->tokenizer)
    artifact.tokenizer = serialize(*model->tokenizer);
  artifact.threads = commandLine->threads;
  artifact.progress = [&](StringRef step, double done) {
    progress(step, done);
  };
  artifact.manifest["source"] = sys::path::filename(commandLine->input);
  artifact.manifest["activations"] =
      commandLine->activations == ActivationMode::Auto ? "auto" : "f32";
  return emitArtifact(module, model->checkpoint.get(), *target,
                      std::move(artifact));
}

static int fail(const Twine &message) {
  errs() << "winnow-compile: error: " << message << "\n";
  return 1;
}

int main(int argc, char **argv) {
  sys::PrintStackTraceOnErrorSignal(argv[0]);
  // LLVM's own options serve its tools, not this one.
  cl::ResetCommandLineParser();
  CommandLine parsed;
  commandLine = &parsed;
  cl::HideUnrelatedOptions(parsed.category);
  cl::SetVersionPrinter(
      [](raw_ostream &os) { os << "winnow-compile " WINNOW_VERSION "\n"; });
  std::string message;
  raw_string_ostream messages(message);
  if (!cl::ParseCommandLineOptions(
          argc, argv, "Compiles a model to a native library\n", &messages)) {
    StringRef first = StringRef(message).split('\n').first;
    first.consume_front(StringRef(argv[0]).str() + ": ");
    first.consume_front(sys::path::filename(argv[0]).str() + ": ");
    return fail(first.rtrim());
  }
  if (parsed.input.empty())
    return fail("expects a model; see --help");
  if (parsed.output.empty())
    return fail("expects -o NAME; see --help");
  if (parsed.context < 0)
    return fail("--context expects a positive number of tokens");
  Progress progress;
  Error error = compile(progress);
  progress.finish();
  if (!error)
    return 0;
  // One line, whatever the message holds.
  std::string text = toString(std::move(error));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return fail(text);
}
