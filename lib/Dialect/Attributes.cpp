//===- Attributes.cpp - Attributes of the winnow dialect ------------------===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

#define GET_ATTRDEF_CLASSES
#include "winnow/Attributes.cpp.inc"

void WinnowDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "winnow/Attributes.cpp.inc"
      >();
}

Attribute EncodingAttr::parse(AsmParser &parser, Type) {
  std::string format, layout = "rows";
  if (parser.parseLess() || parser.parseKeywordOrString(&format) ||
      (succeeded(parser.parseOptionalComma()) &&
       parser.parseKeywordOrString(&layout)) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<EncodingAttr>(parser.getContext(), format, layout);
}

void EncodingAttr::print(AsmPrinter &printer) const {
  printer << "<" << getFormat();
  if (getLayout() != "rows")
    printer << ", " << getLayout();
  printer << ">";
}

LogicalResult EncodingAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   StringRef format, StringRef layout) {
  return success();
}

LogicalResult
EncodingAttr::verifyEncoding(ArrayRef<int64_t> shape, Type elementType,
                             function_ref<InFlightDiagnostic()> emitError) const {
  return success();
}

LogicalResult MaskAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               MaskKind kind, int64_t window, int64_t sinks,
                               int64_t prefix, int64_t width) {
  return success();
}

LogicalResult RopeScalingAttr::verify(
    function_ref<InFlightDiagnostic()> emitError, RopeScalingKind kind,
    FloatAttr factor, FloatAttr low, FloatAttr high, int64_t originalContext,
    FloatAttr attentionFactor) {
  return success();
}
