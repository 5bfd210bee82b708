// RUN: winnow-opt %s --winnow-interpret --split-input-file --verify-diagnostics -o /dev/null

// Sizes that only a run shows to disagree.
func.func @shape_mismatch() {
  %x = arith.constant dense<1.0> : tensor<2x3xf32>
  %y = tensor.cast %x : tensor<2x3xf32> to tensor<?x3xf32>
  // expected-error @+1 {{expects result #0 to be 'tensor<4x3xf32>', found tensor<2x3xf32>}}
  %z = tensor.cast %y : tensor<?x3xf32> to tensor<4x3xf32>
  return
}

// -----

func.func @id_out_of_range() {
  %table = arith.constant dense<1.0> : tensor<3x2xf32>
  %ids = arith.constant dense<[0, 3]> : tensor<2xi32>
  // expected-error @+1 {{expects ids in [0, 3), found 3}}
  %y = winnow.embed %table[%ids] : tensor<3x2xf32>, tensor<2xi32> -> tensor<2x2xf32>
  return
}

// -----

func.func @negative_index() {
  %x = arith.constant dense<1.0> : tensor<3x2xf32>
  %indices = arith.constant dense<-1> : tensor<1xi32>
  // expected-error @+1 {{expects ids in [0, 3), found -1}}
  %y = winnow.token_gather %x[%indices] : tensor<3x2xf32>, tensor<1xi32> -> tensor<1x2xf32>
  return
}

// -----

// expected-error @+1 {{expects the layout 'rows', found 'tile16'}}
winnow.param @w from {random = 1 : i64} : tensor<16x32xf32, #winnow.encoding<q8_0, tile16>>

func.func @layout() {
  %w = winnow.use @w : tensor<16x32xf32, #winnow.encoding<q8_0, tile16>>
  return
}

// -----

// expected-error @+1 {{expects the source splat, random or values, found {file = "w"}}}
winnow.param @w from {file = "w"} : tensor<2x2xf32>

func.func @file_param() {
  %w = winnow.use @w : tensor<2x2xf32>
  return
}

// -----

func.func @no_rule() {
  %x = arith.constant 1.0 : f32
  // expected-error @+1 {{has no meaning in the interpreter}}
  %y = math.acosh %x : f32
  return
}

// -----

func.func @division_by_zero() {
  %x = arith.constant 1 : i32
  %zero = arith.constant 0 : i32
  // expected-error @+1 {{expects operands for which it is defined}}
  %y = arith.divsi %x, %zero : i32
  return
}

// -----

func.func private @outside() -> f32

func.func @external() {
  // expected-error @+1 {{expects 'outside' to have a body to be interpreted}}
  %y = call @outside() : () -> f32
  return
}

// -----

func.func @endless() {
  // expected-error @+1 {{expects at most 256 nested calls}}
  call @endless() : () -> ()
  return
}

// -----

func.func @slice_outside() {
  %x = arith.constant dense<1.0> : tensor<4xf32>
  %three = arith.constant 3 : index
  // expected-error @+1 {{expects a slice inside dimension 0 of size 4, found offset 3, size 2 and stride 1}}
  %y = tensor.extract_slice %x[%three] [2] [1] : tensor<4xf32> to tensor<2xf32>
  return
}

// -----

func.func @reduction() {
  %x = arith.constant dense<1.0> : tensor<4xf32>
  %init = arith.constant dense<0.0> : tensor<f32>
  // expected-error @+1 {{expects parallel iterators alone to be interpreted}}
  %y = linalg.generic {
      indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
      ins(%x : tensor<4xf32>) outs(%init : tensor<f32>) {
    ^bb0(%e: f32, %sum: f32):
      %new = arith.addf %e, %sum : f32
      linalg.yield %new : f32
  } -> tensor<f32>
  return
}

// -----

func.func @expectation() {
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = arith.constant dense<[1.0, 2.5]> : tensor<2xf32>
  // expected-error @+1 {{expects 2.5 at [1], found 2 (1 of 2 elements differ)}}
  check.expect_eq %x, %y : tensor<2xf32>
  return
}

// -----

func.func @expectation_within_bound() {
  %x = arith.constant dense<[1.0, 2.0]> : tensor<2xf32>
  %y = arith.constant dense<[1.0, 2.5]> : tensor<2xf32>
  check.expect_almost_eq %x, %y {relative = 0.2} : tensor<2xf32>
  check.expect_almost_eq %x, %y {absolute = 0.5} : tensor<2xf32>
  // expected-error @+1 {{expects 2.5 at [1], found 2 (1 of 2 elements differ)}}
  check.expect_almost_eq %x, %y {relative = 0.1, absolute = 0.2} : tensor<2xf32>
  return
}

// -----

func.func @expectation_of_sanity() {
  %x = arith.constant dense<[1.0, 0x7F800000]> : tensor<2xf32>
  // expected-error @+1 {{expects finite elements, found INF at [1]}}
  check.expect_sane %x : tensor<2xf32>
  return
}

// -----

// expected-error @+1 {{winnow-interpret expects a function without arguments}}
module {
  func.func @argument(%x: f32) {
    return
  }
}
