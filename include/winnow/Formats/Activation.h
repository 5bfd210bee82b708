//===- Activation.h - Rounded activations ----------------------*- C++ -*-===//
//
// The formats that `--activations=auto` rounds activations to. They are rows
// of the format table like any other, so `decode` decodes them; this is the
// rule that encodes them. Kernels follow the same rule bit for bit.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_FORMATS_ACTIVATION_H
#define WINNOW_FORMATS_ACTIVATION_H

#include "winnow/Formats/NumberFormat.h"

namespace winnow {

/// A group whose largest magnitude is below this is stored as zeros: its
/// reciprocal times 127 might not be finite.
constexpr float kActivationFloor = 0x1p-120f;

/// Encodes one group of `a8_b32`, 32 numbers, or a row of a cache that stores
/// i8. With amax the largest magnitude:
///   scale = amax / 127, code = round-to-nearest-even(x * (127 / amax)),
/// every operation rounded to f32; codes are in [-127, 127].
/// amax < kActivationFloor: scale 0, codes 0. A NaN or an infinity among the
/// numbers: scale NaN, codes 0.
void encodeActivationGroup(llvm::ArrayRef<float> values, float &scale,
                           llvm::MutableArrayRef<int8_t> codes);

/// The bits of the bf16 number nearest to `value`, ties to even; beyond the
/// largest of them infinity. A NaN becomes a quiet NaN.
uint16_t roundToBf16(float value);

/// True for the formats that `encodeActivation` can write.
bool isActivationFormat(const NumberFormat &format);

/// Encodes whole blocks in an activation format (a8_b32: f32 scale, 32 signed
/// bytes; bf16: one number): an error where `values` is no multiple of the
/// block, `bytes` is not their size, or the format is not for activations.
llvm::Error encodeActivation(const NumberFormat &format,
                             llvm::ArrayRef<float> values,
                             llvm::MutableArrayRef<uint8_t> bytes);

} // namespace winnow

#endif // WINNOW_FORMATS_ACTIVATION_H
