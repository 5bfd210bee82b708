// RUN: winnow-opt %s --winnow-lower-to-cpu=target-cpu=x86-64-v3 | FileCheck %s

// A cache in which each segment has chunks of its own: all tokens of the input
// of segments go there once, and attention looks at positions and segments. The
// second cache is read without segments, the third gets the segments of another
// input.

// CHECK: chunked = array<i1: true, false, false>
// CHECK-SAME: segments_input = 2 : i64

!kv = !winnow.kv_cache<heads = 1, key_dim = 8, value_dim = 8, key = f32, value = f32, capacity = 16>

func.func @forward(%p: tensor<?xi32> {winnow.name = "positions", winnow.dims = ["T"]},
                   %x: tensor<?x1x8xf32> {winnow.name = "x", winnow.dims = ["T"]},
                   %s: tensor<?xi32> {winnow.name = "segments", winnow.dims = ["T"]},
                   %o: tensor<?xi32> {winnow.name = "others", winnow.dims = ["T"]},
                   %kv0: !kv {winnow.name = "kv0"}, %kv1: !kv {winnow.name = "kv1"},
                   %kv2: !kv {winnow.name = "kv2"})
    -> (tensor<?x1x8xf32> {winnow.name = "y", winnow.dims = ["T"]}, !kv, !kv, !kv) attributes {winnow.entry} {
  %c0 = winnow.kv_append %kv0, %x, %x at %p, %s : !kv, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  %k0, %v0, %p0, %s0 = winnow.kv_view %c0 : !kv -> tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  %y0 = winnow.attention query(%x, %p, %s) key(%k0, %p0, %s0) value(%v0) {mask = #winnow.mask<causal>, scale = 1.0 : f32} : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x8xf32>
  %c1 = winnow.kv_append %kv1, %y0, %y0 at %p, %s : !kv, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  %k1, %v1, %p1, %s1 = winnow.kv_view %c1 : !kv -> tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  %y1 = winnow.attention query(%y0, %p) key(%k1, %p1) value(%v1) {mask = #winnow.mask<causal>, scale = 1.0 : f32} : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x8xf32>
  %c2 = winnow.kv_append %kv2, %y1, %y1 at %p, %o : !kv, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  %k2, %v2, %p2, %s2 = winnow.kv_view %c2 : !kv -> tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>
  %y2 = winnow.attention query(%y1, %p, %o) key(%k2, %p2, %s2) value(%v2) {mask = #winnow.mask<causal>, scale = 1.0 : f32} : tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?x1x8xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x1x8xf32>
  return %y2, %c0, %c1, %c2 : tensor<?x1x8xf32>, !kv, !kv, !kv
}
