// RUN: winnow-opt %s --winnow-compress --winnow-lower-to-cpu=target-cpu=x86-64-v4 | FileCheck %s

// A map of what a linear layer gives is part of its kernel, unless something
// else reads that, or another tensor.

// CHECK-LABEL: func.func private @winnow_entry_mapped(
// CHECK:       call @winnow_linear_f32_f32_map_[[HASH:[0-9a-f]+]](
// CHECK-NOT:   _map
// CHECK:       return
func.func @mapped(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?x64xf32> {winnow.name = "y"}) attributes {winnow.entry} {
  %w = winnow.use @w : tensor<64x64xf32>
  %f = winnow.linear %x, %w : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %f, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%t) : tensor<?x64xf32>
  %y = linalg.map { math.tanh } ins(%f : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>)
  return %y : tensor<?x64xf32>
}

// CHECK-LABEL: func.func private @winnow_entry_read_twice(
// CHECK:       call @winnow_linear_f32_f32(
// CHECK:       call @{{rows.*_map}}(
// CHECK:       return
func.func @read_twice(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?x64xf32> {winnow.name = "y"}, tensor<?x64xf32> {winnow.name = "z"}) attributes {winnow.entry} {
  %w = winnow.use @w : tensor<64x64xf32>
  %f = winnow.linear %x, %w : tensor<?x64xf32>, tensor<64x64xf32> -> tensor<?x64xf32>
  %c0 = arith.constant 0 : index
  %t = tensor.dim %x, %c0 : tensor<?x64xf32>
  %e = tensor.empty(%t) : tensor<?x64xf32>
  %y = linalg.map { math.tanh } ins(%f : tensor<?x64xf32>) outs(%e : tensor<?x64xf32>)
  %z = linalg.map { arith.addf } ins(%f, %x : tensor<?x64xf32>, tensor<?x64xf32>) outs(%e : tensor<?x64xf32>)
  return %y, %z : tensor<?x64xf32>, tensor<?x64xf32>
}

winnow.param @w from {random = 1 : i64} : tensor<64x64xf32>
