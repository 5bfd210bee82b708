// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// The structure of a model: one chunk per constraint, named after it.

// expected-error @+1 {{expects a static shape of rank at least 1, found 'tensor<?x4xf32>'}}
winnow.param @param_c1_dynamic from {random = 1 : i64} : tensor<?x4xf32>

// -----

// expected-error @+1 {{expects a static shape of rank at least 1, found 'tensor<f32>'}}
winnow.param @param_c1_rank from {random = 1 : i64} : tensor<f32>

// -----

// expected-error @+1 {{attribute 'type' failed to satisfy constraint}}
winnow.param @param_c1_element from {random = 1 : i64} : tensor<4xi32>

// -----

// expected-error @+1 {{expects a source of one key, 'file', 'splat', 'random' or 'values', found {}}}
winnow.param @param_c2_none from {} : tensor<4xf32>

// -----

// expected-error @+1 {{expects a source of one key, 'file', 'splat', 'random' or 'values', found {file = "w", random = 1 : i64}}}
winnow.param @param_c2_two from {file = "w", random = 1 : i64} : tensor<4xf32>

// -----

// expected-error @+1 {{expects a source of one key, 'file', 'splat', 'random' or 'values', found {url = "w"}}}
winnow.param @param_c2_unknown from {url = "w"} : tensor<4xf32>

// -----

// expected-error @+1 {{expects the name of a tensor as 'file', found ""}}
winnow.param @param_c3_file from {file = ""} : tensor<4xf32>

// -----

// expected-error @+1 {{expects a number of type 'f32' as 'splat', found 1 : i64}}
winnow.param @param_c3_splat from {splat = 1 : i64} : tensor<4xf32>

// -----

// expected-error @+1 {{expects dense elements of f32 in the shape of the type as 'values', found dense<1.000000e+00> : tensor<3xf32>}}
winnow.param @param_c3_values from {values = dense<1.0> : tensor<3xf32>} : tensor<4xf32>

// -----

// expected-error @+1 {{expects a number of type 'i64' as 'random', found 1 : i32}}
winnow.param @param_c3_random from {random = 1 : i32} : tensor<4xf32>

// -----

// expected-error @+1 {{expects the rows of a file to be [first, group, stride] with 0 <= first and 1 <= group <= stride, found array<i64: 0, 3, 2>}}
winnow.param @param_c5_stride from {file = "w", rows = array<i64: 0, 3, 2>} : tensor<4x2xf32>

// -----

// expected-error @+1 {{expects the rows of a file to be}}
winnow.param @param_c5_random from {random = 1 : i64, rows = array<i64: 0, 1, 1>} : tensor<4x2xf32>

// -----

// expected-error @+1 {{expects rows of a tensor of rank 1 or 2 that 63 bits can number, found array<i64: 9223372036854775807, 1, 1>}}
winnow.param @param_c5_overflow from {file = "w", rows = array<i64: 9223372036854775807, 1, 1>} : tensor<4x2xf32>

// -----

// expected-error @+1 {{expects rows of a tensor of rank 1 or 2 that 63 bits can number}}
winnow.param @param_c5_rank from {file = "w", rows = array<i64: 0, 1, 1>} : tensor<4x2x2xf32>

// -----

// expected-error @+1 {{expects f32, f16 or bf16 for a splat, found 'q8_0'}}
winnow.param @param_c4 from {splat = 1.0 : f32} : tensor<4x32xf32, #winnow.encoding<q8_0>>

// -----

// expected-error @+1 {{expects no encoding for values, found 'bf16'}}
winnow.param @param_c4_values from {values = dense<1.0> : tensor<4xf32>} : tensor<4xf32, #winnow.encoding<bf16>>

// -----

func.func @use_c1() {
  // expected-error @+1 {{expects 'w' to be the name of a param}}
  %w = winnow.use @w : tensor<4xf32>
  return
}

// -----

winnow.param @w from {random = 1 : i64} : tensor<4xf32>
func.func @use_c2() {
  // expected-error @+1 {{expects the type of param 'w' ('tensor<4xf32>'), found 'tensor<8xf32>'}}
  %w = winnow.use @w : tensor<8xf32>
  return
}

// -----

func.func @layer_c1(%x: tensor<3x2x8xf32>) {
  // expected-error @+1 {{operand #0 must be 2D tensor without encoding of 32-bit float values, but got 'tensor<3x2x8xf32>'}}
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<3x2x8xf32>, tensor<3x2x8xf32>) -> tensor<3x2x8xf32> {
    winnow.yield %u : tensor<3x2x8xf32>
  }
  return
}

// -----

func.func @layer_c2(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects the output to have the type of the residual ('tensor<3x8xf32>'), found 'tensor<?x8xf32>'}}
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<?x8xf32> {
    winnow.yield %u : tensor<3x8xf32>
  }
  return
}

// -----

