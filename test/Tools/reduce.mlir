// Reduction keeps what the script asks for and drops what it can.

// RUN: printf '#!/bin/sh\nexec sh %S/Inputs/has-rope.sh "$1"\n' > %t.sh && chmod +x %t.sh
// RUN: winnow-reduce %s -reduction-tree='traversal-mode=0 test=%t.sh' | FileCheck %s

// CHECK-NOT:   func.func @other
// CHECK:       func.func @turn
// CHECK:         winnow.rope
// CHECK-NOT:   func.func @other
// CHECK-NOT:   winnow.norm

func.func @other(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = winnow.norm rms %x {epsilon = 0.0 : f32} : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

func.func @turn(%x: tensor<?x2x8xf32>, %p: tensor<?xi32>) -> tensor<?x2x8xf32> {
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 8 : i64} : tensor<?x2x8xf32>, tensor<?xi32>
  return %y : tensor<?x2x8xf32>
}

func.func @other2(%x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %y = winnow.norm rms %x {epsilon = 0.0 : f32} : tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}
