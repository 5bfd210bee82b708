//===- ModelOps.cpp - Parsers, printers and verifiers of model ops ---===//

#include "Checks.h"

#include "winnow/Formats/NumberFormat.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// ParamOp
//===----------------------------------------------------------------------===//

LogicalResult ParamOp::verify() {
  // C1: a weight has a size.
  auto type = cast<RankedTensorType>(getType());
  if (!type.hasStaticShape() || type.getRank() == 0)
    return emitOpError("expects a static shape of rank at least 1, found ")
           << type;
  // C2: one source.
  DictionaryAttr source = getSource();
  Attribute rows = source.get("rows");
  StringRef kind = source.size() == (rows ? 2 : 1)
                       ? source.begin()->getName().strref()
                       : StringRef();
  if (kind != "file" && kind != "splat" && kind != "random" && kind != "values")
    return emitOpError("expects a source of one key, 'file', 'splat', "
                       "'random' or 'values', found ")
           << source;
  // C3: what each kind of source holds.
  Attribute value = source.begin()->getValue();
  auto name = dyn_cast<StringAttr>(value);
  if (kind == "file" && (!name || name.empty()))
    return emitOpError("expects the name of a tensor as 'file', found ")
           << value;
  auto number = dyn_cast<FloatAttr>(value);
  if (kind == "splat" && (!number || !number.getType().isF32()))
    return emitOpError("expects a number of type 'f32' as 'splat', found ")
           << value;
  auto seed = dyn_cast<IntegerAttr>(value);
  if (kind == "random" && (!seed || !seed.getType().isSignlessInteger(64)))
    return emitOpError("expects a number of type 'i64' as 'random', found ")
           << value;
  auto values = dyn_cast<DenseElementsAttr>(value);
  if (kind == "values" && (!values || !values.getElementType().isF32() ||
                           values.getType().getShape() != type.getShape()))
    return emitOpError("expects dense elements of f32 in the shape of the type "
                       "as 'values', found ")
           << value;
  // C5: some rows of a file.
  if (rows) {
    auto numbers = dyn_cast<DenseI64ArrayAttr>(rows);
    if (kind != "file" || !numbers || numbers.size() != 3 || numbers[0] < 0 ||
        numbers[1] < 1 || numbers[2] < numbers[1])
      return emitOpError("expects the rows of a file to be [first, group, "
                         "stride] with 0 <= first and 1 <= group <= stride, "
                         "found ")
             << rows;
    int64_t count = type.getDimSize(0), last;
    if (type.getRank() > 2 ||
        llvm::MulOverflow((count - 1) / numbers[1], numbers[2], last) ||
        llvm::AddOverflow(last, numbers[1], last) ||
        llvm::AddOverflow(last, numbers[0], last))
      return emitOpError("expects rows of a tensor of rank 1 or 2 that 63 bits "
                         "can number, found ")
             << rows;
  }
  // C4: a block format cannot hold every number; in another layout the type is
  // that of the kernels and not of the source.
  EncodingAttr encoding = getEncoding(type);
  if (kind == "splat" && encoding && encoding.getLayout() == "rows" &&
      !lookupFormat(encoding.getFormat())->isFloat())
    return emitOpError("expects f32, f16 or bf16 for a splat, found '")
           << encoding.getFormat() << "'";
  if (kind == "values" && encoding && encoding.getLayout() == "rows")
    return emitOpError("expects no encoding for values, found '")
           << encoding.getFormat() << "'";
  return success();
}

//===----------------------------------------------------------------------===//
// ParamRefOp
//===----------------------------------------------------------------------===//

LogicalResult ParamRefOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // C1: the param exists.
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(*this, getParamAttr());
  if (!param)
    return emitOpError("expects '")
           << getParam() << "' to be the name of a param";
  // C2: and has this type.
  if (param.getType() != getType())
    return emitOpError("expects the type of param '")
           << getParam() << "' (" << param.getType() << "), found "
           << getType();
  return success();
}

void ParamRefOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), getParam());
}

//===----------------------------------------------------------------------===//
// LayerOp
//
//   %y, %kv1 = winnow.layer residual(%r) inputs(%u = %x, %c = %kv0)
//       : (tensor<?x640xf32>, tensor<?x640xf32>, !winnow.kv_cache<...>)
//       -> (tensor<?x640xf32>, !winnow.kv_cache<...>) {
//     ...
//     winnow.yield %f, %c1 : ...
//   }
//===----------------------------------------------------------------------===//

