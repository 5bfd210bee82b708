//===- Wanda.cpp - Which numbers a sparse format keeps --------------------===//
//
// Wanda (Sun et al., arXiv 2306.11695): of each few numbers of a row those stay
// whose score |w_k| ||x_k|| is largest, the first of equals. ||x_k|| is the
// norm of input k over a calibration's rows; the root of the mean square orders
// them alike. What stays is rounded to nearest.
//
//===----------------------------------------------------------------------===//

#include "CodeFitters.h"

#include "llvm/ADT/Twine.h"

#include <cmath>

using namespace llvm;

namespace winnow {

namespace {
class WandaFitter final : public CodeFitter {
public:
  explicit WandaFitter(ArrayRef<float> rms) : rms(rms) {}

  Error encode(const BlockEncoder &encoder, const BlockDecoder &,
               ArrayRef<float> numbers,
               MutableArrayRef<uint8_t> bytes) const override {
    const NumberFormat &format = encoder.getFormat();
    return encodeBlocks(format, static_cast<int64_t>(numbers.size()), bytes,
                        [&](int64_t k, uint8_t *block) {
                          return encoder.encode(
                              numbers.data() + k, block,
                              ArrayRef(rms).slice(k, format.blockElements));
                        });
  }

private:
  std::vector<float> rms;
};
} // namespace

CreatedFitter createWandaFitter(ArrayRef<float> rms, int64_t width) {
  if (rms.size() != static_cast<size_t>(width))
    return createStringError(Twine(rms.size()) + " norms do not fit " +
                             Twine(width) + " inputs");
  for (float number : rms)
    if (!(std::isfinite(number) && number >= 0))
      return createStringError("a norm of an input is negative or not finite");
  return std::make_unique<WandaFitter>(rms);
}

} // namespace winnow
