//===- AwareScales.cpp - Factors that quantization loses least by ---------===//

#include "AwareScales.h"
#include "ChannelScaling.h"

#include "winnow/Analysis/Statistics.h"
#include "winnow/Analysis/WeightReader.h"
#include "winnow/Formats/Decode.h"
#include "winnow/Formats/Encode.h"
#include "winnow/Formats/Gptq.h"

#include "mlir/IR/Remarks.h"
#include "mlir/IR/Threading.h"
#include "llvm/Support/FormatVariadic.h"

#include <cmath>

using namespace mlir;
using llvm::formatv;

namespace winnow {

static constexpr int kExponents = 20;
static constexpr double kLeast = 1e-4;
/// Rows of a weight that one task looks at.
static constexpr int64_t kTaskRows = 32;
/// Rows of all that read an input, together, that the search looks at.
static constexpr int64_t kSampledRows = 512;

namespace {
/// What the search finds for one input.
struct AwareScales {
  double exponent = 0;        ///< a, 0 for factors of 1
  std::vector<float> factors; ///< of ScalableInput::getFactor
  double error = 0;           ///< of products, with the factors
  double plainError = 0;      ///< without
};

/// Rows of a weight, and how they would be stored.
struct Reader {
  std::vector<float> numbers;
  const NumberFormat *format;
};

/// What products are judged by.
struct Inputs {
  int64_t width;
  std::vector<float> gram;    ///< or
  std::vector<float> squares; ///< mean x_k^2
};
} // namespace

/// The error of rows [first, first + count) of a weight.
static double errorOf(const Reader &reader, const Inputs &inputs,
                      ArrayRef<float> factors, int64_t first, int64_t count) {
  BlockEncoder encoder(*reader.format);
  BlockDecoder decoder(*reader.format);
  unsigned size = reader.format->blockElements;
  std::vector<uint8_t> block(reader.format->blockBytes);
  std::vector<float> scaled(size), decoded(size);
  std::vector<float> errors(count * inputs.width);
  const float *numbers = reader.numbers.data() + first * inputs.width;
  for (int64_t start = 0; start < count * inputs.width; start += size) {
    for (unsigned k = 0; k < size; ++k)
      scaled[k] = numbers[start + k] * factors[(start + k) % inputs.width];
    if (llvm::Error error = encoder.encode(scaled.data(), block.data())) {
      llvm::consumeError(std::move(error));
      return std::numeric_limits<double>::infinity();
    }
    decoder.decode(block.data(), decoded.data());
    for (unsigned k = 0; k < size; ++k)
      errors[start + k] =
          decoded[k] / factors[(start + k) % inputs.width] - numbers[start + k];
  }
  double sum = 0;
  if (!inputs.gram.empty()) {
    for (double form : quadraticForms(inputs.gram, inputs.width, errors))
      sum += form;
    return sum;
  }
  for (auto [index, error] : llvm::enumerate(errors))
    sum += double(error) * error * inputs.squares[index % inputs.width];
  return sum;
}

static double errorOf(MLIRContext *context, ArrayRef<Reader> readers,
                      const Inputs &inputs, ArrayRef<float> factors) {
  double sum = 0;
  for (const Reader &reader : readers) {
    int64_t rows = static_cast<int64_t>(reader.numbers.size()) / inputs.width;
    // In the order of rows, whatever the number of threads.
    std::vector<double> errors(llvm::divideCeil(rows, kTaskRows));
    parallelFor(context, 0, errors.size(), [&](size_t task) {
      int64_t first = static_cast<int64_t>(task) * kTaskRows;
      errors[task] = errorOf(reader, inputs, factors, first,
                             std::min(kTaskRows, rows - first));
    });
    for (double error : errors)
      sum += error;
  }
  return sum;
}

/// The factors of an exponent.
static std::vector<float> factorsOf(ArrayRef<double> means, double exponent) {
  std::vector<double> powers;
  powers.reserve(means.size());
  for (double mean : means)
    powers.push_back(std::max(std::pow(mean, exponent), kLeast));
  double most = *llvm::max_element(powers), least = *llvm::min_element(powers);
  double middle = std::sqrt(most * least);
  std::vector<float> factors;
  factors.reserve(powers.size());
  for (double power : powers)
    factors.push_back(static_cast<float>(power / middle));
  return factors;
}

/// The rows 0, n, 2 n, ... of each weight, with the least n for which they are
/// `kSampledRows` at most, or one of each.
static FailureOr<std::vector<Reader>>
sampleReaders(ArrayRef<LinearOp> linears,
              ArrayRef<const NumberFormat *> formats, int64_t width) {
  int64_t rows = 0;
  for (LinearOp linear : linears)
    rows += cast<RankedTensorType>(linear.getWeight().getType()).getDimSize(0);
  auto stride = llvm::divideCeil(rows, kSampledRows);
  std::vector<Reader> readers;
  for (auto [linear, format] : llvm::zip_equal(linears, formats)) {
    FailureOr<std::vector<float>> numbers =
        readWeight(LinearOp(linear).getWeight());
    if (failed(numbers))
      return failure();
    Reader &reader = readers.emplace_back(Reader{{}, format});
    for (size_t first = 0; first < numbers->size(); first += stride * width)
      llvm::append_range(reader.numbers,
                         ArrayRef(*numbers).slice(first, width));
  }
  return readers;
}

static LogicalResult missing(LinearOp reader, StringRef kind, StringRef tap) {
  return reader.emitOpError("needs the statistics '")
         << getStatisticKey(kind, tap)
         << "' of its width for 'method=awq': --statistics=FILE, written by "
            "winnow-compile --calibrate --observe=channels,gram";
}

static FailureOr<AwareScales>
findAwareScales(const ScalableInput &input,
                ArrayRef<const NumberFormat *> formats,
                const Statistics &statistics) {
  StringRef tap = input.getTap();
  LinearOp first = input.readers.front();
  Inputs inputs{input.getWidth(), {}, {}};
  auto ofWidth = [&](StringRef kind) {
    std::optional<ArrayRef<float>> found = statistics.lookup(kind, tap);
    if (found && static_cast<int64_t>(found->size()) != inputs.width)
      found.reset();
    return found;
  };
  std::optional<ArrayRef<float>> means = ofWidth("channels.abs_mean");
  if (!means)
    return missing(first, "channels.abs_mean", tap);
  if (std::optional<Gram> gram = statistics.lookupGram(tap, inputs.width)) {
    inputs.gram = gram->evaluate();
  } else {
    std::optional<ArrayRef<float>> rms = ofWidth("channels.rms");
    if (!rms)
      return missing(first, "channels.rms", tap);
    for (float root : *rms)
      inputs.squares.push_back(root * root);
  }
  FailureOr<std::vector<Reader>> readers =
      sampleReaders(input.readers, formats, inputs.width);
  if (failed(readers))
    return failure();

  // Heads that share values share a factor: their mean.
  std::vector<double> shared(input.getFactorCount());
  for (auto [channel, mean] : llvm::enumerate(*means))
    shared[input.getFactor(channel)] += mean;
  int64_t sharing = input.heads / input.valueHeads;
  for (double &mean : shared)
    mean /= static_cast<double>(sharing);
  AwareScales best;
  for (int step = 0; step < kExponents; ++step) {
    double exponent = double(step) / kExponents;
    std::vector<float> factors = factorsOf(shared, exponent);
    std::vector<float> perChannel(inputs.width);
    for (auto [channel, factor] : llvm::enumerate(perChannel))
      factor = factors[input.getFactor(channel)];
    double error = errorOf(first.getContext(), *readers, inputs, perChannel);
    if (step == 0)
      best.plainError = error;
    if (step == 0 || error < best.error) {
      best.exponent = exponent;
      best.factors = std::move(factors);
      best.error = error;
    }
  }
  return best;
}

static LogicalResult scaleInput(const ScalableInput &input,
                                ArrayRef<const NumberFormat *> formats) {
  LinearOp first = input.readers.front();
  auto options =
      remark::RemarkOpts::name(input.getTap()).category("quantize-weights");
  auto stays = [&](StringRef why) {
    remark::missed(first.getLoc(), options)
        << ("the input of awq stays as it is: " + why).str();
    return success();
  };
  if (!input.producer)
    return stays(input.obstacle);
  if (llvm::is_contained(formats, nullptr))
    return stays("not all that read it are quantized here");
  // Factors change statistics.
  Statistics statistics(first->getParentOfType<ModuleOp>());
  if (statistics.isRotated(input.getTap()))
    return stays(kRotatedSince);
  FailureOr<AwareScales> found = findAwareScales(input, formats, statistics);
  if (failed(found))
    return failure();
  if (found->exponent == 0)
    return stays("no factors lose less");
  divideInput(input, found->factors, /*keepFormats=*/false);
  remark::passed(first.getLoc(), options)
      << formatv("awq divides the input by mean|x|^{0}, in {1}: products lose "
                 "{2:f6} of what they lost",
                 found->exponent, getWeightName(input.producer),
                 std::sqrt(found->error / found->plainError))
             .str();
  return success();
}

LogicalResult applyAwareScales(ModuleOp module, FormatOfWeight formatOf) {
  for (const ScalableInput &input : findScalableInputs(module)) {
    SmallVector<const NumberFormat *> formats =
        llvm::map_to_vector(input.readers, formatOf);
    bool isAny = llvm::any_of(
        formats, [](const NumberFormat *format) { return format != nullptr; });
    if (isAny && failed(scaleInput(input, formats)))
      return failure();
  }
  return success();
}

} // namespace winnow
