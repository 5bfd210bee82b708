// RUN: winnow-opt %s --winnow-interpret -o /dev/null

// One pair has the frequency 1: the angle is the position. At 0 nothing turns.
func.func @one_pair() {
  %x = arith.constant dense<[[[1.0, 0.0]], [[1.0, 0.0]], [[0.0, 2.0]]]> : tensor<3x1x2xf32>
  %p = arith.constant dense<[0, 1, 1]> : tensor<3xi32>
  %y = winnow.rope %x at %p {base = 10000.0 : f64, dims = 2 : i64} : tensor<3x1x2xf32>, tensor<3xi32>
  // cos 1, sin 1
  %expected = arith.constant dense<[[[1.0, 0.0]], [[0.540302306, 0.841470985]],
                                    [[-1.68294197, 1.08060461]]]> : tensor<3x1x2xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-6} : tensor<3x1x2xf32>
  return
}

// Base 4 of 4 dims: frequencies are 1 and 1/2. At position 2 the angles are 2
// and 1. Channel 4 is no rotary one.
func.func @half() {
  %x = arith.constant dense<[[[1.0, 1.0, 0.0, 0.0, 7.0]]]> : tensor<1x1x5xf32>
  %p = arith.constant dense<2> : tensor<1xi32>
  %y = winnow.rope %x at %p {base = 4.0 : f64, dims = 4 : i64} : tensor<1x1x5xf32>, tensor<1xi32>
  // cos 2, cos 1, sin 2, sin 1
  %expected = arith.constant dense<[[[-0.416146837, 0.540302306, 0.909297427, 0.841470985, 7.0]]]> : tensor<1x1x5xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-6} : tensor<1x1x5xf32>
  return
}

func.func @interleaved() {
  %x = arith.constant dense<[[[1.0, 0.0, 1.0, 0.0]]]> : tensor<1x1x4xf32>
  %p = arith.constant dense<2> : tensor<1xi32>
  %y = winnow.rope %x at %p {base = 4.0 : f64, dims = 4 : i64, layout = #winnow<rope_layout interleaved>}
      : tensor<1x1x4xf32>, tensor<1xi32>
  %expected = arith.constant dense<[[[-0.416146837, 0.909297427, 0.540302306, 0.841470985]]]> : tensor<1x1x4xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-6} : tensor<1x1x4xf32>
  return
}

// All heads of a token turn alike.
func.func @heads() {
  %x = arith.constant dense<[[[1.0, 0.0], [2.0, 0.0]]]> : tensor<1x2x2xf32>
  %p = arith.constant dense<1> : tensor<1xi32>
  %y = winnow.rope %x at %p {base = 4.0 : f64, dims = 2 : i64} : tensor<1x2x2xf32>, tensor<1xi32>
  %expected = arith.constant dense<[[[0.540302306, 0.841470985], [1.08060461, 1.68294197]]]> : tensor<1x2x2xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-6} : tensor<1x2x2xf32>
  return
}

