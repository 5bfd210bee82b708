// RUN: winnow-opt %s "--winnow-low-rank=rank=1 only=^w" --remark-policy=all --remarks-filter=low-rank --verify-roundtrip 2>&1 | FileCheck %s
// RUN: winnow-opt %s -o %t.before
// RUN: winnow-opt %s --winnow-low-rank -o %t.after
// RUN: cmp %t.before %t.after
// RUN: winnow-opt %s "--winnow-low-rank=rank=1 only=^w" -o %t.after
// RUN: not cmp %t.before %t.after
// RUN: not winnow-opt %s "--winnow-low-rank=rank=-1" 2>&1 | FileCheck %s --check-prefix=RANK
// RUN: not winnow-opt %s "--winnow-low-rank=rank=1 method=svd" 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not winnow-opt %s "--winnow-low-rank=rank=1 only=other" 2>&1 | FileCheck %s --check-prefix=NAME
// RUN: not winnow-opt %s "--winnow-low-rank=rank=1 only=none" 2>&1 | FileCheck %s --check-prefix=NONE

// The numbers of the splat lose nothing, so that factors are zero; what was not
// encoded, or is read elsewhere, stays.
// CHECK-DAG:   remark: [Passed] w {{.*}}rank 1: products lose 0.0
// CHECK-DAG:   remark: [Missed] w_plain {{.*}}stays alone: it has lost nothing to a format of blocks
// CHECK-DAG:   remark: [Missed] w_tied {{.*}}stays alone: it is read elsewhere, too
// CHECK:       winnow.param @w from
// CHECK-NEXT:  winnow.param @w.low_rank_a from {values = dense<0.000000e+00> : tensor<1x32xf32>} : tensor<1x32xf32>
// CHECK-NEXT:  winnow.param @w.low_rank_b from {values = dense<0.000000e+00> : tensor<2x1xf32>} : tensor<2x1xf32>
// CHECK-LABEL: func @linear(
// CHECK:         %[[Y:.*]] = winnow.linear %[[X:.*]], %{{.*}} : tensor<?x32xf32>, tensor<2x32xf32, #winnow.encoding<q4_0>>
// CHECK-NEXT:    %[[A:.*]] = winnow.use @w.low_rank_a
// CHECK-NEXT:    %[[B:.*]] = winnow.use @w.low_rank_b
// CHECK-NEXT:    %[[H:.*]] = winnow.linear %[[X]], %[[A]] : tensor<?x32xf32>, tensor<1x32xf32> -> tensor<?x1xf32>
// CHECK-NEXT:    %[[Z:.*]] = winnow.linear %[[H]], %[[B]] : tensor<?x1xf32>, tensor<2x1xf32> -> tensor<?x2xf32>
// CHECK:         %[[S:.*]] = linalg.map { arith.addf } ins(%[[Y]], %[[Z]]
// CHECK:         return %[[S]], %{{.*}}, %{{.*}}, %{{.*}}
// RANK: error: expects 'rank' of winnow-low-rank to be at least 0; found -1
// METHOD: error: expects 'method' of winnow-low-rank to be eora; found 'svd'
// NAME: error: has no linear layer whose weight matches 'only' of winnow-low-rank, 'other'
// NONE: error: 'winnow.linear' op needs the statistics 'gram.mean/none' of its width for winnow-low-rank: --statistics=FILE, written by winnow-compile --calibrate --observe=gram

module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {}, values = {
    "gram.mean/w" = dense<1.0> : tensor<32x32xf32>}}} {
winnow.param @w from {splat = 0.0 : f32} : tensor<2x32xf32>
winnow.param @w_plain from {random = 2 : i64} : tensor<2x32xf32>
winnow.param @w_tied from {random = 3 : i64} : tensor<8x32xf32>
winnow.param @none from {random = 4 : i64} : tensor<2x32xf32>
func.func @linear(%x: tensor<?x32xf32>, %ids: tensor<?xi32>) -> (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x8xf32>, tensor<?x2xf32>) {
  %w = winnow.use @w : tensor<2x32xf32>
  %e = winnow.recode %w : tensor<2x32xf32> -> tensor<2x32xf32, #winnow.encoding<q4_0>>
  %a = winnow.linear %x, %e : tensor<?x32xf32>, tensor<2x32xf32, #winnow.encoding<q4_0>> -> tensor<?x2xf32>
  %p = winnow.use @w_plain : tensor<2x32xf32>
  %b = winnow.linear %x, %p : tensor<?x32xf32>, tensor<2x32xf32> -> tensor<?x2xf32>
  %t = winnow.use @w_tied : tensor<8x32xf32>
  %te = winnow.recode %t : tensor<8x32xf32> -> tensor<8x32xf32, #winnow.encoding<q4_0>>
  %h = winnow.embed %te[%ids] : tensor<8x32xf32, #winnow.encoding<q4_0>>, tensor<?xi32> -> tensor<?x32xf32>
  %c = winnow.linear %h, %te : tensor<?x32xf32>, tensor<8x32xf32, #winnow.encoding<q4_0>> -> tensor<?x8xf32>
  %n = winnow.use @none : tensor<2x32xf32>
  %ne = winnow.recode %n : tensor<2x32xf32> -> tensor<2x32xf32, #winnow.encoding<q4_0>>
  %d = winnow.linear %x, %ne : tensor<?x32xf32>, tensor<2x32xf32, #winnow.encoding<q4_0>> -> tensor<?x2xf32>
  return %a, %b, %c, %d : tensor<?x2xf32>, tensor<?x2xf32>, tensor<?x8xf32>, tensor<?x2xf32>
}
}
