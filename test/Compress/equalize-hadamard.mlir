// RUN: winnow-opt %s --winnow-equalize=method=hadamard --verify-roundtrip | FileCheck %s
// RUN: winnow-opt %s --winnow-equalize=method=hadamard --remark-policy=all --remarks-filter-passed=.* --remarks-filter-missed=.* 2>&1 | FileCheck %s --check-prefix=REMARK
// RUN: winnow-opt %s "--pass-pipeline=builtin.module(winnow-equalize{method=hadamard},winnow-equalize{method=diagonal only=^o$})" --remark-policy=all --remarks-filter-passed=.* --remarks-filter-missed=.* 2>&1 | FileCheck %s --check-prefix=AFTER

// Gram matrices and means are rotated, root mean squares are the roots of the
// new diagonal, and the largest numbers are gone. A division from before is
// in them. Without a Gram matrix a run has its mean square.
// CHECK:       winnow.statistics = {divided = {}
// CHECK-SAME:    rotated = {alone = 2 : i64, o = 2 : i64}
// CHECK-NOT:     channels.abs_max/o
// CHECK-SAME:    "channels.mean/o" = dense<[1.41421354, 0.000000e+00, 2.12132025, 0.707106769]>
// CHECK-SAME:    "channels.rms/alone" = dense<5.000000e+00> : tensor<2xf32>
// CHECK-SAME:    "channels.rms/o" = dense<[2.23606801, 1.41421354, 1.000000e+00, 1.000000e+00]>
// CHECK-SAME:    "gram.mean/o" = dense<
// CHECK-SAME{LITERAL}: [[5.000000e+00, 0.99999994, 0.000000e+00, 0.000000e+00], [0.99999994, 1.99999988,

// REMARK-DAG: [Passed] o {{.*}}4 channels of the input are rotated in runs of 2, in v
// REMARK-DAG: [Passed] alone {{.*}}2 channels of the input are rotated in runs of 2, in v2
// REMARK-DAG: [Missed] v {{.*}}its input stays as it is: the norm in front weighs its channels one by one
// REMARK-DAG: [Missed] down {{.*}}its input stays as it is: the product in front takes its channels one by one
// REMARK-DAG: [Missed] up {{.*}}its input stays as it is: other ops than linear layers read the value
// REMARK-DAG: [Missed] odd {{.*}}its input stays as it is: the number of a head's channels is odd

// AFTER: [Missed] o {{.*}}its input stays as it is: its channels have been rotated since the calibration

