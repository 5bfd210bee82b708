//===- Compile.cpp - From a module to files -------------------------------===//

#include "Diagnostics.h"
#include "ModelWeightPlanner.h"
#include "PassSetup.h"
#include "Remarks.h"
#include "ReportBuilder.h"
#include "TextEvaluator.h"

#include "winnow/Analysis/Services.h"
#include "winnow/Emit/Artifact.h"
#include "winnow/Emit/NativeCode.h"
#include "winnow/Emit/WeightsArchive.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
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

/// Runs passes and reports on them as `options` say.
static Error runPasses(mlir::PassManager &passes, mlir::ModuleOp module,
                       const CompileOptions &options, mlir::TimingScope &timing,
                       std::vector<Decision> &decisions, bool &passed) {
  mlir::MLIRContext &context = *passes.getContext();
  StringSet<> recipe;
  for (const RecipePass &pass : options.recipe)
    for (const auto &name : passNames(pass.text))
      recipe.insert(name.getKey());
  Expected<std::unique_ptr<Remarks>> remarks =
      Remarks::open(context, options.remarks, std::move(recipe));
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
  decisions = (*remarks)->getDecisions();
  return Error::success();
}

/// Notes in the manifest what a recipe changed. One that changed nothing leaves
/// no trace: the artifact is the same, byte for byte.
static void recordRecipe(const CompileOptions &options,
                         ArrayRef<Decision> decisions, json::Object &manifest) {
  if (decisions.empty())
    return;
  json::Array passes, changes;
  for (const RecipePass &pass : options.recipe)
    passes.push_back(json::fixUTF8(pass.text));
  for (const Decision &decision : decisions)
    changes.push_back(json::Object{{"pass", decision.pass},
                                   {"name", json::fixUTF8(decision.name)},
                                   {"what", json::fixUTF8(decision.what)}});
  manifest["recipe"] = std::move(passes);
  manifest["decisions"] = std::move(changes);
}

Expected<SearchResult>
LoadedModel::search(const SearchOptions &search,
                    const CompileOptions &options) const {
  registerModelPasses();
  if (Error error = TextEvaluator::create(*this, options, std::move(evaluator))
                        .moveInto(evaluator))
    return std::move(error);
  ModelWeightPlanner planner(*this);
  ServicesScope scope(*context, {evaluator.get(), &planner});
  mlir::FailureOr<SearchResult> result = searchUnderBudget(getModule(), search);
  if (mlir::succeeded(result))
    return std::move(*result);
  Error error = diagnostics->take("the search failed");
  if (!evaluator || !evaluator->isCancelled())
    return std::move(error);
  consumeError(std::move(error));
  return cancelled();
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
  if (Error error = addCompilePasses(passes, options, output, kernels))
    return error;
  std::unique_ptr<TextEvaluator> evaluator;
  if (Error error =
          TextEvaluator::create(*this, options, std::move(this->evaluator))
              .moveInto(evaluator))
    return error;
  ModelWeightPlanner planner(*this);
  ServicesScope scope(*context, {evaluator.get(), &planner});
  std::vector<Decision> decisions;
  bool passed = false;
  std::string place;
  watchRecipe(passes, options, place);
  {
    mlir::TimingScope passTiming = timing.nest("passes");
    if (Error error =
            runPasses(passes, *lowered, options, passTiming, decisions, passed))
      return error;
  }
  if (!passed) {
    Error error = diagnostics->take("lowering failed");
    if (evaluator && evaluator->isCancelled()) {
      consumeError(std::move(error));
      return cancelled();
    }
    if (place.empty())
      return error;
    return createStringError(place + ": " + toString(std::move(error)));
  }
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
  artifact.cache =
      options.cache || !evaluator ? options.cache : evaluator->getCache();
  artifact.sampled = options.sampled;
  artifact.manifest["source"] = source;
  artifact.manifest["activations"] =
      options.quantizeActivations ? "auto" : "f32";
  recordRecipe(options, decisions, artifact.manifest);
  if (Error error = emitArtifact(*lowered, model.checkpoint.get(), *target,
                                 std::move(artifact)))
    return error;
  if (options.reports.empty())
    return Error::success();
  Expected<Report> report =
      buildReport(*this, options, output, evaluator.get());
  return report ? writeReport(*report, options.reports) : report.takeError();
}

} // namespace winnow
