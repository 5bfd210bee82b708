//===- FormatErrors.cpp - What formats would cost weights -----------------===//

#include "FormatErrors.h"

#include "winnow/Analysis/WeightReader.h"
#include "winnow/Formats/CodeMethod.h"
#include "winnow/Formats/Gptq.h"

#include "mlir/IR/Threading.h"

using namespace mlir;
using namespace winnow;

/// Numbers of a weight that are looked at; of these, rows at least, and how
/// many of them are multiplied at once.
static constexpr int64_t kSample = 1 << 16, kLeastRows = 32, kRowsAtOnce = 8;

namespace {

/// What is known of the inputs of a weight.
struct Inputs {
  std::vector<float> gram;   ///< H, or empty
  std::vector<float> square; ///< its diagonal, if not empty
};

/// What rows of differences, or of numbers, sum up to.
struct Norms {
  double output = 0; ///< of products
  double square = 0;

  static Norms of(const Inputs &inputs, int64_t width, ArrayRef<float> rows) {
    Norms norms;
    if (!inputs.gram.empty())
      for (double form : quadraticForms(inputs.gram, width, rows))
        norms.output += form;
    for (auto [place, number] : llvm::enumerate(rows)) {
      double squared = double(number) * number;
      norms.square += squared;
      if (!inputs.square.empty())
        norms.output += squared * inputs.square[place % width];
    }
    return norms;
  }

  static Norms sum(ArrayRef<Norms> parts) {
    Norms total;
    for (const Norms &part : parts) {
      total.output += part.output;
      total.square += part.square;
    }
    return total;
  }
};

} // namespace

static double ratio(double error, double norm) {
  return norm > 0 ? error / norm : 0;
}

/// Encodes a row, by `fitter` if there is one, decodes it and gives what is
/// missing.
static llvm::Error encodeRow(const BlockEncoder &encoder,
                             const BlockDecoder &decoder,
                             const CodeFitter *fitter, ArrayRef<float> numbers,
                             MutableArrayRef<float> differences) {
  const NumberFormat &format = encoder.getFormat();
  auto blocks = static_cast<int64_t>(numbers.size()) / format.blockElements;
  std::vector<uint8_t> bytes(blocks * format.blockBytes);
  if (fitter)
    if (llvm::Error error = fitter->encode(encoder, decoder, numbers, bytes))
      return error;
  for (int64_t i = 0; i < blocks; ++i) {
    uint8_t *block = bytes.data() + i * format.blockBytes;
    int64_t k = i * format.blockElements;
    if (!fitter)
      if (llvm::Error error = encoder.encode(numbers.data() + k, block))
        return error;
    decoder.decode(block, differences.data() + k);
  }
  for (auto [number, difference] : llvm::zip_equal(numbers, differences))
    difference = number - difference;
  return llvm::Error::success();
}

FailureOr<SmallVector<FormatError>>
FormatErrors::measure(const MatrixParam &matrix,
                      ArrayRef<const NumberFormat *> formats, bool fits) {
  ParamOp param = matrix.getParam();
  Value weight = matrix.getOriginal();
  const NumberFormat *present = formatOf(weight.getType());
  auto shape = cast<RankedTensorType>(weight.getType()).getShape();
  int64_t width = shape.back(), height = shape.front();
  Inputs inputs;
  if (matrix.isMultiplied()) {
    StringRef name = param.getSymName();
    if (std::optional<Gram> gram = statistics.lookupGram(name, width)) {
      inputs.gram = gram->evaluate();
    } else if (auto rms = statistics.lookup("channels.rms", name);
               rms && static_cast<int64_t>(rms->size()) == width) {
      for (float number : *rms)
        inputs.square.push_back(number * number);
    } else {
      return param.emitOpError("needs the statistics '")
             << getStatisticKey("channels.rms", name) << "' of its width for '"
             << user
             << "': --statistics=FILE, written by winnow-compile --calibrate";
    }
  }
  FailureOr<std::vector<float>> numbers = readWeight(weight);
  if (failed(numbers))
    return failure();

  int64_t rows =
      std::min(height, std::max<int64_t>(kSample / width, kLeastRows));
  auto rowAt = [&](int64_t index) {
    return ArrayRef(*numbers).slice(index * height / rows * width, width);
  };
  std::vector<Norms> each(llvm::divideCeil(rows, kRowsAtOnce));
  // What `make` writes for each row, added up.
  using MakeRow =
      llvm::function_ref<llvm::Error(ArrayRef<float>, MutableArrayRef<float>)>;
  auto sumUp = [&](MakeRow make) -> FailureOr<Norms> {
    std::vector<std::string> failures(each.size());
    parallelFor(param.getContext(), 0, each.size(), [&](size_t part) {
      int64_t first = static_cast<int64_t>(part) * kRowsAtOnce;
      int64_t count = std::min(kRowsAtOnce, rows - first);
      std::vector<float> made(count * width);
      for (int64_t row = 0; row < count; ++row)
        if (llvm::Error error =
                make(rowAt(first + row),
                     MutableArrayRef(made).slice(row * width, width))) {
          failures[part] = llvm::toString(std::move(error));
          return;
        }
      each[part] = Norms::of(inputs, width, made);
    });
    for (const std::string &why : failures)
      if (!why.empty())
        return param.emitOpError("cannot be encoded: ") << why;
    return Norms::sum(each);
  };
  FailureOr<Norms> norms =
      sumUp([](ArrayRef<float> row, MutableArrayRef<float> made) {
        llvm::copy(row, made.begin());
        return llvm::Error::success();
      });
  if (failed(norms))
    return failure();

  // The relative error of codes in a format.
  auto errorOf = [&](const NumberFormat &format,
                     const CodeFitter *fitter) -> FailureOr<double> {
    BlockEncoder encoder(format);
    BlockDecoder decoder(format);
    FailureOr<Norms> missing =
        sumUp([&](ArrayRef<float> row, MutableArrayRef<float> differences) {
          return encodeRow(encoder, decoder, fitter, row, differences);
        });
    if (failed(missing))
      return failure();
    double error = 0;
    if (matrix.isMultiplied())
      error += ratio(missing->output, norms->output);
    if (matrix.isTable())
      error += ratio(missing->square, norms->square);
    return error;
  };

  std::unique_ptr<CodeFitter> fitter;
  if (fits && !inputs.gram.empty())
    if (llvm::Error error = lookupCodeMethod("gptq")
                                ->create(inputs.gram, width)
                                .moveInto(fitter))
      return param.emitOpError() << llvm::toString(std::move(error));
  SmallVector<FormatError> errors;
  for (const NumberFormat *format : formats) {
    FormatError &added = errors.emplace_back();
    if (format == present)
      continue;
    FailureOr<double> rounded = errorOf(*format, nullptr);
    if (failed(rounded))
      return failure();
    added.rounded = *rounded;
    if (!fitter || format->isFloat())
      continue;
    FailureOr<double> fitted = errorOf(*format, fitter.get());
    if (failed(fitted))
      return failure();
    added.fitted.emplace(*fitted);
  }
  return errors;
}
