// RUN: winnow-opt %s --canonicalize --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @same_encoding
// CHECK-SAME:    %[[X:[^:]*]]: tensor
// CHECK-NEXT:    return %[[X]]
func.func @same_encoding(%x: tensor<?x64xf32, #winnow.encoding<a8_b32>>) -> tensor<?x64xf32, #winnow.encoding<a8_b32>> {
  %y = winnow.recode %x : tensor<?x64xf32, #winnow.encoding<a8_b32>> -> tensor<?x64xf32, #winnow.encoding<a8_b32>>
  return %y : tensor<?x64xf32, #winnow.encoding<a8_b32>>
}

// Rounding stays: there and back is not the identity.
// CHECK-LABEL: func @there_and_back
// CHECK:         winnow.recode
// CHECK:         winnow.recode
func.func @there_and_back(%x: tensor<?x64xf32>) -> tensor<?x64xf32> {
  %q = winnow.recode %x : tensor<?x64xf32> -> tensor<?x64xf32, #winnow.encoding<a8_b32>>
  %y = winnow.recode %q : tensor<?x64xf32, #winnow.encoding<a8_b32>> -> tensor<?x64xf32>
  return %y : tensor<?x64xf32>
}

// The same number as a static and as a dynamic size: types differ, so it stays.
// CHECK-LABEL: func @other_shape
// CHECK:         winnow.recode
func.func @other_shape(%x: tensor<?x64xf32>) -> tensor<4x64xf32> {
  %y = winnow.recode %x : tensor<?x64xf32> -> tensor<4x64xf32>
  return %y : tensor<4x64xf32>
}