module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {},
    divided = {o = dense<[1.0, 2.0, 1.0, 1.0]> : tensor<4xf32>}, values = {
    "channels.abs_max/o" = dense<[1.0, 9.0, 4.0, 1.0]> : tensor<4xf32>,
    "channels.mean/o" = dense<[1.0, 2.0, 2.0, 1.0]> : tensor<4xf32>,
    "channels.rms/o" = dense<[2.0, 3.0, 1.0, 1.0]> : tensor<4xf32>,
    "channels.rms/alone" = dense<[1.0, 7.0]> : tensor<2xf32>,
    "gram.mean/o" = dense<[[4.5, 3.0, 0.0, 0.0], [3.0, 10.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]> : tensor<4x4xf32>}}} {
winnow.param @gamma from {splat = 0.5 : f32} : tensor<2xf32>
winnow.param @v from {splat = 1.0 : f32} : tensor<2x2xf32, #winnow.encoding<bf16>>
winnow.param @vb from {splat = 1.0 : f32} : tensor<2xf32>
winnow.param @o from {splat = 1.0 : f32} : tensor<2x4xf32>
winnow.param @v2 from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @alone from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @up from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @down from {splat = 1.0 : f32} : tensor<2x2xf32>
winnow.param @v3 from {splat = 1.0 : f32} : tensor<3x2xf32>
winnow.param @odd from {splat = 1.0 : f32} : tensor<2x3xf32>

// Rows and bias of the values, columns behind them, in front of a format.
// CHECK-LABEL: func @values(
// CHECK:         %[[V:.*]] = winnow.use @v :
// CHECK:         %[[D:.*]] = winnow.recode %[[V]] : tensor<2x2xf32, #winnow.encoding<bf16>> -> tensor<2x2xf32>
// CHECK:         %[[VR:.*]] = winnow.hadamard %[[D]] by 2 along 0 : tensor<2x2xf32>
// CHECK:         %[[BR:.*]] = winnow.hadamard %{{.*}} by 2 along 0 : tensor<2xf32>
// CHECK:         winnow.linear %{{.*}}, %[[VR]] bias(%[[BR]] : tensor<2xf32>)
// CHECK:         %[[O:.*]] = winnow.use @o
// CHECK:         %[[OR:.*]] = winnow.hadamard %[[O]] by 2 along 1 : tensor<2x4xf32>
// CHECK:         %[[Q:.*]] = winnow.recode %[[OR]] : tensor<2x4xf32> -> tensor<2x4xf32, #winnow.encoding<bf16>>
// CHECK:         winnow.linear %{{.*}}, %[[Q]]
func.func @values(%q: tensor<?x2x2xf32>, %k: tensor<?x1x2xf32>, %x: tensor<?x2xf32>, %p: tensor<?xi32>) -> tensor<?x2xf32> {
  %g = winnow.use @gamma : tensor<2xf32>
  %n = winnow.norm rms %x weight(%g : tensor<2xf32>) {epsilon = 1.0e-5 : f32} : tensor<?x2xf32>
  %vw = winnow.use @v : tensor<2x2xf32, #winnow.encoding<bf16>>
  %vb = winnow.use @vb : tensor<2xf32>
  %vl = winnow.linear %n, %vw bias(%vb : tensor<2xf32>) : tensor<?x2xf32>, tensor<2x2xf32, #winnow.encoding<bf16>> -> tensor<?x2xf32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %vl, %c0 : tensor<?x2xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [%t, 1, 2] : tensor<?x2xf32> into tensor<?x1x2xf32>
  %a = winnow.attention query(%q, %p, %p) key(%k, %p, %p) value(%v) {mask = #winnow.mask<full>, scale = 1.0 : f32} : tensor<?x2x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
  %c = tensor.collapse_shape %a [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
  %o = winnow.use @o : tensor<2x4xf32>
  %e = winnow.recode %o : tensor<2x4xf32> -> tensor<2x4xf32, #winnow.encoding<bf16>>
  %y = winnow.linear %c, %e : tensor<?x4xf32>, tensor<2x4xf32, #winnow.encoding<bf16>> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

func.func @single(%q: tensor<?x1x2xf32>, %x: tensor<?x2xf32>, %p: tensor<?xi32>) -> tensor<?x2xf32> {
  %vw = winnow.use @v2 : tensor<2x2xf32>
  %vl = winnow.linear %x, %vw : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %vl, %c0 : tensor<?x2xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [%t, 1, 2] : tensor<?x2xf32> into tensor<?x1x2xf32>
  %a = winnow.attention query(%q, %p, %p) key(%q, %p, %p) value(%v) {mask = #winnow.mask<full>, scale = 1.0 : f32} : tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?x1x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x2xf32>
  %c = tensor.collapse_shape %a [[0], [1, 2]] : tensor<?x1x2xf32> into tensor<?x2xf32>
  %o = winnow.use @alone : tensor<2x2xf32>
  %y = winnow.linear %c, %o : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

// CHECK-LABEL: func @product(
// CHECK-NOT:     winnow.hadamard
// CHECK-LABEL: func @odd_head(
// CHECK-NOT:     winnow.hadamard
func.func @product(%x: tensor<?x2xf32>) -> tensor<?x2xf32> {
  %u = winnow.use @up : tensor<2x2xf32>
  %b = winnow.linear %x, %u : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x2xf32>
  %e = tensor.empty(%t) : tensor<?x2xf32>
  %h = linalg.map { arith.mulf } ins(%x, %b : tensor<?x2xf32>, tensor<?x2xf32>) outs(%e : tensor<?x2xf32>)
  %d = winnow.use @down : tensor<2x2xf32>
  %y = winnow.linear %h, %d : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}

func.func @odd_head(%q: tensor<?x1x3xf32>, %x: tensor<?x2xf32>, %p: tensor<?xi32>) -> tensor<?x2xf32> {
  %vw = winnow.use @v3 : tensor<3x2xf32>
  %vl = winnow.linear %x, %vw : tensor<?x2xf32>, tensor<3x2xf32> -> tensor<?x3xf32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %vl, %c0 : tensor<?x3xf32>
  %v = tensor.expand_shape %vl [[0], [1, 2]] output_shape [%t, 1, 3] : tensor<?x3xf32> into tensor<?x1x3xf32>
  %a = winnow.attention query(%q, %p, %p) key(%q, %p, %p) value(%v) {mask = #winnow.mask<full>, scale = 1.0 : f32} : tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?x1x3xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x3xf32>
  %c = tensor.collapse_shape %a [[0], [1, 2]] : tensor<?x1x3xf32> into tensor<?x3xf32>
  %o = winnow.use @odd : tensor<2x3xf32>
  %y = winnow.linear %c, %o : tensor<?x3xf32>, tensor<2x3xf32> -> tensor<?x2xf32>
  return %y : tensor<?x2xf32>
}
}
