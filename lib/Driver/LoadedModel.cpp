//===- LoadedModel.cpp - Loading a model and running passes on it ---------===//

#include "Diagnostics.h"
#include "ModelWeightPlanner.h"
#include "TextEvaluator.h"

#include "winnow/Analysis/Passes.h"
#include "winnow/Analysis/Services.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Analysis/WeightReader.h"
#include "winnow/Compress/Passes.h"
#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/WinnowDialect.h"
#include "winnow/Emit/Weights.h"
#include "winnow/Pipelines/Pipelines.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

#include <mutex>

using namespace llvm;

namespace winnow {

void registerModelPasses() {
  static std::once_flag once;
  std::call_once(once, [] {
    mlir::registerTransformsPasses();
    registerWinnowAnalysisPasses();
    registerWinnowCompressPasses();
    registerWinnowConversionPasses();
    registerPipelines();
    registerLlvmLoweringPasses();
  });
}

static Error invalid(const Twine &message) {
  return createStringError(std::make_error_code(std::errc::invalid_argument),
                           message);
}

LoadedModel::LoadedModel(const LoadOptions &options)
    : context(std::make_unique<mlir::MLIRContext>()),
      diagnostics(
          std::make_unique<Diagnostics>(context.get(), options.diagnostic)) {
  loadImportDialects(*context);
}

LoadedModel::~LoadedModel() = default;

/// A .mlir program: IR without a checkpoint.
Error LoadedModel::parse(StringRef path) {
  auto buffer = mapRegularFile(path);
  if (!buffer)
    return buffer.takeError();
  model.module = importProgram(context.get(), (*buffer)->getBuffer(), path);
  if (!model.module)
    return diagnostics->take("'" + path + "': cannot be read");
  return Error::success();
}

namespace {
/// Lets passes read the checkpoint.
class CheckpointFiles : public ParamFiles {
public:
  CheckpointFiles(mlir::Dialect *dialect, const Checkpoint &checkpoint)
      : ParamFiles(dialect), checkpoint(checkpoint) {}

  Expected<std::vector<uint8_t>> read(ParamOp param) const override {
    return readStoredBytes(param, &checkpoint);
  }

private:
  const Checkpoint &checkpoint;
};
} // namespace

Error LoadedModel::import(StringRef path, int64_t tokens) {
  ImportOptions options;
  if (tokens)
    options.context = tokens;
  mlir::FailureOr<ImportedModel> imported =
      sys::fs::is_directory(path)
          ? importHuggingFace(context.get(), path, options)
          : importGguf(context.get(), path, options);
  if (mlir::failed(imported))
    return diagnostics->take("'" + path + "': cannot be imported");
  model = std::move(*imported);
  giveCheckpoint();
  return Error::success();
}

void LoadedModel::giveCheckpoint() {
  if (model.checkpoint)
    context->getLoadedDialect<WinnowDialect>()->addInterface<CheckpointFiles>(
        *model.checkpoint);
}

/// What is wrong with a path that is often given in place of a model.
static Error checkKind(StringRef path) {
  StringRef name = sys::path::filename(path);
  if (sys::fs::is_directory(path)) {
    SmallString<256> config(path);
    sys::path::append(config, "config.json");
    if (!sys::fs::exists(config))
      return createStringError("'" + path +
                               "' is no directory of Hugging Face: " + config +
                               ": No such file or directory");
  } else if (name == "config.json" || name.ends_with(".safetensors") ||
             name.ends_with(".safetensors.index.json")) {
    return createStringError(
        "'" + path +
        "' is one file of a directory of Hugging Face; give the directory");
  }
  return Error::success();
}

Expected<std::unique_ptr<LoadedModel>>
LoadedModel::load(StringRef path, const LoadOptions &options) {
  if (options.context < 0)
    return invalid("the context expects at least one token, found " +
                   Twine(options.context));
  sys::fs::file_status status;
  if (std::error_code code = sys::fs::status(path, status))
    return createStringError(code, "'" + path + "': " + code.message());
  if (Error error = checkKind(path))
    return std::move(error);
  std::unique_ptr<LoadedModel> loaded(new LoadedModel(options));
  // A folder may have a slash behind it.
  loaded->source = sys::path::filename(path.rtrim('/'));
  if (Error error = path.ends_with(".mlir")
                        ? loaded->parse(path)
                        : loaded->import(path, options.context))
    return std::move(error);
  return loaded;
}

Expected<std::unique_ptr<LoadedModel>>
LoadedModel::copyWith(mlir::ModuleOp module) const {
  std::unique_ptr<LoadedModel> copy(new LoadedModel({}));
  copy->source = source;
  copy->model.checkpoint = model.checkpoint;
  copy->giveCheckpoint();
  mlir::OwningOpRef<mlir::ModuleOp> changed = module.clone();
  // They may be large.
  bool areNeeded = changed
                       ->walk([](RecodeOp recode) {
                         return recode.getCodesAttr()
                                    ? mlir::WalkResult::interrupt()
                                    : mlir::WalkResult::advance();
                       })
                       .wasInterrupted();
  if (!areNeeded)
    (*changed)->removeAttr(kStatisticsAttr);
  std::string bytes;
  raw_string_ostream os(bytes);
  if (mlir::failed(mlir::writeBytecodeToFile(*changed, os)))
    return copy->diagnostics->take("the program cannot be copied");
  copy->model.module =
      mlir::parseSourceString<mlir::ModuleOp>(bytes, copy->context.get());
  if (!copy->model.module)
    return copy->diagnostics->take("the program cannot be copied");
  return copy;
}

Error LoadedModel::layOutWeights() {
  mlir::PassManager manager(context.get(), mlir::ModuleOp::getOperationName());
  buildCompressPipeline(manager, {});
  buildLowerToCpuPipeline(manager, {}, CpuStage::LaidOut);
  mlir::FailureOr<mlir::ArrayAttr> weights = mlir::failure();
  if (mlir::succeeded(manager.run(getModule())))
    weights = winnow::layOutWeights(getModule());
  if (mlir::failed(weights))
    return diagnostics->take("the weights cannot be laid out");
  getModule()->setAttr(kWeightsAttr, *weights);
  return Error::success();
}

std::string LoadedModel::computeContentHash() const {
  return model.checkpoint ? model.checkpoint->computeContentHash() : "";
}

Error LoadedModel::loadStatistics(StringRef path) {
  Expected<std::unique_ptr<StatisticsFile>> file =
      StatisticsFile::open(path, computeContentHash());
  if (!file)
    return file.takeError();
  statistics = std::move(*file);
  getModule()->setAttr(kStatisticsAttr,
                       statistics->getAttribute(context.get()));
  return Error::success();
}

Error LoadedModel::runPipeline(StringRef passes) {
  registerModelPasses();
  // Both "builtin.module(a,b)" and "a,b".
  StringRef inner = passes.trim();
  if (inner.consume_front("builtin.module("))
    if (!inner.consume_back(")"))
      return invalid("the pipeline has no closing parenthesis: '" + passes +
                     "'");
  mlir::PassManager manager(context.get());
  std::string message;
  raw_string_ostream os(message);
  if (mlir::failed(mlir::parsePassPipeline(inner, manager, os)))
    return invalid(StringRef(message).trim());
  mlir::OwningOpRef<mlir::ModuleOp> changed = getModule().clone();
  ModelWeightPlanner planner(*this);
  ServicesScope scope(*context, {/*evaluator=*/nullptr, &planner});
  if (mlir::failed(manager.run(*changed)))
    return diagnostics->take("the pipeline failed");
  model.module = std::move(changed);
  return Error::success();
}

} // namespace winnow
