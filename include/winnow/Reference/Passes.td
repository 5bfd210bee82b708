//===- Passes.td - Interpretation as a pass ----------------*- tablegen -*-===//

#ifndef WINNOW_REFERENCE_PASSES
#define WINNOW_REFERENCE_PASSES

include "mlir/Pass/PassBase.td"

def WinnowInterpret : Pass<"winnow-interpret", "::mlir::ModuleOp"> {
  let summary = "Run functions in the reference interpreter";
  let description = [{
    What: runs every public function of the module that has no arguments, in
    order, and prints its results, one line each. Errors are diagnostics at the
    op that caused them.

    ```mlir
    func.func @main() -> i32 {
      %0 = arith.constant 7 : i32
      return %0 : i32
    }
    // prints: main: 7 : i32
    ```

    With `calls`, it runs the calls of a file instead, one a line:

    ```
    NAME PREFIX   reads PREFIX.ARGUMENT.npy for each argument (by its
                  winnow.name, else arg0, arg1, ...), runs @NAME, and writes
                  PREFIX.out0.npy, PREFIX.out1.npy, ...
    reset         empties all caches
    ```

    A cache argument is no file: it is the cache of that name, empty at first,
    and takes the value of the cache result of the same rank.

    A param `{file = "NAME"}` is the bytes of the file NAME in the folder that
    `params` names.

    Requires: an encoding's layout is `rows`.
    Guarantees: nothing about the module.
    Keeps: the whole module.
    Lossy? Exact: it changes nothing.
  }];
  let options = [
    Option<"entry", "entry", "std::string", /*default=*/"",
           "Run this function alone">,
    Option<"calls", "calls", "std::string", /*default=*/"",
           "Run the calls that this file lists">,
    Option<"paramFolder", "params", "std::string", /*default=*/"",
           "Folder with the bytes of params that come from files">
  ];
}

#endif // WINNOW_REFERENCE_PASSES
