// RUN: winnow-opt %s --winnow-interpret -o /dev/null

// Scores are ln 1 and ln 3 (q = 2, scale 1/2), so the weights are 1/4 and 3/4.
func.func @scale() {
  %q = arith.constant dense<2.0> : tensor<1x1x1xf32>
  %k = arith.constant dense<[[[0.0]], [[1.09861229]]]> : tensor<2x1x1xf32>
  %v = arith.constant dense<[[[4.0, 0.0]], [[8.0, 1.0]]]> : tensor<2x1x2xf32>
  %qp = arith.constant dense<1> : tensor<1xi32>
  %kp = arith.constant dense<[0, 1]> : tensor<2xi32>
  %o, %lse, %scores = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<causal>, scale = 0.5 : f32}
      : tensor<1x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x2xf32>, tensor<1xi32>, tensor<2xi32>
      -> tensor<1x1x2xf32> lse tensor<1x1xf32> scores tensor<2x1xf32>
  %expected = arith.constant dense<[[[7.0, 0.75]]]> : tensor<1x1x2xf32>
  check.expect_almost_eq %o, %expected {relative = 1.0e-6} : tensor<1x1x2xf32>
  // ln 4
  %expected_lse = arith.constant dense<1.38629436> : tensor<1x1xf32>
  check.expect_almost_eq %lse, %expected_lse {relative = 1.0e-6} : tensor<1x1xf32>
  %expected_scores = arith.constant dense<[[0.25], [0.75]]> : tensor<2x1xf32>
  check.expect_almost_eq %scores, %expected_scores {relative = 1.0e-6} : tensor<2x1xf32>
  return
}

// Two key heads serve two query heads each; scores add up over both.
func.func @grouped_heads() {
  %q = arith.constant dense<0.0> : tensor<1x4x1xf32>
  %k = arith.constant dense<0.0> : tensor<2x2x1xf32>
  %v = arith.constant dense<[[[1.0], [10.0]], [[3.0], [30.0]]]> : tensor<2x2x1xf32>
  %qp = arith.constant dense<0> : tensor<1xi32>
  %kp = arith.constant dense<0> : tensor<2xi32>
  %o, %scores = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<1x4x1xf32>, tensor<2x2x1xf32>, tensor<2x2x1xf32>, tensor<1xi32>, tensor<2xi32>
      -> tensor<1x4x1xf32> scores tensor<2x2xf32>
  %expected = arith.constant dense<[[[2.0], [2.0], [20.0], [20.0]]]> : tensor<1x4x1xf32>
  check.expect_eq %o, %expected : tensor<1x4x1xf32>
  %expected_scores = arith.constant dense<1.0> : tensor<2x2xf32>
  check.expect_eq %scores, %expected_scores : tensor<2x2xf32>
  return
}

// The cap of 2 turns the scores 0 and 1000 into 0 and 2 tanh 500 = 2.
func.func @softcap() {
  %q = arith.constant dense<1.0> : tensor<1x1x1xf32>
  %k = arith.constant dense<[[[0.0]], [[1000.0]]]> : tensor<2x1x1xf32>
  %v = arith.constant dense<[[[0.0]], [[1.0]]]> : tensor<2x1x1xf32>
  %qp = arith.constant dense<0> : tensor<1xi32>
  %kp = arith.constant dense<0> : tensor<2xi32>
  %o, %lse = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<full>, scale = 1.0 : f32, softcap = 2.0 : f32}
      : tensor<1x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<1xi32>, tensor<2xi32>
      -> tensor<1x1x1xf32> lse tensor<1x1xf32>
  // e^2 / (1 + e^2) and ln(1 + e^2)
  %expected = arith.constant dense<0.880797078> : tensor<1x1x1xf32>
  check.expect_almost_eq %o, %expected {relative = 1.0e-6} : tensor<1x1x1xf32>
  %expected_lse = arith.constant dense<2.12692801> : tensor<1x1xf32>
  check.expect_almost_eq %lse, %expected_lse {relative = 1.0e-6} : tensor<1x1xf32>
  return
}

