//===- Passes.td - Analyses as passes ----------------------*- tablegen -*-===//

#ifndef WINNOW_ANALYSIS_PASSES
#define WINNOW_ANALYSIS_PASSES

include "mlir/Pass/PassBase.td"

def WinnowVerifyModel : Pass<"winnow-verify-model", "::mlir::ModuleOp"> {
  let summary = "Check what ties the ops of a model together";
  let description = [{
    What: checks each function of the module for facts that no op can see by
    itself. A cache is a state: `kv_append`, `kv_truncate`, `layer`, `yield` and
    `return` consume one value of it and pass on the next, `kv_view` and
    `kv_next_positions` read one.

    - C1 Each state is consumed at most once, in the block that defines it; so the
      cache can be changed in place.
    - C2 A state is read before it is consumed: neither a `kv_view` or
      `kv_next_positions` of it nor an op that uses what the view shows follows
      its consumer.
    - C3 Each cache result of an entry point continues the cache argument of the
      same rank, and each cache result of a `layer` one of its inputs.
    - C4 An attention whose keys are those of a `kv_view` takes values, key
      positions and key segments of the same state.

    ```mlir
    %1 = winnow.kv_append %0, %k, %v at %p, %s : ...
    %2 = winnow.kv_append %0, %k, %v at %p, %s : ...   // C1: %0 is consumed twice
    ```

    Requires: nothing.
    Guarantees: C1 to C4.
    Keeps: the whole module.
    Lossy? Exact: it changes nothing.
  }];
  let statistics = [
    Statistic<"numStates", "states", "Cache states checked">
  ];
}

#endif // WINNOW_ANALYSIS_PASSES
