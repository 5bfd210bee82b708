// RUN: winnow-opt %s "--winnow-sparsify=keep=0.5 multiple=1" --verify-roundtrip | FileCheck %s --check-prefix=MLP
// RUN: winnow-opt %s "--winnow-sparsify=target=heads keep=0.5" --verify-roundtrip | FileCheck %s --check-prefix=HEADS
// RUN: winnow-opt %s "--winnow-sparsify=keep=0.5 multiple=1" --remark-policy=all --remarks-filter=sparsify 2>&1 | FileCheck %s --check-prefix=REMARKS
// RUN: winnow-opt %s "--winnow-sparsify=keep=0.5 multiple=1 only=a.mlp" --remark-policy=all --remarks-filter=sparsify 2>&1 | FileCheck %s --check-prefix=ONLY
// RUN: winnow-opt %s "--pass-pipeline=builtin.module(winnow-sparsify{keep=0.5 multiple=1},winnow-sparsify{keep=0.5 multiple=1 only=a.mlp})" | FileCheck %s --check-prefix=TWICE
// RUN: winnow-opt %s "--pass-pipeline=builtin.module(winnow-sparsify{keep=0.5 multiple=1},func.func(winnow-inline-layers),cse,winnow-assign-layouts)" | FileCheck %s --check-prefix=LAYOUTS
// RUN: winnow-opt %s -o %t.before
// RUN: winnow-opt %s "--pass-pipeline=builtin.module(winnow-sparsify,winnow-sparsify{target=heads})" -o %t.after
// RUN: cmp %t.before %t.after

// The angles are equal, so each layer keeps half. Statistics are of what is left.
// MLP:         winnow.statistics = {kept = {a.down = array<i64: 1, 3>, b.down = array<i64: 0, 1>}
// MLP-LABEL: func @f
// MLP:         %[[GATE:.*]] = winnow.use @a.gate
// MLP-NEXT:    %[[GATES:.*]] = winnow.take %[[GATE]] [1, 3] along 0 : tensor<4x2xf32, #winnow.encoding<bf16>> -> tensor<2x2xf32, #winnow.encoding<bf16>>
// MLP-NEXT:    %[[G:.*]] = winnow.linear %{{.*}}, %[[GATES]] : tensor<?x2xf32>, tensor<2x2xf32, #winnow.encoding<bf16>> -> tensor<?x2xf32>
// MLP:         %[[UPS:.*]] = winnow.take %{{.*}} [1, 3] along 0 : tensor<4x2xf32> -> tensor<2x2xf32>
// MLP:         %[[BIAS:.*]] = winnow.take %{{.*}} [1, 3] along 0 : tensor<4xf32> -> tensor<2xf32>
// MLP:         %[[U:.*]] = winnow.linear %{{.*}}, %[[UPS]] bias(%[[BIAS]] : tensor<2xf32>)
// MLP:         tensor.empty(%{{.*}}) : tensor<?x2xf32>
// MLP:         linalg.map { arith.mulf } ins(%[[G]], %[[U]] : tensor<?x2xf32>, tensor<?x2xf32>)
// MLP:         %[[DOWNS:.*]] = winnow.take %{{.*}} [1, 3] along 1 : tensor<2x4xf32> -> tensor<2x2xf32>
// MLP:         winnow.linear %{{.*}}, %[[DOWNS]] : tensor<?x2xf32>, tensor<2x2xf32> -> tensor<?x2xf32>

// Of equals the first stays.
// MLP:         winnow.take %{{.*}} [0, 1] along 0

// The second key head stays, with the third and fourth query head.
// HEADS:       winnow.statistics = {kept = {o = array<i64: 4, 5, 6, 7>}
// HEADS-LABEL: func @f
// HEADS-SAME:    !winnow.kv_cache<heads = 1, key_dim = 2
// HEADS:         winnow.take %{{.*}} [4, 5, 6, 7] along 0 : tensor<8x2xf32> -> tensor<4x2xf32>
// HEADS:         winnow.take %{{.*}} [2, 3] along 0 : tensor<4x2xf32> -> tensor<2x2xf32>
// HEADS:         winnow.take %{{.*}} [2, 3] along 0 : tensor<4x2xf32> -> tensor<2x2xf32>
// HEADS:         tensor.expand_shape {{.*}} : tensor<?x4xf32> into tensor<?x2x2xf32>
// HEADS:         winnow.kv_append
// HEADS:         winnow.attention {{.*}} sinks(%{{.*}} : tensor<2xf32>)
// HEADS:         winnow.take %{{.*}} [4, 5, 6, 7] along 1 : tensor<2x8xf32> -> tensor<2x4xf32>

