// RUN: winnow-opt %s --winnow-observe="kinds=channels,gram,similarity" | FileCheck %s
// RUN: winnow-opt %s --winnow-observe="kinds=similarity only=mlp" | FileCheck %s --check-prefix=ONLY
// RUN: winnow-opt %s --winnow-observe="kinds=channels" --winnow-inline-layers --cse --winnow-return-observed | FileCheck %s --check-prefix=RETURN

// The result goes with what only it needs, and so does an argument; what is
// tapped stays. Inputs are tapped once for each weight that reads them.

winnow.param @q from {random = 1 : i64} : tensor<4x4xf32, #winnow.encoding<bf16>>
winnow.param @k from {random = 2 : i64} : tensor<4x4xf32>
winnow.param @down from {random = 3 : i64} : tensor<4x4xf32>
winnow.param @head from {random = 4 : i64} : tensor<8x4xf32>

// CHECK-LABEL: func.func @observe
// CHECK-SAME:    (%[[X:.*]]: tensor<?x4xf32> {winnow.dims = ["T"], winnow.name = "x"}) attributes {winnow.entry}
// CHECK:         %[[Y:.*]] = winnow.layer residual(%[[X]])
// CHECK:           %[[N:.*]] = winnow.norm
// CHECK:           winnow.observe channels "q"(%[[N]])
// CHECK-NEXT:      winnow.observe gram "q"(%[[N]])
// CHECK-NEXT:      winnow.linear %[[N]]
// CHECK:           winnow.observe channels "k"(%[[N]])
// CHECK-NEXT:      winnow.observe gram "k"(%[[N]])
// CHECK:         winnow.observe similarity "blk.0.attn"(%[[X]], %[[Y]])
// CHECK:         %[[Z:.*]] = winnow.layer residual(%[[Y]])
// CHECK:           winnow.observe channels "down"
// CHECK:         winnow.observe similarity "blk.0.attn..blk.0.mlp"(%[[X]], %[[Z]])
// CHECK-NEXT:    winnow.observe similarity "blk.0.mlp"(%[[Y]], %[[Z]])
// CHECK:         winnow.observe channels "head"(%[[Z]])
// CHECK-NOT:     winnow.linear
// CHECK:         return
// CHECK-NOT:     tensor

// ONLY-NOT:      winnow.observe channels
// ONLY:          winnow.observe similarity "blk.0.attn..blk.0.mlp"
// ONLY-NEXT:     winnow.observe similarity "blk.0.mlp"
// ONLY-NOT:      winnow.observe

// One result for the value that two weights read.
// RETURN:        module attributes {winnow.observed = [
// RETURN-SAME:     {entry = "observe", kind = "channels", name = "q", outputs = array<i64: 0>},
// RETURN-SAME:     {entry = "observe", kind = "channels", name = "k", outputs = array<i64: 0>},
// RETURN-SAME:     {entry = "observe", kind = "channels", name = "down", outputs = array<i64: 1>},
// RETURN-SAME:     {entry = "observe", kind = "channels", name = "head", outputs = array<i64: 2>}]}
// RETURN-LABEL:  func.func @observe
// RETURN-SAME:     -> (tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>)
// RETURN-NOT:      winnow.observe
// RETURN:          return %{{.*}}, %{{.*}}, %{{.*}} : tensor<?x4xf32>, tensor<?x4xf32>, tensor<?x4xf32>

func.func @forward(%x: tensor<?x4xf32> {winnow.name = "x", winnow.dims = ["T"]},
                   %idle: tensor<?xi32> {winnow.name = "idle", winnow.dims = ["R"]}) -> tensor<?x8xf32> attributes {winnow.entry} {
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %n = winnow.norm rms %u {epsilon = 1.0 : f32} : tensor<?x4xf32>
    %wq = winnow.use @q : tensor<4x4xf32, #winnow.encoding<bf16>>
    %coded = winnow.recode %wq : tensor<4x4xf32, #winnow.encoding<bf16>> -> tensor<4x4xf32>
    %q = winnow.linear %n, %coded : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %wk = winnow.use @k : tensor<4x4xf32>
    %k = winnow.linear %n, %wk : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    %f = arith.mulf %q, %k : tensor<?x4xf32>
    winnow.yield %f : tensor<?x4xf32>
  } loc("blk.0.attn")
  %z = winnow.layer residual(%y) inputs(%u = %y) : (tensor<?x4xf32>, tensor<?x4xf32>) -> tensor<?x4xf32> {
    %w = winnow.use @down : tensor<4x4xf32>
    %f = winnow.linear %u, %w : tensor<?x4xf32>, tensor<4x4xf32> -> tensor<?x4xf32>
    winnow.yield %f : tensor<?x4xf32>
  } loc("blk.0.mlp")
  %w = winnow.use @head : tensor<8x4xf32>
  %l = winnow.linear %z, %w : tensor<?x4xf32>, tensor<8x4xf32> -> tensor<?x8xf32>
  return %l : tensor<?x8xf32>
}
