//===- Evaluator.cpp - How good a candidate is ----------------------------===//

#include "winnow/Analysis/Evaluator.h"

using namespace winnow;

double winnow::getSeconds(const RunTime &time) {
  double seconds = 0;
  for (const PhaseTime &phase : time)
    seconds += phase.seconds;
  return seconds;
}

llvm::SmallVector<int>
winnow::findOwners(const PhaseTime &phase,
                   llvm::function_ref<int(llvm::StringRef)> ownerOf) {
  llvm::SmallVector<int> owners;
  int owner = -1;
  for (const StageTime &stage : phase.stages) {
    for (const std::string &weight : stage.weights)
      owner = ownerOf(weight);
    owners.push_back(owner);
  }
  return owners;
}

// The anchor of its virtual table.
Evaluator::~Evaluator() = default;