// REMARKS: [Missed] c.mlp | Category:sparsify | Remark="stays as it is: shared is read elsewhere, too"
// REMARKS: [Missed] d.mlp | Category:sparsify | Remark="stays as it is: other ops than linear layers and elementwise ones read its channels"
// REMARKS: [Passed] a.mlp | Category:sparsify | Remark="keeps 2 of 4 channels and 0.7500 of their score; 96 bytes of weights become 48"
// REMARKS: [Passed] b.mlp | Category:sparsify | Remark="keeps 2 of 4 channels and 0.5000 of their score; 64 bytes of weights become 32"

// ONLY: [Passed] a.mlp
// ONLY-NOT: mlp | Category

// TWICE:   kept = {a.down = array<i64: 1>, b.down = array<i64: 0, 1>}
// TWICE:   %[[ONCE:.*]] = winnow.take %{{.*}} [1, 3] along 0
// TWICE:   winnow.take %[[ONCE]] [0] along 0

// LAYOUTS: winnow.param @a.gate {{.*}} {winnow.rows = array<i64: 1, 3>, winnow.stored = tensor<4x2xf32, #winnow.encoding<bf16>>} : tensor<2x2xf32, #winnow.encoding<bf16, tile16>>
// LAYOUTS: winnow.param @a.up_bias {{.*}} {winnow.columns = array<i64: 1, 3>, winnow.stored = tensor<4xf32>} : tensor<2xf32>
// LAYOUTS: winnow.param @a.down {{.*}} {winnow.columns = array<i64: 1, 3>, winnow.stored = tensor<2x4xf32>} : tensor<2x2xf32, #winnow.encoding<f32, tile16>>
// LAYOUTS-NOT: winnow.take

