//===- Types.cpp - Types of the winnow dialect ----------------------------===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

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

LogicalResult KvCacheType::verify(function_ref<InFlightDiagnostic()> emitError,
                                  int64_t heads, int64_t keyDim,
                                  int64_t valueDim, Type keyType,
                                  Type valueType, int64_t capacity) {
  return success();
}
