// RUN: winnow-opt %s "--winnow-prune-tokens=policy=evit layer=0 keep=0.5" --verify-roundtrip | FileCheck %s --check-prefix=EVIT
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=tome layer=0 keep=0.5 last=1" --verify-roundtrip | FileCheck %s --check-prefix=TOME
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=evit layer=0,1 keep=0.5,0.25" -o %t.once.mlir
// RUN: winnow-opt %s --pass-pipeline="builtin.module(winnow-prune-tokens{layer=0 keep=0.5},winnow-prune-tokens{layer=1 keep=0.25})" | diff - %t.once.mlir
// RUN: not winnow-opt %s --pass-pipeline="builtin.module(winnow-prune-tokens{layer=1 keep=0.5},winnow-prune-tokens{layer=0 keep=0.25})" 2>&1 | FileCheck %s --check-prefix=BACKWARDS
// RUN: winnow-opt %s -o %t.all.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=layer=0,1 keep=1" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=layer= keep=0.5" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=0 threshold=0.125" --verify-roundtrip | FileCheck %s --check-prefix=THRESHOLD
// RUN: winnow-opt %s "--winnow-prune-tokens=layer=0 keep=0.5 fuse" --verify-roundtrip | FileCheck %s --check-prefix=FUSE
// RUN: winnow-opt %s "--winnow-prune-tokens=layer=0,1 keep=1 fuse" | diff - %t.all.mlir
// RUN: not winnow-opt %s --pass-pipeline="builtin.module(winnow-prune-tokens{policy=tome layer=0 keep=0.5},winnow-prune-tokens{layer=1 keep=0.5 fuse})" 2>&1 | FileCheck %s --check-prefix=SEVERAL
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=0,1 threshold=0" | diff - %t.all.mlir

// Two attention layers, a feed-forward layer behind the first, a mean over each
// text, and the hidden states of all tokens.

// EVIT: func.func @encode(%[[X:[^:]+]]: {{[^%]*}}%[[P:[^:]+]]: {{[^%]*}}%[[S:[^:]+]]: {{[^%]*}}%[[N:[^:]+]]:
// EVIT: %[[Y:[^:]+]]:2 = winnow.layer residual(%[[X]])
// EVIT: %{{[^,]+}}, %[[LSE:[^ ]+]] = winnow.attention
// EVIT: winnow.token_score %{{[^,]+}}, %{{[^,]+}}, %[[LSE]] of
// EVIT: %[[KEPT:[^ ]+]] = winnow.token_select %[[Y]]#1 of %[[S]] : tensor<?xi32>, {policy = #winnow.token_policy<keep = 5.000000e-01 : f64, first = 1>}
// EVIT: %[[ROWS:[^ ]+]] = winnow.token_gather %[[Y]]#0[%[[KEPT]]]
// EVIT-DAG: %[[FEWER_P:[^ ]+]] = winnow.token_gather %[[P]][%[[KEPT]]]
// EVIT-DAG: %[[FEWER_S:[^ ]+]] = winnow.token_gather %[[S]][%[[KEPT]]]
// EVIT: %[[Z:[^ ]+]] = winnow.layer residual(%[[ROWS]]) inputs(%{{[^ ]+}} = %[[ROWS]])
// EVIT: %[[W:[^ ]+]] = winnow.layer residual(%[[Z]]) inputs(%{{[^ ]+}} = %[[Z]], %{{[^ ]+}} = %[[FEWER_P]], %{{[^ ]+}} = %[[FEWER_S]])
// EVIT: %[[POOLED:[^ ]+]] = winnow.token_pool {{ ?}}mean %[[W]] of %[[FEWER_S]] for %[[N]] :
// EVIT: %[[ALL:[^ ]+]] = winnow.token_restore %[[W]][%[[KEPT]]] over %[[Y]]#0
// EVIT: return %[[POOLED]], %[[ALL]]

// TOME: %[[Y:[^:]+]]:3 = winnow.layer
// TOME: winnow.token_match %{{[^ ]+}} of %{{[^ ]+}} : tensor<?xi32>, {first = 1 : i64, last = 1 : i64}
// TOME: %[[KEPT:[^ ]+]] = winnow.token_select %[[Y]]#2 of
// TOME: %[[MERGED:[^,]+]], %[[SIZES:[^,]+]], %[[ROWS:[^ ]+]] = winnow.token_merge %[[Y]]#0 into %[[Y]]#1 keep %[[KEPT]]
// TOME: linalg.map { math.log } ins(%[[SIZES]]
// TOME: winnow.layer residual(%[[MERGED]])
// TOME: winnow.attention {{.*}} bias(
// TOME: winnow.token_pool {{ ?}}mean %[[W:[^ ]+]] of %{{[^ ]+}} for %{{[^ ]+}} weights(%[[SIZES]] : tensor<?xf32>)
// TOME: winnow.token_gather %[[W]][%[[ROWS]]]

// THRESHOLD: winnow.token_score %{{[^,]+}}, %{{[^,]+}}, %{{[^ ]+}} of %{{[^ ]+}} : tensor<?xi32>, {scale
// THRESHOLD: winnow.token_select %{{[^ ]+}} of %{{[^ ]+}} : tensor<?xi32>, {policy = #winnow.token_policy<least = 1.250000e-01 : f32, first = 1>}

// FUSE: %[[Y:[^:]+]]:2 = winnow.layer
// FUSE: %[[KEPT:[^,]+]], %[[INTO:[^,]+]], %[[WEIGHTS:[^ ]+]] = winnow.token_select %[[Y]]#1 of
// FUSE: %[[ROWS:[^,]+]], %{{[^,]+}}, %[[ROW_OF:[^ ]+]] = winnow.token_merge %[[Y]]#0 sizes(%[[WEIGHTS]] : tensor<?xf32>) into %[[INTO]] keep %[[KEPT]] {sum}
// FUSE: winnow.layer residual(%[[ROWS]])
// FUSE-NOT: bias(
// FUSE: winnow.token_pool mean %[[W:[^ ]+]] of %{{[^ ]+}} for %{{[^ ]+}} :
// FUSE: winnow.token_gather %[[W]][%[[ROW_OF]]]

// SEVERAL: error: 'winnow.layer' op has tokens that stand for several, which 'fuse' of winnow-prune-tokens would not count
// BACKWARDS: error: 'winnow.token_score' op cannot go on with fewer tokens: tokens are to be pruned in the order of the layers

func.func @encode(%x: tensor<?x4xf32>, %p: tensor<?xi32>, %s: tensor<?xi32>, %n: tensor<?xi32>) -> (tensor<?x4xf32>, tensor<?x4xf32>) {
  %y = winnow.layer residual(%x) inputs(%u = %x, %at = %p, %of = %s) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %o = winnow.attention query(%h, %at, %of) key(%h, %at, %of) value(%h) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j : tensor<?x4xf32>
  }
  %z = winnow.layer residual(%y) inputs(%u = %y) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %e = tensor.empty(%t) : tensor<?x4xf32>
    %f = linalg.map { math.exp } ins(%u : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>)
    winnow.yield %f : tensor<?x4xf32>
  }
  %w = winnow.layer residual(%z) inputs(%u = %z, %at = %p, %of = %s) : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %h = tensor.expand_shape %u [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %o = winnow.attention query(%h, %at, %of) key(%h, %at, %of) value(%h) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j : tensor<?x4xf32>
  }
  %pooled = winnow.token_pool mean %w of %s for %n : tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x4xf32>
  return %pooled, %w : tensor<?x4xf32>, tensor<?x4xf32>
}
