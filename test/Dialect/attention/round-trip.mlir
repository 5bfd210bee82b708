// RUN: winnow-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @attention
// CHECK:         %attn = winnow.attention query(%[[Q:.*]], %[[QP:.*]]) key(%[[K:.*]], %[[KP:.*]]) value(%[[V:.*]])
// CHECK-SAME:      {mask = #winnow.mask<causal>, scale = 1.250000e-01 : f32}
// CHECK-NOT:       softcap
func.func @attention(%q: tensor<?x4x8xf32>, %k: tensor<?x2x8xf32>, %v: tensor<?x2x16xf32>, %qp: tensor<?xi32>, %kp: tensor<?xi32>) -> tensor<?x4x16xf32> {
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 0.125 : f32, softcap = 0.0 : f32}
      : tensor<?x4x8xf32>, tensor<?x2x8xf32>, tensor<?x2x16xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x4x16xf32>
  return %o : tensor<?x4x16xf32>
}

// Every optional operand and result.
// CHECK-LABEL: func @attention_with_everything
// CHECK:         %attn, %lse, %scores = winnow.attention query(%{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}) key(%{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}) value(%{{[a-z0-9_]+}})
// CHECK-SAME:      sinks(%{{[a-z0-9_]+}} : tensor<4xf32>) bias(%{{[a-z0-9_]+}} : tensor<4x2x6xf32>) relative(%{{[a-z0-9_]+}} : tensor<6x4xf32>) visible(%{{[a-z0-9_]+}} : tensor<2x6xi1>)
// CHECK-SAME:      distances = array<i64: 1, 8>
// CHECK-SAME:      softcap = 5.000000e+01 : f32
// CHECK-SAME:      -> tensor<2x4x16xf32> lse tensor<2x4xf32> scores tensor<6x2xf32>
func.func @attention_with_everything(%q: tensor<2x4x8xf32>, %k: tensor<6x2x8xf32>, %v: tensor<6x2x16xf32>, %qp: tensor<2xi32>, %kp: tensor<6xi32>,
    %sinks: tensor<4xf32>, %bias: tensor<4x2x6xf32>, %relative: tensor<6x4xf32>, %visible: tensor<2x6xi1>) {
  %o, %lse, %scores = winnow.attention query(%q, %qp, %qp) key(%k, %kp, %kp) value(%v)
      sinks(%sinks : tensor<4xf32>) bias(%bias : tensor<4x2x6xf32>) relative(%relative : tensor<6x4xf32>) visible(%visible : tensor<2x6xi1>)
      {mask = #winnow.mask<explicit>, scale = 1.0 : f32, softcap = 50.0 : f32, distances = array<i64: 1, 8>}
      : tensor<2x4x8xf32>, tensor<6x2x8xf32>, tensor<6x2x16xf32>, tensor<2xi32>, tensor<6xi32>, tensor<2xi32>, tensor<6xi32>
      -> tensor<2x4x16xf32> lse tensor<2x4xf32> scores tensor<6x2xf32>
  return
}

// Scores without lse, and a tree's ancestor words for more than 64 queries.
// CHECK-LABEL: func @attention_tree
// CHECK:         %attn, %scores = winnow.attention {{.*}} visible(%{{[a-z0-9_]+}} : tensor<65x2xi64>)
func.func @attention_tree(%q: tensor<65x1x8xf32>, %k: tensor<?x1x8xf32>, %v: tensor<?x1x8xf32>, %qp: tensor<65xi32>, %kp: tensor<?xi32>, %words: tensor<65x2xi64>) {
  %o, %scores = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) visible(%words : tensor<65x2xi64>)
      {mask = #winnow.mask<tree>, scale = 1.0 : f32}
      : tensor<65x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<65xi32>, tensor<?xi32>
      -> tensor<65x1x8xf32> scores tensor<?x1xf32>
  return
}

// A dynamic size agrees with every other.
// CHECK-LABEL: func @attention_dynamic
// CHECK:         winnow.attention
func.func @attention_dynamic(%q: tensor<?x?x?xf32>, %k: tensor<6x2x8xf32>, %v: tensor<?x?x?xf32>, %qp: tensor<2xi32>, %kp: tensor<?xi32>, %words: tensor<?x?xi64>, %bias: tensor<?x?xf32>) {
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v) bias(%bias : tensor<?x?xf32>) visible(%words : tensor<?x?xi64>)
      {mask = #winnow.mask<tree>, scale = 1.0 : f32}
      : tensor<?x?x?xf32>, tensor<6x2x8xf32>, tensor<?x?x?xf32>, tensor<2xi32>, tensor<?xi32> -> tensor<4x8x16xf32>
  return
}

// Layouts and scalings are printed where they are not the default.
// CHECK-LABEL: func @rope
// CHECK:         %rope = winnow.rope %{{[a-z0-9_]+}} at %{{[a-z0-9_]+}} {base = 1.000000e+04 : f64, dims = 8 : i64} : tensor<?x2x8xf32>, tensor<?xi32>
// CHECK:         winnow.rope %rope at %{{[a-z0-9_]+}} factors(%{{[a-z0-9_]+}} : tensor<2xf32>) {base = 5.000000e+05 : f64, dims = 4 : i64, layout = #winnow<rope_layout interleaved>, scaling = #winnow.rope_scaling<linear, factor = 2.000000e+00 : f64>}
func.func @rope(%x: tensor<?x2x8xf32>, %p: tensor<?xi32>, %f: tensor<2xf32>) -> tensor<?x2x8xf32> {
  %a = winnow.rope %x at %p {base = 10000.0 : f64, dims = 8 : i64, layout = #winnow<rope_layout half>} : tensor<?x2x8xf32>, tensor<?xi32>
  %b = winnow.rope %a at %p factors(%f : tensor<2xf32>) {base = 500000.0 : f64, dims = 4 : i64, layout = #winnow<rope_layout interleaved>,
      scaling = #winnow.rope_scaling<linear, factor = 2.0 : f64>} : tensor<?x2x8xf32>, tensor<?xi32>
  return %b : tensor<?x2x8xf32>
}

// CHECK-LABEL: func @norm
// CHECK:         %norm = winnow.norm rms %{{[a-z0-9_]+}} {epsilon = 9.99999997E-7 : f32} : tensor<?x8xf32>
// CHECK:         winnow.norm layer %norm weight(%{{[a-z0-9_]+}} : tensor<8xf32>) bias(%{{[a-z0-9_]+}} : tensor<8xf32>) {{.*}} : tensor<?x8xf32>
// CHECK:         winnow.norm l2 %{{[a-z0-9_]+}} weight(%{{[a-z0-9_]+}} : tensor<8xf32>) {epsilon = 0.000000e+00 : f32, weight_offset = 1.000000e+00 : f32} : tensor<?x2x8xf32>
func.func @norm(%x: tensor<?x8xf32>, %h: tensor<?x2x8xf32>, %w: tensor<8xf32>) -> tensor<?x8xf32> {
  %a = winnow.norm rms %x {epsilon = 1.0e-6 : f32} : tensor<?x8xf32>
  %b = winnow.norm layer %a weight(%w : tensor<8xf32>) bias(%w : tensor<8xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x8xf32>
  %c = winnow.norm l2 %h weight(%w : tensor<8xf32>) {epsilon = 0.0 : f32, weight_offset = 1.0 : f32} : tensor<?x2x8xf32>
  return %b : tensor<?x8xf32>
}
