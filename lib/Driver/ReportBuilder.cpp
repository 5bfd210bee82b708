//===- ReportBuilder.cpp - What a compilation did, collected --------------===//

#include "ReportBuilder.h"

#include "ModelWeightPlanner.h"

#include "winnow/Analysis/Layers.h"
#include "winnow/Compress/ExpectedTime.h"
#include "winnow/Formats/NumberFormat.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/FileUtilities.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;

namespace winnow {

namespace {

class ReportBuilder {
public:
  ReportBuilder(const LoadedModel &model, const CompileOptions &options)
      : model(model), options(options) {}

  Error collectBefore();
  Error collectAfter(StringRef output);
  Error measure(Evaluator &evaluator);
  void addPlans(const SearchResult &search);

  Report report;

private:
  int layerOf(StringRef param) const {
    auto found = layers.find(param);
    return found == layers.end() ? 0 : static_cast<int>(found->second);
  }
  void addTimes(const RunTime &time,
                std::optional<double> ReportedLayer::*seconds);
  Error expectTimes(const RunTime &before, mlir::ModuleOp changed,
                    Evaluator &evaluator);

  const LoadedModel &model;
  const CompileOptions &options;
  /// The layer of each weight that is read in one, and its place there. Layer 0
  /// is all the rest.
  StringMap<unsigned> layers, places;
  StringMap<unsigned> names; ///< layers by name
};

} // namespace

static std::vector<std::string> passesOf(const CompileOptions &options) {
  std::vector<std::string> passes;
  passes.reserve(options.recipe.size() + 1);
  for (const RecipePass &pass : options.recipe)
    passes.push_back(pass.text);
  if (options.weights != "keep")
    passes.push_back(formatv("winnow-quantize-weights{{format={0} only=\"{1}\" "
                             "skip=\"{2}\"}",
                             options.weights, options.weightsOnly,
                             options.weightsSkip)
                         .str());
  return passes;
}

/// The model as it was: layers and weights.
Error ReportBuilder::collectBefore() {
  mlir::ModuleOp module = model.getModule();
  report.layers.emplace_back();
  module.walk([&](LayerOp layer) {
    auto known = names.try_emplace(getLayerName(layer), report.layers.size());
    if (known.second)
      report.layers.emplace_back().name = known.first->first();
    unsigned number = known.first->second;
    layer.walk(
        [&](ParamRefOp use) { layers.try_emplace(use.getParam(), number); });
  });
  StringMap<StringRef> formats;
  for (auto param : module.getOps<ParamOp>()) {
    EncodingAttr encoding = getEncoding(param.getType());
    formats[param.getSymName()] =
        encoding ? encoding.getFormat() : StringRef("f32");
  }
  ModelWeightPlanner planner(model);
  Expected<std::vector<PlannedWeight>> planned = planner.plan(module);
  if (!planned)
    return planned.takeError();
  if (Error error = planner.getFileSize(*planned).moveInto(report.bytesBefore))
    return error;
  for (const PlannedWeight &weight : *planned) {
    ReportedLayer &layer = report.layers[layerOf(weight.name)];
    places[weight.name] = layer.weights.size();
    ReportedWeight &added = layer.weights.emplace_back();
    added.name = weight.name;
    added.formatBefore = formats.lookup(weight.name);
    added.bytesBefore = weight.bytes;
  }
  return Error::success();
}

/// The artifact, as its manifest says.
Error ReportBuilder::collectAfter(StringRef output) {
  std::string path = (output + ".json").str();
  ErrorOr<std::unique_ptr<MemoryBuffer>> file = MemoryBuffer::getFile(path);
  if (std::error_code code = file.getError())
    return createStringError(code, "'" + path + "': " + code.message());
  Expected<json::Value> parsed = json::parse((*file)->getBuffer());
  if (!parsed)
    return parsed.takeError();
  const json::Object &manifest = *parsed->getAsObject();
  report.model = manifest.getString("source").value_or("").str();
  report.target =
      manifest.getObject("target")->getString("cpu").value_or("").str();
  report.recipe = passesOf(options);
  if (std::error_code code =
          sys::fs::file_size(output + ".weights", report.bytes))
    return createStringError(code,
                             "'" + output + ".weights': " + code.message());
  for (const json::Value &value : *manifest.getArray("weights")) {
    const json::Object &weight = *value.getAsObject();
    StringRef name = *weight.getString("name");
    ReportedLayer &layer = report.layers[layerOf(name)];
    auto place = places.find(name);
    ReportedWeight &known = place == places.end()
                                ? layer.weights.emplace_back()
                                : layer.weights[place->second];
    known.name = name;
    known.format = weight.getString("format").value_or("").str();
    known.bytes = static_cast<uint64_t>(weight.getInteger("bytes").value_or(0));
    known.error = weight.getNumber("relative_rms_error");
    known.outputError = weight.getNumber("relative_output_error");
  }
  for (ReportedLayer &layer : drop_begin(report.layers))
    layer.isKept =
        layer.weights.empty() ||
        any_of(layer.weights, [](const auto &w) { return !w.format.empty(); });
  if (const json::Array *decisions = manifest.getArray("decisions"))
    for (const json::Value &value : *decisions) {
      const json::Object &decision = *value.getAsObject();
      StringRef name = decision.getString("name").value_or("");
      auto layer = names.find(name);
      int number = layer == names.end() ? layerOf(name)
                                        : static_cast<int>(layer->second);
      report.layers[number].decisions.push_back(
          formatv("{0}: {1}: {2}", decision.getString("pass").value_or(""),
                  name, decision.getString("what").value_or(""))
              .str());
    }
  return Error::success();
}

void ReportBuilder::addTimes(const RunTime &time,
                             std::optional<double> ReportedLayer::*seconds) {
  for (ReportedLayer &layer : report.layers)
    layer.*seconds = 0;
  for (const PhaseTime &phase : time)
    for (auto [stage, owner] :
         zip_equal(phase.stages, findOwners(phase, [&](StringRef param) {
                     return layerOf(param);
                   })))
      *(report.layers[std::max(owner, 0)].*seconds) += stage.seconds;
}

Error ReportBuilder::measure(Evaluator &evaluator) {
  mlir::ModuleOp module = model.getModule();
  mlir::OwningOpRef<mlir::ModuleOp> changed = module.clone();
  mlir::PassManager passes(module.getContext());
  for (const std::string &pass : passesOf(options))
    if (mlir::failed(mlir::parsePassPipeline(pass, passes)))
      return createStringError("the recipe cannot be run again: " + pass);
  if (mlir::failed(passes.run(*changed)))
    return createStringError("the recipe cannot be run again");
  ModelWeightPlanner planner(model);
  Expected<std::vector<PlannedWeight>> planned = planner.plan(*changed);
  if (!planned)
    return planned.takeError();
  if (Error error =
          planner.getFileSize(*planned).moveInto(report.expectedBytes))
    return error;
  evaluator.advance("measuring for the report", 0);
  RunTime before, after;
  Expected<Quality> quality = evaluator.evaluate(module, /*share=*/1, &before);
  if (!quality)
    return quality.takeError();
  report.perplexityBefore = quality->perplexity;
  quality = evaluator.evaluate(*changed, /*share=*/1, &after);
  if (!quality)
    return quality.takeError();
  report.perplexity = quality->perplexity;
  report.divergence = quality->divergence;
  report.divergenceName = quality->getDivergenceName();
  for (auto [one, other] : zip_equal(before, after))
    report.phases.push_back({one.name, one.seconds, other.seconds, {}});
  addTimes(before, &ReportedLayer::secondsBefore);
  addTimes(after, &ReportedLayer::seconds);
  // A search has told what it expects of its plans.
  return options.search ? Error::success()
                        : expectTimes(before, *changed, evaluator);
}

Error ReportBuilder::expectTimes(const RunTime &before, mlir::ModuleOp changed,
                                 Evaluator &evaluator) {
  Expected<std::optional<std::vector<double>>> expected =
      expectSeconds(model.getModule(), before, changed, evaluator);
  if (!expected)
    return expected.takeError();
  if (*expected)
    for (auto [phase, seconds] : zip_equal(report.phases, **expected))
      phase.expectedSeconds = seconds;
  return Error::success();
}

void ReportBuilder::addPlans(const SearchResult &search) {
  for (const SearchedPlan &plan : search.tried) {
    ReportedPlan &added = report.plans.emplace_back();
    added.passes = plan.passes;
    added.bytes = plan.bytes;
    added.divergence = plan.divergence;
    added.expectedDivergence = plan.expectedDivergence;
    added.isFound = plan.passes == search.found.passes;
    if (plan.time.empty())
      continue;
    added.seconds = getSeconds(plan.time);
    added.expectedSeconds = plan.expectedSeconds;
  }
}

Expected<Report> buildReport(const LoadedModel &model,
                             const CompileOptions &options, StringRef output,
                             Evaluator *evaluator) {
  ReportBuilder builder(model, options);
  if (Error error = builder.collectBefore())
    return std::move(error);
  if (Error error = builder.collectAfter(output))
    return std::move(error);
  if (evaluator)
    if (Error error = builder.measure(*evaluator))
      return std::move(error);
  if (options.search)
    builder.addPlans(*options.search);
  return std::move(builder.report);
}

Error writeReport(const Report &report, ArrayRef<std::string> paths) {
  for (const std::string &path : paths)
    if (Error error = writeToOutput(path, [&](raw_ostream &os) {
          if (StringRef(path).ends_with(".json"))
            os << formatv("{0:2}\n", toJson(report));
          else
            os << toHtml(report);
          return Error::success();
        }))
      return error;
  return Error::success();
}

} // namespace winnow
