//===- PassSetup.cpp - The passes of a compilation ------------------------===//

#include "PassSetup.h"

#include "winnow/Pipelines/Pipelines.h"

#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/LocationSnapshot.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;

namespace winnow {

namespace {

/// What upstream's pass of this name does, but the text waits until the
/// artifact is written.
class KeepKernels
    : public mlir::PassWrapper<KeepKernels,
                               mlir::OperationPass<mlir::ModuleOp>> {
public:
  MLIR_DEFINE_EXPLICIT_INTERNAL_INLINE_TYPE_ID(KeepKernels)

  KeepKernels(StringRef path, std::string &text) : text(&text) {
    fileName = path.str();
  }
  KeepKernels(const KeepKernels &other)
      : PassWrapper(other), text(other.text) {}

  StringRef getArgument() const override { return "snapshot-op-locations"; }

  void runOnOperation() override {
    raw_string_ostream os(*text);
    SmallString<256> absolute(fileName.getValue());
    if (sys::fs::make_absolute(absolute))
      absolute = fileName.getValue();
    mlir::generateLocationsFromIR(os, absolute, getOperation(),
                                  mlir::OpPrintingFlags());
  }

private:
  Option<std::string> fileName{*this, "filename"};
  std::string *text;
};

} // namespace

/// The last state of the program that code for `kind` is made from.
static CpuStage lastStage(EmitKind kind) {
  switch (kind) {
  case EmitKind::Compressed:
    return CpuStage::Compressed;
  case EmitKind::Inlined:
    return CpuStage::Inlined;
  case EmitKind::Layouts:
    return CpuStage::LaidOut;
  case EmitKind::Kernels:
    return CpuStage::Kernels;
  default:
    return CpuStage::LlvmDialect;
  }
}

Error addCompilePasses(mlir::OpPassManager &passes,
                       const CompileOptions &options, StringRef output,
                       std::string &kernels) {
  if (options.emit == EmitKind::Mlir)
    return Error::success();
  std::string message;
  raw_string_ostream os(message);
  for (const RecipePass &pass : options.recipe)
    if (mlir::failed(mlir::parsePassPipeline(pass.text, passes, os)))
      return createStringError(
          std::make_error_code(std::errc::invalid_argument), message);
  CpuPipelineOptions cpu;
  cpu.targetCpu = options.targetCpu;
  cpu.weights = options.weights;
  cpu.weightsOnly = options.weightsOnly;
  cpu.weightsSkip = options.weightsSkip;
  cpu.quantizeActivations = options.quantizeActivations;
  CpuStage last = lastStage(options.emit);
  buildCompressPipeline(passes, cpu);
  buildLowerToCpuPipeline(passes, cpu, last);
  if (last < CpuStage::LlvmDialect)
    return Error::success();
  if (options.debug)
    passes.addPass(std::make_unique<KeepKernels>(
        (output + ".kernels.mlir").str(), kernels));
  buildLowerToLlvmPipeline(passes);
  if (options.debug)
    passes.addPass(mlir::LLVM::createDIScopeForLLVMFuncOpPass());
  return Error::success();
}

static std::string textOf(mlir::OpPassManager &passes) {
  std::string text;
  raw_string_ostream os(text);
  passes.printAsTextualPipeline(os);
  return text;
}

Expected<std::string> pipelineText(const CompileOptions &options,
                                   StringRef output) {
  mlir::OpPassManager passes(mlir::ModuleOp::getOperationName());
  std::string kernels;
  if (Error error = addCompilePasses(passes, options, output, kernels))
    return std::move(error);
  return textOf(passes);
}

namespace {
/// Notes which pass of a recipe failed.
class RecipeWatch : public mlir::PassInstrumentation {
public:
  RecipeWatch(DenseMap<mlir::Pass *, StringRef> places, std::string &place)
      : places(std::move(places)), place(place) {}

  void runAfterPassFailed(mlir::Pass *pass, mlir::Operation *) override {
    if (StringRef found = places.lookup(pass); !found.empty())
      place = found.str();
  }

private:
  DenseMap<mlir::Pass *, StringRef> places;
  std::string &place;
};
} // namespace

void watchRecipe(mlir::PassManager &passes, const CompileOptions &options,
                 std::string &place) {
  // They come first, in order.
  DenseMap<mlir::Pass *, StringRef> places;
  auto pass = passes.begin();
  for (const RecipePass &line : options.recipe)
    for (size_t i = 0; i < line.count && pass != passes.end(); ++i)
      places[&*pass++] = line.place;
  passes.addInstrumentation(
      std::make_unique<RecipeWatch>(std::move(places), place));
}

StringSet<> passNames(StringRef pipeline) {
  StringSet<> names;
  int braces = 0;
  while (!pipeline.empty()) {
    size_t end = pipeline.find_first_of("(),{}");
    StringRef word = pipeline.take_front(end);
    StringRef rest = pipeline.drop_front(word.size());
    // What a parenthesis follows is an op, what is in braces are options.
    if (!braces && !word.empty() && !rest.starts_with("("))
      names.insert(word);
    braces += rest.starts_with("{") - rest.starts_with("}");
    pipeline = rest.drop_front(!rest.empty());
  }
  return names;
}

Error enableDumps(mlir::PassManager &passes, const CompileOptions &options) {
  if (options.dumpAfter.empty())
    return Error::success();
  StringSet<> wanted, known = passNames(textOf(passes));
  bool all = false;
  for (const std::string &name : options.dumpAfter) {
    if (name == "all")
      all = true;
    else if (!known.contains(name))
      return createStringError(
          std::make_error_code(std::errc::invalid_argument),
          "no pass '" + Twine(name) +
              "' runs, so nothing can be dumped after it");
    wanted.insert(name);
  }
  auto never = [](mlir::Pass *, mlir::Operation *) { return false; };
  auto after = [all, wanted](mlir::Pass *pass, mlir::Operation *) {
    return all || wanted.contains(pass->getArgument());
  };
  if (options.dumpDirectory.empty()) {
    passes.enableIRPrinting(never, after, /*printModuleScope=*/true,
                            /*printAfterOnlyOnChange=*/false);
    return Error::success();
  }
  if (std::error_code code = sys::fs::create_directories(options.dumpDirectory))
    return createStringError(code, "'" + Twine(options.dumpDirectory) +
                                       "': " + code.message());
  passes.enableIRPrintingToFileTree(never, after, /*printModuleScope=*/true,
                                    /*printAfterOnlyOnChange=*/false,
                                    /*printAfterOnlyOnFailure=*/false,
                                    options.dumpDirectory);
  return Error::success();
}

} // namespace winnow