ParseResult LayerOp::parse(OpAsmParser &parser, OperationState &result) {
  OpAsmParser::UnresolvedOperand residual;
  SmallVector<OpAsmParser::UnresolvedOperand> inputs;
  SmallVector<OpAsmParser::Argument> arguments;
  FunctionType type;
  SMLoc loc = parser.getCurrentLocation();
  if (parser.parseKeyword("residual") || parser.parseLParen() ||
      parser.parseOperand(residual) || parser.parseRParen())
    return failure();
  if (succeeded(parser.parseOptionalKeyword("inputs")) &&
      parser.parseCommaSeparatedList(AsmParser::Delimiter::Paren, [&] {
        return failure(parser.parseArgument(arguments.emplace_back()) ||
                       parser.parseEqual() ||
                       parser.parseOperand(inputs.emplace_back()));
      }))
    return failure();
  if (parser.parseOptionalAttrDict(result.attributes))
    return failure();
  // An attribute of another kind would be lost.
  auto invalid = [&] {
    return parser.emitError(loc) << "'" << result.name << "' op ";
  };
  if (failed(verifyInherentAttrs(result.name, result.attributes, invalid)) ||
      parser.parseColonType(type))
    return failure();
  if (type.getNumInputs() != inputs.size() + 1)
    return parser.emitError(loc, "expects ")
           << inputs.size() + 1 << " operand types, found "
           << type.getNumInputs();
  if (type.getNumResults() == 0)
    return parser.emitError(loc, "expects at least one result");
  for (auto [argument, argType] :
       llvm::zip(arguments, type.getInputs().drop_front()))
    argument.type = argType;
  if (parser.resolveOperand(residual, type.getInput(0), result.operands) ||
      parser.resolveOperands(inputs, type.getInputs().drop_front(), loc,
                             result.operands))
    return failure();
  result.addTypes(type.getResults());
  Region *body = result.addRegion();
  return parser.parseRegion(*body, arguments);
}

void LayerOp::print(OpAsmPrinter &printer) {
  printer << " residual(" << getResidual() << ")";
  if (!getInputs().empty()) {
    printer << " inputs(";
    llvm::interleaveComma(llvm::zip(getBody().getArguments(), getInputs()),
                          printer, [&](auto pair) {
                            printer.printRegionArgument(std::get<0>(pair), {},
                                                        true);
                            printer << " = " << std::get<1>(pair);
                          });
    printer << ")";
  }
  SmallVector<StringRef> elided;
  if (getMultiplier().isExactlyValue(1.0f))
    elided.push_back(getMultiplierAttrName());
  printer.printOptionalAttrDict((*this)->getAttrs(), elided);
  printer << " : ";
  printer.printFunctionalType(*this);
  printer << " ";
  printer.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

/// Checks that two lists of types are equal.
static LogicalResult verifyTypes(Operation *op, StringRef foundWhat,
                                 TypeRange found, StringRef expectedWhat,
                                 TypeRange expected) {
  if (found.size() != expected.size())
    return op->emitOpError("expects number of ")
           << foundWhat << "s (" << found.size() << ") to be number of "
           << expectedWhat << "s (" << expected.size() << ")";
  for (auto [index, pair] : llvm::enumerate(llvm::zip(found, expected)))
    if (std::get<0>(pair) != std::get<1>(pair))
      return op->emitOpError("expects ")
             << foundWhat << " #" << index << " to have the type of "
             << expectedWhat << " #" << index << " (" << std::get<1>(pair)
             << "), found " << std::get<0>(pair);
  return success();
}

LogicalResult LayerOp::verify() {
  // C2: y = r + m f has the type of r.
  if (getOutput().getType() != getResidual().getType())
    return emitOpError("expects the output to have the type of the residual (")
           << getResidual().getType() << "), found " << getOutput().getType();
  // C6: a finite multiplier.
  return expectFinite(*this, "multiplier", getMultiplier());
}

LogicalResult LayerOp::verifyRegions() {
  // C3: an argument per input.
  Block &body = getBody().front();
  if (failed(verifyTypes(*this, "body argument", body.getArgumentTypes(),
                         "input", getInputs().getTypes())))
    return failure();
  // C4: the body ends in a yield.
  auto yield = dyn_cast<YieldOp>(body.getTerminator());
  if (!yield)
    return emitOpError("expects the body to end with 'winnow.yield', found '")
           << body.getTerminator()->getName() << "'";
  // C5: of the branch and the extra results.
  return verifyTypes(*this, "yielded value", yield.getValues().getTypes(),
                     "result", getResultTypes());
}

void LayerOp::getAsmResultNames(OpAsmSetValueNameFn setName) {
  setName(getOutput(), "hidden");
  for (Value extra : getExtras())
    if (isa<KvCacheType>(extra.getType()))
      setName(extra, "kv");
}

//===----------------------------------------------------------------------===//
// ObserveOp
//===----------------------------------------------------------------------===//

LogicalResult ObserveOp::verify() {
  // C2: one value, or two to compare.
  size_t expected = getKind() == ObserveKind::Similarity ? 2 : 1;
  if (getValues().size() != expected)
    return emitOpError("expects ")
           << expected << " value" << (expected > 1 ? "s" : "") << " for '"
           << stringifyObserveKind(getKind()) << "', found "
           << getValues().size();
  // C3: of one type.
  if (!llvm::all_equal(getValues().getTypes()))
    return emitOpError("expects values of one type, found ")
           << getValues()[0].getType() << " and " << getValues()[1].getType();
  // C4: statistics are found by their name.
  if (getName().empty())
    return emitOpError("expects a name that is not empty");
  return success();
}
