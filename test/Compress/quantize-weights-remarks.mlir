// RUN: winnow-opt %s --winnow-quantize-weights=format=q4_k --remark-policy=all --remarks-filter=quantize-weights 2>&1 | FileCheck %s
// RUN: not winnow-opt %s --winnow-quantize-weights=format=q4_k_m 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not winnow-opt %s --winnow-quantize-weights=format=tq1_0 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not winnow-opt %s --winnow-quantize-weights=format=a8_b32 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not winnow-opt %s "--winnow-quantize-weights=format=q8_0 only=*" 2>&1 | FileCheck %s --check-prefix=REGEX
// RUN: not winnow-opt %s "--winnow-quantize-weights=format=q8_0 only=wood" 2>&1 | FileCheck %s --check-prefix=NOBODY
// RUN: not winnow-opt %s "--winnow-quantize-weights=format=q8_0 method=hqq" 2>&1 | FileCheck %s --check-prefix=METHOD

// CHECK-DAG: remark: [Passed] wide | Category:quantize-weights | {{.*}}f32 becomes q4_k, 32.00 bits a weight become 4.50"
// CHECK-DAG: remark: [Passed] narrow {{.*}}f32 becomes q5_0, 32.00 bits a weight become 5.50; rows of 64 elements are no multiple of the block of q4_k"
// CHECK-DAG: remark: [Missed] odd {{.*}}stays f32: rows of 20 elements are no multiple of the block of q4_k
// CHECK-DAG: remark: [Missed] same {{.*}}is q4_k already

// FORMAT: error: expects a format for weights: keep, f32, f16, bf16, q4_0, {{.*}}int4_g64, {{.*}}; found '{{.*}}'
// METHOD: error: expects 'method' of winnow-quantize-weights to be one of rtn, awq, clip, gptq, wanda; found 'hqq'
// NOBODY: error: has no weight or layer whose name matches 'only' of winnow-quantize-weights, 'wood'
// REGEX: error: expects a regular expression in 'only': repetition-operator operand invalid

winnow.param @wide from {random = 1 : i64} : tensor<32x256xf32>
winnow.param @narrow from {random = 2 : i64} : tensor<32x64xf32>
winnow.param @odd from {random = 3 : i64} : tensor<32x20xf32>
winnow.param @same from {random = 4 : i64} : tensor<32x256xf32, #winnow.encoding<q4_k>>

func.func @all(%x: tensor<?x256xf32>, %y: tensor<?x64xf32>, %z: tensor<?x20xf32>)
    -> (tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>) {
  %wide = winnow.use @wide : tensor<32x256xf32>
  %narrow = winnow.use @narrow : tensor<32x64xf32>
  %odd = winnow.use @odd : tensor<32x20xf32>
  %same = winnow.use @same : tensor<32x256xf32, #winnow.encoding<q4_k>>
  %a = winnow.linear %x, %wide : tensor<?x256xf32>, tensor<32x256xf32> -> tensor<?x32xf32>
  %b = winnow.linear %y, %narrow : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  %c = winnow.linear %z, %odd : tensor<?x20xf32>, tensor<32x20xf32> -> tensor<?x32xf32>
  %d = winnow.linear %x, %same : tensor<?x256xf32>, tensor<32x256xf32, #winnow.encoding<q4_k>> -> tensor<?x32xf32>
  return %a, %b, %c, %d : tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>, tensor<?x32xf32>
}
