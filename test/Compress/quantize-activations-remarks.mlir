// RUN: winnow-opt %s --winnow-quantize-activations --remark-policy=all --remarks-filter=quantize-activations 2>&1 | FileCheck %s

// CHECK: remark: [Passed] a8_b32 | Category:quantize-activations | Function=one
// CHECK-SAME: inputs rounded to 8 bits

// CHECK: remark: [Passed] bf16 | Category:quantize-activations | Function=two
// CHECK-SAME: inputs rounded to bf16; error at most 1/256 of each

winnow.param @w from {random = 1 : i64} : tensor<32x64xf32, #winnow.encoding<q5_0>>

func.func @one(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = winnow.use @w : tensor<32x64xf32, #winnow.encoding<q5_0>>
  %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q5_0>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

winnow.param @b from {random = 2 : i64} : tensor<32x64xf32, #winnow.encoding<bf16>>

func.func @two(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %b = winnow.use @b : tensor<32x64xf32, #winnow.encoding<bf16>>
  %y = winnow.linear %x, %b : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<bf16>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
