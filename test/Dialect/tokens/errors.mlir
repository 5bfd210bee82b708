// RUN: winnow-opt %s -split-input-file -verify-diagnostics

// Ops that change the set of tokens: one chunk per constraint, named after it.

func.func @token_gather_c1(%x: tensor<5x32xf32, #winnow.encoding<a8_b32>>, %i: tensor<3xi32>) {
  // expected-error @+1 {{operand #0 must be 1D/2D tensor without encoding of 32-bit float or 32-bit signless integer values, but got 'tensor<5x32xf32, #winnow.encoding<a8_b32>>'}}
  %y = winnow.token_gather %x[%i] : tensor<5x32xf32, #winnow.encoding<a8_b32>>, tensor<3xi32> -> tensor<3x8xf32>
  return
}

// -----

func.func @token_gather_c2(%x: tensor<5x8xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{expects number of output rows (5) to be number of indices (3)}}
  %y = winnow.token_gather %x[%i] : tensor<5x8xf32>, tensor<3xi32> -> tensor<5x8xf32>
  return
}

// -----

func.func @token_gather_c3(%x: tensor<5x8xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{expects width of output (4) to be width of input (8)}}
  %y = winnow.token_gather %x[%i] : tensor<5x8xf32>, tensor<3xi32> -> tensor<3x4xf32>
  return
}

// -----

func.func @token_pool_c1(%x: tensor<5x32xf32, #winnow.encoding<a8_b32>>, %s: tensor<5xi32>, %n: tensor<2xi32>) {
  // expected-error @+1 {{operand #0 must be 2D tensor without encoding of 32-bit float values, but got 'tensor<5x32xf32, #winnow.encoding<a8_b32>>'}}
  %y = winnow.token_pool mean %x of %s for %n : tensor<5x32xf32, #winnow.encoding<a8_b32>>, tensor<5xi32>, tensor<2xi32> -> tensor<2x32xf32>
  return
}

// -----

func.func @token_pool_c2(%x: tensor<5x8xf32>, %s: tensor<5xi32>, %n: tensor<2xi32>) {
  // expected-error @+1 {{expects number of output rows (3) to be number of wanted segments (2)}}
  %y = winnow.token_pool mean %x of %s for %n : tensor<5x8xf32>, tensor<5xi32>, tensor<2xi32> -> tensor<3x8xf32>
  return
}

// -----

func.func @token_pool_c3(%x: tensor<5x8xf32>, %s: tensor<5xi32>, %n: tensor<2xi32>) {
  // expected-error @+1 {{expects width of output (7) to be width of input (8)}}
  %y = winnow.token_pool mean %x of %s for %n : tensor<5x8xf32>, tensor<5xi32>, tensor<2xi32> -> tensor<2x7xf32>
  return
}

// -----

func.func @token_pool_c4(%x: tensor<5x8xf32>, %s: tensor<4xi32>, %n: tensor<2xi32>) {
  // expected-error @+1 {{expects number of segments (4) to be number of input rows (5)}}
  %y = winnow.token_pool mean %x of %s for %n : tensor<5x8xf32>, tensor<4xi32>, tensor<2xi32> -> tensor<2x8xf32>
  return
}

// -----

func.func @token_pool_c5(%x: tensor<5x8xf32>, %s: tensor<5xi32>, %n: tensor<2xi32>, %w: tensor<6xf32>) {
  // expected-error @+1 {{expects number of weights (6) to be number of input rows (5)}}
  %y = winnow.token_pool mean %x of %s for %n weights(%w : tensor<6xf32>) : tensor<5x8xf32>, tensor<5xi32>, tensor<2xi32> -> tensor<2x8xf32>
  return
}

// -----

func.func @token_pool_c6(%x: tensor<5x8xf32>, %s: tensor<5xi32>, %n: tensor<2xi32>, %w: tensor<5xf32>) {
  // expected-error @+1 {{expects no weights for the kind 'max'}}
  %y = winnow.token_pool max %x of %s for %n weights(%w : tensor<5xf32>) : tensor<5x8xf32>, tensor<5xi32>, tensor<2xi32> -> tensor<2x8xf32>
  return
}

// -----

