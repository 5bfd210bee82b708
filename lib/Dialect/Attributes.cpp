//===- Attributes.cpp - Attributes of the winnow dialect ------------------===//

#include "winnow/Dialect/WinnowDialect.h"

#include "winnow/Formats/CodeMethod.h"
#include "winnow/Formats/NumberFormat.h"
#include "winnow/Formats/Tile16.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

#include <cmath>

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
  // C1: the format is a row of the table.
  if (!lookupFormat(format))
    return emitError() << "expects a known number format, found '" << format
                       << "'";
  // C2: rows or tile16.
  if (layout != "rows" && layout != "tile16")
    return emitError() << "expects the layout 'rows' or 'tile16', found '"
                       << layout << "'";
  // C3: tile16 is not made for every format.
  if (layout == "tile16") {
    llvm::Expected<const Tile16Layout *> known = Tile16Layout::get(format);
    if (!known) {
      llvm::consumeError(known.takeError());
      return emitError() << "expects a format that has the layout 'tile16', "
                            "found '"
                         << format << "'";
    }
  }
  return success();
}

Attribute CodesAttr::parse(AsmParser &parser, Type) {
  std::string method, tap;
  if (parser.parseLess() || parser.parseKeywordOrString(&method) ||
      parser.parseComma() || parser.parseString(&tap) || parser.parseGreater())
    return {};
  return parser.getChecked<CodesAttr>(parser.getContext(), method, tap);
}

void CodesAttr::print(AsmPrinter &printer) const {
  printer << "<" << getMethod() << ", ";
  printer.printString(getTap());
  printer << ">";
}

LogicalResult CodesAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                StringRef method, StringRef tap) {
  // C1: the method is a row of the table.
  if (!lookupCodeMethod(method))
    return emitError() << "expects a known way to choose codes, found '"
                       << method << "'";
  // C2: something that can be looked up.
  if (tap.empty())
    return emitError() << "expects the name of a tap, found none";
  return success();
}

LogicalResult EncodingAttr::verifyEncoding(
    ArrayRef<int64_t> shape, Type elementType,
    function_ref<InFlightDiagnostic()> emitError) const {
  // The parser asks even when it has found no element type, and says so itself.
  if (!elementType)
    return failure();
  // C4: logical elements are f32.
  if (!elementType.isF32())
    return emitError() << "expects an encoded tensor of 'f32', found "
                       << elementType;
  // C5: blocks need a last dimension, tile16 a matrix.
  bool tiled = getLayout() == "tile16";
  if (tiled ? shape.size() != 2 : shape.empty())
    return emitError() << "expects rank " << (tiled ? "2" : "of at least 1")
                       << " in the layout '" << getLayout() << "', found "
                       << shape.size();
  // C6: whole blocks along the last dimension.
  unsigned block = lookupFormat(getFormat())->blockElements;
  int64_t last = shape.back();
  if (ShapedType::isDynamic(last) || last % block != 0)
    return emitError() << "expects the last dimension to be a static multiple "
                          "of the block of '"
                       << getFormat() << "' (" << block << "), found "
                       << (ShapedType::isDynamic(last) ? "?"
                                                       : std::to_string(last));
  return success();
}

/// Checks that a parameter is positive where its kind needs it and absent
/// (zero) elsewhere.
static LogicalResult
verifyMaskParameter(function_ref<InFlightDiagnostic()> emitError, MaskKind kind,
                    StringRef name, int64_t value, bool needed) {
  if (needed ? value > 0 : value == 0)
    return success();
  return emitError() << "expects " << (needed ? "a positive " : "no ") << name
                     << " for a mask of kind '" << stringifyMaskKind(kind)
                     << "', found " << value;
}

LogicalResult MaskAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                               MaskKind kind, int64_t window, int64_t sinks,
                               int64_t prefix, int64_t width) {
  bool slides = kind == MaskKind::SlidingWindow, grid = kind == MaskKind::Grid;
  // C1: window of a sliding window and of a grid.
  if (failed(verifyMaskParameter(emitError, kind, "window", window,
                                 slides || grid)))
    return failure();
  // C2: sinks are an option of a sliding window and of a grid.
  if (slides || grid ? sinks < 0 : sinks != 0)
    return emitError() << "expects "
                       << (slides || grid ? "sinks of at least 0" : "no sinks")
                       << " for a mask of kind '" << stringifyMaskKind(kind)
                       << "', found " << sinks;
  // C3: prefix of a prefix mask; C4: width of a grid.
  if (failed(verifyMaskParameter(emitError, kind, "prefix", prefix,
                                 kind == MaskKind::Prefix)))
    return failure();
  return verifyMaskParameter(emitError, kind, "width", width, grid);
}

