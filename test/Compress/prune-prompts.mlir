// RUN: winnow-opt %s "--winnow-prune-tokens=policy=fastv layer=1 keep=0.5" --verify-roundtrip --winnow-verify-model | FileCheck %s --check-prefix=FASTV
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=1 threshold=0.25" --verify-roundtrip --winnow-verify-model | FileCheck %s --check-prefix=THRESHOLD
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=cut layer=2" --verify-roundtrip --winnow-verify-model | FileCheck %s --check-prefix=CUT
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=fastv layer=1,2 keep=0.5,0.25" -o %t.once.mlir
// RUN: winnow-opt %s --pass-pipeline="builtin.module(winnow-prune-tokens{policy=fastv layer=1 keep=0.5},winnow-prune-tokens{policy=fastv layer=2 keep=0.25})" | diff - %t.once.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=pyramiddrop layer=1 keep=0.5" --verify-roundtrip --winnow-verify-model | FileCheck %s --check-prefix=PYRAMID
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=pyramiddrop layer=1,3 keep=0.5,0.25" --verify-roundtrip --winnow-verify-model -o %t.stages.mlir
// RUN: FileCheck %s --check-prefix=STAGES --input-file %t.stages.mlir
// RUN: winnow-opt %s --pass-pipeline="builtin.module(winnow-prune-tokens{policy=pyramiddrop layer=1 keep=0.5},winnow-prune-tokens{policy=pyramiddrop layer=3 keep=0.25})" | diff - %t.stages.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=pyramiddrop layer=1,3 keep=0.5,0.25 positions=compact" --verify-roundtrip --winnow-verify-model -o %t.compact.mlir
// RUN: FileCheck %s --check-prefix=COMPACT --input-file %t.compact.mlir
// RUN: winnow-opt %s --pass-pipeline="builtin.module(winnow-prune-tokens{policy=pyramiddrop layer=1 keep=0.5 positions=compact},winnow-prune-tokens{policy=pyramiddrop layer=3 keep=0.25 positions=compact})" | diff - %t.compact.mlir
// RUN: winnow-opt %t.compact.mlir "--winnow-kv-format=k=int8 v=int8" --winnow-verify-model -o /dev/null
// RUN: not winnow-opt %t.compact.mlir "--winnow-drop-layers=granularity=attention layers=1" 2>&1 | FileCheck %s --check-prefix=DROP
// RUN: winnow-opt %s -o %t.all.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=fastv layer=1,2 keep=1" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=threshold layer=1 threshold=0" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=cut layer=" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=fastv layer=1,2 keep=1 positions=compact" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=pyramiddrop layer=1,3 keep=1" | diff - %t.all.mlir
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=pyramiddrop layer=1,3 keep=0.25,0.5" 2>&1 | FileCheck %s --check-prefix=RISE
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=pyramiddrop layer=2 keep=0.5" 2>&1 | FileCheck %s --check-prefix=WINDOW
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=fastv layer=0 keep=0.5" 2>&1 | FileCheck %s --check-prefix=FRONT
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=cut layer=4" 2>&1 | FileCheck %s --check-prefix=RANGE
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=fastv layer=1 keep=0.5 last=0" 2>&1 | FileCheck %s --check-prefix=LAST
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=fastv layer=3 keep=0.5" 2>&1 | FileCheck %s --check-prefix=WINDOW
// RUN: not winnow-opt %s "--winnow-prune-tokens=policy=evit layer=0 keep=0.5" 2>&1 | FileCheck %s --check-prefix=ENCODER
// RUN: winnow-opt %s "--winnow-prune-tokens=policy=cut layer=1" --remark-policy=all --remarks-filter=prune-tokens 2>&1 | FileCheck %s --check-prefix=REMARK

// Four blocks of a decoder; the third one has a window.

