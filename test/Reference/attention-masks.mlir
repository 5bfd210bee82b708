// RUN: winnow-opt %s --winnow-interpret -o /dev/null

// Queries are zero, so all visible keys have equal weight and an output is the
// mean of the visible values; those are powers of two, so that the mean tells
// which keys were visible.

func.func private @inputs() -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>) {
  %q = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %k = arith.constant dense<1.0> : tensor<4x1x1xf32>
  %v = arith.constant dense<[[[1.0]], [[2.0]], [[4.0]], [[8.0]]]> : tensor<4x1x1xf32>
  return %q, %k, %v : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>
}

func.func @full() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %qp = arith.constant dense<[0, 1]> : tensor<2xi32>
  %kp = arith.constant dense<[9, 9, 9, 9]> : tensor<4xi32>
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32>
  %expected = arith.constant dense<3.75> : tensor<2x1x1xf32>
  check.expect_eq %o, %expected : tensor<2x1x1xf32>
  return
}

// Positions decide, not indices: keys 3 and 1 are at 0 and 2.
func.func @causal() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %qp = arith.constant dense<[0, 2]> : tensor<2xi32>
  %kp = arith.constant dense<[5, 2, 7, 0]> : tensor<4xi32>
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32>
  %expected = arith.constant dense<[[[8.0]], [[5.0]]]> : tensor<2x1x1xf32>
  check.expect_eq %o, %expected : tensor<2x1x1xf32>
  return
}

// A window of 2 sees its own position and the one before it.
func.func @sliding_window() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %qp = arith.constant dense<[0, 2]> : tensor<2xi32>
  %kp = arith.constant dense<[0, 1, 2, 3]> : tensor<4xi32>
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<sliding_window, window = 2>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32>
  %expected = arith.constant dense<[[[1.0]], [[3.0]]]> : tensor<2x1x1xf32>
  check.expect_eq %o, %expected : tensor<2x1x1xf32>
  return
}

// The first position stays visible, but not to queries before it.
func.func @sliding_window_sinks() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %qp = arith.constant dense<[3, -1]> : tensor<2xi32>
  %kp = arith.constant dense<[0, 1, 2, 3]> : tensor<4xi32>
  %o, %lse = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<sliding_window, window = 1, sinks = 1>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32> lse tensor<2x1xf32>
  %expected = arith.constant dense<[[[4.5]], [[0.0]]]> : tensor<2x1x1xf32>
  check.expect_eq %o, %expected : tensor<2x1x1xf32>
  return
}

func.func @prefix() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %qp = arith.constant dense<[0, 2]> : tensor<2xi32>
  %kp = arith.constant dense<[0, 1, 2, 3]> : tensor<4xi32>
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<prefix, prefix = 2>, scale = 3.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32>
  %expected = arith.constant dense<[[[1.5]], [[2.33333325]]]> : tensor<2x1x1xf32>
  check.expect_eq %o, %expected : tensor<2x1x1xf32>
  return
}

// Two committed keys and two draft nodes that are siblings: each sees itself,
// although both are at position 2.
func.func @tree() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %qp = arith.constant dense<[2, 2]> : tensor<2xi32>
  %kp = arith.constant dense<[0, 1, 2, 2]> : tensor<4xi32>
  %ancestors = arith.constant dense<[[1], [2]]> : tensor<2x1xi64>
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      visible(%ancestors : tensor<2x1xi64>)
      {mask = #winnow.mask<tree>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32>
  %expected = arith.constant dense<[[[2.33333325]], [[3.66666675]]]> : tensor<2x1x1xf32>
  check.expect_eq %o, %expected : tensor<2x1x1xf32>
  return
}

// Rows of three: positions 0, 1, 2 / 3, 4, 5. The query at 0 sees 1, 3 and 4;
// position 2 is in its row but two columns away.
func.func @grid() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %qp = arith.constant dense<[0, 5]> : tensor<2xi32>
  %kp = arith.constant dense<[0, 2, 3, 4]> : tensor<4xi32>
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<grid, window = 1, width = 3>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32>
  %expected = arith.constant dense<[[[4.33333349]], [[5.0]]]> : tensor<2x1x1xf32>
  check.expect_eq %o, %expected : tensor<2x1x1xf32>
  return
}

// The same behind one token that sees all, and that all see.
func.func @grid_behind_a_token() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %qp = arith.constant dense<[0, 6]> : tensor<2xi32>
  %kp = arith.constant dense<[0, 3, 1, 5]> : tensor<4xi32>
  %o = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<grid, window = 1, sinks = 1, width = 3>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32>
  %seen = arith.constant dense<[[true, true, true, true], [true, true, false, true]]> : tensor<2x4xi1>
  %same = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      visible(%seen : tensor<2x4xi1>)
      {mask = #winnow.mask<explicit>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32>
  check.expect_eq %o, %same : tensor<2x1x1xf32>
  return
}

// The second row sees nothing: its output is 0 and its lse minus infinity.
func.func @explicit() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %p = arith.constant dense<0> : tensor<2xi32>
  %kp = arith.constant dense<0> : tensor<4xi32>
  %visible = arith.constant dense<[[true, false, true, false], [false, false, false, false]]> : tensor<2x4xi1>
  %o, %lse, %scores = winnow.attention query(%q, %p) key(%k, %kp) value(%v)
      visible(%visible : tensor<2x4xi1>)
      {mask = #winnow.mask<explicit>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32> lse tensor<2x1xf32> scores tensor<4x1xf32>
  %expected = arith.constant dense<[[[2.5]], [[0.0]]]> : tensor<2x1x1xf32>
  check.expect_eq %o, %expected : tensor<2x1x1xf32>
  // ln 2 and minus infinity.
  %expected_lse = arith.constant dense<[[0.693147182], [0xFF800000]]> : tensor<2x1xf32>
  check.expect_eq %lse, %expected_lse : tensor<2x1xf32>
  %expected_scores = arith.constant dense<[[0.5], [0.0], [0.5], [0.0]]> : tensor<4x1xf32>
  check.expect_eq %scores, %expected_scores : tensor<4x1xf32>
  return
}

// A key is seen by queries of its own segment alone.
func.func @segments() {
  %q, %k, %v = call @inputs() : () -> (tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>)
  %qp = arith.constant dense<[1, 1]> : tensor<2xi32>
  %kp = arith.constant dense<[0, 1, 0, 1]> : tensor<4xi32>
  %qs = arith.constant dense<[0, 1]> : tensor<2xi32>
  %ks = arith.constant dense<[0, 0, 1, 1]> : tensor<4xi32>
  %o = winnow.attention query(%q, %qp, %qs) key(%k, %kp, %ks) value(%v)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x1x1xf32>, tensor<4x1x1xf32>, tensor<4x1x1xf32>, tensor<2xi32>, tensor<4xi32>,
        tensor<2xi32>, tensor<4xi32>
      -> tensor<2x1x1xf32>
  %expected = arith.constant dense<[[[1.5]], [[6.0]]]> : tensor<2x1x1xf32>
  check.expect_eq %o, %expected : tensor<2x1x1xf32>
  return
}
