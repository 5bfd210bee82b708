//===- Services.h - What passes ask of the program around them -*- C++ -*-===//
//
// A pass sees the IR alone. What needs files, machine code or a run is done by
// the program that runs the pass: it declares what it can do for the passes of
// a context with a ServicesScope. A pass that needs a service which is not
// there fails with an error that says how to get it.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_ANALYSIS_SERVICES_H
#define WINNOW_ANALYSIS_SERVICES_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Operation.h"

namespace winnow {

class Evaluator;
class WeightPlanner;

/// Null stands for what is not there.
struct Services {
  Evaluator *evaluator = nullptr;
  WeightPlanner *planner = nullptr;
};

/// The services of a context as long as this lives; those before come back. Not
/// while passes run in it.
class ServicesScope {
public:
  ServicesScope(mlir::MLIRContext &context, const Services &services);
  ~ServicesScope();
  ServicesScope(const ServicesScope &) = delete;
  ServicesScope &operator=(const ServicesScope &) = delete;

private:
  mlir::MLIRContext &context;
  const Services services;
  const Services *before;
};

/// What there is for passes on `op`.
Services getServices(mlir::Operation *op);

} // namespace winnow

#endif // WINNOW_ANALYSIS_SERVICES_H
