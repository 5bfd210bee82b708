//===- LinearTestUtils.h - What tests of linear layers share ----*- C++ -*-===//

#ifndef WINNOW_UNITTESTS_CODEGEN_LINEARTESTUTILS_H
#define WINNOW_UNITTESTS_CODEGEN_LINEARTESTUTILS_H

#include "../RandomNumbers.h"
#include "JitTest.h"

#include "winnow/Codegen/Cpu/Linear.h"
#include "winnow/Formats/Activation.h"

#include <gtest/gtest.h>

namespace winnow::test {

/// What memory that no kernel may write holds.
inline constexpr float kCanary = 12345.0f;

/// Bytes aligned to a cache line.
class Buffer {
public:
  explicit Buffer(int64_t bytes, uint8_t fill = 0xa5)
      : storage(bytes + 64, fill) {}
  uint8_t *data() {
    return storage.data() + (-reinterpret_cast<uintptr_t>(storage.data()) & 63);
  }

private:
  std::vector<uint8_t> storage;
};

/// x as the kernels see it after quantization.
struct Quantized {
  std::vector<int8_t> codes;
  std::vector<float> scales;
};

inline Quantized quantize(const std::vector<float> &row) {
  Quantized result;
  result.codes.resize(row.size());
  result.scales.resize(row.size() / 32);
  for (size_t b = 0; b < result.scales.size(); ++b)
    encodeActivationGroup(
        llvm::ArrayRef(row).slice(32 * b, 32), result.scales[b],
        llvm::MutableArrayRef(result.codes).slice(32 * b, 32));
  return result;
}

inline std::vector<float> randomRow(int64_t length, unsigned seed) {
  return normalNumbers(static_cast<size_t>(length), seed, 0.2f, 1.5f);
}

/// The recoder of a kernel's activations; any of them for f32.
inline std::string addRecoder(JitModule &jit, cpu::Activations activations) {
  mlir::func::FuncOp recoder = cpu::getRecodeRowKernel(
      jit.module(), jit.target(),
      activations == cpu::Activations::F32 ? cpu::Activations::A8B32
                                           : activations);
  recoder.setPublic();
  return recoder.getName().str();
}

} // namespace winnow::test

#endif // WINNOW_UNITTESTS_CODEGEN_LINEARTESTUTILS_H
