// RUN: winnow-opt %s --winnow-interpret -o /dev/null | FileCheck %s
// RUN: winnow-opt %s --winnow-interpret=entry=two -o /dev/null | FileCheck %s --check-prefix=TWO

// CHECK: one: dense<{{\[}}[1.000000e+00, 2.500000e+00]]> : tensor<1x2xf32>
func.func @one() -> tensor<1x2xf32> {
  %0 = arith.constant dense<[[1.0, 2.5]]> : tensor<1x2xf32>
  return %0 : tensor<1x2xf32>
}

// TWO-NOT: one
// CHECK: two: -3 : i32
// CHECK: two: true
// TWO: two: -3 : i32
func.func @two() -> (i32, i1) {
  %0 = arith.constant -3 : i32
  %1 = arith.constant true
  return %0, %1 : i32, i1
}

// Functions that are private or have arguments do not run by themselves.
// CHECK-NOT: three
// CHECK-NOT: four
func.func private @three() -> i32 {
  %0 = arith.constant 3 : i32
  return %0 : i32
}
func.func @four(%x: i32) -> i32 {
  return %x : i32
}
