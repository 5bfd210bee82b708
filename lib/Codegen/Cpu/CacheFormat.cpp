//===- CacheFormat.cpp - How numbers lie in a cache -----------------------===//

#include "winnow/Codegen/Cpu/CacheFormat.h"

using namespace mlir;

namespace winnow::cpu {

CacheFormat getCacheFormat(Type element) {
  if (element.isF32())
    return CacheFormat::F32;
  return element.isBF16() ? CacheFormat::BF16 : CacheFormat::I8;
}

StringRef getName(CacheFormat format) {
  switch (format) {
  case CacheFormat::F32:
    return "f32";
  case CacheFormat::BF16:
    return "bf16";
  case CacheFormat::I8:
    return "i8";
  }
  llvm_unreachable("unknown format");
}

Value loadNumbers(KernelBuilder &k, CacheFormat format, Value ptr,
                  int64_t lanes) {
  auto load = [&](Type element, unsigned alignment) {
    VectorType type = k.vectorType(element);
    return lanes == kLanes ? k.load(type, ptr, alignment)
                           : k.loadFirst(type, ptr, k.i64(lanes));
  };
  VectorType floats = k.vectorType(k.f32Type());
  VectorType integers = k.vectorType(k.i32Type());
  switch (format) {
  case CacheFormat::F32:
    return load(k.f32Type(), 4);
  case CacheFormat::BF16:
    return k.bitcast(
        k.shl(k.zext(load(k.i16Type(), 2), integers), k.splatI32(16)), floats);
  case CacheFormat::I8:
    return k.toFloat(k.sext(load(k.i8Type(), 1), integers), floats);
  }
  llvm_unreachable("unknown format");
}

} // namespace winnow::cpu
