//===- Changes.cpp - Passes on the whole model that plans may have --------===//

#include "Changes.h"

#include "../PruneTokens/PromptEntry.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using llvm::formatv;

namespace winnow {

static bool canRun(ModuleOp module, StringRef pass) {
  ScopedDiagnosticHandler quiet(module.getContext(),
                                [](Diagnostic &) { return success(); });
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager manager(module.getContext());
  return succeeded(parsePassPipeline(pass, manager, llvm::nulls())) &&
         succeeded(manager.run(*copy));
}

/// Tokens leave where a third of the blocks is done, or at the first place
/// behind it that allows it: those in front mix what all tokens say.
static void proposePruning(ModuleOp module, func::FuncOp function,
                           std::vector<PricedChange> &changes) {
  bool decodes = isDecoder(function);
  StringRef policy = decodes ? "fastv" : "tome";
  auto write = [&](int64_t layer, double keep) {
    return formatv("winnow-prune-tokens{{policy={0} layer={1} keep={2}}",
                   policy, layer, keep)
        .str();
  };
  int64_t count = static_cast<int64_t>(
      groupLayers(function,
                  decodes ? Granularity::Block : Granularity::Attention)
          .size());
  for (int64_t layer = count / 3; layer < count; ++layer) {
    if (!canRun(module, write(layer, 0.5)))
      continue;
    for (double keep : {0.75, 0.5}) {
      PricedChange &change = changes.emplace_back();
      change.pass = write(layer, keep);
      change.saves = PricedChange::Saves::Rows;
      // Layers are counted by their attention, up to that at the place, and
      // that in front of it tells which tokens stay.
      change.firstFreeAttention = layer + 1;
    }
    return;
  }
}

std::vector<PricedChange> proposeChanges(ModuleOp module) {
  std::vector<PricedChange> changes;
  SmallVector<func::FuncOp> functions;
  bool hasCaches = false;
  for (auto function : module.getOps<func::FuncOp>()) {
    hasCaches |= isDecoder(function);
    if (!function.getOps<LayerOp>().empty())
      functions.push_back(function);
  }
  if (functions.size() == 1)
    proposePruning(module, functions.front(), changes);
  if (hasCaches)
    for (StringRef format : {"bf16", "int8"})
      changes.emplace_back().pass =
          formatv("winnow-kv-format{{k={0} v={0}}", format).str();
  return changes;
}

} // namespace winnow
