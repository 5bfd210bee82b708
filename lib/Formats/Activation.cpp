//===- Activation.cpp - Rounded activations -------------------------------===//

#include "winnow/Formats/Activation.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/Twine.h"
#include "llvm/ADT/bit.h"
#include "llvm/Support/Endian.h"

#include <cmath>
#include <limits>

using namespace llvm;
using namespace winnow;

void winnow::encodeActivationGroup(ArrayRef<float> values, float &scale,
                                   MutableArrayRef<int8_t> codes) {
  float largest = 0;
  bool finite = true;
  for (float value : values) {
    finite &= std::isfinite(value);
    largest = std::max(largest, std::fabs(value));
  }
  if (!finite || largest < kActivationFloor) {
    scale = finite ? 0.0f : std::numeric_limits<float>::quiet_NaN();
    fill(codes, int8_t(0));
    return;
  }
  scale = largest / 127.0f;
  float inverse = 127.0f / largest;
  for (auto [value, code] : zip_equal(values, codes))
    code = int8_t(std::nearbyint(value * inverse));
}

uint16_t winnow::roundToBf16(float value) {
  uint32_t bits = bit_cast<uint32_t>(value);
  if (std::isnan(value))
    return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

bool winnow::isActivationFormat(const NumberFormat &format) {
  return format.name == "a8_b32" || format.name == "bf16";
}

Error winnow::encodeActivation(const NumberFormat &format,
                               ArrayRef<float> values,
                               MutableArrayRef<uint8_t> bytes) {
  if (!isActivationFormat(format))
    return createStringError("'" + format.name +
                             "' is not a format for activations");
  Expected<uint64_t> expected = format.bytesPerRow(int64_t(values.size()));
  if (!expected)
    return expected.takeError();
  if (*expected != bytes.size())
    return createStringError(format.name + ": " + Twine(values.size()) +
                             " elements are " + Twine(*expected) +
                             " bytes, found " + Twine(bytes.size()));
  uint8_t *block = bytes.data();
  if (format.isFloat()) {
    for (float value : values) {
      support::endian::write16le(block, roundToBf16(value));
      block += format.blockBytes;
    }
    return Error::success();
  }
  for (; !values.empty(); values = values.drop_front(format.blockElements),
                          block += format.blockBytes) {
    float scale;
    auto *codes = reinterpret_cast<int8_t *>(block + 4);
    encodeActivationGroup(values.take_front(format.blockElements), scale,
                          {codes, format.blockElements});
    support::endian::write32le(block, bit_cast<uint32_t>(scale));
  }
  return Error::success();
}
