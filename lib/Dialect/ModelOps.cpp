//===- ModelOps.cpp - Parsers, printers and verifiers of model ops ---===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace winnow;

LogicalResult ParamOp::verify() { return success(); }

LogicalResult ParamRefOp::verifySymbolUses(SymbolTableCollection &symbols) {
  auto param = symbols.lookupNearestSymbolFrom<ParamOp>(*this, getParamAttr());
  if (!param)
    return emitOpError("expects '")
           << getParam() << "' to be the name of a param";
  if (param.getType() != getType())
    return emitOpError("expects the type of param '")
           << getParam() << "' (" << param.getType() << "), found "
           << getType();
  return success();
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
        return failure(
            parser.parseArgument(arguments.emplace_back()) ||
            parser.parseEqual() || parser.parseOperand(inputs.emplace_back()));
      }))
    return failure();
  if (parser.parseOptionalAttrDict(result.attributes) ||
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
    llvm::interleaveComma(
        llvm::zip(getBody().getArguments(), getInputs()), printer,
        [&](auto pair) {
          printer.printRegionArgument(std::get<0>(pair), {}, true);
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

LogicalResult LayerOp::verify() { return success(); }