// A sink of score 0 beside one key of score 0 takes half of the weight, and a
// sink of ln 3 three quarters; neither is part of lse. A row that sees nothing
// has output 0 all the same.
func.func @sinks() {
  %q = arith.constant dense<0.0> : tensor<2x2x1xf32>
  %k = arith.constant dense<0.0> : tensor<1x2x1xf32>
  %v = arith.constant dense<8.0> : tensor<1x2x1xf32>
  %qp = arith.constant dense<[0, -1]> : tensor<2xi32>
  %kp = arith.constant dense<0> : tensor<1xi32>
  %sinks = arith.constant dense<[0.0, 1.09861229]> : tensor<2xf32>
  %o, %lse, %scores = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      sinks(%sinks : tensor<2xf32>)
      {mask = #winnow.mask<causal>, scale = 1.0 : f32}
      : tensor<2x2x1xf32>, tensor<1x2x1xf32>, tensor<1x2x1xf32>, tensor<2xi32>, tensor<1xi32>
      -> tensor<2x2x1xf32> lse tensor<2x2xf32> scores tensor<1x2xf32>
  %expected = arith.constant dense<[[[4.0], [2.0]], [[0.0], [0.0]]]> : tensor<2x2x1xf32>
  check.expect_almost_eq %o, %expected {relative = 1.0e-6} : tensor<2x2x1xf32>
  %expected_lse = arith.constant dense<[[0.0, 0.0], [0xFF800000, 0xFF800000]]> : tensor<2x2xf32>
  check.expect_almost_eq %lse, %expected_lse {absolute = 1.0e-6} : tensor<2x2xf32>
  %expected_scores = arith.constant dense<[[0.5, 0.25]]> : tensor<1x2xf32>
  check.expect_almost_eq %scores, %expected_scores {relative = 1.0e-6} : tensor<1x2xf32>
  return
}

// A sink that is far above all scores takes all the weight; lse leaves it out
// even so.
func.func @large_sink() {
  %q = arith.constant dense<1.0> : tensor<1x1x1xf32>
  %k = arith.constant dense<-1000.0> : tensor<1x1x1xf32>
  %v = arith.constant dense<8.0> : tensor<1x1x1xf32>
  %p = arith.constant dense<0> : tensor<1xi32>
  %sinks = arith.constant dense<0.0> : tensor<1xf32>
  %o, %lse = winnow.attention query(%q, %p) key(%k, %p) value(%v)
      sinks(%sinks : tensor<1xf32>)
      {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1x1x1xf32>, tensor<1xi32>, tensor<1xi32>
      -> tensor<1x1x1xf32> lse tensor<1x1xf32>
  %zero = arith.constant dense<0.0> : tensor<1x1x1xf32>
  check.expect_eq %o, %zero : tensor<1x1x1xf32>
  %expected_lse = arith.constant dense<-1000.0> : tensor<1x1xf32>
  check.expect_eq %lse, %expected_lse : tensor<1x1xf32>
  return
}

// A bias of ln 3 for the second key: per pair, per head and pair. A bias of
// minus infinity hides a key.
func.func @bias() {
  %q = arith.constant dense<0.0> : tensor<1x1x1xf32>
  %k = arith.constant dense<0.0> : tensor<2x1x1xf32>
  %v = arith.constant dense<[[[4.0]], [[8.0]]]> : tensor<2x1x1xf32>
  %qp = arith.constant dense<0> : tensor<1xi32>
  %kp = arith.constant dense<0> : tensor<2xi32>
  %expected = arith.constant dense<7.0> : tensor<1x1x1xf32>
  %b2 = arith.constant dense<[[0.0, 1.09861229]]> : tensor<1x2xf32>
  %o2 = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      bias(%b2 : tensor<1x2xf32>) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<1x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<1xi32>, tensor<2xi32>
      -> tensor<1x1x1xf32>
  check.expect_almost_eq %o2, %expected {relative = 1.0e-6} : tensor<1x1x1xf32>
  %b3 = arith.constant dense<[[[0.0, 1.09861229]]]> : tensor<1x1x2xf32>
  %o3 = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      bias(%b3 : tensor<1x1x2xf32>) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<1x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<1xi32>, tensor<2xi32>
      -> tensor<1x1x1xf32>
  check.expect_eq %o3, %o2 : tensor<1x1x1xf32>
  %hide = arith.constant dense<0xFF800000> : tensor<1x2xf32>
  %o4, %lse = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      bias(%hide : tensor<1x2xf32>) {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<1x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<1xi32>, tensor<2xi32>
      -> tensor<1x1x1xf32> lse tensor<1x1xf32>
  %zero = arith.constant dense<0.0> : tensor<1x1x1xf32>
  check.expect_eq %o4, %zero : tensor<1x1x1xf32>
  %nothing = arith.constant dense<0xFF800000> : tensor<1x1xf32>
  check.expect_eq %lse, %nothing : tensor<1x1xf32>
  return
}

// Scores of 10,000 neither overflow nor make NaN.
func.func @large_scores() {
  %q = arith.constant dense<100.0> : tensor<1x1x1xf32>
  %k = arith.constant dense<[[[100.0]], [[-100.0]]]> : tensor<2x1x1xf32>
  %v = arith.constant dense<[[[4.0]], [[8.0]]]> : tensor<2x1x1xf32>
  %qp = arith.constant dense<0> : tensor<1xi32>
  %kp = arith.constant dense<0> : tensor<2xi32>
  %o, %lse = winnow.attention query(%q, %qp) key(%k, %kp) value(%v)
      {mask = #winnow.mask<full>, scale = 1.0 : f32}
      : tensor<1x1x1xf32>, tensor<2x1x1xf32>, tensor<2x1x1xf32>, tensor<1xi32>, tensor<2xi32>
      -> tensor<1x1x1xf32> lse tensor<1x1xf32>
  %expected = arith.constant dense<4.0> : tensor<1x1x1xf32>
  check.expect_eq %o, %expected : tensor<1x1x1xf32>
  %expected_lse = arith.constant dense<10000.0> : tensor<1x1xf32>
  check.expect_eq %lse, %expected_lse : tensor<1x1xf32>
  return
}