// FASTV: func.func @forward(
// FASTV-NOT: winnow.token
// FASTV: func.func @prompt(%[[X:[^:]+]]: {{[^%]*}}%[[P:[^:]+]]: {{[^%]*}}%[[S:[^:]+]]: {{.*}}%[[MARKS:[^:]+]]: tensor<?xi32> {winnow.dims = ["T"], winnow.name = "prunable"})
// FASTV: %[[Y:[^,]+]], %[[EXTRAS:[^:]+]]:2 = winnow.layer
// FASTV: winnow.token_score {{.*}} {last, scale
// FASTV: %[[KEPT:[^ ]+]] = winnow.token_select %[[EXTRAS]]#1 of %[[S]] : tensor<?xi32>, among %[[MARKS]] : tensor<?xi32>, {policy = #winnow.token_policy<keep = 5.000000e-01 : f64, rounding = even, last = 1>}
// FASTV: %[[ROWS:[^ ]+]] = winnow.token_gather %[[Y]][%[[KEPT]]]
// FASTV: winnow.layer residual(%[[ROWS]])

// THRESHOLD: winnow.token_score {{.*}} {last, scale
// THRESHOLD: winnow.token_select {{.*}} among {{.*}} {policy = #winnow.token_policy<least = 2.500000e-01 : f32, last = 1>}

// CUT: func.func @prompt({{.*}}%[[MARKS:[^:]+]]: tensor<?xi32> {winnow.dims = ["T"], winnow.name = "prunable"})
// CUT-NOT: winnow.token_score
// CUT: %[[Y:[^,]+]], %{{[^ ]+}} = winnow.layer
// CUT: %[[Z:[^,]+]], %{{[^ ]+}} = winnow.layer residual(%[[Y]])
// CUT: %[[ANY:[^ ]+]] = linalg.map { arith.sitofp } ins(%[[MARKS]] : tensor<?xi32>)
// CUT: %[[KEPT:[^ ]+]] = winnow.token_select %[[ANY]] of %{{[^ ]+}} : tensor<?xi32>, among %[[MARKS]] : tensor<?xi32>, {policy = #winnow.token_policy<least = 0x7F800000 : f32, last = 1>}
// CUT: %[[ROWS:[^ ]+]] = winnow.token_gather %[[Z]][%[[KEPT]]]
// CUT: winnow.layer residual(%[[ROWS]])

// The queries and keys of the block behind, computed in front of it.
// PYRAMID: func.func @prompt(%{{[^:]+}}: {{[^%]*}}%[[P:[^:]+]]: {{[^%]*}}%[[S:[^:]+]]: {{.*}}%[[MARKS:[^:]+]]: tensor<?xi32> {winnow.dims = ["T"], winnow.name = "prunable"})
// PYRAMID: %[[Y:[^,]+]], %{{[^ ]+}} = winnow.layer
// PYRAMID: }
// PYRAMID: winnow.norm rms %[[Y]]
// PYRAMID: %[[Q:[^ ]+]] = winnow.rope %{{[^ ]+}} at %[[P]]
// PYRAMID: %[[K:[^ ]+]] = winnow.rope %{{[^ ]+}} at %[[P]]
// PYRAMID: %[[SCORES:[^ ]+]] = winnow.token_score %[[Q]], %[[K]] of %[[S]] : tensor<?xi32>, {last, scale
// PYRAMID: %[[KEPT:[^ ]+]] = winnow.token_select %[[SCORES]] of %[[S]] : tensor<?xi32>, among %[[MARKS]] : tensor<?xi32>, {policy = #winnow.token_policy<keep = 5.000000e-01 : f64, rounding = down, last = 1>}
// PYRAMID: %[[ROWS:[^ ]+]] = winnow.token_gather %[[Y]][%[[KEPT]]]
// PYRAMID: winnow.layer residual(%[[ROWS]])

