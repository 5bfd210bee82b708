//===- WinnowDialect.cpp - Registration of the winnow dialect -------------===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

#include "winnow/Dialect.cpp.inc"
#include "winnow/Enums.cpp.inc"
#include "winnow/OpInterfaces.cpp.inc"

void WinnowDialect::initialize() {
  registerAttributes();
  registerTypes();
  addOperations<
#define GET_OP_LIST
#include "winnow/Ops.cpp.inc"
      >();
}

LogicalResult winnow::verifyKnownAttributes(Operation *op) {
  for (NamedAttribute attribute : op->getDiscardableAttrs())
    if (!attribute.getName().strref().contains('.'))
      return op->emitOpError("has no attribute '")
             << attribute.getName().strref() << "'";
  return success();
}

EncodingAttr winnow::getEncoding(Type type) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  return tensor ? dyn_cast_or_null<EncodingAttr>(tensor.getEncoding())
                : EncodingAttr();
}

RankedTensorType winnow::withEncoding(RankedTensorType type,
                                      EncodingAttr encoding) {
  return RankedTensorType::get(type.getShape(), type.getElementType(),
                               encoding);
}

#define GET_OP_CLASSES
#include "winnow/Ops.cpp.inc"
