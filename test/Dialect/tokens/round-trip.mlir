// RUN: winnow-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func @token_gather
// CHECK:         %rows = winnow.token_gather %{{[a-z0-9_]+}}[%{{[a-z0-9_]+}}] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
func.func @token_gather(%x: tensor<?x8xf32>, %i: tensor<?xi32>) -> tensor<?x8xf32> {
  %y = winnow.token_gather %x[%i] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @token_pool
// CHECK:         %pooled = winnow.token_pool first %{{[a-z0-9_]+}} of %{{[a-z0-9_]+}} for %{{[a-z0-9_]+}} : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>
// CHECK:         winnow.token_pool mean %{{[a-z0-9_]+}} of %{{[a-z0-9_]+}} for %{{[a-z0-9_]+}} weights(%{{[a-z0-9_]+}} : tensor<?xf32>) : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>
func.func @token_pool(%x: tensor<?x8xf32>, %s: tensor<?xi32>, %n: tensor<?xi32>, %w: tensor<?xf32>) -> (tensor<?x8xf32>, tensor<?x8xf32>) {
  %y = winnow.token_pool first %x of %s for %n : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>
  %z = winnow.token_pool mean %x of %s for %n weights(%w : tensor<?xf32>) : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>
  return %y, %z : tensor<?x8xf32>, tensor<?x8xf32>
}

// CHECK-LABEL: func @image_patches
// CHECK:         %patches = winnow.image_patches %{{[a-z0-9_]+}} {size = 2 : i64} : tensor<3x4x6xf32> -> tensor<6x12xf32>
func.func @image_patches(%x: tensor<3x4x6xf32>) -> tensor<6x12xf32> {
  %y = winnow.image_patches %x {size = 2 : i64} : tensor<3x4x6xf32> -> tensor<6x12xf32>
  return %y : tensor<6x12xf32>
}

// CHECK-LABEL: func @token_pruning
// CHECK:         %scores = winnow.token_score %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} of %{{[a-z0-9_]+}} : tensor<?xi32>, {scale = 5.000000e-01 : f32} : tensor<?x4x8xf32>, tensor<?x2x8xf32>, tensor<?x4xf32> -> tensor<?xf32>
// CHECK:         %kept = winnow.token_select %scores of %{{[a-z0-9_]+}} : tensor<?xi32>, {policy = #winnow.token_policy<keep = 5.000000e-01 : f64, first = 1>} : tensor<?xf32> -> tensor<?xi32>
// CHECK:         winnow.token_gather %{{[a-z0-9_]+}}[%kept] : tensor<?xi32>, tensor<?xi32> -> tensor<?xi32>
// CHECK:         winnow.token_score %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} {scale = 1.000000e+00 : f32} :
// CHECK:         winnow.token_select %scores_0 {policy = #winnow.token_policy<keep = 1.000000e+00 : f64, rounding = even, last = 2>} : tensor<?xf32> -> tensor<?xi32>
func.func @token_pruning(%q: tensor<?x4x8xf32>, %k: tensor<?x2x8xf32>, %l: tensor<?x4xf32>, %s: tensor<?xi32>) -> (tensor<?xi32>, tensor<?xi32>) {
  %a = winnow.token_score %q, %k, %l of %s : tensor<?xi32>, {scale = 0.5 : f32} : tensor<?x4x8xf32>, tensor<?x2x8xf32>, tensor<?x4xf32> -> tensor<?xf32>
  %b = winnow.token_select %a of %s : tensor<?xi32>, {policy = #winnow.token_policy<keep = 0.5 : f64, first = 1>} : tensor<?xf32> -> tensor<?xi32>
  %c = winnow.token_gather %s[%b] : tensor<?xi32>, tensor<?xi32> -> tensor<?xi32>
  %d = winnow.token_score %q, %k, %l {scale = 1.0 : f32} : tensor<?x4x8xf32>, tensor<?x2x8xf32>, tensor<?x4xf32> -> tensor<?xf32>
  %e = winnow.token_select %d {policy = #winnow.token_policy<keep = 1.0 : f64, rounding = even, last = 2>} : tensor<?xf32> -> tensor<?xi32>
  return %c, %e : tensor<?xi32>, tensor<?xi32>
}

// CHECK-LABEL: func @token_merging
// CHECK:         %into, %scores = winnow.token_match %{{[a-z0-9_]+}} of %{{[a-z0-9_]+}} : tensor<?xi32>, {first = 1 : i64} : tensor<?x2x8xf32> -> tensor<?xi32>, tensor<?xf32>
// CHECK:         winnow.token_match %{{[a-z0-9_]+}} : tensor<?x2x8xf32> -> tensor<?xi32>, tensor<?xf32>
// CHECK:         %merged, %sizes, %rows = winnow.token_merge %{{[a-z0-9_]+}} into %into keep %kept : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>, tensor<?xf32>, tensor<?xi32>
// CHECK:         winnow.token_merge %merged sizes(%sizes : tensor<?xf32>) into %into
// CHECK:         %restored = winnow.token_restore %merged[%kept] over %{{[a-z0-9_]+}} : tensor<?x8xf32>, tensor<?xi32>, tensor<?x8xf32>
func.func @token_merging(%k: tensor<?x2x8xf32>, %s: tensor<?xi32>, %x: tensor<?x8xf32>) -> (tensor<?x8xf32>, tensor<?xf32>) {
  %into, %scores = winnow.token_match %k of %s : tensor<?xi32>, {first = 1 : i64} : tensor<?x2x8xf32> -> tensor<?xi32>, tensor<?xf32>
  %into2, %scores2 = winnow.token_match %k : tensor<?x2x8xf32> -> tensor<?xi32>, tensor<?xf32>
  %kept = winnow.token_select %scores {policy = #winnow.token_policy<keep = 0.5 : f64, first = 1>} : tensor<?xf32> -> tensor<?xi32>
  %y, %n, %r = winnow.token_merge %x into %into keep %kept : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>, tensor<?xf32>, tensor<?xi32>
  %z, %m, %q = winnow.token_merge %y sizes(%n : tensor<?xf32>) into %into keep %kept : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>, tensor<?xf32>, tensor<?xi32>
  %b = winnow.token_restore %y[%kept] over %x : tensor<?x8xf32>, tensor<?xi32>, tensor<?x8xf32>
  return %b, %m : tensor<?x8xf32>, tensor<?xf32>
}

// CHECK-LABEL: func @token_fusing
// CHECK:         %scores = winnow.token_score %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} of %{{[a-z0-9_]+}} : tensor<?xi32>, {last, scale = 1.000000e+00 : f32} : tensor<?x4x8xf32>, tensor<?x2x8xf32> -> tensor<?xf32>
// CHECK:         %kept, %into, %weights = winnow.token_select %scores of %{{[a-z0-9_]+}} : tensor<?xi32>, {policy = #winnow.token_policy<keep = 5.000000e-01 : f64>} : tensor<?xf32> -> tensor<?xi32> into tensor<?xi32>, weights tensor<?xf32>
// CHECK:         winnow.token_merge %{{[a-z0-9_]+}} sizes(%weights : tensor<?xf32>) into %into keep %kept {sum} : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>, tensor<?xf32>, tensor<?xi32>
func.func @token_fusing(%q: tensor<?x4x8xf32>, %k: tensor<?x2x8xf32>, %s: tensor<?xi32>, %x: tensor<?x8xf32>) -> tensor<?x8xf32> {
  %a = winnow.token_score %q, %k of %s : tensor<?xi32>, {last, scale = 1.0 : f32} : tensor<?x4x8xf32>, tensor<?x2x8xf32> -> tensor<?xf32>
  %b, %i, %w = winnow.token_select %a of %s : tensor<?xi32>, {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<?xf32> -> tensor<?xi32> into tensor<?xi32>, weights tensor<?xf32>
  %y, %n, %r = winnow.token_merge %x sizes(%w : tensor<?xf32>) into %i keep %b {sum} : tensor<?x8xf32>, tensor<?xi32>, tensor<?xi32> -> tensor<?x8xf32>, tensor<?xf32>, tensor<?xi32>
  return %y : tensor<?x8xf32>
}

// CHECK-LABEL: func @token_gates
// CHECK:         %change = winnow.token_change cosine %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} : tensor<?x8xf32> -> tensor<?xf32>
// CHECK:         winnow.token_change norm %{{[a-z0-9_]+}}, %{{[a-z0-9_]+}} : tensor<?x8xf32> -> tensor<?xf32>
// CHECK:         %kept = winnow.token_select %change {policy = #winnow.token_policy<least = 2.500000e-01 : f32>} : tensor<?xf32> -> tensor<?xi32>
// CHECK:         winnow.token_select %change_0 {policy = #winnow.token_policy<least = 0xFF800000 : f32, first = 1>} : tensor<?xf32> -> tensor<?xi32>
func.func @token_gates(%x: tensor<?x8xf32>, %y: tensor<?x8xf32>) -> (tensor<?xi32>, tensor<?xi32>) {
  %a = winnow.token_change cosine %x, %y : tensor<?x8xf32> -> tensor<?xf32>
  %b = winnow.token_change norm %x, %y : tensor<?x8xf32> -> tensor<?xf32>
  %c = winnow.token_select %a {policy = #winnow.token_policy<least = 0.25 : f32>} : tensor<?xf32> -> tensor<?xi32>
  %d = winnow.token_select %b {policy = #winnow.token_policy<least = 0xFF800000 : f32, first = 1>} : tensor<?xf32> -> tensor<?xi32>
  return %c, %d : tensor<?xi32>, tensor<?xi32>
}
