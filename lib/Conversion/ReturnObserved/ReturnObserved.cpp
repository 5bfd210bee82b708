//===- ReturnObserved.cpp - Taps become results ---------------------------===//

#include "winnow/Conversion/Passes.h"

#include "llvm/ADT/MapVector.h"

namespace winnow {
#define GEN_PASS_DEF_WINNOWRETURNOBSERVED
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

namespace {
struct ReturnObserved
    : public winnow::impl::WinnowReturnObservedBase<ReturnObserved> {
  void runOnOperation() override;

private:
  LogicalResult run(func::FuncOp function, SmallVectorImpl<Attribute> &taps);
};
} // namespace

LogicalResult ReturnObserved::run(func::FuncOp function,
                                  SmallVectorImpl<Attribute> &taps) {
  Builder builder(&getContext());
  Operation *terminator = function.getBody().front().getTerminator();
  // Outputs are numbered without caches.
  int64_t outputs = llvm::count_if(function.getResultTypes(), [](Type type) {
    return !isa<KvCacheType>(type);
  });
  llvm::MapVector<Value, int64_t> numbers;
  WalkResult walked = function.walk([&](ObserveOp tap) {
    if (tap->getBlock() != terminator->getBlock()) {
      tap.emitOpError("expects to stand in an entry point, not in a '")
          << tap->getParentOp()->getName()
          << "': winnow-inline-layers runs first";
      return WalkResult::interrupt();
    }
    SmallVector<int64_t> results;
    for (Value value : tap.getValues())
      results.push_back(
          numbers.try_emplace(value, outputs + numbers.size()).first->second);
    taps.push_back(builder.getDictionaryAttr({
        builder.getNamedAttr("entry", function.getSymNameAttr()),
        builder.getNamedAttr(
            "kind", builder.getStringAttr(stringifyObserveKind(tap.getKind()))),
        builder.getNamedAttr("name", tap.getNameAttr()),
        builder.getNamedAttr("outputs", builder.getDenseI64ArrayAttr(results)),
    }));
    tap.erase();
    ++numTaps;
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();
  for (auto &[value, number] : numbers) {
    unsigned index = function.getNumResults();
    if (failed(function.insertResult(index, value.getType(),
                                     builder.getDictionaryAttr({}))))
      return failure();
    terminator->insertOperands(index, value);
    ++numResults;
  }
  return success();
}

void ReturnObserved::runOnOperation() {
  ModuleOp module = getOperation();
  SmallVector<Attribute> taps;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr(kEntryAttr) && failed(run(function, taps)))
      return signalPassFailure();
  if (taps.empty())
    return markAllAnalysesPreserved();
  module->setAttr(kObservedAttr, ArrayAttr::get(&getContext(), taps));
}
