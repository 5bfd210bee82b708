// RUN: not winnow-opt %s "--winnow-kv-format=k=bf16" 2>&1 | FileCheck %s
// RUN: winnow-opt %s "--winnow-kv-format=k=keep"

// An encoder has no caches; nothing to change is no error.

// CHECK: error: has no caches whose format winnow-kv-format could change

func.func @encode(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {
  return %x : tensor<?x4xf32>
}
