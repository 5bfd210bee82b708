//===- FormatChoices.cpp - What formats weights could have ----------------===//

#include "FormatChoices.h"

#include "NamePattern.h"

#include "winnow/Analysis/Services.h"
#include "winnow/Formats/Encode.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;

namespace winnow {

unsigned ChoosableWeight::getPresentOption() const {
  for (auto [number, option] : llvm::enumerate(options))
    if (!option.target)
      return number;
  return 0;
}

std::optional<unsigned>
ChoosableWeight::findOption(const NumberFormat *target) const {
  if (!target)
    return getPresentOption();
  auto type = cast<RankedTensorType>(matrix.getOriginal().getType());
  const NumberFormat *fitting =
      findFittingFormat(target, type.getShape().back());
  for (auto [number, option] : llvm::enumerate(options))
    if (option.format == fitting)
      return number;
  return std::nullopt;
}

void changeFormat(MatrixParam &matrix, const NumberFormat &target,
                  bool isFitted) {
  matrix.decode();
  if (formatOf(matrix.getRead().getType()) == &target)
    return;
  ParamOp param = matrix.getParam();
  CodesAttr codes;
  if (isFitted)
    codes = CodesAttr::get(param.getContext(), "gptq", param.getSymName());
  matrix.encode(target, codes);
}

std::optional<SmallVector<const NumberFormat *>>
parseFormats(ArrayRef<std::string> names, std::string &unknown) {
  SmallVector<const NumberFormat *> formats;
  for (const std::string &name : names) {
    const NumberFormat *format = lookupFormat(name);
    if (name != "keep" && (!format || !canEncodeWeights(*format))) {
      unknown = name;
      return std::nullopt;
    }
    formats.push_back(name == "keep" ? nullptr : format);
  }
  return formats;
}

/// What a matrix may become, each format once.
void FormatChoices::addOptions(ChoosableWeight &weight,
                               ArrayRef<const NumberFormat *> targets) {
  auto type = cast<RankedTensorType>(weight.matrix.getRead().getType());
  const NumberFormat *present = formatOf(type);
  auto add = [&](const NumberFormat *target) {
    const NumberFormat *format = target ? target : present;
    if (llvm::none_of(weight.options, [&](const FormatChoice &option) {
          return option.format == format;
        }))
      weight.options.push_back(
          {format == present ? nullptr : format, format, {}, {}});
  };
  for (const NumberFormat *target : targets) {
    const NumberFormat *fitting =
        target ? findFittingFormat(target, type.getShape().back()) : nullptr;
    if (fitting || !target)
      add(fitting);
  }
  if (weight.options.empty())
    add(nullptr);
}

LogicalResult FormatChoices::collect(ArrayRef<const NumberFormat *> targets,
                                     StringRef only, StringRef skip) {
  NamePattern onlyNames(only), skipNames(skip);
  if (failed(onlyNames.verify(module.getLoc(), "only")) ||
      failed(skipNames.verify(module.getLoc(), "skip")))
    return failure();
  for (MatrixParam &matrix : MatrixParam::collect(module)) {
    SmallVector<StringRef> names = matrix.getNames();
    if (!matrix.isMatrix() || !onlyNames.matches(names, true) ||
        skipNames.matches(names, false))
      continue;
    weights.push_back({matrix, {}, 0});
    addOptions(weights.back(), targets);
  }
  if (weights.empty())
    return emitError(module.getLoc())
           << "has no matrix whose name matches 'only' and 'skip' of " << user;
  return success();
}

LogicalResult FormatChoices::plan() {
  WeightPlanner *planner = getServices(module).planner;
  if (!planner)
    return emitError(module.getLoc())
           << "'size' of " << user
           << " is that of an artifact's weights, which only winnow-compile "
              "and the libraries know";
  auto fail = [&](llvm::Error error) {
    return emitError(module.getLoc())
           << user << " cannot tell the size of the weights: "
           << llvm::toString(std::move(error));
  };
  if (llvm::Error error = planner->plan(module).moveInto(file))
    return fail(std::move(error));
  llvm::StringMap<size_t> places;
  for (auto [place, planned] : llvm::enumerate(file))
    places[planned.name] = place;
  llvm::SetVector<const NumberFormat *> distinct;
  for (ChoosableWeight &weight : weights) {
    weight.place = places.lookup(weight.matrix.getParam().getSymName());
    for (FormatChoice &option : weight.options) {
      option.planned = file[weight.place];
      if (option.target)
        distinct.insert(option.target);
    }
  }
  for (const NumberFormat *target : distinct) {
    OwningOpRef<ModuleOp> copy = module.clone();
    llvm::StringMap<FormatChoice *> changed;
    for (ChoosableWeight &weight : weights)
      for (FormatChoice &option : weight.options)
        if (option.target == target)
          changed[weight.matrix.getParam().getSymName()] = &option;
    for (MatrixParam &matrix : MatrixParam::collect(*copy))
      if (changed.contains(matrix.getParam().getSymName()))
        changeFormat(matrix, *target);
    std::vector<PlannedWeight> planned;
    if (llvm::Error error = planner->plan(*copy).moveInto(planned))
      return fail(std::move(error));
    for (PlannedWeight &weight : planned)
      if (FormatChoice *option = changed.lookup(weight.name))
        option->planned = std::move(weight);
  }
  return success();
}

LogicalResult FormatChoices::measure(bool fits) {
  FormatErrors errors(module, user);
  for (ChoosableWeight &weight : weights) {
    auto all =
        llvm::map_to_vector(weight.options, [](const FormatChoice &option) {
          return option.format;
        });
    FailureOr<SmallVector<FormatError>> found =
        errors.measure(weight.matrix, all, fits);
    if (failed(found))
      return failure();
    for (auto [option, error] : llvm::zip_equal(weight.options, *found))
      option.error = error;
  }
  return success();
}

} // namespace winnow
