// RUN: not winnow-opt %s --winnow-observe="kinds=channel" 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: not winnow-opt %s --winnow-observe="kinds=channels only=(" 2>&1 | FileCheck %s --check-prefix=REGEX
// RUN: not winnow-opt %s --winnow-observe="kinds=channels only=nothing" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not winnow-opt %s --winnow-observe 2>&1 | FileCheck %s --check-prefix=NOTHING
// RUN: not winnow-opt %s --winnow-observe="kinds=similarity" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not winnow-opt %s --winnow-observe="kinds=channels" --winnow-return-observed 2>&1 | FileCheck %s --check-prefix=LAYER
// RUN: echo 'module {}' | not winnow-opt --winnow-observe="kinds=channels" 2>&1 | FileCheck %s --check-prefix=ENTRY

// KIND: error: expects 'kinds' of winnow-observe to be channels, gram or similarity; found 'channel'
// REGEX: error: expects a regular expression in 'only': parentheses not balanced
// NONE: error: has nothing that winnow-observe could tap of that name
// NOTHING: error: has nothing that winnow-observe could tap
// NAME: error: 'winnow.layer' op expects layers to have names, as locations, that statistics can be found by
// LAYER: error: 'winnow.observe' op expects to stand in an entry point, not in a 'winnow.layer': winnow-inline-layers runs first
// ENTRY: error: expects one entry point that winnow-observe could tap, found 0

winnow.param @w from {random = 1 : i64} : tensor<4x4xf32>
func.func @forward(%x: tensor<?x4xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> tensor<?x4xf32> attributes {winnow.entry} {
  %z = winnow.layer residual(%x) inputs(%u = %x) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %w = winnow.use @w : tensor<4x4xf32>
    %f = winnow.linear %u, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    winnow.yield %f : tensor<?x4xf32>
  }
  return %z : tensor<?x4xf32>
}
