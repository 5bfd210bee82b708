// RUN: winnow-opt %s --winnow-lower-to-cpu=target-cpu=x86-64-v3 | FileCheck %s

// What the numbers of i32 arguments choose from, so that the runtime can refuse
// others: a table, a dimension, both, each once. Of rows that are counted at run
// time it is the most that there can be; computed numbers have no bound.

// CHECK: winnow.entries = [{{.*}}bounds = [
// CHECK-SAME: {input = 0 : i64, rows = 61 : i64},
// CHECK-SAME: {input = 1 : i64, rows = -1 : i64},
// CHECK-SAME: {input = 1 : i64, rows = 61 : i64},
// CHECK-SAME: {input = 3 : i64, rows = -1 : i64},
// CHECK-SAME: {input = 4 : i64, rows = -3 : i64},
// CHECK-SAME: {input = 0 : i64, rows = -2 : i64}], cache_bytes_per_token = array<i64>, caches

winnow.param @table from {random = 1 : i64} : tensor<61x8xf32>

func.func @forward(%ids: tensor<?xi32> {winnow.name = "ids", winnow.dims = ["T"]},
                   %rows: tensor<?xi32> {winnow.name = "rows", winnow.dims = ["R"]},
                   %scores: tensor<?xf32> {winnow.name = "scores", winnow.dims = ["T"]},
                   %ranks: tensor<3xi32> {winnow.name = "ranks"},
                   %words: tensor<?xi32> {winnow.name = "words", winnow.dims = ["R"]},
                   %given: tensor<?x8xf32> {winnow.name = "given", winnow.dims = ["V"]})
    -> (tensor<?x8xf32> {winnow.dims = ["R"]}, tensor<?x8xf32> {winnow.dims = ["R"]},
        tensor<3x8xf32>, tensor<?x8xf32> {winnow.dims = ["R"]}, tensor<?x8xf32> {winnow.dims = ["T"]})
    attributes {winnow.entry} {
  %table = winnow.use @table : tensor<61x8xf32>
  %x = winnow.embed %table[%ids] : tensor<61x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %y = winnow.token_gather %x[%rows] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %z = winnow.embed %table[%rows] {scale = 2.0 : f32} : tensor<61x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %kept = winnow.token_select %scores {policy = #winnow.token_policy<keep = 0.5 : f64>} : tensor<?xf32> -> tensor<?xi32>
  %best = winnow.token_gather %x[%kept] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %of_best = winnow.token_gather %best[%ranks] : tensor<?x8xf32>, tensor<3xi32> -> tensor<3x8xf32>
  %w = winnow.embed %given[%words] : tensor<?x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  %chosen_ids = winnow.token_gather %words[%ids] : tensor<?xi32>, tensor<?xi32> -> tensor<?xi32>
  %computed = winnow.embed %table[%chosen_ids] : tensor<61x8xf32>, tensor<?xi32> -> tensor<?x8xf32>
  return %y, %z, %of_best, %w, %computed : tensor<?x8xf32>, tensor<?x8xf32>, tensor<3x8xf32>, tensor<?x8xf32>, tensor<?x8xf32>
}
