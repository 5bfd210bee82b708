//===- EntryPoints.cpp - Verifiers of the dialect's attributes ------------===//
//
// Entry points are functions of the func dialect, so their rules (labels of
// the dialect's description) hang on attributes.
//
//===----------------------------------------------------------------------===//

#include "winnow/Dialect/WinnowDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
using namespace winnow;

/// C4: a name per dynamic dimension.
static LogicalResult verifyDims(func::FuncOp function, StringRef what,
                                unsigned index, Type type, Attribute dims) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  int64_t expected = tensor ? tensor.getNumDynamicDims() : 0;
  auto names = dyn_cast_or_null<ArrayAttr>(dims);
  int64_t found = names ? names.size() : 0;
  if (found == expected)
    return success();
  return function.emitOpError("expects ")
         << what << " #" << index << " of type " << type << " to have "
         << expected << " names in '" << kDimsAttr << "', found " << found;
}

static LogicalResult verifyArguments(func::FuncOp function) {
  llvm::StringSet<> names;
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    // C2: a name of its own for each argument.
    auto name = function.getArgAttrOfType<StringAttr>(index, kNameAttr);
    if (!name)
      return function.emitOpError("expects argument #")
             << index << " to have '" << kNameAttr << "'";
    if (!names.insert(name.getValue()).second)
      return function.emitOpError(
                 "expects names of arguments to differ, found ")
             << name << " twice";
    if (failed(verifyDims(function, "argument", index, type,
                          function.getArgAttr(index, kDimsAttr))))
      return failure();
  }
  return success();
}

/// C3: what crosses the border of a compiled model.
static LogicalResult verifyTypes(func::FuncOp function, StringRef what,
                                 TypeRange types) {
  for (auto [index, type] : llvm::enumerate(types)) {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!isa<KvCacheType>(type) && (!tensor || tensor.getEncoding()))
      return function.emitOpError("expects ")
             << what << " #" << index
             << " to be a cache or a ranked tensor without encoding, found "
             << type;
  }
  return success();
}

/// C5: caches come back in the order in which they are passed.
static LogicalResult verifyCaches(func::FuncOp function) {
  auto isCache = [](Type type) { return isa<KvCacheType>(type); };
  SmallVector<Type> arguments, results;
  llvm::copy_if(function.getArgumentTypes(), std::back_inserter(arguments),
                isCache);
  llvm::copy_if(function.getResultTypes(), std::back_inserter(results),
                isCache);
  if (arguments.size() != results.size())
    return function.emitOpError("expects as many cache results (")
           << results.size() << ") as cache arguments (" << arguments.size()
           << ")";
  for (auto [rank, pair] : llvm::enumerate(llvm::zip(arguments, results)))
    if (std::get<0>(pair) != std::get<1>(pair))
      return function.emitOpError("expects cache result #")
             << rank << " to have the type of cache argument #" << rank << " ("
             << std::get<0>(pair) << "), found " << std::get<1>(pair);
  return success();
}

static LogicalResult verifyEntry(Operation *op, Attribute value) {
  // C1: a function of one block.
  auto function = dyn_cast<func::FuncOp>(op);
  if (!function || !isa<UnitAttr>(value) || !function.getBody().hasOneBlock())
    return op->emitOpError("expects '")
           << kEntryAttr
           << "' to be a unit attribute of a func.func of one block";
  if (failed(verifyTypes(function, "argument", function.getArgumentTypes())) ||
      failed(verifyTypes(function, "result", function.getResultTypes())) ||
      failed(verifyArguments(function)))
    return failure();
  for (auto [index, type] : llvm::enumerate(function.getResultTypes()))
    if (Attribute dims = function.getResultAttr(index, kDimsAttr))
      if (failed(verifyDims(function, "result", index, type, dims)))
        return failure();
  return verifyCaches(function);
}

LogicalResult
WinnowDialect::verifyOperationAttribute(Operation *op,
                                        NamedAttribute attribute) {
  if (attribute.getName() == kEntryAttr)
    return verifyEntry(op, attribute.getValue());
  // C7: facts about the model.
  if (attribute.getName() == kModelAttr &&
      (!isa<ModuleOp>(op) || !isa<DictionaryAttr>(attribute.getValue())))
    return op->emitOpError("expects '")
           << kModelAttr << "' to be a dictionary attribute of a module";
  return success();
}

/// C6: the kinds of the attributes of arguments and results.
static LogicalResult verifyArgumentAttribute(Operation *op,
                                             NamedAttribute attribute) {
  if (attribute.getName() == kNameAttr) {
    auto name = dyn_cast<StringAttr>(attribute.getValue());
    if (!name || name.empty())
      return op->emitOpError("expects '")
             << kNameAttr << "' to be a string that is not empty, found "
             << attribute.getValue();
  }
  if (attribute.getName() == kDimsAttr) {
    auto names = dyn_cast<ArrayAttr>(attribute.getValue());
    if (!names || !llvm::all_of(names, [](Attribute name) {
          auto string = dyn_cast<StringAttr>(name);
          return string && !string.empty();
        }))
      return op->emitOpError("expects '")
             << kDimsAttr
             << "' to be an array of strings that are not empty, found "
             << attribute.getValue();
  }
  return success();
}

LogicalResult
WinnowDialect::verifyRegionArgAttribute(Operation *op, unsigned, unsigned,
                                        NamedAttribute attribute) {
  return verifyArgumentAttribute(op, attribute);
}

LogicalResult
WinnowDialect::verifyRegionResultAttribute(Operation *op, unsigned, unsigned,
                                           NamedAttribute attribute) {
  return verifyArgumentAttribute(op, attribute);
}
