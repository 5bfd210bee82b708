//===- Remarks.h - What passes decided, and why -----------------*- C++ -*-===//

#ifndef WINNOW_LIB_DRIVER_REMARKS_H
#define WINNOW_LIB_DRIVER_REMARKS_H

#include "mlir/IR/MLIRContext.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Error.h"

#include <memory>
#include <string>
#include <vector>

namespace winnow {

/// One remark of a pass about something that it changed.
struct Decision {
  std::string pass; ///< its category: the pass without "winnow-"
  std::string name; ///< of what was changed
  std::string what;
  std::string function; ///< that a function pass worked on, or empty
};

/// Takes the remarks of a context as long as this lives.
class Remarks {
public:
  /// Remarks go to the YAML file `path` (empty: to none), and what passes of
  /// `recipe` changed is kept.
  static llvm::Expected<std::unique_ptr<Remarks>>
  open(mlir::MLIRContext &context, llvm::StringRef path,
       llvm::StringSet<> recipe);
  ~Remarks();

  /// In the order in which passes came first; within a pass, of the names of
  /// functions.
  std::vector<Decision> getDecisions() const;

private:
  class Streamer;
  explicit Remarks(mlir::MLIRContext &context) : context(context) {}

  mlir::MLIRContext &context;
  std::vector<Decision> decisions;
};

} // namespace winnow

#endif // WINNOW_LIB_DRIVER_REMARKS_H