func.func @image_patches_c1(%x: tensor<4x6xf32>) {
  // expected-error @+1 {{operand #0 must be 3D tensor without encoding of 32-bit float values, but got 'tensor<4x6xf32>'}}
  %y = winnow.image_patches %x {size = 2 : i64} : tensor<4x6xf32> -> tensor<6x12xf32>
  return
}

// -----

func.func @image_patches_c2(%x: tensor<3x4x6xf32>) {
  // expected-error @+1 {{expects size to be positive, found 0}}
  %y = winnow.image_patches %x {size = 0 : i64} : tensor<3x4x6xf32> -> tensor<6x12xf32>
  return
}

// -----

func.func @image_patches_c3(%x: tensor<3x4x5xf32>) {
  // expected-error @+1 {{expects an image of static shape whose sides are multiples of 2, found 'tensor<3x4x5xf32>'}}
  %y = winnow.image_patches %x {size = 2 : i64} : tensor<3x4x5xf32> -> tensor<6x12xf32>
  return
}

// -----

func.func @image_patches_c3_dynamic(%x: tensor<3x4x?xf32>) {
  // expected-error @+1 {{expects an image of static shape whose sides are multiples of 2, found 'tensor<3x4x?xf32>'}}
  %y = winnow.image_patches %x {size = 2 : i64} : tensor<3x4x?xf32> -> tensor<6x12xf32>
  return
}

// -----

func.func @image_patches_c4_rows(%x: tensor<3x4x6xf32>) {
  // expected-error @+1 {{expects number of output rows (5) to be number of patches (6)}}
  %y = winnow.image_patches %x {size = 2 : i64} : tensor<3x4x6xf32> -> tensor<5x12xf32>
  return
}

// -----

func.func @image_patches_c4_width(%x: tensor<3x4x6xf32>) {
  // expected-error @+1 {{expects width of output (13) to be numbers of a patch (12)}}
  %y = winnow.image_patches %x {size = 2 : i64} : tensor<3x4x6xf32> -> tensor<6x13xf32>
  return
}

// -----

func.func @token_gather_c3_rank(%x: tensor<5x8xf32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{expects rows of the type of input, 'tensor<5x8xf32>', found 'tensor<3xf32>'}}
  %y = winnow.token_gather %x[%i] : tensor<5x8xf32>, tensor<3xi32> -> tensor<3xf32>
  return
}

// -----

func.func @token_gather_c3_element(%x: tensor<5xi32>, %i: tensor<3xi32>) {
  // expected-error @+1 {{expects rows of the type of input, 'tensor<5xi32>', found 'tensor<3xf32>'}}
  %y = winnow.token_gather %x[%i] : tensor<5xi32>, tensor<3xi32> -> tensor<3xf32>
  return
}

// -----

