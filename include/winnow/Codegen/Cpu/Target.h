//===- Target.h - The processor that code is generated for ------*- C++ -*-===//

#ifndef WINNOW_CODEGEN_CPU_TARGET_H
#define WINNOW_CODEGEN_CPU_TARGET_H

#include "llvm/Support/Error.h"

#include <cstdint>
#include <memory>
#include <string>

namespace llvm {
class TargetMachine;
} // namespace llvm

namespace winnow::cpu {

/// An x86-64 processor: its LLVM name, its features and what kernels ask.
struct Target {
  /// LLVM's name of the processor, e.g. "x86-64-v3", "znver5".
  std::string cpu;
  /// LLVM feature string on top of `cpu`, e.g. "+avx512vnni,-avx512bf16".
  std::string features;

  bool avx512 = false; ///< F, BW, VL, DQ
  bool avx512Vnni = false;
  bool avxVnni = false; ///< VEX-encoded, 256 bits
  bool avx512Bf16 = false;
  /// The processor fetches plain streams ahead of time by itself, and loses
  /// where code asks as well: 3 % on Zen 5 (q8_0 at one row, bench/kernels).
  bool prefetchesStreams = false;
  /// WINNOW_CPU_* bits (Runtime/Call.h) that any code needs; see
  /// requiredFeatures in Emit/NativeCode.h.
  uint32_t requiredFeatures = 0;

  /// `name` is "host" or a processor that LLVM knows. For the host the
  /// features come from CPUID, not from the processor's name: virtual machines
  /// mask features that the name promises. Fails for an unknown name and for a
  /// processor without AVX2, FMA and F16C.
  static llvm::Expected<Target> get(llvm::StringRef name);

  /// Bytes of an activation that was rounded to bf16. Without an instruction
  /// that multiplies them they are kept as f32.
  int64_t bf16Bytes() const { return avx512Bf16 ? 2 : 4; }

  /// LLVM's machine for this target: position independent, O3.
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> createMachine() const;
};

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_TARGET_H
