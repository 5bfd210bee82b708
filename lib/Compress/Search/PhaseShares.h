//===- PhaseShares.h - What the time of a phase goes to ---------*- C++ -*-===//

#ifndef WINNOW_LIB_COMPRESS_SEARCH_PHASESHARES_H
#define WINNOW_LIB_COMPRESS_SEARCH_PHASESHARES_H

#include "winnow/Analysis/Evaluator.h"

#include "llvm/ADT/StringMap.h"

#include <map>

namespace winnow {

/// Seconds of a phase by what its stages read.
struct PhaseShares {
  /// Of stages that read matrices. Those of a stage that reads several count by
  /// their elements.
  llvm::StringMap<double> matrices;
  /// Of the others, by the layer of the param that was read last (findOwners).
  std::map<int, double> layers;

  /// `elementsOf` a param is 0 if it is no matrix.
  static PhaseShares
  divide(const PhaseTime &phase,
         llvm::function_ref<double(llvm::StringRef param)> elementsOf,
         llvm::function_ref<int(llvm::StringRef param)> layerOf);
};

} // namespace winnow

#endif // WINNOW_LIB_COMPRESS_SEARCH_PHASESHARES_H
