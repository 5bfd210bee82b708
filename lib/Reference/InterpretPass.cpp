//===- InterpretPass.cpp - Run functions in the interpreter ---------------===//

#include "winnow/Analysis/ParamSource.h"
#include "winnow/Reference/Interpreter.h"
#include "winnow/Reference/Npy.h"
#include "winnow/Reference/Passes.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/raw_ostream.h"

namespace winnow {
#define GEN_PASS_DEF_WINNOWINTERPRET
#include "winnow/Reference/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

/// The text of a result, as MLIR writes constants.
static void printResult(raw_ostream &stream, Type type,
                        const RuntimeValue &value) {
  const auto *tensor = std::get_if<Tensor>(&value);
  if (!tensor) {
    stream << type << "\n";
    return;
  }
  Type element = getElementTypeOrSelf(type);
  auto shape = RankedTensorType::get(tensor->shape(), element);
  Attribute attribute;
  if (tensor->isFloat()) {
    attribute = DenseElementsAttr::get(shape, tensor->floats());
  } else {
    SmallVector<APInt> integers;
    for (int64_t integer : tensor->integers())
      integers.emplace_back(getIntegerWidth(tensor->kind()), integer,
                            /*isSigned=*/true, /*implicitTrunc=*/true);
    attribute = DenseElementsAttr::get(shape, integers);
  }
  if (!isa<ShapedType>(type))
    attribute = cast<DenseElementsAttr>(attribute).getSplatValue<Attribute>();
  stream << attribute << "\n";
}

namespace {
class InterpretPass : public winnow::impl::WinnowInterpretBase<InterpretPass> {
public:
  using WinnowInterpretBase::WinnowInterpretBase;

private:
  void runOnOperation() override;
  LogicalResult runConstantFunctions();
  LogicalResult runCalls();
  /// Runs one call of the file.
  LogicalResult runCall(func::FuncOp function, StringRef prefix);
  FailureOr<ParamBytes> resolve(ParamOp param);

  /// Params that have been read, by name.
  llvm::StringMap<ParamBytes> params;
  /// Caches by the name of their argument.
  llvm::StringMap<Cache> caches;
};
} // namespace

FailureOr<ParamBytes> InterpretPass::resolve(ParamOp param) {
  ParamBytes &known = params[param.getSymName()];
  if (known.owner)
    return known;
  auto file = dyn_cast_or_null<StringAttr>(param.getSource().get(kFileSource));
  if (file && !paramFolder.empty()) {
    SmallString<128> path(paramFolder);
    llvm::sys::path::append(path, file.getValue());
    auto buffer = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                              /*RequiresNullTerminator=*/false);
    if (!buffer)
      return param.emitError(path) << ": " << buffer.getError().message();
    if (std::optional<FileRows> rows = FileRows::get(param.getSource())) {
      auto type = cast<RankedTensorType>(param.getType());
      FailureOr<StoredRows> stored = getStoredRows(param);
      if (failed(stored))
        return failure();
      uint64_t rowBytes = stored->rows * stored->bytesPerRow /
                          std::max<int64_t>(type.getDimSize(0), 1);
      auto gathered = std::make_shared<std::vector<uint8_t>>();
      if (!rows->gather(llvm::arrayRefFromStringRef((*buffer)->getBuffer()),
                        rowBytes, 0, type.getDimSize(0), *gathered))
        return param.emitError(path) << ": lacks some of the rows";
      known = {*gathered, gathered};
      return known;
    }
    std::shared_ptr<llvm::MemoryBuffer> shared = std::move(*buffer);
    known = {llvm::arrayRefFromStringRef(shared->getBuffer()), shared};
    return known;
  }
  auto made = materializeParam(param);
  if (failed(made))
    return failure();
  auto shared = std::make_shared<std::vector<uint8_t>>(std::move(*made));
  known = {*shared, shared};
  return known;
}

void InterpretPass::runOnOperation() {
  if (failed(calls.empty() ? runConstantFunctions() : runCalls()))
    signalPassFailure();
}

LogicalResult InterpretPass::runConstantFunctions() {
  bool found = false;
  for (auto function : getOperation().getOps<func::FuncOp>()) {
    if (entry.empty() ? !function.isPublic() || function.isExternal() ||
                            function.getNumArguments() != 0
                      : function.getName() != entry)
      continue;
    found = true;
    auto results =
        interpret(function, {}, [&](ParamOp param) { return resolve(param); });
    if (failed(results))
      return failure();
    for (auto [type, result] : llvm::zip(function.getResultTypes(), *results)) {
      llvm::outs() << function.getName() << ": ";
      printResult(llvm::outs(), type, result);
    }
  }
  if (!found)
    return getOperation().emitError("winnow-interpret expects a function ")
           << (entry.empty() ? "without arguments"
                             : "named '" + entry.getValue() + "'");
  return success();
}

LogicalResult InterpretPass::runCalls() {
  auto buffer = llvm::MemoryBuffer::getFile(calls);
  if (!buffer)
    return getOperation().emitError()
           << calls.getValue() << ": " << buffer.getError().message();
  SmallVector<StringRef> lines;
  (*buffer)->getBuffer().split(lines, '\n', /*MaxSplit=*/-1,
                               /*KeepEmpty=*/false);
  for (StringRef line : lines) {
    auto [name, prefix] = line.trim().split(' ');
    if (name == "reset" && prefix.empty()) {
      caches.clear();
      continue;
    }
    auto function = getOperation().lookupSymbol<func::FuncOp>(name);
    if (!function || prefix.empty())
      return getOperation().emitError()
             << calls.getValue()
             << ": expects 'reset' or the name of a function and a path, "
                "found '"
             << line << "'";
    if (failed(runCall(function, prefix)))
      return failure();
  }
  return success();
}

LogicalResult InterpretPass::runCall(func::FuncOp function, StringRef prefix) {
  SmallVector<RuntimeValue> arguments;
  SmallVector<std::string> cacheNames;
  for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
    auto nameAttr = function.getArgAttrOfType<StringAttr>(index, kNameAttr);
    std::string name = nameAttr ? nameAttr.str() : "arg" + llvm::utostr(index);
    if (isa<KvCacheType>(type)) {
      arguments.push_back(caches[name]);
      cacheNames.push_back(name);
      continue;
    }
    auto tensor = readNpy((prefix + "." + name + ".npy").str());
    if (!tensor)
      return function.emitError(llvm::toString(tensor.takeError()));
    arguments.push_back(*tensor);
  }
  auto results = interpret(function, arguments,
                           [&](ParamOp param) { return resolve(param); });
  if (failed(results))
    return failure();
  unsigned cacheRank = 0, outputs = 0;
  for (const RuntimeValue &result : *results) {
    if (const auto *cache = std::get_if<Cache>(&result)) {
      if (cacheRank == cacheNames.size())
        return function.emitError("expects as many cache arguments as results");
      caches[cacheNames[cacheRank++]] = *cache;
      continue;
    }
    const auto *tensor = std::get_if<Tensor>(&result);
    if (!tensor)
      return function.emitError("expects results without an encoding");
    if (llvm::Error error = writeNpy(
            (prefix + ".out" + Twine(outputs++) + ".npy").str(), *tensor))
      return function.emitError(llvm::toString(std::move(error)));
  }
  return success();
}