// The second choice is among all of the prompt.
// STAGES: func.func @prompt(%{{[^:]+}}: {{[^%]*}}%[[P:[^:]+]]: {{[^%]*}}%[[S:[^:]+]]: {{.*}}%[[MARKS:[^:]+]]: tensor<?xi32> {winnow.dims = ["T"], winnow.name = "prunable"})
// STAGES: %[[KEPT:[^ ]+]] = winnow.token_select {{.*}} {policy = #winnow.token_policy<keep = 5.000000e-01 : f64, rounding = down, last = 1>}
// STAGES: winnow.token_score
// STAGES: %[[ALL:[^ ]+]] = winnow.token_restore %{{[^ ]+}}[%[[KEPT]]] over
// STAGES: %[[NUMBERS:[^ ]+]] = tensor.collapse_shape %[[ALL]]
// STAGES: %[[STAYS:[^ ]+]] = winnow.token_select %[[NUMBERS]] of %[[S]] : tensor<?xi32>, among %[[MARKS]] : tensor<?xi32>, {policy = #winnow.token_policy<keep = 2.500000e-01 : f64, rounding = down, last = 1>}
// STAGES: %[[ONES:[^ ]+]] = winnow.token_gather %{{[^ ]+}}[%[[STAYS]]]
// STAGES: %[[OF_ALL:[^ ]+]] = winnow.token_restore %[[ONES]][%[[STAYS]]] over
// STAGES: winnow.token_gather %[[OF_ALL]][%[[KEPT]]]
// STAGES: winnow.token_select %{{[^ ]+}} {policy = #winnow.token_policy<least = 1.000000e+00 : f32>}

// Later layers rotate by what their caches hold, in both entry points; masks do not.
// COMPACT: func.func @forward(%{{[^:]+}}: {{[^%]*}}%[[P:[^:]+]]: {{[^%]*}}%[[S:[^:]+]]: {{[^%]*}}%[[C0:[^:]+]]: {{[^%]*}}%[[C1:[^:]+]]: {{[^%]*}}%[[C2:[^:]+]]: {{[^%]*}}%[[C3:[^:]+]]: !
// COMPACT: winnow.layer
// COMPACT: %[[FIRST:[^ ]+]] = winnow.kv_next_positions %[[C1]] of %[[S]]
// COMPACT: winnow.layer {{.*}} inputs({{.*}} = %[[P]]{{.*}} = %[[FIRST]])
// COMPACT: winnow.layer {{.*}} inputs({{.*}} = %[[P]]{{.*}} = %[[FIRST]])
// COMPACT: %[[SECOND:[^ ]+]] = winnow.kv_next_positions %[[C3]] of %[[S]]
// COMPACT: winnow.layer {{.*}} inputs({{.*}} = %[[P]]{{.*}} = %[[SECOND]])
// COMPACT: func.func @prompt(
// COMPACT: winnow.rope %{{[^ ]+}} at %arg1
// COMPACT: %[[KEPT:[^ ]+]] = winnow.token_select
// COMPACT: %[[SEGMENTS:[^ ]+]] = winnow.token_gather %{{[^ ]+}}[%[[KEPT]]] : tensor<?xi32>
// COMPACT: winnow.kv_next_positions
// COMPACT-NOT: winnow.kv_next_positions
// COMPACT: winnow.kv_next_positions
// COMPACT-NOT: winnow.kv_next_positions

// DROP: error: 'winnow.layer' op cannot be dropped: later layers count positions in its cache; layers are to be dropped before winnow-prune-tokens{positions=compact}
// RISE: error: 'policy=pyramiddrop' of winnow-prune-tokens keeps a share of the whole prompt, which cannot rise; found {{2.5.*}} before {{5.*}}
// FRONT: error: 'func.func' op has 4 blocks, counted from 0; 'layer' of winnow-prune-tokens names 0, which has none in front of it
// RANGE: error: 'func.func' op has 4 blocks, counted from 0; 'layer' of winnow-prune-tokens names 4
// LAST: error: 'policy=fastv' of winnow-prune-tokens keeps the last token, whose logits are wanted; 'last' is 0
// WINDOW: error: 'winnow.layer' op has no tokens that winnow-prune-tokens could prune: its tokens do not see all before them
// ENCODER: error: has no layers of an encoder that 'policy=evit' of winnow-prune-tokens could prune
// REMARK: remark: [Passed] cut | Category:prune-tokens | Function=prompt | Remark="cut keeps none of the tokens that may leave in front of layer 1"

!cache = !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>

winnow.param @g from {file = "g"} : tensor<4xf32>
winnow.param @w from {file = "w"} : tensor<4x4xf32>