!cache = !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 16>
module attributes {winnow.statistics = {model = "", tokens = 3 : i64, readers = {}, values = {
    "channels.rms/a.down" = dense<[0.25, 1.0, 0.25, 0.5]> : tensor<4xf32>,
    "channels.rms/b.down" = dense<[1.0, 1.0, 1.0, 1.0]> : tensor<4xf32>,
    "channels.rms/o" = dense<[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 2.0]> : tensor<8xf32>,
    "similarity.angle/attention..d.mlp" = dense<0.5> : tensor<1xf32>}}} {
winnow.param @q from {splat = 1.0 : f32} : tensor<8x2xf32>
winnow.param @k from {splat = 1.0 : f32} : tensor<4x2xf32>
winnow.param @v from {splat = 1.0 : f32} : tensor<4x2xf32>
winnow.param @o from {splat = 1.0 : f32} : tensor<2x8xf32>
winnow.param @sinks from {splat = 1.0 : f32} : tensor<4xf32>
winnow.param @a.gate from {splat = 1.0 : f32} : tensor<4x2xf32, #winnow.encoding<bf16>>
winnow.param @a.up from {splat = 1.0 : f32} : tensor<4x2xf32>
winnow.param @a.up_bias from {splat = 1.0 : f32} : tensor<4xf32>
winnow.param @a.down from {splat = 1.0 : f32} : tensor<2x4xf32>
winnow.param @b.up from {splat = 1.0 : f32} : tensor<4x2xf32>
winnow.param @b.down from {splat = 1.0 : f32} : tensor<2x4xf32>
winnow.param @shared from {splat = 1.0 : f32} : tensor<4x2xf32>
winnow.param @c.down from {splat = 1.0 : f32} : tensor<2x4xf32>
winnow.param @d.up from {splat = 1.0 : f32} : tensor<4x2xf32>
winnow.param @d.down from {splat = 1.0 : f32} : tensor<2x4xf32>
winnow.param @unread from {splat = 1.0 : f32} : tensor<4x4xf32>

func.func @f(%x: tensor<?x2xf32>, %p: tensor<?xi32>, %c0: !cache) -> (tensor<?x2xf32>, !cache) {
  %0, %c1 = winnow.layer residual(%x) inputs(%u = %x, %pos = %p, %c = %c0)
      : (tensor<?x2xf32>, tensor<?x2xf32>, tensor<?xi32>, !cache) -> (tensor<?x2xf32>, !cache) {
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x2xf32>
    %wq = winnow.use @q : tensor<8x2xf32>
    %wk = winnow.use @k : tensor<4x2xf32>
    %wv = winnow.use @v : tensor<4x2xf32>
    %wo = winnow.use @o : tensor<2x8xf32>
    %s = winnow.use @sinks : tensor<4xf32>
    %lq = winnow.linear %u, %wq : tensor<?x2xf32>, tensor<8x2xf32> -> tensor<?x8xf32>
    %lk = winnow.linear %u, %wk : tensor<?x2xf32>, tensor<4x2xf32> -> tensor<?x4xf32>
    %lv = winnow.linear %u, %wv : tensor<?x2xf32>, tensor<4x2xf32> -> tensor<?x4xf32>
    %q = tensor.expand_shape %lq [[0], [1, 2]] output_shape [%t, 4, 2] : tensor<?x8xf32> into tensor<?x4x2xf32>
    %k = tensor.expand_shape %lk [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %v = tensor.expand_shape %lv [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %r = winnow.rope %q at %pos {base = 10000.0 : f64, dims = 2 : i64} : tensor<?x4x2xf32>, tensor<?xi32>
    %kr = winnow.rope %k at %pos {base = 10000.0 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %c2 = winnow.kv_append %c, %kr, %v at %pos, %pos : !cache, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %keys, %values, %kp, %ks = winnow.kv_view %c2 : !cache -> tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %att = winnow.attention query(%r, %pos, %pos) key(%keys, %kp, %ks) value(%values) sinks(%s : tensor<4xf32>)
        {mask = #winnow.mask<causal>, scale = 1.0 : f32} : tensor<?x4x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x4x2xf32>
    %j = tensor.collapse_shape %att [[0], [1, 2]] : tensor<?x4x2xf32> into tensor<?x8xf32>
    %y = winnow.linear %j, %wo : tensor<?x8xf32>, tensor<2x8xf32> -> tensor<?x2xf32>
    winnow.yield %y, %c2 : tensor<?x2xf32>, !cache
  } loc("attention")
  %1 = winnow.layer residual(%0) inputs(%u = %0) : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32> {
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x2xf32>
    %wg = winnow.use @a.gate : tensor<4x2xf32, #winnow.encoding<bf16>>
    %g = winnow.linear %u, %wg : tensor<?x2xf32>, tensor<4x2xf32, #winnow.encoding<bf16>> -> tensor<?x4xf32>
    %wu = winnow.use @a.up : tensor<4x2xf32>
    %bu = winnow.use @a.up_bias : tensor<4xf32>
    %h = winnow.linear %u, %wu bias(%bu : tensor<4xf32>) : tensor<?x2xf32>, tensor<4x2xf32> -> tensor<?x4xf32>
    %e = tensor.empty(%t) : tensor<?x4xf32>
    %m = linalg.map { arith.mulf } ins(%g, %h : tensor<?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>)
    %wd = winnow.use @a.down : tensor<2x4xf32>
    %y = winnow.linear %m, %wd : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
    winnow.yield %y : tensor<?x2xf32>
  } loc("a.mlp")
  %2 = winnow.layer residual(%1) inputs(%u = %1) : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32> {
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x2xf32>
    %wu = winnow.use @b.up : tensor<4x2xf32>
    %h = winnow.linear %u, %wu : tensor<?x2xf32>, tensor<4x2xf32> -> tensor<?x4xf32>
    %e = tensor.empty(%t) : tensor<?x4xf32>
    %m = linalg.map { math.exp } ins(%h : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>)
    %wd = winnow.use @b.down : tensor<2x4xf32>
    %y = winnow.linear %m, %wd : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
    winnow.yield %y : tensor<?x2xf32>
  } loc("b.mlp")
  // One of its weights makes something else, too.
  %3 = winnow.layer residual(%2) inputs(%u = %2) : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32> {
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x2xf32>
    %wu = winnow.use @shared : tensor<4x2xf32>
    %h = winnow.linear %u, %wu : tensor<?x2xf32>, tensor<4x2xf32> -> tensor<?x4xf32>
    %e = tensor.empty(%t) : tensor<?x4xf32>
    %m = linalg.map { math.exp } ins(%h : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>)
    %wd = winnow.use @c.down : tensor<2x4xf32>
    %y = winnow.linear %m, %wd : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
    %h2 = winnow.linear %u, %wu : tensor<?x2xf32>, tensor<4x2xf32> -> tensor<?x4xf32>
    %n = winnow.norm l2 %h2 {epsilon = 1.0e-5 : f32} : tensor<?x4xf32>
    %z = winnow.linear %n, %wd : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
    %sum = arith.addf %y, %z : tensor<?x2xf32>
    winnow.yield %sum : tensor<?x2xf32>
  } loc("c.mlp")
  // A norm mixes its channels.
  %4 = winnow.layer residual(%3) inputs(%u = %3) : (tensor<?x2xf32>, tensor<?x2xf32>) -> tensor<?x2xf32> {
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x2xf32>
    %wu = winnow.use @d.up : tensor<4x2xf32>
    %h = winnow.linear %u, %wu : tensor<?x2xf32>, tensor<4x2xf32> -> tensor<?x4xf32>
    %e = tensor.empty(%t) : tensor<?x4xf32>
    %n = winnow.norm l2 %h {epsilon = 1.0e-5 : f32} : tensor<?x4xf32>
    %m = linalg.map { arith.mulf } ins(%h, %n : tensor<?x4xf32>, tensor<?x4xf32>) outs(%e : tensor<?x4xf32>)
    %wd = winnow.use @d.down : tensor<2x4xf32>
    %y = winnow.linear %m, %wd : tensor<?x4xf32>, tensor<2x4xf32> -> tensor<?x2xf32>
    winnow.yield %y : tensor<?x2xf32>
  } loc("d.mlp")
  return %4, %c1 : tensor<?x2xf32>, !cache
}
}