func.func @layer_c3_number(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects number of body arguments (2) to be number of inputs (1)}}
  %y = "winnow.layer"(%x, %x) ({
  ^bb0(%u: tensor<3x8xf32>, %v: tensor<3x8xf32>):
    winnow.yield %u : tensor<3x8xf32>
  }) : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @layer_c3_type(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects body argument #0 to have the type of input #0 ('tensor<3x8xf32>'), found 'tensor<?x8xf32>'}}
  %y = "winnow.layer"(%x, %x) ({
  ^bb0(%u: tensor<?x8xf32>):
    winnow.yield %u : tensor<?x8xf32>
  }) : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @layer_c4(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects the body to end with 'winnow.yield', found 'llvm.unreachable'}}
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32> {
    llvm.unreachable
  }
  return
}

// -----

func.func @layer_c5_number(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects number of yielded values (0) to be number of results (1)}}
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32> {
    winnow.yield
  }
  return
}

// -----

func.func @layer_c5_type(%x: tensor<3x8xf32>, %z: tensor<3x16xf32>) {
  // expected-error @+1 {{expects yielded value #0 to have the type of result #0 ('tensor<3x8xf32>'), found 'tensor<3x16xf32>'}}
  %y = winnow.layer residual(%x) inputs(%u = %z) : (tensor<3x8xf32>, tensor<3x16xf32>) -> tensor<3x8xf32> {
    winnow.yield %u : tensor<3x16xf32>
  }
  return
}

// -----

func.func @layer_c6(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects multiplier to be finite, found NaN}}
  %y = winnow.layer residual(%x) inputs(%u = %x) {multiplier = 0x7FC00000 : f32} : (tensor<3x8xf32>, tensor<3x8xf32>) -> tensor<3x8xf32> {
    winnow.yield %u : tensor<3x8xf32>
  }
  return
}

// -----

func.func @layer_parse_operands(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects 2 operand types, found 1}}
  %y = winnow.layer residual(%x) inputs(%u = %x) : (tensor<3x8xf32>) -> tensor<3x8xf32> {
    winnow.yield %u : tensor<3x8xf32>
  }
  return
}

// -----

func.func @layer_parse_results(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects at least one result}}
  winnow.layer residual(%x) : (tensor<3x8xf32>) -> () {
    winnow.yield
  }
  return
}

// -----

func.func @yield_c1(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects parent op 'winnow.layer'}}
  winnow.yield %x : tensor<3x8xf32>
}

// -----

func.func @layer_parse_residual(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expected '('}}
  %y = winnow.layer residual %x : (tensor<3x8xf32>) -> tensor<3x8xf32> {
    winnow.yield
  }
  return
}

// -----

func.func @layer_parse_inputs(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expected '='}}
  %y = winnow.layer residual(%x) inputs(%u %x) : (tensor<3x8xf32>) -> tensor<3x8xf32> {
    winnow.yield
  }
  return
}

// -----

func.func @layer_parse_type(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expected ':'}}
  %y = winnow.layer residual(%x) (tensor<3x8xf32>) -> tensor<3x8xf32> {
    winnow.yield
  }
  return
}

// -----

// expected-note @+1 {{prior use here}}
func.func @layer_parse_operand(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{use of value '%x' expects different type than prior uses}}
  %y = winnow.layer residual(%x) : (tensor<4x8xf32>) -> tensor<3x8xf32> {
    winnow.yield
  }
  return
}

// -----

func.func @layer_empty_region(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{region #0 ('body') failed to verify constraint: region with 1 blocks}}
  %y = "winnow.layer"(%x) ({}) : (tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @layer_empty_block(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects a non-empty block}}
  %y = "winnow.layer"(%x) ({
  ^bb0:
  }) : (tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @layer_no_terminator(%x: tensor<3x8xf32>) {
  %y = "winnow.layer"(%x) ({
    // expected-error @+1 {{block with no terminator}}
    %c = arith.constant 0 : i64
  }) : (tensor<3x8xf32>) -> tensor<3x8xf32>
  return
}

// -----

func.func @observe_c1(%x: tensor<8xf32>) {
  // expected-error @+1 {{operand #0 must be variadic of}}
  winnow.observe channels "w"(%x) : tensor<8xf32>
  return
}

// -----

func.func @observe_c2_one(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects 2 values for 'similarity', found 1}}
  winnow.observe similarity "layer"(%x) : tensor<3x8xf32>
  return
}

// -----

func.func @observe_c2_two(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects 1 value for 'gram', found 2}}
  winnow.observe gram "w"(%x, %x) : tensor<3x8xf32>, tensor<3x8xf32>
  return
}

// -----

func.func @observe_c3(%x: tensor<3x8xf32>, %y: tensor<3x4xf32>) {
  // expected-error @+1 {{expects values of one type, found 'tensor<3x8xf32>' and 'tensor<3x4xf32>'}}
  winnow.observe similarity "layer"(%x, %y) : tensor<3x8xf32>, tensor<3x4xf32>
  return
}

// -----

func.func @observe_c4(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{expects a name that is not empty}}
  winnow.observe channels ""(%x) : tensor<3x8xf32>
  return
}

// -----

func.func @layer_multiplier_kind(%x: tensor<3x8xf32>) {
  // expected-error @+1 {{'winnow.layer' op attribute 'multiplier' failed to satisfy constraint: 32-bit float attribute}}
  %y = winnow.layer residual(%x) {multiplier = f32} : (tensor<3x8xf32>) -> tensor<3x8xf32> {
    winnow.yield
  }
  return
}
