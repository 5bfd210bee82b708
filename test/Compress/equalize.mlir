// RUN: winnow-opt %s --winnow-equalize=method=diagonal --verify-roundtrip | FileCheck %s
// RUN: winnow-opt %s "--winnow-equalize=method=diagonal round=pow2 only=k" | FileCheck %s --check-prefix=POW2
// RUN: winnow-opt %s -o %t.before
// RUN: winnow-opt %s --winnow-equalize -o %t.after
// RUN: cmp %t.before %t.after
// RUN: winnow-opt %s --winnow-equalize=method=diagonal -o %t.after
// RUN: not cmp %t.before %t.after

// Of 0.25 and 9 for the activations and 1 for the larger weight come the factors
// sqrt(0.25) and sqrt(9); the powers of two are 0.5 and 4. Statistics say what
// values have been divided by.
// CHECK:       winnow.statistics = {divided = {
// CHECK-SAME:    q = dense<[5.000000e-01, 3.000000e+00]> : tensor<2xf32>

// POW2-LABEL: func @norm(
// POW2:         arith.constant dense<[5.000000e-01, 4.000000e+00]> : tensor<2xf32>
// POW2:         %[[K:.*]] = winnow.recode %{{.*}} : tensor<2x2xf32> -> tensor<2x2xf32, #winnow.encoding<bf16>>
// POW2:         winnow.linear %{{.*}}, %[[K]]
// POW2-LABEL: func @product(
// POW2-NOT:     arith.mulf {{.*}}tensor
// POW2:         return
module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {k = "q"}, values = {
    "channels.abs_max/q" = dense<[0.25, 9.0]> : tensor<2xf32>,
    "channels.abs_max/down" = dense<[4.0, 0.0]> : tensor<2xf32>,
    "channels.abs_max/o" = dense<[1.0, 9.0, 4.0, 1.0]> : tensor<4xf32>,
    "channels.abs_max/o_full" = dense<[1.0, 9.0, 4.0, 1.0]> : tensor<4xf32>,
    "channels.abs_max/shared" = dense<[1.0, 9.0]> : tensor<2xf32>}}} {
winnow.param @gamma from {splat = 0.5 : f32} : tensor<2xf32>
winnow.param @beta from {splat = 0.25 : f32} : tensor<2xf32>
winnow.param @q from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @k from {splat = 0.5 : f32} : tensor<2x2xf32, #winnow.encoding<bf16>>
winnow.param @gate from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @up from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @up_bias from {splat = 1.0 : f32} : tensor<2xf32>
winnow.param @down from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @v from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @o from {splat = 1.0 : f32} : tensor<2x4xf32>
winnow.param @shared from {splat = 1.0 : f32} : tensor<2x2xf32>

// A norm whose readers are linear layers; the offset becomes part of its weight.
// CHECK-LABEL: func @norm(
// CHECK:         %[[G:.*]] = winnow.use @gamma
// CHECK:         %[[ONE:.*]] = arith.constant dense<1.000000e+00> : tensor<2xf32>
// CHECK:         %[[SUM:.*]] = arith.addf %[[G]], %[[ONE]]
// CHECK:         %[[I:.*]] = arith.constant dense<[2.000000e+00, 0.333333343]> : tensor<2xf32>
// CHECK:         %[[GD:.*]] = arith.mulf %[[SUM]], %[[I]]
// CHECK:         %[[BD:.*]] = arith.mulf %{{.*}}, %{{.*}} : tensor<2xf32>
// CHECK:         winnow.norm layer %{{.*}} weight(%[[GD]] : tensor<2xf32>) bias(%[[BD]] : tensor<2xf32>) {epsilon = 9.99999974E-6 : f32} :
// CHECK:         %[[Q:.*]] = winnow.use @q
// CHECK:         %[[S:.*]] = arith.constant dense<[5.000000e-01, 3.000000e+00]> : tensor<2xf32>
// CHECK:         %[[SB:.*]] = linalg.broadcast ins(%[[S]] : tensor<2xf32>) outs(%{{.*}} : tensor<2x2xf32>) dimensions = [0]
// CHECK:         %[[QS:.*]] = arith.mulf %[[Q]], %[[SB]] : tensor<2x2xf32>
// CHECK:         winnow.linear %{{.*}}, %[[QS]]
// CHECK:         %[[K:.*]] = winnow.recode %{{.*}} : tensor<2x2xf32, #winnow.encoding<bf16>> -> tensor<2x2xf32>
// CHECK:         %[[KS:.*]] = arith.mulf %[[K]], %{{.*}} : tensor<2x2xf32>
// CHECK:         winnow.linear %{{.*}}, %[[KS]]
func.func @norm(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %g = winnow.use @gamma : tensor<2xf32>
  %b = winnow.use @beta : tensor<2xf32>
  %n = winnow.norm layer %x weight(%g : tensor<2xf32>) bias(%b : tensor<2xf32>) {epsilon = 1.0e-5 : f32, weight_offset = 1.0 : f32} : tensor<?x2xf32>
  %q = winnow.use @q : tensor<2x2xf32>
  %y = winnow.linear %n, %q : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %k = winnow.use @k : tensor<2x2xf32, #winnow.encoding<bf16>>
  %z = winnow.linear %n, %k : tensor<?x2xf32>, tensor<2x2xf32, #winnow.encoding<bf16>> -> tensor<?x2xf32>
  return %y, %z : tensor<?x2xf32>, tensor<?x2xf32>
}

// Rows and bias of the layer that makes the factor; a channel that is always
// zero stays. The layer under the activation is no factor.
// CHECK-LABEL: func @product(
// CHECK:         %[[GATE:.*]] = winnow.use @gate
// CHECK-NEXT:    winnow.linear %{{.*}}, %[[GATE]]
// CHECK:         %[[U:.*]] = winnow.use @up :
// CHECK:         %[[I:.*]] = arith.constant dense<[5.000000e-01, 1.000000e+00]> : tensor<2xf32>
// CHECK:         %[[IB:.*]] = linalg.broadcast ins(%[[I]] : tensor<2xf32>) outs(%{{.*}} : tensor<2x2xf32>) dimensions = [1]
// CHECK:         %[[US:.*]] = arith.mulf %[[U]], %[[IB]]
// CHECK:         %[[UB:.*]] = arith.mulf %{{.*}}, %{{.*}} : tensor<2xf32>
// CHECK:         winnow.linear %{{.*}}, %[[US]] bias(%[[UB]] : tensor<2xf32>)
// CHECK:         arith.constant dense<[2.000000e+00, 1.000000e+00]> : tensor<2xf32>
func.func @product(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %g = winnow.use @gate : tensor<2x2xf32>
  %a = winnow.linear %x, %g : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %u = winnow.use @up : tensor<2x2xf32>
  %ub = winnow.use @up_bias : tensor<2xf32>
  %b = winnow.linear %x, %u bias(%ub : tensor<2xf32>) : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x2xf32>
  %e = tensor.empty(%t) : tensor<?x2xf32>
  %h = linalg.map ins(%a, %b : tensor<?x2xf32>, tensor<?x2xf32>) outs(%e : tensor<?x2xf32>)
    (%p: f32, %r: f32, %init: f32) {
      %1 = math.exp %p : f32
      %2 = arith.divf %p, %1 : f32
      %3 = arith.mulf %2, %r : f32
      linalg.yield %3 : f32
    }
  %d = winnow.use @down : tensor<2x2xf32>
  %y = winnow.linear %h, %d : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// Two heads share values: of (1, 9) and (4, 1) come (4, 9), and factors 2 and 3.
// CHECK-LABEL: func @values(
// CHECK:         %[[V:.*]] = winnow.use @v
// CHECK:         arith.constant dense<[5.000000e-01, 0.333333343]> : tensor<2xf32>
// CHECK:         winnow.use @o
// CHECK:         arith.constant dense<[2.000000e+00, 3.000000e+00, 2.000000e+00, 3.000000e+00]> : tensor<4xf32>
func.func @values(%q: tensor<?x2x2xf32>, %k: tensor<?x1x2xf32>, %x: tensor<?x2xf32>, %p: tensor<?xi32>) -> tensor<?x2xf32> {
  %vw = winnow.use @v : tensor<2x2xf32>
  %vl = winnow.linear %x, %vw : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %vl, %c0 : tensor<?x2xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [%t, 1, 2] : tensor<?x2xf32> into tensor<?x1x2xf32>
  %a = winnow.attention query(%q, %p, %p) key(%k, %p, %p) value(%v) {mask = #winnow.mask<full>, scale = 1.0 : f32} : tensor<?x2x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
  %c = tensor.collapse_shape %a [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
  %o = winnow.use @o : tensor<2x4xf32>
  %y = winnow.linear %c, %o : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// A norm that the residual stream reads as well stays.
// CHECK-LABEL: func @residual(
// CHECK-NOT:     arith.mulf
// CHECK:         return
func.func @residual(%x: tensor<?x2xf32>) -> (tensor<?x2xf32>, tensor<?x2xf32>) {
  %n = winnow.norm rms %x {epsilon = 1.0e-5 : f32} : tensor<?x2xf32>
  %w = winnow.use @shared : tensor<2x2xf32>
  %y = winnow.linear %n, %w : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  return %n, %y : tensor<?x2xf32>, tensor<?x2xf32>
}
}
