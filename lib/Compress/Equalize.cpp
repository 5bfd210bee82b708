//===- Equalize.cpp - Even out the channels of activations ----------------===//

#include "ChannelScaling.h"
#include "NamePattern.h"

#include "winnow/Analysis/OfflineWeight.h"
#include "winnow/Analysis/Statistics.h"
#include "winnow/Analysis/WeightReader.h"
#include "winnow/Compress/Passes.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWEQUALIZE
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

/// What SmoothQuant takes for the largest weight and the factor at least.
static constexpr double kLeast = 1e-5;

namespace {

struct Equalize : public winnow::impl::WinnowEqualizeBase<Equalize> {
  using WinnowEqualizeBase::WinnowEqualizeBase;

  void runOnOperation() override;

private:
  LogicalResult verifyOptions();
  LogicalResult divide(const ScalableInput &input,
                       const Statistics &statistics);
  void rotate(const ScalableInput &input);
};

} // namespace

LogicalResult Equalize::verifyOptions() {
  Location location = getOperation().getLoc();
  if (method != "none" && method != "diagonal" && method != "hadamard")
    return emitError(location) << "expects 'method' of winnow-equalize to be "
                                  "none, diagonal or hadamard; found '"
                               << method << "'";
  if (!(alpha >= 0 && alpha <= 1))
    return emitError(location)
           << "expects 'alpha' of winnow-equalize in [0, 1]; found "
           << formatv("{0}", alpha.getValue()).str();
  if (round != "nearest" && round != "pow2")
    return emitError(location) << "expects 'round' of winnow-equalize to be "
                                  "nearest or pow2; found '"
                               << round << "'";
  return success();
}

/// The largest |w| of each factor, over all readers.
static FailureOr<std::vector<double>>
largestWeights(const ScalableInput &input) {
  std::vector<double> largest(input.getFactorCount());
  for (LinearOp reader : input.readers) {
    Value weight = reader.getWeight();
    OfflineWeight found = *matchOfflineWeight(weight);
    FailureOr<std::vector<float>> numbers =
        readWeight(found.encode ? found.encode.getInput() : weight);
    if (failed(numbers))
      return failure();
    int64_t width = input.getWidth();
    for (auto [index, number] : llvm::enumerate(*numbers)) {
      double &entry = largest[input.getFactor(index % width)];
      entry = std::max(entry, std::fabs(double(number)));
    }
  }
  return largest;
}

static void stays(const ScalableInput &input, StringRef why) {
  auto options = remark::RemarkOpts::name(input.getTap()).category("equalize");
  remark::missed(LinearOp(input.readers.front()).getLoc(), options)
      << ("its input stays as it is: " + why).str();
}

void Equalize::rotate(const ScalableInput &input) {
  int64_t channels = input.getWidth() / input.heads;
  // The largest power of two that divides them.
  int64_t size = channels & -channels;
  StringRef why = input.obstacle;
  if (input.producer && !input.isOfHeads)
    why = isa<NormOp>(input.producer)
              ? "the norm in front weighs its channels one by one"
              : "the product in front takes its channels one by one";
  else if (input.producer && size == 1)
    why = "the number of a head's channels is odd";
  if (!why.empty()) {
    ++numKept;
    return stays(input, why);
  }
  rotateInput(input, size);
  ++numScaled;
  LinearOp first = input.readers.front();
  auto options = remark::RemarkOpts::name(input.getTap()).category("equalize");
  remark::passed(first.getLoc(), options)
      << formatv("{0} channels of the input are rotated in runs of {1}, in {2}",
                 input.getWidth(), size, getWeightName(input.producer))
             .str();
}

LogicalResult Equalize::divide(const ScalableInput &input,
                               const Statistics &statistics) {
  StringRef tap = input.getTap();
  auto options = remark::RemarkOpts::name(tap).category("equalize");
  LinearOp first = input.readers.front();
  Location location = first.getLoc();
  if (!input.producer || statistics.isRotated(tap)) {
    ++numKept;
    stays(input, input.producer ? StringRef(kRotatedSince)
                                : StringRef(input.obstacle));
    return success();
  }
  std::optional<ArrayRef<float>> largestInputs =
      statistics.lookup("channels.abs_max", tap);
  if (!largestInputs ||
      static_cast<int64_t>(largestInputs->size()) != input.getWidth())
    return first.emitOpError("needs the statistics '")
           << getStatisticKey("channels.abs_max", tap)
           << "' of its width for winnow-equalize: --statistics=FILE, written "
              "by winnow-compile --calibrate";
  std::vector<double> inputs(input.getFactorCount());
  for (auto [channel, largest] : llvm::enumerate(*largestInputs)) {
    double &entry = inputs[input.getFactor(channel)];
    entry = std::max(entry, double(largest));
  }
  FailureOr<std::vector<double>> weights = largestWeights(input);
  if (failed(weights))
    return failure();
  std::vector<float> factors;
  for (auto [x, w] : llvm::zip_equal(inputs, *weights)) {
    // A channel that is always zero needs no factor.
    double factor = x > 0
                        ? std::max(std::pow(x, alpha) /
                                       std::pow(std::max(w, kLeast), 1 - alpha),
                                   kLeast)
                        : 1;
    if (round == "pow2")
      factor = std::exp2(std::round(std::log2(factor)));
    factors.push_back(static_cast<float>(factor));
  }
  divideInput(input, factors, /*keepFormats=*/round == "pow2");
  ++numScaled;
  auto [least, most] = std::minmax_element(factors.begin(), factors.end());
  remark::passed(location, options)
      << formatv("{0} channels of the input are divided by {1} to {2}, in {3}",
                 input.getWidth(), *least, *most, getWeightName(input.producer))
             .str();
  return success();
}

void Equalize::runOnOperation() {
  if (failed(verifyOptions()))
    return signalPassFailure();
  if (method == "none")
    return markAllAnalysesPreserved();
  Location location = getOperation().getLoc();
  NamePattern names(only);
  if (failed(names.verify(location, "only")))
    return signalPassFailure();
  bool isNamed = false;
  for (const ScalableInput &input : findScalableInputs(getOperation())) {
    SmallVector<StringRef> readers = llvm::map_to_vector(
        input.readers, [](LinearOp reader) { return getWeightName(reader); });
    if (!names.matches(readers, true))
      continue;
    isNamed = true;
    if (method == "hadamard")
      rotate(input);
    // Factors change statistics.
    else if (failed(divide(input, Statistics(getOperation()))))
      return signalPassFailure();
  }
  if (!isNamed && !only.empty()) {
    emitError(location) << "has no linear layer whose weight matches 'only' of "
                           "winnow-equalize, '"
                        << only << "'";
    signalPassFailure();
  }
}
