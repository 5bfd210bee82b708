func.func @odd(%x: tensor<?x2x8xf32>, %p: tensor<?xi32>) -> tensor<?x2x8xf32> {
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 3 : i64} : tensor<?x2x8xf32>, tensor<?xi32>
  return %y : tensor<?x2x8xf32>
}