func.func @forward(%x: tensor<?x4xf32> {winnow.dims = ["T"], winnow.name = "x"},
    %p: tensor<?xi32> {winnow.dims = ["T"], winnow.name = "positions"},
    %s: tensor<?xi32> {winnow.dims = ["T"], winnow.name = "segments"},
    %c0: !cache {winnow.name = "kv0"},
    %c1: !cache {winnow.name = "kv1"},
    %c2: !cache {winnow.name = "kv2"},
    %c3: !cache {winnow.name = "kv3"})
    -> (tensor<?x4xf32>, !cache, !cache, !cache, !cache) attributes {winnow.entry} {
  %y0, %d0 = winnow.layer residual(%x) inputs(%u = %x, %at = %p, %of = %s, %cache = %c0)
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, !cache) -> (tensor<?x4xf32>, !cache) {
    %g = winnow.use @g : tensor<4xf32>
    %n = winnow.norm rms %u weight(%g : tensor<4xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x4xf32>
    %w = winnow.use @w : tensor<4x4xf32>
    %q = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %k = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %v = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x4xf32>
    %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %vh = tensor.expand_shape %v [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %qr = winnow.rope %qh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %kr = winnow.rope %kh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %next = winnow.kv_append %cache, %kr, %vh at %at, %of : !cache, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %keys, %values, %kp, %ks = winnow.kv_view %next : !cache -> tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %o = winnow.attention query(%qr, %at, %of) key(%keys, %kp, %ks) value(%values) {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j, %next : tensor<?x4xf32>, !cache
  }
  %y1, %d1 = winnow.layer residual(%y0) inputs(%u = %y0, %at = %p, %of = %s, %cache = %c1)
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, !cache) -> (tensor<?x4xf32>, !cache) {
    %g = winnow.use @g : tensor<4xf32>
    %n = winnow.norm rms %u weight(%g : tensor<4xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x4xf32>
    %w = winnow.use @w : tensor<4x4xf32>
    %q = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %k = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %v = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x4xf32>
    %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %vh = tensor.expand_shape %v [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %qr = winnow.rope %qh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %kr = winnow.rope %kh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %next = winnow.kv_append %cache, %kr, %vh at %at, %of : !cache, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %keys, %values, %kp, %ks = winnow.kv_view %next : !cache -> tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %o = winnow.attention query(%qr, %at, %of) key(%keys, %kp, %ks) value(%values) {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j, %next : tensor<?x4xf32>, !cache
  }
  %y2, %d2 = winnow.layer residual(%y1) inputs(%u = %y1, %at = %p, %of = %s, %cache = %c2)
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, !cache) -> (tensor<?x4xf32>, !cache) {
    %g = winnow.use @g : tensor<4xf32>
    %n = winnow.norm rms %u weight(%g : tensor<4xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x4xf32>
    %w = winnow.use @w : tensor<4x4xf32>
    %q = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %k = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %v = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x4xf32>
    %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %vh = tensor.expand_shape %v [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %qr = winnow.rope %qh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %kr = winnow.rope %kh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %next = winnow.kv_append %cache, %kr, %vh at %at, %of : !cache, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %keys, %values, %kp, %ks = winnow.kv_view %next : !cache -> tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %o = winnow.attention query(%qr, %at, %of) key(%keys, %kp, %ks) value(%values) {mask = #winnow.mask<sliding_window, window = 3>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j, %next : tensor<?x4xf32>, !cache
  }
  %y3, %d3 = winnow.layer residual(%y2) inputs(%u = %y2, %at = %p, %of = %s, %cache = %c3)
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>, !cache) -> (tensor<?x4xf32>, !cache) {
    %g = winnow.use @g : tensor<4xf32>
    %n = winnow.norm rms %u weight(%g : tensor<4xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x4xf32>
    %w = winnow.use @w : tensor<4x4xf32>
    %q = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %k = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %v = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %zero = arith.constant 0 : index
    %t = tensor.dim %u, %zero : tensor<?x4xf32>
    %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %vh = tensor.expand_shape %v [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %qr = winnow.rope %qh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %kr = winnow.rope %kh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %next = winnow.kv_append %cache, %kr, %vh at %at, %of : !cache, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %keys, %values, %kp, %ks = winnow.kv_view %next : !cache -> tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %o = winnow.attention query(%qr, %at, %of) key(%keys, %kp, %ks) value(%values) {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j, %next : tensor<?x4xf32>, !cache
  }
  return %y3, %d0, %d1, %d2, %d3 : tensor<?x4xf32>, !cache, !cache, !cache, !cache
}
