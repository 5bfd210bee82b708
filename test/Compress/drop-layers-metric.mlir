// RUN: winnow-opt %s "--winnow-drop-layers=granularity=joint count=1" --remark-policy=all --remarks-filter=drop-layers 2>&1 | FileCheck %s --check-prefix=COSINE
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=joint count=1 metric=angle" --remark-policy=all --remarks-filter=drop-layers 2>&1 | FileCheck %s --check-prefix=ANGLE
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=joint count=2 protect=0" --remark-policy=all --remarks-filter=drop-layers 2>&1 | FileCheck %s --check-prefix=PROTECT
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=joint count=0" | FileCheck %s --check-prefix=ZERO
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=4" 2>&1 | FileCheck %s --check-prefix=MANY
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=3 protect=1" 2>&1 | FileCheck %s --check-prefix=FEW
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=1 protect=3" 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=-1" 2>&1 | FileCheck %s --check-prefix=NEGATIVE
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=1 layers=2" 2>&1 | FileCheck %s --check-prefix=BOTH
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=1 metric=perplexity" 2>&1 | FileCheck %s --check-prefix=METRIC
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=1 metric=shortgpt" 2>&1 | FileCheck %s --check-prefix=BLOCKS
// RUN: not winnow-opt %s "--pass-pipeline=builtin.module(winnow-drop-layers{granularity=joint layers=2},winnow-drop-layers{granularity=block count=1})" 2>&1 | FileCheck %s --check-prefix=MISSING
// RUN: sed 's/winnow.statistics/other.statistics/' %s | not winnow-opt --allow-unregistered-dialect "--winnow-drop-layers=granularity=joint count=1" 2>&1 | FileCheck %s --check-prefix=NOTHING

// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=1 order=later" 2>&1 | FileCheck %s --check-prefix=ORDER
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=1 metric=kl" 2>&1 | FileCheck %s --check-prefix=KL
// RUN: not winnow-opt %s "--winnow-drop-layers=granularity=joint count=1 order=iterative" 2>&1 | FileCheck %s --check-prefix=ITERATIVE
// RUN: winnow-opt %s "--winnow-drop-layers=granularity=joint count=0 metric=kl order=iterative" | FileCheck %s --check-prefix=ZERO

// Of equals, a and c, the first goes.
// COSINE: [Passed] a | Category:drop-layers | Function=forward | Remark="dropped with 1 weights: joint 0 has cosine 0.750000, number 1 of 3"
// COSINE-NOT: loc("a")
// COSINE: winnow.use @b
// COSINE-NEXT: winnow.linear
// COSINE: winnow.use @c
// ANGLE: Remark="dropped with 1 weights: joint 1 has angle 0.250000, number 1 of 3"
// PROTECT: Remark="dropped with 1 weights: joint 2 has cosine 0.750000, number 1 of 2"
// PROTECT: Remark="dropped with 1 weights: joint 1 has cosine 0.500000, number 2 of 2"
// ZERO-COUNT-3: winnow.layer
// MANY: error: 'func.func' op has 3 layers of granularity 'joint' that may go; 'count' of winnow-drop-layers is 4
// FEW: error: 'func.func' op has 2 layers of granularity 'joint' that may go; 'count' of winnow-drop-layers is 3
// RANGE: error: 'func.func' op has 3 layers of granularity 'joint', counted from 0; 'protect' of winnow-drop-layers names 3
// NEGATIVE: error: expects 'count' of winnow-drop-layers to be at least 0; found -1
// BOTH: error: expects either 'layers' or 'count' of winnow-drop-layers, found both
// METRIC: error: expects 'metric' of winnow-drop-layers to be cosine, shortgpt, angle or kl; found '
// ORDER: error: expects 'order' of winnow-drop-layers to be oneshot or iterative; found 'later'
// KL: error: 'metric=kl' of winnow-drop-layers needs texts to measure candidates on: winnow-compile --evaluate-on TEXTFILE
// ITERATIVE: error: 'order=iterative' of winnow-drop-layers needs texts to measure candidates on: winnow-compile --evaluate-on TEXTFILE
// BLOCKS: error: 'metric=shortgpt' of winnow-drop-layers is of blocks, not of granularity 'joint'
// MISSING: error: {{.*}}'winnow.layer' op is not in the statistics: they have no 'similarity.cosine/a..b'
// NOTHING: error: 'count' of winnow-drop-layers needs statistics: --statistics=FILE, written by winnow-compile --calibrate

module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {}, values = {
    "similarity.cosine/a" = dense<0.75> : tensor<1xf32>, "similarity.angle/a" = dense<0.5> : tensor<1xf32>,
    "similarity.cosine/b" = dense<0.5> : tensor<1xf32>, "similarity.angle/b" = dense<0.25> : tensor<1xf32>,
    "similarity.cosine/c" = dense<0.75> : tensor<1xf32>, "similarity.angle/c" = dense<0.75> : tensor<1xf32>}}} {
winnow.param @a from {random = 1 : i64} : tensor<4x4xf32>
winnow.param @b from {random = 2 : i64} : tensor<4x4xf32>
winnow.param @c from {random = 3 : i64} : tensor<4x4xf32>
func.func @forward(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
    %w = winnow.use @a : tensor<4x4xf32>
    %f = winnow.linear %u, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    winnow.yield %f : tensor<2x4xf32>
  } loc("a")
  %z = winnow.layer residual(%y) inputs(%u = %y) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
    %w = winnow.use @b : tensor<4x4xf32>
    %f = winnow.linear %u, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    winnow.yield %f : tensor<2x4xf32>
  } loc("b")
  %r = winnow.layer residual(%z) inputs(%u = %z) : (tensor<2x4xf32>, tensor<2x4xf32>) -> tensor<2x4xf32> {
    %w = winnow.use @c : tensor<4x4xf32>
    %f = winnow.linear %u, %w : tensor<2x4xf32>, tensor<4x4xf32> -> tensor<2x4xf32>
    winnow.yield %f : tensor<2x4xf32>
  } loc("c")
  return %r : tensor<2x4xf32>
}
}
