//===- CacheFormat.h - How numbers lie in a cache ---------------*- C++ -*-===//
//
// The code of the formats of Runtime/Call.h: reading them is part of the
// attention kernels, writing them of KvAppend.cpp.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_CODEGEN_CPU_CACHEFORMAT_H
#define WINNOW_CODEGEN_CPU_CACHEFORMAT_H

#include "winnow/Codegen/Cpu/KernelBuilder.h"
#include "winnow/Runtime/Call.h"

namespace winnow::cpu {

enum class CacheFormat : int64_t {
  F32 = WINNOW_KV_F32,
  BF16 = WINNOW_KV_BF16,
  I8 = WINNOW_KV_I8,
};

/// The format of an element type of `!winnow.kv_cache`.
CacheFormat getCacheFormat(mlir::Type element);

/// "f32", "bf16" or "i8".
llvm::StringRef getName(CacheFormat format);

inline int64_t getNumberBytes(CacheFormat format) {
  return winnow_kv_number_bytes(static_cast<int64_t>(format));
}
inline int64_t getScaleBytes(CacheFormat format) {
  return winnow_kv_scale_bytes(static_cast<int64_t>(format));
}
/// Bytes of the keys or values of one head and slot.
inline int64_t getSlotBytes(CacheFormat format, int64_t channels) {
  return winnow_kv_slot_bytes(static_cast<int64_t>(format), channels);
}

/// The first `lanes` of 16 numbers at `ptr` as f32, zeros behind them; of I8
/// the codes, which the scale is still to multiply.
mlir::Value loadNumbers(KernelBuilder &k, CacheFormat format, mlir::Value ptr,
                        int64_t lanes = kLanes);

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_CACHEFORMAT_H
