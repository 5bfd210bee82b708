//===- KvFormat.cpp - Store keys and values in fewer bits -----------------===//
//
// Only the types of caches change: kv_append rounds to what the type says, and
// attention reads that.
//
//===----------------------------------------------------------------------===//

#include "NamePattern.h"

#include "winnow/Analysis/Evaluator.h"
#include "winnow/Analysis/Layers.h"
#include "winnow/Analysis/Services.h"
#include "winnow/Compress/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {
#define GEN_PASS_DEF_WINNOWKVFORMAT
#include "winnow/Compress/Passes.h.inc"
} // namespace winnow

using namespace winnow;

namespace {

struct KvFormat : public winnow::impl::WinnowKvFormatBase<KvFormat> {
  using WinnowKvFormatBase::WinnowKvFormatBase;

  void runOnOperation() override;

private:
  /// The element type of that name; null for keep.
  FailureOr<Type> parse(StringRef option, StringRef name);
  LogicalResult change(BlockArgument cache, func::FuncOp function);
  LogicalResult measure();

  Type key, value; ///< null: as it is
  bool hasChanged = false;
};

} // namespace

/// "int8" for i8, as options say it.
static std::string nameOf(Type storage) {
  if (storage.isInteger(8))
    return "int8";
  std::string text;
  llvm::raw_string_ostream(text) << storage;
  return text;
}

/// How far what is read may be from what was stored.
static StringRef errorOf(Type storage) {
  if (storage.isF32())
    return "not rounded";
  return storage.isBF16() ? "off by at most 1/256 of each"
                          : "off by at most 1/254 of the largest of their head";
}

FailureOr<Type> KvFormat::parse(StringRef option, StringRef name) {
  Builder builder(&getContext());
  auto parsed = llvm::StringSwitch<std::optional<Type>>(name)
                    .Case("keep", Type())
                    .Case("f32", builder.getF32Type())
                    .Case("bf16", builder.getBF16Type())
                    .Case("int8", builder.getI8Type())
                    .Default(std::nullopt);
  if (parsed)
    return *parsed;
  return emitError(getOperation().getLoc())
         << "expects '" << option
         << "' of winnow-kv-format to be keep, f32, bf16 or int8; found '"
         << name << "'";
}

/// The op with a name that stores in a cache: its layer, or where there are no
/// layers the append.
static Operation *findStore(Value cache) {
  for (Operation *user : cache.getUsers()) {
    if (isa<LayerOp, KvAppendOp>(user))
      return user;
    if (auto truncate = dyn_cast<KvTruncateOp>(user))
      return findStore(truncate.getResult());
  }
  return nullptr;
}

/// Gives a state and all that continue it the type `type`.
static LogicalResult setStateType(Value state, KvCacheType type) {
  state.setType(type);
  for (OpOperand &use : state.getUses()) {
    Operation *user = use.getOwner();
    unsigned number = use.getOperandNumber();
    SmallVector<Value, 1> next;
    if (isa<KvAppendOp, KvTruncateOp>(user)) {
      next.push_back(user->getResult(0));
    } else if (auto layer = dyn_cast<LayerOp>(user)) {
      unsigned input = number - layer.getInputs().getBeginOperandIndex();
      next.push_back(layer.getBody().getArgument(input));
    } else if (isa<YieldOp>(user)) {
      next.push_back(user->getParentOp()->getResult(number));
    } else if (!isa<KvViewOp, KvNextPositionsOp, func::ReturnOp>(user)) {
      return user->emitOpError(
          "takes a cache whose format winnow-kv-format cannot change");
    }
    for (Value value : next)
      if (failed(setStateType(value, type)))
        return failure();
  }
  return success();
}

