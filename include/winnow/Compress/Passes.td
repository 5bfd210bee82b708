//===- Passes.td - Passes that take something out of a model -*- tablegen -*-===//

#ifndef WINNOW_COMPRESS_PASSES
#define WINNOW_COMPRESS_PASSES

include "mlir/Pass/PassBase.td"

// Keep alphabetical.

def WinnowQuantizeActivations
    : Pass<"winnow-quantize-activations", "::mlir::func::FuncOp"> {
  let summary = "Round the inputs of linear layers to what their weights are";
  let description = [{
    What: in front of each `linear` whose weight has integer codes, a `recode`
    of the input to `a8_b32`: 8-bit codes with one f32 scale for 32 channels.
    The dot product can then run on integers. In front of each `linear` whose
    weight is bf16, a `recode` to `bf16`: processors multiply pairs of such
    numbers at twice the speed. Layers that read the same value share a
    `recode`.

    ```mlir
    %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q5_0>> -> tensor<?x32xf32>
    // becomes
    %q = winnow.recode %x : tensor<?x64xf32> -> tensor<?x64xf32, #winnow.encoding<a8_b32>>
    %y = winnow.linear %q, %w : tensor<?x64xf32, #winnow.encoding<a8_b32>>, ...
    ```

    Requires: nothing. Guarantees: nothing else changes.
    Keeps: linear layers with weights of f32 and f16, and inputs that are
    encoded already.
    Lossy? Yes: each input is off by at most half a step, amax / 254 of its
    block of 32, or 2^-8 of itself in bf16. It is the one lossy pass that runs by default; the option
    --activations=f32 of winnow-compile leaves it out.
    Each changed layer gets a remark.
  }];
  let options = [
    Option<"enabled", "enabled", "bool", "true",
           "false: the identity, for pipelines that switch by option">
  ];
  let statistics = [
    Statistic<"numSeen", "seen", "Linear layers seen">,
    Statistic<"numChanged", "changed", "Linear layers with rounded inputs">,
    Statistic<"numFloat", "float-weights", "Kept: weights are f32 or f16">
  ];
  let dependentDialects = ["::winnow::WinnowDialect"];
}

#endif // WINNOW_COMPRESS_PASSES
