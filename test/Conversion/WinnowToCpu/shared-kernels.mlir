// RUN: winnow-opt %s --winnow-compress --winnow-lower-to-cpu=target-cpu=x86-64-v4 | FileCheck %s

// Two equal layers: the same kernels, other weights.

// CHECK-LABEL: func.func private @winnow_entry_forward(
// Stage 0: norm and rounding of a row are one kernel.
// CHECK:         call @[[NORM:rows.*_norm_recode]](
// CHECK:         llvm.call %{{.*}}(%{{.*}}, %{{.*}}) : !llvm.ptr, (!llvm.ptr, i32) -> ()
// CHECK:         call @[[LINEAR:winnow_linear_q5_0_a8]](
// CHECK:         llvm.call
// The residual sum of the first layer joins the norm of the second.
// CHECK:         call @{{rows.*_map_norm_recode}}(
// CHECK:         llvm.call
// CHECK:         call @[[LINEAR]](
// CHECK:         llvm.call
// CHECK:         call @{{rows.*_map}}(
// CHECK:         return
// CHECK-COUNT-1: func.func private @winnow_linear_q5_0_a8(
// CHECK-NOT:     func.func private @winnow_linear_q5_0_a8(

winnow.param @w0 from {random = 1 : i64} : tensor<64x64xf32, #winnow.encoding<q5_0>>
winnow.param @w1 from {random = 2 : i64} : tensor<64x64xf32, #winnow.encoding<q5_0>>

func.func @forward(%x: tensor<?x64xf32> {winnow.name = "x", winnow.dims = ["T"]}) -> (tensor<?x64xf32> {winnow.name = "y"}) attributes {winnow.entry} {
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
    %n = winnow.norm rms %u {epsilon = 1.0e-6 : f32} : tensor<?x64xf32>
    %w = winnow.use @w0 : tensor<64x64xf32, #winnow.encoding<q5_0>>
    %f = winnow.linear %n, %w : tensor<?x64xf32>, tensor<64x64xf32, #winnow.encoding<q5_0>> -> tensor<?x64xf32>
    winnow.yield %f : tensor<?x64xf32>
  }
  %z = winnow.layer residual(%y) inputs(%u = %y) : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32> {
    %n = winnow.norm rms %u {epsilon = 1.0e-6 : f32} : tensor<?x64xf32>
    %w = winnow.use @w1 : tensor<64x64xf32, #winnow.encoding<q5_0>>
    %f = winnow.linear %n, %w : tensor<?x64xf32>, tensor<64x64xf32, #winnow.encoding<q5_0>> -> tensor<?x64xf32>
    winnow.yield %f : tensor<?x64xf32>
  }
  return %z : tensor<?x64xf32>
}
