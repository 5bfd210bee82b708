//===- PhaseShares.cpp - What the time of a phase goes to -----------------===//

#include "PhaseShares.h"

#include "llvm/ADT/STLExtras.h"

namespace winnow {

PhaseShares
PhaseShares::divide(const PhaseTime &phase,
                    llvm::function_ref<double(llvm::StringRef)> elementsOf,
                    llvm::function_ref<int(llvm::StringRef)> layerOf) {
  PhaseShares shares;
  for (auto [stage, layer] :
       llvm::zip_equal(phase.stages, findOwners(phase, layerOf))) {
    double elements = 0;
    for (const std::string &name : stage.weights)
      elements += elementsOf(name);
    if (elements == 0)
      shares.layers[layer] += stage.seconds;
    else
      for (const std::string &name : stage.weights)
        if (double mine = elementsOf(name))
          shares.matrices[name] += stage.seconds * mine / elements;
  }
  return shares;
}

} // namespace winnow
