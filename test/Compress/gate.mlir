// RUN: winnow-opt %s "--winnow-gate=granularity=mlp layers=0 criterion=cosine threshold=0.01" --verify-roundtrip | FileCheck %s --check-prefix=MLP
// RUN: winnow-opt %s "--winnow-gate=granularity=attention layers=1 criterion=norm threshold=0.5" --verify-roundtrip | FileCheck %s --check-prefix=ATTENTION
// RUN: winnow-opt %s "--winnow-gate=granularity=block layers=1 criterion=random seed=7 threshold=0.5" --verify-roundtrip | FileCheck %s --check-prefix=BLOCK
// RUN: winnow-opt %s "--winnow-gate=granularity=block layers=0,1 criterion=router router=blk.*.router threshold=0.25,0.5 exit" --verify-roundtrip --winnow-verify-model | FileCheck %s --check-prefix=EXIT
// RUN: winnow-opt %s "--winnow-gate=granularity=mlp layers=0,1 criterion=norm threshold=0.5,0.25" -o %t.once.mlir
// RUN: winnow-opt %s --pass-pipeline="builtin.module(winnow-gate{layers=0 criterion=norm threshold=0.5},winnow-gate{layers=1 criterion=norm threshold=0.25})" | diff - %t.once.mlir
// RUN: winnow-opt %s -o %t.all.mlir
// RUN: winnow-opt %s "--winnow-gate=layers=0,1 threshold=0" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-gate=layers= threshold=0.5" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-gate=layers=0,1 skip=0" | diff - %t.all.mlir
// RUN: winnow-opt %s "--winnow-gate=layers=0,1 threshold=0,0.25" -o %t.second.mlir
// RUN: winnow-opt %s "--winnow-gate=layers=1 threshold=0.25" | diff - %t.second.mlir
// RUN: winnow-opt %s "--winnow-gate=layers=0 threshold=0.01" --remark-policy=all --remarks-filter=gate 2>&1 | FileCheck %s --check-prefix=REMARK

// Two blocks of a decoder whose layers read what goes past them.

// MLP: func.func @forward(%[[X:[^:]+]]: {{[^%]*}}%[[P:[^:]+]]: {{[^%]*}}%[[S:[^:]+]]:
// MLP: %[[Y:[^,]+]], %{{[^ ]+}} = winnow.layer residual(%[[X]])
// MLP: %[[CHANGE:[^ ]+]] = winnow.token_change {{ ?}}cosine %[[X]], %[[Y]] : tensor<?x4xf32> -> tensor<?xf32>
// MLP: %[[KEPT:[^ ]+]] = winnow.token_select %[[CHANGE]] {policy = #winnow.token_policy<least = 0.00999999977 : f32>}
// MLP: %[[ROWS:[^ ]+]] = winnow.token_gather %[[Y]][%[[KEPT]]]
// MLP: %[[W:[^ ]+]] = winnow.layer residual(%[[ROWS]]) inputs(%{{[^ ]+}} = %[[ROWS]])
// MLP: %[[Z:[^ ]+]] = winnow.token_restore %[[W]][%[[KEPT]]] over %[[Y]]
// MLP: winnow.layer residual(%[[Z]]) inputs(%{{[^ ]+}} = %[[Z]], %{{[^ ]+}} = %[[P]], %{{[^ ]+}} = %[[S]],
// MLP-NOT: winnow.token_

