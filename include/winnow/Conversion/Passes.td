//===- Passes.td - Passes from winnow to native code -------*- tablegen -*-===//

#ifndef WINNOW_CONVERSION_PASSES
#define WINNOW_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

// Keep alphabetical.

def WinnowAddEmbeddingsEntry
    : Pass<"winnow-add-embeddings-entry", "::mlir::ModuleOp"> {
  let summary = "Let a decoder take rows of embeddings in place of token ids";
  let description = [{
    What: copies the entry point `forward` of a decoder to
    `forward_embeddings`, where the argument `ids` is `embeddings`, a
    `tensor<?xWxf32>`, and stands for the result of the `winnow.embed` that read
    the ids. What follows is the same, so the copy shares its kernels, and rows
    that embed would have made give the same bits. The rows are those after the
    scale of `winnow.embed`.

    Requires: nothing. A module changes only if `forward` has caches and an
    argument `ids` that one `winnow.embed` and nothing else reads, and if nothing
    is called `forward_embeddings` yet.
    Guarantees: `forward` is as before.
    Keeps: everything.
    Lossy? Exact.
  }];
  let statistics = [Statistic<"numAdded", "added", "Entry points added">];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

def WinnowAssignLayouts : Pass<"winnow-assign-layouts", "::mlir::ModuleOp"> {
  let summary = "Give each weight the layout that its kernels read";
  let description = [{
    What: changes the type of each `winnow.param`. A matrix that `linear` or
    `embed` reads gets the layout `tile16` (rows in groups of 16, so that one
    vector lane is one output) in the number format in which it is read, but for
    f32 that `embed` alone reads: whole rows are faster to copy. Any other weight
    becomes plain f32. What is done to a param before it is read goes away: a
    `recode`, and `arith.mulf` or `arith.addf` of its numbers with a constant,
    alike in all elements or broadcast along rows or columns. That work is done
    when the weights are written, row by row, and the attribute `winnow.steps`
    of the param keeps what it is.

    ```mlir
    winnow.param @w from {file = "w"} : tensor<64x64xf32, #winnow.encoding<q5_0>>
    // becomes
    winnow.param @w from {file = "w"} : tensor<64x64xf32, #winnow.encoding<q5_0, tile16>>
    ```

    Requires: layers inlined (`winnow-inline-layers`).
    Guarantees: every param that is used has the type of its uses; unused
    params are gone.
    Keeps: the source of each param. The bytes themselves are moved when the
    artifact is written.
    Lossy? Exact: a permutation of bits, the decoding of a stored weight, the
    rounding that a `recode` has already declared, or arithmetic in f32 as the
    program has it.
  }];
  let statistics = [
    Statistic<"numTiled", "tiled", "Params that got the layout tile16">,
    Statistic<"numDecoded", "decoded", "Params that became plain f32">,
    Statistic<"numUnused", "unused", "Params that were erased">
  ];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

def WinnowInlineLayers : Pass<"winnow-inline-layers", "::mlir::func::FuncOp"> {
  let summary = "Replace each layer by its body and the residual sum";
  let description = [{
    What: `y = winnow.layer residual(r) ...` becomes the ops of its region,
    followed by y = r + f (or fma(m, f, r) for a multiplier m other than 1) as
    an elementwise `linalg.map`.

    Requires: nothing.
    Guarantees: no `winnow.layer` is left.
    Keeps: the order of ops and their locations.
    Lossy? Exact.
  }];
  let statistics = [Statistic<"numInlined", "inlined", "Layers inlined">];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::linalg::LinalgDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::tensor::TensorDialect"];
}

def WinnowReturnObserved : Pass<"winnow-return-observed", "::mlir::ModuleOp"> {
  let summary = "Make what taps observe results of the entry point";
  let description = [{
    What: each value that a `winnow.observe` of an entry point names becomes one
    more result, behind the others; a value with several taps becomes one result.
    The taps go away. The module attribute `winnow.observed` lists them: kind,
    name, entry point, and the numbers of the outputs (results but caches) that
    hold the values. It comes into the manifest of the artifact, so that whoever
    runs it can collect statistics.

    ```mlir
    func.func @f(%x: tensor<?x4xf32> ...) attributes {winnow.entry} {
      winnow.observe channels "w"(%x) : tensor<?x4xf32>
      return
    }
    // becomes
    func.func @f(%x: tensor<?x4xf32> ...) -> tensor<?x4xf32> attributes {winnow.entry} {
      return %x : tensor<?x4xf32>
    }
    ```

    Requires: layers inlined (`winnow-inline-layers`).
    Guarantees: no taps are left in entry points.
    Keeps: all results, in their order. A program without taps.
    Lossy? Exact.
  }];
  let statistics = [
    Statistic<"numTaps", "taps", "Taps replaced">,
    Statistic<"numResults", "results", "Results added">
  ];
}

def ConvertWinnowToCpu : Pass<"convert-winnow-to-cpu", "::mlir::ModuleOp"> {
  let summary = "Lower entry points to kernels and calls for an x86-64 processor";
  let description = [{
    What: each entry point becomes a function of three arguments: the call
    record of Runtime/Call.h, a thread number and the number of threads. It
    computes stage by stage, with a barrier between stages; each stage calls
    kernels on pointers. In front of each attention, as long as no output has
    been written, the barrier is a checkpoint: where the caller cancels, all
    threads return there. Equal work shares one kernel: weights, caches and
    buffers are arguments, so compile time follows the number of distinct
    kernels and not the number of layers.

    Requires: `winnow-inline-layers`, `winnow-assign-layouts`; no op but those
    of winnow, `linalg.map`, reshapes of trailing dimensions and constants.
    Guarantees: no winnow op, no tensor is left. The module has the attributes
    `winnow.entries` (what the runtime has to know of each entry) and
    `winnow.weights` (names, offsets and sizes of the weights).
    Keeps: nothing else.
    Lossy? Exact up to the rounding that each op's Numerics allow.
  }];
  let options = [
    Option<"targetCpu", "target-cpu", "std::string", "\"host\"",
           "Processor: host, x86-64-v3, x86-64-v4, or a name LLVM knows">
  ];
  let statistics = [
    Statistic<"numKernels", "kernels", "Distinct kernels">,
    Statistic<"numCalls", "calls", "Kernel calls">,
    Statistic<"numStages", "stages", "Stages between barriers">
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect",
                           "::mlir::math::MathDialect",
                           "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // WINNOW_CONVERSION_PASSES