LogicalResult KvFormat::change(BlockArgument cache, func::FuncOp function) {
  auto type = cast<KvCacheType>(cache.getType());
  auto changed =
      KvCacheType::get(&getContext(), type.getHeads(), type.getKeyDim(),
                       type.getValueDim(), key ? key : type.getKeyType(),
                       value ? value : type.getValueType(), type.getCapacity());
  Operation *store = findStore(cache);
  Location location = store ? store->getLoc() : function.getLoc();
  auto named = location->findInstanceOf<NameLoc>();
  auto argument =
      function.getArgAttrOfType<StringAttr>(cache.getArgNumber(), kNameAttr);
  std::string name =
      named ? named.getName().str()
            : (argument ? argument.str()
                        : formatv("cache {0}", cache.getArgNumber()).str());
  auto options = remark::RemarkOpts::name(name)
                     .category("kv-format")
                     .function(function.getName());
  if (changed == type) {
    remark::missed(location, options)
        << formatv("keys are {0} and values {1} already",
                   nameOf(type.getKeyType()), nameOf(type.getValueType()))
               .str();
    return success();
  }
  ++numChanged;
  hasChanged = true;
  remark::passed(location, options)
      << formatv("keys {0} become {1}, {2}; values {3} become {4}, {5}; {6} "
                 "bytes a token become {7}; what that does to results is not "
                 "predicted",
                 nameOf(type.getKeyType()), nameOf(changed.getKeyType()),
                 errorOf(changed.getKeyType()), nameOf(type.getValueType()),
                 nameOf(changed.getValueType()),
                 errorOf(changed.getValueType()), type.getSlotBytes(),
                 changed.getSlotBytes())
             .str();
  return setStateType(cache, changed);
}

/// Says what the change did, if there is somebody to ask.
LogicalResult KvFormat::measure() {
  ModuleOp module = getOperation();
  Evaluator *evaluator = getServices(module).evaluator;
  if (!evaluator || !hasChanged)
    return success();
  if (!evaluator->advance("measuring the formats of caches", 0))
    return emitError(module.getLoc()) << "cancelled";
  llvm::Expected<Quality> quality = evaluator->evaluate(module);
  if (!quality)
    return emitError(module.getLoc())
           << "cannot measure the formats of caches: "
           << llvm::toString(quality.takeError());
  remark::passed(module.getLoc(),
                 remark::RemarkOpts::name("caches").category("kv-format"))
      << formatv(
             "with these formats, {0} {1:f6}{2}", quality->getDivergenceName(),
             quality->divergence,
             quality->perplexity
                 ? formatv(", perplexity {0:f4}", *quality->perplexity).str()
                 : "")
             .str();
  return success();
}

void KvFormat::runOnOperation() {
  ModuleOp module = getOperation();
  FailureOr<Type> keyType = parse("k", k), valueType = parse("v", v);
  NamePattern onlyNames(only), skipNames(skip);
  if (failed(keyType) || failed(valueType) ||
      failed(onlyNames.verify(module.getLoc(), "only")) ||
      failed(skipNames.verify(module.getLoc(), "skip")))
    return signalPassFailure();
  key = *keyType;
  value = *valueType;
  if (!key && !value)
    return markAllAnalysesPreserved();

  bool hasCaches = false, isNamed = false;
  for (auto function : module.getOps<func::FuncOp>()) {
    if (function.isExternal())
      continue;
    for (BlockArgument cache : function.getArguments()) {
      if (!isa<KvCacheType>(cache.getType()))
        continue;
      hasCaches = true;
      SmallVector<StringRef> names;
      if (auto name = function.getArgAttrOfType<StringAttr>(
              cache.getArgNumber(), kNameAttr))
        names.push_back(name.getValue());
      if (Operation *store = findStore(cache))
        if (auto name = store->getLoc()->findInstanceOf<NameLoc>())
          names.push_back(name.getName().getValue());
      if (!onlyNames.matches(names, true))
        continue;
      isNamed = true;
      if (skipNames.matches(names, false))
        continue;
      ++numSeen;
      if (failed(change(cache, function)))
        return signalPassFailure();
    }
    function.setFunctionType(
        FunctionType::get(&getContext(), function.front().getArgumentTypes(),
                          function.front().getTerminator()->getOperandTypes()));
  }
  if (!hasCaches) {
    emitError(module.getLoc())
        << "has no caches whose format winnow-kv-format could change";
    return signalPassFailure();
  }
  if (!isNamed) {
    emitError(module.getLoc())
        << "has no cache or layer whose name matches 'only' of "
           "winnow-kv-format, '"
        << only << "'";
    return signalPassFailure();
  }
  if (failed(measure()))
    return signalPassFailure();
}
