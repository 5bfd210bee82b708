//===- Clip.cpp - Codes of numbers that are cut off -----------------------===//
//
// What AWQ does behind its scaling (Lin et al., arXiv 2306.00978): each block b
// of a row w gets the codes of min(max(b, -m), m), for the level
//
//   m = (1 - i / 20) max |b|,   i = 0, 1, ..., 9
//
// whose codes, as numbers b', give the least (b - b') H_b (b - b')^T, the first
// of equals. H_b is the part of the Gram matrix H = mean x x^T that belongs to
// the block.
//
//===----------------------------------------------------------------------===//

#include "CodeFitters.h"
#include "winnow/Formats/WideVectors.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

using namespace llvm;

namespace winnow {

/// Levels that are tried, and how far apart they are.
static constexpr int kLevels = 10;
static constexpr float kStep = 1.0f / 20;

/// t += d h.
WINNOW_WIDE_VECTORS static void addMultiple(double *t, double d, const float *h,
                                            int64_t count) {
  for (int64_t j = 0; j < count; ++j)
    t[j] += d * double(h[j]);
}

/// d H_b d^T, H_b at `gram` in rows of `stride` numbers.
static double blockForm(const float *gram, int64_t stride, ArrayRef<float> d,
                        MutableArrayRef<double> product) {
  llvm::fill(product, 0);
  for (auto [i, number] : llvm::enumerate(d))
    if (number != 0)
      addMultiple(product.data(), number,
                  gram + static_cast<int64_t>(i) * stride,
                  static_cast<int64_t>(d.size()));
  double sum = 0;
  for (auto [number, other] : llvm::zip_equal(d, product))
    sum += number * other;
  return sum;
}

namespace {
class ClipFitter final : public CodeFitter {
public:
  ClipFitter(ArrayRef<float> gram, int64_t width) : gram(gram), width(width) {}

  Error encode(const BlockEncoder &encoder, const BlockDecoder &decoder,
               ArrayRef<float> numbers,
               MutableArrayRef<uint8_t> bytes) const override;

private:
  ArrayRef<float> gram;
  int64_t width;
};
} // namespace

Error ClipFitter::encode(const BlockEncoder &encoder,
                         const BlockDecoder &decoder, ArrayRef<float> numbers,
                         MutableArrayRef<uint8_t> bytes) const {
  const NumberFormat &format = encoder.getFormat();
  int64_t size = format.blockElements;
  std::vector<float> cut(size), decoded(size);
  std::vector<double> product(size);
  std::vector<uint8_t> trial(format.blockBytes);
  return encodeBlocks(
      format, width, bytes, [&](int64_t first, uint8_t *block) -> Error {
        const float *b = numbers.data() + first;
        float largest = 0;
        for (int64_t k = 0; k < size; ++k)
          largest = std::max(largest, std::fabs(b[k]));
        double least = std::numeric_limits<double>::infinity();
        for (int level = 0; level < kLevels; ++level) {
          float limit = largest * (1 - static_cast<float>(level) * kStep);
          for (int64_t k = 0; k < size; ++k)
            cut[k] = std::clamp(b[k], -limit, limit);
          // As they are: what is not finite is the encoder's to refuse.
          if (Error error =
                  encoder.encode(level ? cut.data() : b, trial.data()))
            return error;
          decoder.decode(trial.data(), decoded.data());
          for (int64_t k = 0; k < size; ++k)
            decoded[k] = b[k] - decoded[k];
          double error = blockForm(gram.data() + first * width + first, width,
                                   decoded, product);
          if (error < least || level == 0) {
            least = error;
            std::memcpy(block, trial.data(), trial.size());
          }
        }
        return Error::success();
      });
}

CreatedFitter createClipFitter(ArrayRef<float> gram, int64_t width) {
  if (gram.size() != static_cast<size_t>(width) * width)
    return createStringError("a Gram matrix of " + Twine(gram.size()) +
                             " numbers does not fit " + Twine(width) +
                             " inputs");
  return std::make_unique<ClipFitter>(gram, width);
}

} // namespace winnow
