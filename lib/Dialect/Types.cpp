//===- Types.cpp - Types of the winnow dialect ----------------------------===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace winnow;

#define GET_TYPEDEF_CLASSES
#include "winnow/Types.cpp.inc"

void WinnowDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "winnow/Types.cpp.inc"
      >();
}

/// Bytes of `channels` numbers of one head and slot; i8 has an f32 scale.
static int64_t bytesOf(Type storage, int64_t channels) {
  int64_t scale = storage.isInteger(8) ? sizeof(float) : 0;
  return channels * storage.getIntOrFloatBitWidth() / 8 + scale;
}

int64_t KvCacheType::getKeyBytes() const {
  return bytesOf(getKeyType(), getKeyDim());
}

int64_t KvCacheType::getValueBytes() const {
  return bytesOf(getValueType(), getValueDim());
}

LogicalResult KvCacheType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t heads, int64_t keyDim,
                                  int64_t valueDim, Type keyType,
                                  Type valueType, int64_t capacity) {
  // C1: positive sizes.
  for (auto [name, size] :
       {std::pair("heads", heads), std::pair("key_dim", keyDim),
        std::pair("value_dim", valueDim)})
    if (size <= 0)
      return emitError() << "expects " << name << " to be positive, found "
                         << size;
  // C2: whole blocks of 16 slots.
  if (capacity <= 0 || capacity % 16 != 0)
    return emitError()
           << "expects capacity to be a positive multiple of 16, found "
           << capacity;
  // C3: what kernels read.
  for (auto [name, type] :
       {std::pair("key", keyType), std::pair("value", valueType)})
    if (!type.isF32() && !type.isBF16() && !type.isSignlessInteger(8))
      return emitError() << "expects " << name
                         << " to be stored as 'f32', 'bf16' or 'i8', found "
                         << type;
  // C4: a limit that only catches bugs: sizes in bytes have to fit 63 bits,
  // whatever is stored.
  int64_t dims, slots, bytes;
  if (llvm::AddOverflow(keyDim, valueDim, dims) ||
      llvm::MulOverflow(dims, heads, dims) ||
      llvm::MulOverflow(dims, capacity, slots) ||
      llvm::MulOverflow<int64_t>(slots, sizeof(float), bytes))
    return emitError() << "expects fewer than 2^63 bytes, found " << capacity
                       << " slots of " << heads << " heads of " << keyDim
                       << " + " << valueDim << " numbers";
  return success();
}
