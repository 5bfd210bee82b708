//===- QuantizeWeights.cpp - Store matrices in another number format ------===//
//
// The work itself, numbers of the checkpoint to codes, is done where weights
// are written (Emit), tensor by tensor. Here only the types change: a `recode`
// between the param and the ops that read it says what happens.
//
//===----------------------------------------------------------------------===//

#include "AwareScales.h"
#include "NamePattern.h"
#include "WeightEncoding.h"

#include "winnow/Analysis/Statistics.h"
#include "winnow/Compress/Passes.h"
#include "winnow/Formats/CodeMethod.h"

#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWQUANTIZEWEIGHTS
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

namespace {

/// A matrix that gets another format.
struct Choice {
  MatrixParam matrix;
  const NumberFormat *format;
};

struct QuantizeWeights
    : public winnow::impl::WinnowQuantizeWeightsBase<QuantizeWeights> {
  using WinnowQuantizeWeightsBase::WinnowQuantizeWeightsBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  FailureOr<SmallVector<Choice>> chooseAll();
  /// The format for `matrix`, or null where it stays as it is.
  const NumberFormat *choose(const MatrixParam &matrix);
  LogicalResult scale(ArrayRef<Choice> choices);
  LogicalResult encode(Choice &choice);

  const NumberFormat *target = nullptr;
  /// Null for the nearest codes.
  const CodeMethod *codes = nullptr;
};

} // namespace

const NumberFormat *QuantizeWeights::choose(const MatrixParam &matrix) {
  ParamOp param = matrix.getParam();
  auto type = cast<RankedTensorType>(matrix.getRead().getType());
  auto options =
      remark::RemarkOpts::name(param.getSymName()).category("quantize-weights");
  const NumberFormat &source = *formatOf(type);
  int64_t width = type.getShape().back();
  const NumberFormat *chosen = findFittingFormat(target, width);
  std::string misfit;
  if (chosen != target)
    misfit = formatv("rows of {0} elements are no multiple of the block of {1}",
                     width, target->name);
  if (!chosen) {
    ++numKept;
    remark::missed(param.getLoc(), options)
        << formatv("stays {0}: {1}", source.name, misfit).str();
    return nullptr;
  }
  if (chosen == &source) {
    ++numKept;
    remark::missed(param.getLoc(), options)
        << formatv("is {0} already", source.name).str();
    return nullptr;
  }
  numFallback += chosen != target;
  remark::passed(param.getLoc(), options)
      << formatv("{0} becomes {1}, {2} bits a weight become {3}{4}{5}",
                 source.name, chosen->name, source.bitsPerWeight(),
                 chosen->bitsPerWeight(), misfit.empty() ? "" : "; ", misfit)
             .str();
  return chosen;
}

/// Divides what the layers read, as AWQ does.
LogicalResult QuantizeWeights::scale(ArrayRef<Choice> choices) {
  llvm::DenseMap<OpOperand *, const NumberFormat *> formats;
  for (const Choice &choice : choices)
    for (OpOperand *read : choice.matrix.getReads())
      if (!choice.format->isFloat())
        formats[read] = choice.format;
  return applyAwareScales(getOperation(), [&](LinearOp linear) {
    return formats.lookup(&linear.getWeightMutable());
  });
}

/// Lets the ops that read a param read it in its format.
LogicalResult QuantizeWeights::encode(Choice &choice) {
  ParamOp param = choice.matrix.getParam();
  CodesAttr attribute;
  if (codes && !choice.format->isFloat() && choice.matrix.isMultiplied()) {
    Statistics statistics(getOperation());
    StringRef name = param.getSymName();
    auto read = cast<RankedTensorType>(choice.matrix.getRead().getType());
    bool isKnown =
        statistics.has(codes->statistic, name, read.getShape().back());
    // The levels of AWQ need the matrix, its factors not.
    bool canDoWithout =
        method == "awq" && statistics.lookup("channels.rms", name);
    if (!isKnown && !canDoWithout)
      return param.emitOpError("needs the statistics '")
             << getStatisticKey(codes->statistic, name)
             << "' of its width for 'method=" << method
             << "': --statistics=FILE, written by winnow-compile --calibrate "
                "--observe="
             << (method == "awq"      ? "channels,gram"
                 : codes->needsGram() ? "gram"
                                      : "channels");
    if (isKnown)
      attribute = CodesAttr::get(&getContext(), codes->name, name);
  }
  choice.matrix.encode(*choice.format, attribute);
  return success();
}

LogicalResult QuantizeWeights::verifyOptions() {
  Location location = getOperation().getLoc();
  target = lookupFormat(format);
  if (!target || !canEncodeWeights(*target))
    return emitError(location) << "expects a format for weights: keep, "
                               << llvm::join(encodableFormats(), ", ")
                               << "; found '" << format << "'";
  codes = lookupCodeMethod(method == "awq" ? "clip" : StringRef(method));
  if (method != "rtn" && !codes) {
    auto names = llvm::map_range(
        codeMethods(), [](const CodeMethod &known) { return known.name; });
    return emitError(location)
           << "expects 'method' of winnow-quantize-weights to be one of rtn, "
              "awq, "
           << llvm::join(names, ", ") << "; found '" << method << "'";
  }
  if (codes && codes->isForSparse && !target->isSparse())
    return emitError(location)
           << "expects 'format' of winnow-quantize-weights to be one that "
              "leaves numbers out for 'method="
           << method << "', which chooses them; found '" << format << "'";
  return success();
}

FailureOr<SmallVector<Choice>> QuantizeWeights::chooseAll() {
  Location location = getOperation().getLoc();
  NamePattern onlyNames(only), skipNames(skip);
  if (failed(onlyNames.verify(location, "only")) ||
      failed(skipNames.verify(location, "skip")))
    return failure();
  bool isNamed = false;
  SmallVector<Choice> choices;
  for (MatrixParam &matrix : MatrixParam::collect(getOperation())) {
    SmallVector<StringRef> names = matrix.getNames();
    if (!onlyNames.matches(names, true))
      continue;
    isNamed = true;
    if (!matrix.isMatrix() || skipNames.matches(names, false))
      continue;
    matrix.decode();
    ++numSeen;
    if (const NumberFormat *chosen = choose(matrix))
      choices.push_back({matrix, chosen});
  }
  if (!isNamed && !only.empty())
    return emitError(location)
           << "has no weight or layer whose name matches 'only' of "
              "winnow-quantize-weights, '"
           << only << "'";
  return choices;
}

void QuantizeWeights::runOnOperation() {
  if (format == "keep")
    return;
  if (failed(verifyOptions()))
    return signalPassFailure();
  FailureOr<SmallVector<Choice>> choices = chooseAll();
  if (failed(choices) || (method == "awq" && failed(scale(*choices))))
    return signalPassFailure();
  for (Choice &choice : *choices) {
    ++numEncoded;
    if (failed(encode(choice)))
      return signalPassFailure();
  }
}
