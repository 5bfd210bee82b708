// RUN: winnow-opt %s "--winnow-mixed-precision=formats=keep" -o %t.keep
// RUN: winnow-opt %s | diff - %t.keep
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=50%% formats=keep" 2>&1 | FileCheck %s --check-prefix=PLANNER
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=101%% formats=keep" 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=0 formats=keep" 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=12MiB formats=keep" 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=MB formats=keep" 2>&1 | FileCheck %s --check-prefix=SIZE
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=50%%" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=50%% formats=q4_0,q9" 2>&1 | FileCheck %s --check-prefix=FORMAT
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=50%% formats=q4_0 only=(" 2>&1 | FileCheck %s --check-prefix=REGEX
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=50%% formats=q4_0 method=awq" 2>&1 | FileCheck %s --check-prefix=METHOD
// RUN: not winnow-opt %s "--winnow-mixed-precision=size=50%% formats=q4_0 only=wood" 2>&1 | FileCheck %s --check-prefix=NOBODY

// PLANNER: error: 'size' of winnow-mixed-precision is that of an artifact's weights, which only winnow-compile and the libraries know
// SIZE: error: expects 'size' of winnow-mixed-precision to be a share of at most 100%, or bytes, KB, MB or GB; found '
// NONE: error: expects 'formats' of winnow-mixed-precision: some of keep, f32, {{.*}}q4_0
// FORMAT: error: expects 'formats' of winnow-mixed-precision to be some of keep, f32, {{.*}}; found 'q9'
// REGEX: error: expects a regular expression in 'only'
// METHOD: error: expects 'method' of winnow-mixed-precision to be rtn or gptq; found 'awq'
// NOBODY: error: has no matrix whose name matches 'only' and 'skip' of winnow-mixed-precision

winnow.param @w from {random = 1 : i64} : tensor<32x64xf32>
winnow.param @norm from {random = 2 : i64} : tensor<64xf32>
func.func @all(%x: tensor<?x64xf32>) -> tensor<?x32xf32> {
  %w = winnow.use @w : tensor<32x64xf32>
  %y = winnow.linear %x, %w : tensor<?x64xf32>, tensor<32x64xf32> -> tensor<?x32xf32>
  return %y : tensor<?x32xf32>
}
