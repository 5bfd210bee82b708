// RUN: winnow-opt %s --winnow-quantize-weights=format=q4_0 --verify-roundtrip | FileCheck %s
// RUN: winnow-opt %s --winnow-quantize-weights=format=q6_k | FileCheck %s --check-prefix=WIDE
// RUN: winnow-opt %s --winnow-quantize-weights=format=f32 | FileCheck %s --check-prefix=F32
// RUN: winnow-opt %s "--winnow-quantize-weights=format=q4_0 only=^q|table skip=tab" | FileCheck %s --check-prefix=SOME
// RUN: winnow-opt %s -o %t.before
// RUN: winnow-opt %s --winnow-quantize-weights=format=keep -o %t.after
// RUN: cmp %t.before %t.after
// RUN: winnow-opt %s --winnow-quantize-weights=format=q6_k --winnow-quantize-weights=format=q4_0 -o %t.twice
// RUN: winnow-opt %s --winnow-quantize-weights=format=q4_0 | diff - %t.twice

winnow.param @q from {random = 1 : i64} : tensor<32x64xf32, #winnow.encoding<q8_0>>
winnow.param @wide from {random = 2 : i64} : tensor<32x256xf32, #winnow.encoding<bf16>>
winnow.param @odd from {random = 3 : i64} : tensor<16x20xf32>
winnow.param @has_it from {random = 4 : i64} : tensor<32x64xf32, #winnow.encoding<q4_0>>
winnow.param @table from {random = 5 : i64} : tensor<8x64xf32, #winnow.encoding<f16>>
winnow.param @bias from {random = 6 : i64} : tensor<32xf32>

// The type of the weight says what happens; biases stay.
// CHECK-LABEL: func @linear(
// CHECK:         %[[W:.*]] = winnow.use @q : tensor<32x64xf32, #winnow.encoding<q8_0>>
// CHECK-NEXT:    %[[E:.*]] = winnow.recode %[[W]] : tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<32x64xf32, #winnow.encoding<q4_0>>
// CHECK-NEXT:    %[[B:.*]] = winnow.use @bias
// CHECK-NEXT:    winnow.linear %{{.*}}, %[[E]] bias(%[[B]]
// Rows of 64 are no superblock: q8_0 stands in for q6_k, and is there already.
// WIDE-LABEL: func @linear(
// WIDE-NOT:     winnow.recode
// WIDE:         return
// F32-LABEL: func @linear(
// F32:         winnow.recode %{{.*}} : tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<32x64xf32>
// SOME-LABEL: func @linear(
// SOME:         winnow.recode
func.func @linear(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = winnow.use @q : tensor<32x64xf32, #winnow.encoding<q8_0>>
  %b = winnow.use @bias : tensor<32xf32>
  %y = winnow.linear %x, %w bias(%b : tensor<32xf32>) : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q8_0>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// CHECK-LABEL: func @superblocks(
// CHECK:         -> tensor<32x256xf32, #winnow.encoding<q4_0>>
// WIDE-LABEL: func @superblocks(
// WIDE:         -> tensor<32x256xf32, #winnow.encoding<q6_k>>
// SOME-LABEL: func @superblocks(
// SOME-NOT:     winnow.recode
// SOME:         return
func.func @superblocks(%x: tensor<?x256xf32>) -> tensor<?x32xf32> {
  %w = winnow.use @wide : tensor<32x256xf32, #winnow.encoding<bf16>>
  %y = winnow.linear %x, %w : tensor<?x256xf32>, tensor<32x256xf32, #winnow.encoding<bf16>> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}

// No block divides rows of 20, and what is q4_0 stays.
// CHECK-LABEL: func @kept(
// CHECK-NOT:     winnow.recode
// CHECK:         return
func.func @kept(%x: tensor<?x20xf32>, %z: tensor<?x64xf32>) -> (tensor<?x16xf32>, tensor<?x32xf32>) {
  %odd = winnow.use @odd : tensor<16x20xf32>
  %y = winnow.linear %x, %odd : tensor<?x20xf32>, tensor<16x20xf32> -> tensor<?x16xf32>
  %has = winnow.use @has_it : tensor<32x64xf32, #winnow.encoding<q4_0>>
  %u = winnow.linear %z, %has : tensor<?x64xf32>, tensor<32x64xf32, #winnow.encoding<q4_0>> -> tensor<?x32xf32>
  return %y, %u : tensor<?x16xf32>, tensor<?x32xf32>
}

// A table that is also the head is recoded once for both.
// CHECK-LABEL: func @tied(
// CHECK:         %[[T:.*]] = winnow.recode
// CHECK-NOT:     winnow.recode
// CHECK:         winnow.embed %[[T]]
// CHECK:         winnow.linear %{{.*}}, %[[T]]
// SOME-LABEL: func @tied(
// SOME-NOT:     winnow.recode
// SOME:         return
func.func @tied(%ids: tensor<?xi32>) -> tensor<?x8xf32> {
  %t = winnow.use @table : tensor<8x64xf32, #winnow.encoding<f16>>
  %x = winnow.embed %t[%ids] : tensor<8x64xf32, #winnow.encoding<f16>>, tensor<?xi32> -> tensor<?x64xf32>
  %y = winnow.linear %x, %t : tensor<?x64xf32>, tensor<8x64xf32, #winnow.encoding<f16>> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