func.func @token_score_c1(%q: tensor<5x4x8xf32>, %l: tensor<20xf32>) {
  // expected-error @+1 {{operand #2 must be 2D tensor without encoding of 32-bit float values, but got 'tensor<20xf32>'}}
  %y = winnow.token_score %q, %q, %l {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x4x8xf32>, tensor<20xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c2(%q: tensor<5x4x8xf32>, %k: tensor<5x3x8xf32>, %l: tensor<5x4xf32>) {
  // expected-error @+1 {{expects the number of key heads (3) to divide the number of query heads (4), both positive}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x3x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c2_none(%q: tensor<5x0x8xf32>, %k: tensor<5x2x8xf32>, %l: tensor<5x0xf32>) {
  // expected-error @+1 {{expects the number of key heads (2) to divide the number of query heads (0), both positive}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x0x8xf32>, tensor<5x2x8xf32>, tensor<5x0xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c2_no_keys(%q: tensor<5x4x8xf32>, %k: tensor<5x0x8xf32>, %l: tensor<5x4xf32>) {
  // expected-error @+1 {{expects the number of key heads (0) to divide the number of query heads (4), both positive}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x0x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c3(%q: tensor<5x4x8xf32>, %k: tensor<5x2x6xf32>, %l: tensor<5x4xf32>) {
  // expected-error @+1 {{expects head size of keys (6) to be head size of queries (8)}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x2x6xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c3_dynamic(%q: tensor<5x?x8xf32>, %k: tensor<5x2x8xf32>, %l: tensor<5x4xf32>) {
  // expected-error @+1 {{expects heads of static number and size, found 'tensor<5x?x8xf32>'}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x?x8xf32>, tensor<5x2x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c3_dynamic_size(%q: tensor<5x4x8xf32>, %k: tensor<5x2x?xf32>, %l: tensor<5x4xf32>) {
  // expected-error @+1 {{expects heads of static number and size, found 'tensor<5x2x?xf32>'}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x2x?xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c4_keys(%q: tensor<5x4x8xf32>, %k: tensor<6x2x8xf32>, %l: tensor<5x4xf32>) {
  // expected-error @+1 {{expects number of keys (6) to be number of queries (5)}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<6x2x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c4_lse(%q: tensor<5x4x8xf32>, %k: tensor<5x2x8xf32>, %l: tensor<6x4xf32>) {
  // expected-error @+1 {{expects number of rows of lse (6) to be number of queries (5)}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x2x8xf32>, tensor<6x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c4_output(%q: tensor<5x4x8xf32>, %k: tensor<5x2x8xf32>, %l: tensor<5x4xf32>) {
  // expected-error @+1 {{expects number of scores (6) to be number of queries (5)}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x2x8xf32>, tensor<5x4xf32> -> tensor<6xf32>
  return
}

// -----

func.func @token_score_c4_segments(%q: tensor<5x4x8xf32>, %k: tensor<5x2x8xf32>, %l: tensor<5x4xf32>, %s: tensor<6xi32>) {
  // expected-error @+1 {{expects number of segments (6) to be number of queries (5)}}
  %y = winnow.token_score %q, %k, %l of %s : tensor<6xi32>, {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x2x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c5(%q: tensor<5x4x8xf32>, %k: tensor<5x2x8xf32>, %l: tensor<5x2xf32>) {
  // expected-error @+1 {{expects width of lse (2) to be number of query heads (4)}}
  %y = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x2x8xf32>, tensor<5x2xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c6(%q: tensor<5x4x8xf32>, %k: tensor<5x2x8xf32>, %l: tensor<5x4xf32>) {
  // expected-error @+1 {{expects scale to be finite, found NaN}}
  %y = winnow.token_score %q, %k, %l {scale = 0x7FC00000 : f32} : tensor<5x4x8xf32>, tensor<5x2x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_select_c1(%x: tensor<5x1xf32>) {
  // expected-error @+1 {{operand #0 must be 1D tensor without encoding of 32-bit float values, but got 'tensor<5x1xf32>'}}
  %y = winnow.token_select %x {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<5x1xf32> -> tensor<?xi32>
  return
}

// -----

func.func @token_select_c2(%x: tensor<5xf32>, %s: tensor<4xi32>) {
  // expected-error @+1 {{expects number of segments (4) to be number of scores (5)}}
  %y = winnow.token_select %x of %s : tensor<4xi32>, {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<5xf32> -> tensor<?xi32>
  return
}

// -----

func.func @token_select_c2_into(%x: tensor<5xf32>) {
  // expected-error @+1 {{expects number of rows of a result (4) to be number of scores (5)}}
  %y, %i, %w = winnow.token_select %x {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<5xf32> -> tensor<?xi32> into tensor<4xi32>, weights tensor<5xf32>
  return
}

// -----

func.func @token_select_c2_weights(%x: tensor<5xf32>) {
  // expected-error @+1 {{expects number of rows of a result (6) to be number of scores (5)}}
  %y, %i, %w = winnow.token_select %x {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<5xf32> -> tensor<?xi32> into tensor<5xi32>, weights tensor<6xf32>
  return
}

// -----

func.func @token_select_c4(%x: tensor<5xf32>) {
  // expected-error @+1 {{expects 'keep' where one token stays in place of those that leave}}
  %y, %i, %w = winnow.token_select %x {policy = #winnow.token_policy<least = 0.5 : f32>} : tensor<5xf32> -> tensor<?xi32> into tensor<5xi32>, weights tensor<5xf32>
  return
}

// -----

func.func @token_select_c4_both(%x: tensor<5xf32>) {
  // expected-error @+1 {{expects both 'into' and 'weights' or neither}}
  %y, %i = "winnow.token_select"(%x) <{policy = #winnow.token_policy<keep = 0.5 : f64>, operandSegmentSizes = array<i32: 1, 0, 0>, resultSegmentSizes = array<i32: 1, 1, 0>}> : (tensor<5xf32>) -> (tensor<?xi32>, tensor<5xi32>)
  return
}

// -----

func.func @token_select_c3(%x: tensor<5xf32>) {
  // expected-error @+1 {{expects a dynamic number of indices, found 'tensor<3xi32>'}}
  %y = winnow.token_select %x {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<5xf32> -> tensor<3xi32>
  return
}

// -----

func.func @token_match_c1(%k: tensor<5x8xf32>) {
  // expected-error @+1 {{operand #0 must be 3D tensor without encoding of 32-bit float values, but got 'tensor<5x8xf32>'}}
  %i, %s = winnow.token_match %k : tensor<5x8xf32> -> tensor<5xi32>, tensor<5xf32>
  return
}

// -----

func.func @token_match_c2(%k: tensor<5x0x8xf32>) {
  // expected-error @+1 {{expects heads of static number and size, at least one, found 'tensor<5x0x8xf32>'}}
  %i, %s = winnow.token_match %k : tensor<5x0x8xf32> -> tensor<5xi32>, tensor<5xf32>
  return
}

// -----

func.func @token_match_c2_dynamic(%k: tensor<5x2x?xf32>) {
  // expected-error @+1 {{expects heads of static number and size, at least one, found 'tensor<5x2x?xf32>'}}
  %i, %s = winnow.token_match %k : tensor<5x2x?xf32> -> tensor<5xi32>, tensor<5xf32>
  return
}

// -----

func.func @token_match_c3_segments(%k: tensor<5x2x8xf32>, %of: tensor<4xi32>) {
  // expected-error @+1 {{expects number of segments (4) to be number of keys (5)}}
  %i, %s = winnow.token_match %k of %of : tensor<4xi32>, : tensor<5x2x8xf32> -> tensor<5xi32>, tensor<5xf32>
  return
}

// -----

func.func @token_match_c3_indices(%k: tensor<5x2x8xf32>) {
  // expected-error @+1 {{expects number of indices (4) to be number of keys (5)}}
  %i, %s = winnow.token_match %k : tensor<5x2x8xf32> -> tensor<4xi32>, tensor<5xf32>
  return
}

// -----

func.func @token_match_c3_scores(%k: tensor<5x2x8xf32>) {
  // expected-error @+1 {{expects number of scores (6) to be number of keys (5)}}
  %i, %s = winnow.token_match %k : tensor<5x2x8xf32> -> tensor<5xi32>, tensor<6xf32>
  return
}

// -----

func.func @token_match_c4(%k: tensor<5x2x8xf32>) {
  // expected-error @+1 {{expects first and last to be at least 0 and below 2^30, found -1}}
  %i, %s = winnow.token_match %k {last = -1 : i64} : tensor<5x2x8xf32> -> tensor<5xi32>, tensor<5xf32>
  return
}

// -----

func.func @token_merge_c1(%x: tensor<5xf32>, %i: tensor<5xi32>, %k: tensor<3xi32>) {
  // expected-error @+1 {{operand #0 must be 2D tensor without encoding of 32-bit float values, but got 'tensor<5xf32>'}}
  %y, %n, %r = winnow.token_merge %x into %i keep %k : tensor<5xf32>, tensor<5xi32>, tensor<3xi32> -> tensor<3x8xf32>, tensor<3xf32>, tensor<5xi32>
  return
}

// -----

func.func @token_merge_c2(%x: tensor<5x8xf32>, %i: tensor<5xi32>, %k: tensor<3xi32>) {
  // expected-error @+1 {{expects width of output (6) to be width of input (8)}}
  %y, %n, %r = winnow.token_merge %x into %i keep %k : tensor<5x8xf32>, tensor<5xi32>, tensor<3xi32> -> tensor<3x6xf32>, tensor<3xf32>, tensor<5xi32>
  return
}

// -----

func.func @token_merge_c3_sizes(%x: tensor<5x8xf32>, %w: tensor<4xf32>, %i: tensor<5xi32>, %k: tensor<3xi32>) {
  // expected-error @+1 {{expects number of sizes (4) to be number of input rows (5)}}
  %y, %n, %r = winnow.token_merge %x sizes(%w : tensor<4xf32>) into %i keep %k : tensor<5x8xf32>, tensor<5xi32>, tensor<3xi32> -> tensor<3x8xf32>, tensor<3xf32>, tensor<5xi32>
  return
}

// -----

func.func @token_merge_c3_into(%x: tensor<5x8xf32>, %i: tensor<6xi32>, %k: tensor<3xi32>) {
  // expected-error @+1 {{expects number of indices (6) to be number of input rows (5)}}
  %y, %n, %r = winnow.token_merge %x into %i keep %k : tensor<5x8xf32>, tensor<6xi32>, tensor<3xi32> -> tensor<3x8xf32>, tensor<3xf32>, tensor<5xi32>
  return
}

// -----

func.func @token_merge_c3_rows(%x: tensor<5x8xf32>, %i: tensor<5xi32>, %k: tensor<3xi32>) {
  // expected-error @+1 {{expects number of rows (3) to be number of input rows (5)}}
  %y, %n, %r = winnow.token_merge %x into %i keep %k : tensor<5x8xf32>, tensor<5xi32>, tensor<3xi32> -> tensor<3x8xf32>, tensor<3xf32>, tensor<3xi32>
  return
}

// -----

func.func @token_merge_c4_output(%x: tensor<5x8xf32>, %i: tensor<5xi32>, %k: tensor<3xi32>) {
  // expected-error @+1 {{expects number of output rows (2) to be number of kept tokens (3)}}
  %y, %n, %r = winnow.token_merge %x into %i keep %k : tensor<5x8xf32>, tensor<5xi32>, tensor<3xi32> -> tensor<2x8xf32>, tensor<3xf32>, tensor<5xi32>
  return
}

// -----

func.func @token_merge_c4_sizes(%x: tensor<5x8xf32>, %i: tensor<5xi32>, %k: tensor<3xi32>) {
  // expected-error @+1 {{expects number of output sizes (5) to be number of kept tokens (3)}}
  %y, %n, %r = winnow.token_merge %x into %i keep %k : tensor<5x8xf32>, tensor<5xi32>, tensor<3xi32> -> tensor<3x8xf32>, tensor<5xf32>, tensor<5xi32>
  return
}

// -----

func.func @token_restore_c1(%x: tensor<2x32xf32, #winnow.encoding<a8_b32>>, %k: tensor<2xi32>, %b: tensor<3x32xf32>) {
  // expected-error @+1 {{operand #0 must be 2D tensor without encoding of 32-bit float values, but got 'tensor<2x32xf32, #winnow.encoding<a8_b32>>'}}
  %y = winnow.token_restore %x[%k] over %b : tensor<2x32xf32, #winnow.encoding<a8_b32>>, tensor<2xi32>, tensor<3x32xf32>
  return
}

// -----

func.func @token_restore_c2(%x: tensor<2x8xf32>, %k: tensor<1xi32>, %b: tensor<3x8xf32>) {
  // expected-error @+1 {{expects number of indices (1) to be number of input rows (2)}}
  %y = winnow.token_restore %x[%k] over %b : tensor<2x8xf32>, tensor<1xi32>, tensor<3x8xf32>
  return
}

// -----

func.func @token_restore_c3(%x: tensor<2x8xf32>, %k: tensor<2xi32>, %b: tensor<3x8xf32>) {
  // expected-error @+1 {{failed to verify that all of {base, output} have same type}}
  %y = "winnow.token_restore"(%x, %k, %b) : (tensor<2x8xf32>, tensor<2xi32>, tensor<3x8xf32>) -> tensor<4x8xf32>
  return
}

// -----

func.func @token_restore_c4(%x: tensor<2x7xf32>, %k: tensor<2xi32>, %b: tensor<3x8xf32>) {
  // expected-error @+1 {{expects width of input (7) to be width of base (8)}}
  %y = winnow.token_restore %x[%k] over %b : tensor<2x7xf32>, tensor<2xi32>, tensor<3x8xf32>
  return
}

// -----

func.func @token_score_c4_bias(%q: tensor<5x4x8xf32>, %l: tensor<5x4xf32>, %b: tensor<4xf32>) {
  // expected-error @+1 {{expects number of biases (4) to be number of queries (5)}}
  %y = winnow.token_score %q, %q, %l bias(%b : tensor<4xf32>) {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x4x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c4_positions(%q: tensor<5x4x8xf32>, %l: tensor<5x4xf32>, %p: tensor<4xi32>, %r: tensor<4x4xf32>) {
  // expected-error @+1 {{expects number of positions (4) to be number of queries (5)}}
  %y = winnow.token_score %q, %q, %l at %p : tensor<4xi32>, relative(%r : tensor<4x4xf32>) {scale = 1.0 : f32, distances = array<i64: 1>} : tensor<5x4x8xf32>, tensor<5x4x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c7_positions(%q: tensor<5x4x8xf32>, %l: tensor<5x4xf32>, %p: tensor<5xi32>) {
  // expected-error @+1 {{expects positions and distances or neither}}
  %y = winnow.token_score %q, %q, %l at %p : tensor<5xi32>, {scale = 1.0 : f32} : tensor<5x4x8xf32>, tensor<5x4x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c7_table(%q: tensor<5x4x8xf32>, %l: tensor<5x4xf32>, %p: tensor<5xi32>) {
  // expected-error @+1 {{expects relative_bias and distances or neither}}
  %y = winnow.token_score %q, %q, %l at %p : tensor<5xi32>, {scale = 1.0 : f32, distances = array<i64: 1>} : tensor<5x4x8xf32>, tensor<5x4x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c8(%q: tensor<5x4x8xf32>, %l: tensor<5x4xf32>, %p: tensor<5xi32>, %r: tensor<5x4xf32>) {
  // expected-error @+1 {{expects number of relative_bias rows (5) to be twice the number of buckets (4)}}
  %y = winnow.token_score %q, %q, %l at %p : tensor<5xi32>, relative(%r : tensor<5x4xf32>) {scale = 1.0 : f32, distances = array<i64: 1>} : tensor<5x4x8xf32>, tensor<5x4x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_score_c9(%q: tensor<5x4x8xf32>, %l: tensor<5x4xf32>, %p: tensor<5xi32>, %r: tensor<6x4xf32>) {
  // expected-error @+1 {{expects distances to be positive and to rise}}
  %y = winnow.token_score %q, %q, %l at %p : tensor<5xi32>, relative(%r : tensor<6x4xf32>) {scale = 1.0 : f32, distances = array<i64: 2, 2>} : tensor<5x4x8xf32>, tensor<5x4x8xf32>, tensor<5x4xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_select_c2_prunable(%x: tensor<5xf32>, %p: tensor<4xi32>) {
  // expected-error @+1 {{expects number of prunable marks (4) to be number of scores (5)}}
  %y = winnow.token_select %x among %p : tensor<4xi32>, {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<5xf32> -> tensor<?xi32>
  return
}

// -----

func.func @token_change_c1(%x: tensor<5x4x2xf32>) {
  // expected-error @+1 {{operand #0 must be 2D tensor without encoding of 32-bit float values, but got 'tensor<5x4x2xf32>'}}
  %y = winnow.token_change norm %x, %x : tensor<5x4x2xf32> -> tensor<5xf32>
  return
}

// -----

func.func @token_change_c2(%x: tensor<5x4xf32>, %y: tensor<5x3xf32>) {
  // expected-error @+1 {{failed to verify that all of {before, after} have same type}}
  %z = "winnow.token_change"(%x, %y) {kind = #winnow<change_kind cosine>} : (tensor<5x4xf32>, tensor<5x3xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @token_change_c3(%x: tensor<5x4xf32>) {
  // expected-error @+1 {{expects number of results (4) to be number of rows (5)}}
  %y = winnow.token_change norm %x, %x : tensor<5x4xf32> -> tensor<4xf32>
  return
}

// -----

func.func @token_change_c3_width(%x: tensor<5x?xf32>) {
  // expected-error @+1 {{expects rows of static width, found 'tensor<5x?xf32>'}}
  %y = winnow.token_change norm %x, %x : tensor<5x?xf32> -> tensor<5xf32>
  return
}
