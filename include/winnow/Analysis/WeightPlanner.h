//===- WeightPlanner.h - How large weights become ---------------*- C++ -*-===//

#ifndef WINNOW_ANALYSIS_WEIGHTPLANNER_H
#define WINNOW_ANALYSIS_WEIGHTPLANNER_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"

#include <string>
#include <vector>

namespace winnow {

/// A tensor of the file NAME.weights.
struct PlannedWeight {
  std::string name;
  bool isFloat = false; ///< numbers in f32; otherwise bytes
  llvm::SmallVector<int64_t, 4> shape;
  uint64_t bytes = 0; ///< with what follows, up to the next tensor
};

/// Knows the file that the weights of a program would become, exactly and
/// without writing it.
class WeightPlanner {
public:
  virtual ~WeightPlanner();

  /// The weights of a program in the state in which recipes find it, which is
  /// left alone.
  virtual llvm::Expected<std::vector<PlannedWeight>>
  plan(mlir::ModuleOp module) = 0;

  /// The size of a file with these tensors.
  virtual llvm::Expected<uint64_t>
  getFileSize(llvm::ArrayRef<PlannedWeight> weights) = 0;
};

} // namespace winnow

#endif // WINNOW_ANALYSIS_WEIGHTPLANNER_H