// Keys and values are those of all tokens; queries are chosen, with what belongs
// to them.
// ATTENTION: func.func @forward(%[[X:[^:]+]]: {{[^%]*}}%[[P:[^:]+]]: {{[^%]*}}%[[S:[^:]+]]:
// ATTENTION: %[[Y:[^,]+]], %{{[^ ]+}} = winnow.layer residual(%[[X]])
// ATTENTION: %[[Z:[^ ]+]] = winnow.layer residual(%[[Y]])
// ATTENTION: %[[CHANGE:[^ ]+]] = winnow.token_change {{ ?}}norm %[[Y]], %[[Z]]
// ATTENTION: %[[KEPT:[^ ]+]] = winnow.token_select %[[CHANGE]]
// ATTENTION: %[[ROWS:[^ ]+]] = winnow.token_gather %[[Z]][%[[KEPT]]]
// ATTENTION-DAG: %[[FEWER_P:[^ ]+]] = winnow.token_gather %[[P]][%[[KEPT]]]
// ATTENTION-DAG: %[[FEWER_S:[^ ]+]] = winnow.token_gather %[[S]][%[[KEPT]]]
// ATTENTION: %[[W:[^,]+]], %{{[^ ]+}} = winnow.layer residual(%[[ROWS]]) inputs(%[[U:[^ ]+]] = %[[Z]], %[[AT:[^ ]+]] = %[[P]], %[[OF:[^ ]+]] = %[[S]], %{{[^ ]+}} = %{{[^ ]+}}, %[[INDICES:[^ ]+]] = %[[KEPT]], %[[Q_AT:[^ ]+]] = %[[FEWER_P]], %[[Q_OF:[^ ]+]] = %[[FEWER_S]])
// ATTENTION: %[[N:[^ ]+]] = winnow.norm {{ ?}}rms %[[U]]
// ATTENTION: %[[Q_ROWS:[^ ]+]] = winnow.token_gather %[[N]][%[[INDICES]]]
// ATTENTION-DAG: winnow.linear %[[Q_ROWS]],
// ATTENTION-DAG: winnow.linear %[[N]],
// ATTENTION-DAG: winnow.rope %{{[^ ]+}} at %[[Q_AT]]
// ATTENTION-DAG: winnow.rope %{{[^ ]+}} at %[[AT]]
// ATTENTION: winnow.kv_append %{{[^ ]+}}, %{{[^ ]+}}, %{{[^ ]+}} at %[[AT]], %[[OF]]
// ATTENTION: winnow.attention query(%{{[^,]+}}, %[[Q_AT]], %[[Q_OF]])
// ATTENTION: %[[R:[^ ]+]] = winnow.token_restore %[[W]][%[[KEPT]]] over %[[Z]]
// ATTENTION: winnow.layer residual(%[[R]])

// One choice for both layers.
// BLOCK: func.func @forward(%[[X:[^:]+]]: {{[^%]*}}%[[P:[^:]+]]:
// BLOCK: winnow.layer
// BLOCK: winnow.layer
// BLOCK: linalg.map ins(%[[P]] : tensor<?xi32>)
// BLOCK: winnow.token_select
// BLOCK-NOT: winnow.token_select
// BLOCK: %[[W:[^,]+]], %{{[^ ]+}} = winnow.layer
// BLOCK: %[[V:[^ ]+]] = winnow.layer residual(%[[W]]) inputs(%{{[^ ]+}} = %[[W]])
// BLOCK: %[[R:[^ ]+]] = winnow.token_restore %[[V]]
// BLOCK: return %[[R]],

// Who has left is not asked again: the second router sees those that the first
// one has left, and the keys of block 1 are of all.
// EXIT: winnow.param @blk.0.router from {file = "blk.0.router"} : tensor<1x4xf32>
// EXIT: winnow.param @blk.1.router from {file = "blk.1.router"} : tensor<1x4xf32>
// EXIT: func.func @forward(%[[X:[^:]+]]:
// EXIT: %[[KEPT:[^ ]+]] = winnow.token_select %{{[^ ]+}} {policy = #winnow.token_policy<least = 2.500000e-01 : f32>}
// EXIT: %[[ROWS:[^ ]+]] = winnow.token_gather %[[X]][%[[KEPT]]]
// EXIT: winnow.layer residual(%[[ROWS]]) inputs(%{{[^ ]+}} = %[[X]],
// EXIT: %[[Z:[^ ]+]] = winnow.layer residual(
// EXIT: %[[ALL:[^ ]+]] = winnow.token_restore %[[Z]][%[[KEPT]]] over %[[X]]
// EXIT: winnow.linear %[[Z]],
// EXIT: %[[FEWER:[^ ]+]] = winnow.token_select %{{[^ ]+}} {policy = #winnow.token_policy<least = 5.000000e-01 : f32>}
// EXIT: %[[FEWER_ROWS:[^ ]+]] = winnow.token_gather %[[Z]][%[[FEWER]]]
// EXIT: winnow.token_gather %[[KEPT]][%[[FEWER]]]
// EXIT: winnow.layer residual(%[[FEWER_ROWS]]) inputs(%{{[^ ]+}} = %[[ALL]],
// EXIT: %[[V:[^ ]+]] = winnow.layer residual(
// EXIT: %[[BACK:[^ ]+]] = winnow.token_restore %[[V]][%[[FEWER]]] over %[[Z]]
// EXIT: %[[END:[^ ]+]] = winnow.token_restore %[[BACK]][%[[KEPT]]] over %[[X]]
// EXIT: return %[[END]],