// Frequencies divided by 2 turn as far at position 2 as otherwise at 1.
func.func @linear_scaling() {
  %x = arith.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
  %p2 = arith.constant dense<2> : tensor<1xi32>
  %p1 = arith.constant dense<1> : tensor<1xi32>
  %y = winnow.rope %x at %p2 {base = 4.0 : f64, dims = 2 : i64,
      scaling = #winnow.rope_scaling<linear, factor = 2.0 : f64>} : tensor<1x1x2xf32>, tensor<1xi32>
  %expected = winnow.rope %x at %p1 {base = 4.0 : f64, dims = 2 : i64} : tensor<1x1x2xf32>, tensor<1xi32>
  check.expect_eq %y, %expected : tensor<1x1x2xf32>
  return
}

func.func @factors() {
  %x = arith.constant dense<[[[1.0, 2.0]]]> : tensor<1x1x2xf32>
  %p2 = arith.constant dense<2> : tensor<1xi32>
  %p1 = arith.constant dense<1> : tensor<1xi32>
  %f = arith.constant dense<2.0> : tensor<1xf32>
  %y = winnow.rope %x at %p2 factors(%f : tensor<1xf32>) {base = 4.0 : f64, dims = 2 : i64}
      : tensor<1x1x2xf32>, tensor<1xi32>
  %expected = winnow.rope %x at %p1 {base = 4.0 : f64, dims = 2 : i64} : tensor<1x1x2xf32>, tensor<1xi32>
  check.expect_eq %y, %expected : tensor<1x1x2xf32>
  return
}

// Base 10^6 of 6 dims: frequencies 1, 0.01, 0.0001, wavelengths 6.28, 628,
// 62832. With an original context of 1000 and low 1, high 4, the first stays
// (6.28 < 250), the last is divided by 8 (62832 > 1000), the second is between:
// its share is (1000/628.32 - 1) / 3 = 0.197183, so it becomes
// 0.01 (0.802817 / 8 + 0.197183) = 0.00297535.
func.func @llama3_scaling() {
  %x = arith.constant dense<[[[1.0, 1.0, 1.0, 0.0, 0.0, 0.0]]]> : tensor<1x1x6xf32>
  %p = arith.constant dense<100> : tensor<1xi32>
  %y = winnow.rope %x at %p {base = 1.0e6 : f64, dims = 6 : i64,
      scaling = #winnow.rope_scaling<llama3, factor = 8.0 : f64, low = 1.0 : f64, high = 4.0 : f64, originalContext = 1000>}
      : tensor<1x1x6xf32>, tensor<1xi32>
  // Cosines, then sines, of 100, 0.297535, 0.00125
  %expected = arith.constant dense<[[[0.862318872, 0.95606197, 0.999999219, -0.506365641, 0.293164646, 0.00124999967]]]> : tensor<1x1x6xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-5} : tensor<1x1x6xf32>
  return
}

// Base 4, 4 dims: pair c has the frequency 2^-c and turns 50 / 2 pi 2^-c =
// 7.96 2^-c times in a context of 50. So the pair that turns 8 times is just
// below 0, rounded to 0, and the one that turns once just below 3, rounded to
// 3. The ramp is 0 at pair 0 and 1/3 at pair 1: frequencies 1 and
// 0.5 (1/3 / 2 + 2/3) = 5/12.
func.func @yarn_scaling() {
  %x = arith.constant dense<[[[1.0, 1.0, 0.0, 0.0]]]> : tensor<1x1x4xf32>
  %p = arith.constant dense<1> : tensor<1xi32>
  %y = winnow.rope %x at %p {base = 4.0 : f64, dims = 4 : i64,
      scaling = #winnow.rope_scaling<yarn, factor = 2.0 : f64, low = 1.0 : f64, high = 8.0 : f64,
                                     originalContext = 50, attentionFactor = 2.0 : f64>}
      : tensor<1x1x4xf32>, tensor<1xi32>
  // Twice the cosines and sines of 1 and 5/12
  %expected = arith.constant dense<[[[1.08060461, 1.82888613, 1.68294197, 0.809429127]]]> : tensor<1x1x4xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-5} : tensor<1x1x4xf32>
  return
}

// Without an attention factor YaRN multiplies by 0.1 ln(factor) + 1.
func.func @yarn_attention_factor() {
  %x = arith.constant dense<[[[1.0, 0.0]]]> : tensor<1x1x2xf32>
  %p = arith.constant dense<0> : tensor<1xi32>
  %y = winnow.rope %x at %p {base = 4.0 : f64, dims = 2 : i64,
      scaling = #winnow.rope_scaling<yarn, factor = 4.0 : f64, originalContext = 50>}
      : tensor<1x1x2xf32>, tensor<1xi32>
  %expected = arith.constant dense<[[[1.13862944, 0.0]]]> : tensor<1x1x2xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-6} : tensor<1x1x2xf32>
  return
}

// LongRoPE divides each frequency, 1 and 1/2, by a factor of its own.
func.func @longrope_scaling() {
  %x = arith.constant dense<[[[1.0, 1.0, 0.0, 0.0]]]> : tensor<1x1x4xf32>
  %p = arith.constant dense<1> : tensor<1xi32>
  %y = winnow.rope %x at %p {base = 4.0 : f64, dims = 4 : i64,
      scaling = #winnow.rope_scaling<longrope, attentionFactor = 2.0 : f64, factors = [1.0, 1.2]>}
      : tensor<1x1x4xf32>, tensor<1xi32>
  // Twice the cosines and sines of 1 and 5/12
  %expected = arith.constant dense<[[[1.08060461, 1.82888613, 1.68294197, 0.809429127]]]> : tensor<1x1x4xf32>
  check.expect_almost_eq %y, %expected {relative = 1.0e-5} : tensor<1x1x4xf32>
  return
}
