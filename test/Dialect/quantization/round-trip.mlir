// RUN: winnow-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @linear
// CHECK:         %linear = winnow.linear %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
// CHECK:         winnow.linear %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} bias(%{{[a-z0-9_]+}} : tensor<8xf32>) : tensor<?x64xf32, #winnow.encoding<a8_b32>>, tensor<8x64xf32, #winnow.encoding<q5_0, tile16>> -> tensor<?x8xf32>
func.func @linear(%x: tensor<?x64xf32>, %w: tensor<8x64xf32>, %qx: tensor<?x64xf32, #winnow.encoding<a8_b32>>,
    %qw: tensor<8x64xf32, #winnow.encoding<q5_0, tile16>>, %b: tensor<8xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<8x64xf32> -> tensor<?x8xf32>
  %z = winnow.linear %qx, %qw bias(%b : tensor<8xf32>)
      : tensor<?x64xf32, #winnow.encoding<a8_b32>>, tensor<8x64xf32, #winnow.encoding<q5_0, tile16>> -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func @recode
// CHECK:         %q = winnow.recode %{{[a-z0-9_]+}} : tensor<?x64xf32> -> tensor<?x64xf32, #winnow.encoding<a8_b32>>
// CHECK:         %decoded = winnow.recode %{{[a-z0-9_]+}} : tensor<64xf32, #winnow.encoding<bf16>> -> tensor<64xf32>
func.func @recode(%x: tensor<?x64xf32>, %w: tensor<64xf32, #winnow.encoding<bf16>>) -> tensor<64xf32> {
  %q = winnow.recode %x : tensor<?x64xf32> -> tensor<?x64xf32, #winnow.encoding<a8_b32>>
  %p = winnow.recode %w : tensor<64xf32, #winnow.encoding<bf16>> -> tensor<64xf32>
  return %p : tensor<64xf32>
}

// CHECK-LABEL: func @embed
// CHECK:         %embed = winnow.embed %{{[a-z0-9_]+}}[%{{[a-z0-9_]+}}] : tensor<100x64xf32, #winnow.encoding<q8_0>>, tensor<?xi32> -> tensor<?x64xf32>
// CHECK:         winnow.embed %{{[a-z0-9_]+}}[%{{[a-z0-9_]+}}] {scale = 8.000000e+00 : f32} : tensor<100x64xf32, #winnow.encoding<q8_0>>
func.func @embed(%t: tensor<100x64xf32, #winnow.encoding<q8_0>>, %ids: tensor<?xi32>) -> tensor<?x64xf32> {
  %y = winnow.embed %t[%ids] {scale = 1.0 : f32} : tensor<100x64xf32, #winnow.encoding<q8_0>>, tensor<?xi32> -> tensor<?x64xf32>
  %z = winnow.embed %t[%ids] {scale = 8.0 : f32} : tensor<100x64xf32, #winnow.encoding<q8_0>>, tensor<?xi32> -> tensor<?x64xf32>
  return %z : tensor<?x64xf32>
}

// CHECK-LABEL: func @hadamard
// CHECK:         %rotated = winnow.hadamard %{{[a-z0-9_]+}} by 2 along 0 : tensor<4x6xf32>
// CHECK:         winnow.hadamard %{{[a-z0-9_]+}} by 8 along 0 : tensor<8xf32>
func.func @hadamard(%w: tensor<4x6xf32>, %v: tensor<8xf32>) -> tensor<8xf32> {
  %x = winnow.hadamard %w by 2 along 0 : tensor<4x6xf32>
  %y = winnow.hadamard %v by 8 along 0 : tensor<8xf32>
  return %y : tensor<8xf32>
}

// CHECK-LABEL: func @take
// CHECK:         %taken = winnow.take %{{[a-z0-9_]+}} [0, 2] along 0 : tensor<4x64xf32, #winnow.encoding<q8_0>> -> tensor<2x64xf32, #winnow.encoding<q8_0>>
// CHECK:         winnow.take %{{[a-z0-9_]+}} [3] along 1 : tensor<4x5xf32> -> tensor<4x1xf32>
func.func @take(%w: tensor<4x64xf32, #winnow.encoding<q8_0>>, %v: tensor<4x5xf32>) -> tensor<4x1xf32> {
  %x = winnow.take %w [0, 2] along 0 : tensor<4x64xf32, #winnow.encoding<q8_0>> -> tensor<2x64xf32, #winnow.encoding<q8_0>>
  %y = winnow.take %v [3] along 1 : tensor<4x5xf32> -> tensor<4x1xf32>
  return %y : tensor<4x1xf32>
}