// REMARK: remark: [Passed] mlp 0 | Category:gate | Function=forward | Remark="cosine of less than 0.01 passes it over"

winnow.param @g from {splat = 1.0 : f32} : tensor<4xf32>
winnow.param @w from {random = 1 : i64} : tensor<4x4xf32>

func.func @forward(
    %x: tensor<?x4xf32>, %p: tensor<?xi32> {winnow.name = "positions"}, %s: tensor<?xi32>,
    %c: !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>,
    %d: !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>)
    -> (tensor<?x4xf32>,
        !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>,
        !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>) {
  %y, %c1 = winnow.layer residual(%x) inputs(%u = %x, %at = %p, %of = %s, %cache = %c)
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>,
         !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>)
      -> (tensor<?x4xf32>, !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>) {
    %g = winnow.use @g : tensor<4xf32>
    %n = winnow.norm rms %u weight(%g : tensor<4xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x4xf32>
    %w = winnow.use @w : tensor<4x4xf32>
    %q = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %k = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %c0 = arith.constant 0 : index
    %t = tensor.dim %q, %c0 : tensor<?x4xf32>
    %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %tk = tensor.dim %k, %c0 : tensor<?x4xf32>
    %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [%tk, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %qr = winnow.rope %qh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %kr = winnow.rope %kh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %next = winnow.kv_append %cache, %kr, %kh at %at, %of : <heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %keys, %values, %kp, %ks = winnow.kv_view %next : <heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64> -> tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %o = winnow.attention query(%qr, %at, %of) key(%keys, %kp, %ks) value(%values) {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j, %next : tensor<?x4xf32>, !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>
  }
  %z = winnow.layer residual(%y) inputs(%u = %y) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %e = tensor.empty(%t) : tensor<?x4xf32>
    %f = linalg.map { math.exp } ins(%u : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>)
    winnow.yield %f : tensor<?x4xf32>
  }
  %v, %d1 = winnow.layer residual(%z) inputs(%u = %z, %at = %p, %of = %s, %cache = %d)
      : (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?xi32>, tensor<?xi32>,
         !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>)
      -> (tensor<?x4xf32>, !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>) {
    %g = winnow.use @g : tensor<4xf32>
    %n = winnow.norm rms %u weight(%g : tensor<4xf32>) {epsilon = 1.0e-6 : f32} : tensor<?x4xf32>
    %w = winnow.use @w : tensor<4x4xf32>
    %q = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %k = winnow.linear %n, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %c0 = arith.constant 0 : index
    %t = tensor.dim %q, %c0 : tensor<?x4xf32>
    %qh = tensor.expand_shape %q [[0], [1, 2]] output_shape [%t, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %tk = tensor.dim %k, %c0 : tensor<?x4xf32>
    %kh = tensor.expand_shape %k [[0], [1, 2]] output_shape [%tk, 2, 2] : tensor<?x4xf32> into tensor<?x2x2xf32>
    %qr = winnow.rope %qh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %kr = winnow.rope %kh at %at {base = 1.0e4 : f64, dims = 2 : i64} : tensor<?x2x2xf32>, tensor<?xi32>
    %next = winnow.kv_append %cache, %kr, %kh at %at, %of : <heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %keys, %values, %kp, %ks = winnow.kv_view %next : <heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64> -> tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>
    %o = winnow.attention query(%qr, %at, %of) key(%keys, %kp, %ks) value(%values) {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?x2x2xf32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x2x2xf32>
    %j = tensor.collapse_shape %o [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
    winnow.yield %j, %next : tensor<?x4xf32>, !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>
  }
  %r = winnow.layer residual(%v) inputs(%u = %v) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %c0 = arith.constant 0 : index
    %t = tensor.dim %u, %c0 : tensor<?x4xf32>
    %e = tensor.empty(%t) : tensor<?x4xf32>
    %f = linalg.map { math.exp } ins(%u : tensor<?x4xf32>) outs(%e : tensor<?x4xf32>)
    winnow.yield %f : tensor<?x4xf32>
  }
  return %r, %c1, %d1 : tensor<?x4xf32>,
      !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>,
      !winnow.kv_cache<heads = 2, key_dim = 2, value_dim = 2, key = f32, value = f32, capacity = 64>
}