LogicalResult
TokenPolicyAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        FloatAttr keep, FloatAttr least, Rounding rounding,
                        int64_t first, int64_t last) {
  // C1: a share or a score.
  if (bool(keep) == bool(least))
    return emitError() << "expects either keep or least, found "
                       << (keep ? "both" : "none");
  // C2: keep is a share.
  if (keep && (!keep.getType().isF64() || !(keep.getValueAsDouble() > 0) ||
               keep.getValueAsDouble() > 1))
    return emitError() << "expects keep to be an f64 above 0 and not above 1, "
                          "found "
                       << keep;
  // C3: least is a score, and nothing is counted.
  if (least && (!least.getType().isF32() || least.getValue().isNaN()))
    return emitError() << "expects least to be an f32 and no NaN, found "
                       << least;
  if (least && rounding != Rounding::Up)
    return emitError() << "expects no rounding with least, found "
                       << stringifyRounding(rounding);
  // C4: numbers of tokens.
  for (int64_t count : {first, last})
    if (count < 0 || count >= (int64_t(1) << 30))
      return emitError() << "expects first and last to be at least 0 and below "
                            "2^30, found "
                         << count;
  return success();
}

int64_t TokenPolicyAttr::countKept(int64_t count, int64_t always) const {
  double kept = getKeep().getValueAsDouble() * double(count - always);
  switch (getRounding()) {
  case Rounding::Up:
    return always + int64_t(std::ceil(kept));
  case Rounding::Down:
    return always + int64_t(std::floor(kept));
  case Rounding::Even:
    return always + int64_t(std::nearbyint(kept));
  }
  llvm_unreachable("all roundings are handled");
}

LogicalResult
RopeScalingAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        RopeScalingKind kind, FloatAttr factor, FloatAttr low,
                        FloatAttr high, int64_t originalContext,
                        FloatAttr attentionFactor, DenseF64ArrayAttr factors) {
  auto fail = [&]() -> InFlightDiagnostic {
    return emitError() << "expects a rope scaling of kind '"
                       << stringifyRopeScalingKind(kind) << "' to have ";
  };
  auto isPositive = [](FloatAttr number) {
    return number.getValue().isFinite() && number.getValueAsDouble() > 0;
  };
  bool isLong = kind == RopeScalingKind::LongRope;
  bool none = kind == RopeScalingKind::None || isLong;
  bool yarn = kind == RopeScalingKind::Yarn;
  bool ramps = yarn || kind == RopeScalingKind::Llama3;
  // C1: every kind but none and longrope has a factor.
  if (bool(factor) == none)
    return fail() << (none ? "no factor" : "a factor");
  // C2: low, high and originalContext shape the ramp of llama3 and yarn.
  if (!ramps && (low || high || originalContext != 0))
    return fail() << "neither low, high nor originalContext";
  // C3: only yarn and longrope have a temperature, only the latter a list.
  if (!yarn && !isLong && attentionFactor)
    return fail() << "no attentionFactor";
  if (!isLong && factors)
    return fail() << "no factors";
  // C4: numbers are positive.
  for (auto [name, number] :
       {std::pair("factor", factor), std::pair("low", low),
        std::pair("high", high), std::pair("attentionFactor", attentionFactor)})
    if (number && !isPositive(number))
      return fail() << "a positive " << name << ", found " << number;
  if (factors)
    for (double number : factors.asArrayRef())
      if (!std::isfinite(number) || number <= 0)
        return fail() << "positive factors, found " << factors;
  // C5: yarn has no context of its own to fall back to.
  if (originalContext < 0 || (yarn && originalContext == 0))
    return fail() << "a positive originalContext, found " << originalContext;
  // C6: the ramp goes from low up to high; defaults as the formulas have them.
  if (ramps) {
    double first = low ? low.getValueAsDouble() : 1;
    double last = high ? high.getValueAsDouble() : yarn ? 32 : 4;
    if (first >= last)
      return fail() << "low (" << first << ") below high (" << last << ")";
  }
  return success();
}
