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

/// Tokens of an encoder leave where a third of the layers is done, or at the
/// first place behind it that allows it: those in front mix what all tokens
/// say.
static void proposePruning(ModuleOp module, func::FuncOp function,
                           std::vector<PricedChange> &changes) {
  auto write = [&](int64_t layer, double keep) {
    return formatv("winnow-prune-tokens{{policy=tome layer={0} keep={1}}",
                   layer, keep)
        .str();
  };
  auto count = static_cast<int64_t>(
      groupLayers(function, Granularity::Attention).size());
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

/// Channels of MLPs leave.
static void proposeNarrowing(ModuleOp module,
                             std::vector<PricedChange> &changes) {
  for (double keep : {0.9, 0.75}) {
    std::string pass = formatv("winnow-sparsify{{keep={0}}", keep).str();
    if (!canRun(module, pass))
      continue;
    PricedChange &change = changes.emplace_back();
    change.pass = std::move(pass);
    change.saves = PricedChange::Saves::Matrices;
  }
}

std::vector<PricedChange> proposeChanges(ModuleOp module,
                                         ArrayRef<func::FuncOp> functions) {
  std::vector<PricedChange> changes;
  bool hasCaches = llvm::any_of(module.getOps<func::FuncOp>(), isDecoder);
  // What a pruned prompt costs depends so much on the text that a search, which
  // sees little of it, finds worse recipes with it (Gemma 3 270M at 0.7 of the
  // time: a divergence of 0.060 in place of 0.044).
  if (functions.size() == 1 && !hasCaches)
    proposePruning(module, functions.front(), changes);
  if (functions.size() == 1)
    proposeNarrowing(module, changes);
  if (hasCaches)
    for (StringRef format : {"bf16", "int8"})
      changes.emplace_back().pass =
          formatv("winnow-kv-format{{k={0} v={0}}", format).str();
  return changes;
}

} // namespace winnow
