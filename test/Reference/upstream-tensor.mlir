// RUN: winnow-opt %s --winnow-interpret -o /dev/null

func.func @shape() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]> : tensor<2x3xf32>
  %one = arith.constant 1 : index
  %d = tensor.dim %x, %one : tensor<2x3xf32>
  %three = arith.constant 3 : index
  check.expect_eq %d, %three : index
  %empty = tensor.empty(%d) : tensor<?x2xi32>
  %zero = arith.constant 0 : index
  %e = tensor.dim %empty, %zero : tensor<?x2xi32>
  check.expect_eq %e, %three : index
  return
}

func.func @reshape() {
  %x = arith.constant dense<[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]]> : tensor<2x4xf32>
  %dynamic = tensor.cast %x : tensor<2x4xf32> to tensor<?x4xf32>
  %two = arith.constant 2 : index
  %heads = tensor.expand_shape %dynamic [[0], [1, 2]] output_shape [%two, 2, 2]
      : tensor<?x4xf32> into tensor<?x2x2xf32>
  %static = tensor.cast %heads : tensor<?x2x2xf32> to tensor<2x2x2xf32>
  %expected = arith.constant dense<[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]> : tensor<2x2x2xf32>
  check.expect_eq %static, %expected : tensor<2x2x2xf32>
  %flat = tensor.collapse_shape %heads [[0], [1, 2]] : tensor<?x2x2xf32> into tensor<?x4xf32>
  check.expect_eq %flat, %dynamic : tensor<?x4xf32>
  return
}

func.func @extract_slice() {
  %x = arith.constant dense<[[1, 2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12]]> : tensor<3x4xi32>
  %one = arith.constant 1 : index
  %y = tensor.extract_slice %x[%one, 0] [2, 2] [1, 2] : tensor<3x4xi32> to tensor<2x2xi32>
  %expected = arith.constant dense<[[5, 7], [9, 11]]> : tensor<2x2xi32>
  check.expect_eq %y, %expected : tensor<2x2xi32>
  // The unit dimension is dropped.
  %row = tensor.extract_slice %x[2, 0] [1, 4] [1, 1] : tensor<3x4xi32> to tensor<4xi32>
  %expected_row = arith.constant dense<[9, 10, 11, 12]> : tensor<4xi32>
  check.expect_eq %row, %expected_row : tensor<4xi32>
  return
}

func.func private @twice(%x: f32) -> f32 {
  %y = arith.addf %x, %x : f32
  return %y : f32
}

func.func @call() {
  %x = arith.constant 1.5 : f32
  %y = call @twice(%x) : (f32) -> f32
  %expected = arith.constant 3.0 : f32
  check.expect_eq %y, %expected : f32
  return
}

func.func @linalg_map() {
  %x = arith.constant dense<[1.0, -2.0]> : tensor<2xf32>
  %y = arith.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %init = tensor.empty() : tensor<2xf32>
  %z = linalg.map { arith.addf } ins(%x, %y : tensor<2xf32>, tensor<2xf32>) outs(%init : tensor<2xf32>)
  %expected = arith.constant dense<[11.0, 18.0]> : tensor<2xf32>
  check.expect_eq %z, %expected : tensor<2xf32>
  return
}

func.func @linalg_fill() {
  %x = arith.constant 2.5 : f32
  %init = tensor.empty() : tensor<2x2xf32>
  %z = linalg.fill ins(%x : f32) outs(%init : tensor<2x2xf32>) -> tensor<2x2xf32>
  %expected = arith.constant dense<2.5> : tensor<2x2xf32>
  check.expect_eq %z, %expected : tensor<2x2xf32>
  return
}

// A transposed operand, a broadcast one, a captured scalar, the index of the
// point, and two results, one of which reads its init.
func.func @linalg_generic() {
  %x = arith.constant dense<[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]> : tensor<3x2xf32>
  %b = arith.constant dense<[10.0, 20.0]> : tensor<2xf32>
  %init = arith.constant dense<100.0> : tensor<2x3xf32>
  %indices = tensor.empty() : tensor<2x3xi64>
  %half = arith.constant 0.5 : f32
  %sum, %column = linalg.generic {
      indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i)>,
                       affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>],
      iterator_types = ["parallel", "parallel"]}
      ins(%x, %b : tensor<3x2xf32>, tensor<2xf32>) outs(%init, %indices : tensor<2x3xf32>, tensor<2x3xi64>) {
    ^bb0(%e: f32, %bias: f32, %old: f32, %ignored: i64):
      %scaled = arith.mulf %e, %half : f32
      %biased = arith.addf %scaled, %bias : f32
      %new = arith.addf %biased, %old : f32
      %j = linalg.index 1 : index
      %j64 = arith.index_cast %j : index to i64
      linalg.yield %new, %j64 : f32, i64
  } -> (tensor<2x3xf32>, tensor<2x3xi64>)
  %expected = arith.constant dense<[[110.5, 111.5, 112.5], [121.0, 122.0, 123.0]]> : tensor<2x3xf32>
  check.expect_eq %sum, %expected : tensor<2x3xf32>
  %expected_column = arith.constant dense<[[0, 1, 2], [0, 1, 2]]> : tensor<2x3xi64>
  check.expect_eq %column, %expected_column : tensor<2x3xi64>
  return
}
